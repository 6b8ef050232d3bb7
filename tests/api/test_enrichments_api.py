"""The list over HTTP: every way of sending one, and what comes back of it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from cursive_app.api.app import create
from cursive_app.services import accounts, enrichment, jobs
from cursive_app.services.enrichment.stored_found import unpacked
from cursive_app.settings import settings
from db.models.enrichment import EnrichmentRow
from db.scope import Tenant
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import list_row, make_list, mixed_lines, work_off
from tests.sandbox_fixtures import Sandbox, sandbox, sandbox_server

__all__ = ["sandbox", "sandbox_server"]
PATH = "/api/v1/enrichments"
CSV = b"E-mail,First,Note\r\ndana@acme.example,Dana,=1+1\r\nlee@globex.example,Lee,\r\n"


@pytest.fixture
def alice(cast: Cast) -> TestClient:
    return browser(create(), cast.alice)


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: object) -> Iterator[Path]:
    """A spool of the test's own."""
    monkeypatch.setenv("UPLOAD_DIR", str(tmp_path / "spool"))
    settings.cache_clear()
    yield tmp_path / "spool"
    assert list((tmp_path / "spool").glob("*")) == [], "whatever happens, no file stays"
    monkeypatch.undo()
    settings.cache_clear()


def read(id: str) -> None:
    """What the worker does with a new list."""
    job_id = list_row(UUID(id)).read_job_id
    assert job_id is not None
    jobs.work(job_id, enrichment.read_list, on_dead=enrichment.bury_read)


def headers_of(tenant: Tenant, *scopes: accounts.Permission) -> dict[str, str]:
    names = [one.value for one in scopes or accounts.KEY_SCOPES]
    with tenant.begin() as scope:
        return {"Authorization": f"Bearer {accounts.create_api_key(scope, name='api', scopes=names).key}"}


def test_a_form_becomes_a_list(alice: TestClient) -> None:
    answer = alice.post(PATH, files={"file": ("my people.csv", CSV, "text/csv")}, data={"note": "passed over"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["filename"], made["byte_size"], made["source"]) == ("my people.csv", len(CSV), "upload")
    assert answer.headers["location"] == f"{PATH}/{made['id']}"
    assert answer.headers["etag"] == '"1"'
    read(made["id"])
    seen = alice.get(f"{PATH}/{made['id']}").json()
    assert (seen["status"], seen["counts"]["total"], seen["columns"][0]["field"]) == ("ready", 2, "email")
    rows = alice.get(f"{PATH}/{made['id']}/rows").json()
    assert [row["cells"] for row in rows["rows"]] == [
        ["dana@acme.example", "Dana", "=1+1"], ["lee@globex.example", "Lee", ""],
    ]  # fmt: skip
    assert [one["id"] for one in alice.get(PATH, params={"q": "people", "status": "ready"}).json()["items"]] == [
        made["id"]
    ]


@pytest.mark.parametrize(
    ("body", "sent", "named"),
    [
        (CSV, {"headers": {"content-type": "text/csv"}, "params": {"filename": "raw.csv"}}, "raw.csv"),
        (CSV, {"headers": {"content-disposition": 'attachment; filename="said.csv"'}}, "said.csv"),
        (CSV, {"headers": {"content-type": "application/octet-stream"}}, "list.csv"),
        (gzip.compress(CSV, mtime=0), {"params": {"filename": "packed.csv.gz"}}, "packed.csv.gz"),
    ],
)
def test_a_file_as_it_is(alice: TestClient, body: bytes, sent: dict[str, Any], named: str) -> None:
    answer = alice.post(PATH, content=body, **sent)
    assert answer.status_code == 201, answer.text
    assert answer.json()["filename"] == named
    read(answer.json()["id"])
    assert alice.get(f"{PATH}/{answer.json()['id']}").json()["counts"]["total"] == 2


def test_records_as_json(alice: TestClient) -> None:
    records = [{"email": "dana@acme.example", "age": 31, "vip": True}, {"email": "lee@globex.example", "note": None}]
    made = alice.post(PATH, json={"records": records, "filename": "from our CRM"}).json()
    assert (made["source"], made["layout"]["kind"]) == ("api", "json")
    read(made["id"])
    rows = alice.get(f"{PATH}/{made['id']}/rows").json()["rows"]
    assert [row["cells"] for row in rows] == [
        ["dana@acme.example", "31", "true", ""],
        ["lee@globex.example", "", "", ""],
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"records": []}, "records"),
        ({"records": [{"a": {"b": 1}}]}, "records.0"),
        ({"records": [1]}, "records.0"),
        ({"records": "x"}, "records"),
        ({"records": [{"a": "x"}], "more": 1}, "more"),
        ([], "body"),
        ({}, "records"),
    ],
)
def test_records_that_are_none(alice: TestClient, body: Any, field: str) -> None:
    answer = alice.post(PATH, json=body)
    assert answer.status_code == 422
    assert any(name.startswith(field) for name in answer.json()["fields"]), answer.text


@pytest.mark.parametrize(
    "text", [b"{", b"\xff\xfe", b"NaN", b'{"records":[{"a":1,"a":2}]}', b'{"records":[{"a":"\\u0000"}]}']
)
def test_json_that_is_none(alice: TestClient, text: bytes) -> None:
    answer = alice.post(PATH, content=text, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\lists\\mine.csv", "mine.csv"), ("a\x00b\r\nSet-Cookie: x.csv", None),
        ("\u202evsc.exe", "vsc.exe"), ("x" * 400 + ".csv", "x" * 116 + ".csv"), ("", "list.csv"),
        ("liste_ü.csv", "liste_ü.csv"),
    ],
)  # fmt: skip
def test_file_names_are_cleaned(alice: TestClient, name: str, clean: str | None) -> None:
    answer = alice.post(PATH, params={"filename": name}, content=CSV)
    assert answer.status_code == 201, answer.text
    found = answer.json()["filename"]
    assert clean is None or found == clean
    assert "/" not in found
    assert found.isprintable()


def test_a_browsers_escapes_in_a_forms_file_name_are_undone(alice: TestClient) -> None:
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="VIP %22hot%22%0D%0A 50%25 leads.csv"\r\n\r\n'
        + CSV
        + b"\r\n--b--\r\n"
    )
    answer = alice.post(PATH, content=form, headers={"content-type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["filename"] == "VIP _hot_ 50%25 leads.csv", (
        "quotes are cleaned as in every name; 50%25 is no escape"
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"), (b"a,b\n", "no_rows"), (b"\x89PNG\r\n\x1a\n" + b"\0" * 60, None),
        (b"PK\x03\x04 not a zip", None),
        (",".join(f"c{n}" for n in range(10_000)).encode() + b"\n" + b"," * 9_999 + b"\n", "too_many_columns"),
    ],
)  # fmt: skip
def test_files_that_no_reading_can_mend(alice: TestClient, body: bytes, code: str | None) -> None:
    answer = alice.post(PATH, files={"file": ("list.csv", body)})
    assert answer.status_code == 422, answer.text
    found = answer.json()
    assert found["fields"]["file"] == found["detail"]
    assert code is None or found["fields"]["code"] == code
    assert alice.get(PATH).json()["items"] == []


def test_forms_that_are_none(alice: TestClient) -> None:
    tries = [
        {"files": {"file": ("a.csv", CSV), "also": ("b.csv", CSV)}},
        {"files": {"other": (None, "text")}},
        {"content": b"no boundary", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\na,b\n1,2\n",
         "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=" + "y" * 300}},
    ]  # fmt: skip
    for sent in tries:
        answer = alice.post(PATH, **sent)
        assert (answer.status_code, list(answer.json()["fields"])) == (422, ["file"]), answer.text


def test_the_same_key_makes_one_list(alice: TestClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    first = alice.post(PATH, files={"file": ("people.csv", CSV)}, headers=headers)
    again = alice.post(PATH, files={"file": ("people.csv", CSV)}, headers=headers)  # another boundary, the same file
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert len(alice.get(PATH).json()["items"]) == 1
    other = alice.post(PATH, files={"file": ("people.csv", CSV + b"x,y,z\n")}, headers=headers)
    assert other.status_code == 422


def test_who_may_send_a_list(cast: Cast) -> None:
    app = create()
    assert browser(app, None).post(PATH, content=CSV).status_code == 401
    assert browser(app, cast.alice, origin="https://evil.example").post(PATH, content=CSV).status_code == 403
    reader = browser(app, None, origin=None)
    may_read = headers_of(cast.alice, accounts.Permission.VIEW_ENRICHMENTS)
    assert reader.post(PATH, content=CSV, headers=may_read).status_code == 403
    assert reader.get(PATH, headers=may_read).json()["items"] == []
    made = reader.post(PATH, content=CSV, headers=headers_of(cast.alice))
    assert (made.status_code, made.json()["source"]) == (201, "api")


def test_layout_mapping_cells(alice: TestClient) -> None:
    id = alice.post(PATH, params={"filename": "a.csv"}, content=CSV).json()["id"]
    read(id)
    assert alice.get(f"{PATH}/{id}/head").json()["rows"][0] == ["E-mail", "First", "Note"]
    assert alice.patch(f"{PATH}/{id}", json={"mapping": {"0": "email"}}).status_code == 422
    assert alice.patch(f"{PATH}/{id}", json={"revision": 1}).status_code == 422
    assert alice.patch(f"{PATH}/{id}", json={"revision": 1, "mapping": {"x": "email"}}).status_code == 422
    assert alice.patch(f"{PATH}/{id}", json={"revision": 1, "layout": {"delimiter": None}}).status_code == 422
    mapped = alice.patch(f"{PATH}/{id}", json={"mapping": {"0": "email", "1": None}}, headers={"if-match": '"1"'})
    assert (mapped.status_code, mapped.json()["revision"], mapped.headers["etag"]) == (200, 2, '"2"'), mapped.text
    stale = alice.patch(f"{PATH}/{id}", json={"revision": 1, "mapping": {}})
    assert (stale.status_code, stale.json()["reason"]) == (409, "stale_version")
    read(id)
    row = alice.patch(f"{PATH}/{id}/rows/2", json={"revision": 2, "column": 0, "value": "nobody"})
    assert (row.status_code, row.json()["verdict"]) == (200, "invalid"), row.text
    words = {"revision": 3, "column": 0, "find": "NOBODY", "replace": "x"}
    counted = alice.post(f"{PATH}/{id}/replace", json={**words, "match_case": False, "dry_run": True}).json()
    assert (counted["changed"], counted["enrichment"]["revision"]) == (1, 3), "nothing is written"
    assert alice.post(f"{PATH}/{id}/replace", json={**words, "dry_run": True}).json()["changed"] == 0
    replaced = alice.post(
        f"{PATH}/{id}/replace", json={"revision": 3, "column": 0, "find": "nobody", "replace": "lee@globex.example"}
    ).json()
    assert (replaced["changed"], replaced["enrichment"]["counts"]["valid"]) == (1, 2)
    undone = alice.post(f"{PATH}/{id}/undo", json={"revision": 4}).json()
    assert (undone["restored"], undone["enrichment"]["counts"]["valid"], undone["enrichment"]["revision"]) == (1, 1, 5)
    assert alice.post(f"{PATH}/{id}/undo", json={"revision": 4}).json()["reason"] == "stale_version"
    assert alice.post(f"{PATH}/{id}/undo", json={"revision": 5}).json()["restored"] == 1, "the correction before"
    nothing = alice.post(f"{PATH}/{id}/undo", json={"revision": 6})
    assert (nothing.status_code, nothing.json()["reason"]) == (409, "nothing_to_undo")
    headless = alice.patch(f"{PATH}/{id}", json={"revision": 6, "layout": {"header_row": None}})
    assert headless.status_code == 200, headless.text
    read(id)
    assert alice.get(f"{PATH}/{id}").json()["counts"]["total"] == 3


def test_from_the_quote_to_the_download(
    cast: Cast, alice: TestClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(cast.workspace_id, 40)
    lines = mixed_lines(sandbox.population, known=60, unknown=50)
    id = make_list(cast.alice, lines, filename="liste “ü”\r\n.csv")
    at = f"{PATH}/{id}"
    assert alice.get(at).json()["found_fields"] is None, "not counted is not zero"
    quote = alice.get(f"{at}/quote", params={"ceiling": "20.00"}).json()
    assert (quote["rows"], quote["worst"], quote["shortfall"], quote["low"]) == (110, "27.50", "0.00", None)
    assert alice.get(f"{at}/quote", params={"ceiling": "0.10"}).status_code == 422
    assert alice.post(f"{at}/start", json={"revision": 2}).json()["reason"] == "stale_version"
    assert alice.get(f"{at}/download").json()["reason"] == "not_ended"
    assert alice.post(f"{at}/download-link").json()["reason"] == "not_ended"
    key = {"idempotency-key": "start-once"}
    started = [alice.post(f"{at}/start", json={"revision": 1}, headers=key) for _ in range(2)]
    assert [one.status_code for one in started] == [202, 202], started[0].text
    assert alice.post(f"{at}/start", json={"revision": 1}).json()["reason"] == "started"
    assert balance_of(cast.alice) == (Decimal("12.50"), Decimal("27.50"))
    assert alice.delete(at).json()["reason"] == "running"
    waiting = alice.get(at).json()["progress"]
    assert (waiting["answered"], waiting["at_provider"], waiting["not_sent"]) == (0, 0, 110)
    work_off(id, sandbox.client())
    seen = alice.get(at).json()
    assert (seen["status"], seen["matched"], seen["credits_captured"]) == ("completed", 60, "15.00")
    assert seen["progress"] == {
        "answered": 110, "at_provider": 0, "not_sent": 0, "batches_answered": 1, "batches": 1,
        "sent_at": None, "looks_at": None,
    }  # fmt: skip
    assert seen["rerunnable"] == {"error": 0, "no_match": 50, "skipped": 0}
    assert alice.get(f"{at}/rows", params={"view": "not_sent"}).json()["total"] == 0
    with cast.alice.begin() as scope:
        mine = scope.select(EnrichmentRow).where(EnrichmentRow.enrichment_id == id)
        rows = scope.session.scalars(mine.order_by(EnrichmentRow.number))
        stored = [found for row in rows if (found := unpacked(row.found))]
    assert {one["field"]: one["found"] for one in seen["found_fields"]} == {
        "email": sum(any("EMAIL" in name for name in found) for found in stored),
        "mobile": sum("MOBILE_PHONE" in found for found in stored),
        "phone": sum(bool({"MOBILE_PHONE", "DIRECT_NUMBER", "PERSONAL_PHONE"} & found.keys()) for found in stored),
        "title": sum("JOB_TITLE" in found for found in stored),
        "company": sum("COMPANY_NAME" in found for found in stored),
        "linkedin": sum("LINKEDIN_URL" in found for found in stored),
        "address": sum("PERSONAL_ADDRESS" in found for found in stored),
    }
    matched = alice.get(f"{at}/rows", params={"view": "matched", "limit": 200}).json()["rows"]
    assert [row["found"]["company"] for row in matched] == [found.get("COMPANY_NAME") for found in stored]
    assert all(row["found"]["email"] in row["cells"][0] or "@" in row["found"]["email"] for row in matched)
    missed = alice.get(f"{at}/rows", params={"view": "no_match"}).json()["rows"]
    assert {row["found"] for row in missed} == {None}
    assert balance_of(cast.alice) == (Decimal("25.00"), 0)
    got = alice.get(f"{at}/download", params={"only": "matched", "fields": "FIRST_NAME,"})
    assert got.text.count("\r\n") == 61
    assert "attachment; filename=" in got.headers["content-disposition"]
    assert got.headers["content-disposition"].isascii()
    assert "\r" not in got.headers["content-disposition"]
    assert got.headers["x-content-type-options"] == "nosniff"
    assert alice.get(f"{at}/download", params={"fields": "NO_SUCH"}).status_code == 422
    link = alice.post(f"{at}/download-link", params={"only": "matched", "fields": "FIRST_NAME"}).json()
    assert browser(create(), None, origin=None).get(link["url"]).text == got.text
    assert alice.post(f"{at}/rerun", json={"outcomes": ["no_match"]}).json()["counts"]["total"] == 50
    assert alice.post(f"{at}/leads").json()["kind"] == "enrichment_leads"
    gone = alice.delete(at)
    assert gone.json()["purged_at"] is not None
    assert alice.get(f"{at}/rows").json()["rows"] == []
    assert browser(create(), None, origin=None).get(link["url"]).json()["reason"] == "purged"


def test_a_key_that_may_run_lists_also_pauses_resumes_and_stops_them(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=60, unknown=50))
    program = browser(create(), None, origin=None)
    program.headers.update(
        headers_of(cast.alice, accounts.Permission.VIEW_ENRICHMENTS, accounts.Permission.RUN_ENRICHMENTS)
    )
    assert program.post(f"{PATH}/{id}/start", json={"revision": 1}).status_code == 202
    assert program.post(f"{PATH}/{id}/pause").status_code == 202
    assert work_off(id, sandbox.client()).status == "paused"
    assert program.post(f"{PATH}/{id}/resume").json()["status"] == "queued"
    assert program.post(f"{PATH}/{id}/cancel").status_code == 202
    assert work_off(id, sandbox.client()).status == "cancelled"


def test_too_few_credits(cast: Cast, alice: TestClient, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 5)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=60, unknown=50))
    answer = alice.post(f"{PATH}/{id}/start", json={"revision": 1})
    assert (answer.status_code, answer.json()["missing"]) == (402, "22.50")
    started = alice.post(f"{PATH}/{id}/start", json={"revision": 1, "spend_available": True}).json()
    assert (started["status"], started["credits_held"]) == ("queued", "5.00")
    assert work_off(id, sandbox.client()).status == "paused"
    assert alice.post(f"{PATH}/{id}/resume").status_code == 402
    fund(cast.workspace_id, 100)
    assert alice.post(f"{PATH}/{id}/resume").json()["status"] == "queued"
    assert alice.post(f"{PATH}/{id}/cancel").status_code == 202
    assert work_off(id, sandbox.client()).status == "cancelled"


def test_a_run_is_paused_and_resumed(cast: Cast, alice: TestClient, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=110, unknown=0))
    assert alice.post(f"{PATH}/{id}/pause").json()["reason"] == "not_running"
    alice.post(f"{PATH}/{id}/start", json={"revision": 1})
    charlie, nobody = browser(create(), cast.charlie), browser(create(), None)
    assert (charlie.post(f"{PATH}/{id}/pause").status_code, nobody.post(f"{PATH}/{id}/pause").status_code) == (404, 401)
    looks_only = browser(create(), None, origin=None)
    looks_only.headers.update(headers_of(cast.alice, accounts.Permission.VIEW_ENRICHMENTS))
    assert looks_only.post(f"{PATH}/{id}/pause").status_code == 403
    assert alice.get(f"{PATH}/{id}").json()["pausing"] is False
    asked = alice.post(f"{PATH}/{id}/pause")
    assert (asked.status_code, asked.json()["status"], asked.json()["pausing"]) == (202, "queued", True)
    assert work_off(id, sandbox.client()).status == "paused"
    seen = alice.get(f"{PATH}/{id}").json()
    assert (seen["pausing"], seen["to_resume"], seen["credits_held"]) == (False, "0.00", "27.50")
    assert "Paused by" in seen["message"]
    assert charlie.post(f"{PATH}/{id}/resume").status_code == 404
    assert alice.post(f"{PATH}/{id}/resume").json()["status"] == "queued"
    assert work_off(id, sandbox.client()).status == "completed"
    assert alice.post(f"{PATH}/{id}/pause").json()["reason"] == "not_running"
    assert "post" in alice.get("/api/openapi.json").json()["paths"][PATH + "/{enrichment_id}/pause"]


def test_the_roadmaps_addresses(cast: Cast, alice: TestClient, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    at = "/api/audiencelab/batch-enrichment"
    lines = mixed_lines(sandbox.population, known=60, unknown=50)
    text = "E-mail,First,Last\n" + "".join(",".join(line.cells[:3]) + "\n" for line in lines)
    made = alice.post(at, files={"file": ("people.csv", text.encode())})
    assert made.status_code == 201, made.text
    job = made.json()
    assert (job["status"], job["progress"], job["total_rows"], job["matched_rows"]) == ("pending", 0, None, None)
    assert made.headers["location"] == f"{at}/{job['job_id']}"
    read(job["id"])
    assert alice.get(f"{at}/{job['id']}").json()["total_rows"] == 110
    assert alice.post(f"{at}/{job['id']}/start", json={"revision": 1}).json()["status"] == "pending"
    work_off(UUID(job["id"]), sandbox.client())
    done = alice.get(f"{at}/{job['id']}").json()
    assert (done["status"], done["progress"], done["matched_rows"], done["credit_cost"], done["error_message"]) == (
        "completed", 100, 60, "15.00", None,
    )  # fmt: skip
    assert alice.get(f"{at}/{job['id']}/download").text.count("\r\n") == 111
    assert alice.post(f"{at}/{job['id']}/cancel").json()["reason"] == "ended"
    charlie = browser(create(), cast.charlie)
    for id in (job["id"], uuid4()):
        assert charlie.get(f"{at}/{id}").status_code == 404
        assert charlie.get(f"{at}/{id}/download").status_code == 404
        assert charlie.post(f"{at}/{id}/start", json={"revision": 1}).status_code == 404
        assert charlie.post(f"{at}/{id}/cancel").status_code == 404

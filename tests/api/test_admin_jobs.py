"""The staff's API of jobs: only for their sessions, by role; and the customer's twin without internals."""

from __future__ import annotations

import codecs
from uuid import uuid4

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from cursive_app.api.app import rest
from cursive_app.api.v1.admin_openapi import staff_document
from cursive_app.services import accounts
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import listing
from db.engine import Database
from db.models.accounts import User
from db.system import system_scope
from tests.api.client import browser
from tests.factories import Cast, make_cast
from tests.factories_admin import ANY_SIZE, failing_job, retryable_kind, staff
from tests.factories_jobs import job_row, make_job

JOBS = "/api/admin/audiencelab/jobs"
QUEUES = "/api/v1/admin/queues"


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    return rest()


@pytest.fixture
def customer(database: Database) -> Cast:
    return make_cast()


def as_staff(app: FastAPI, cast: Cast, role: str) -> TestClient:
    """A browser of somebody of another workspace who is staff."""
    with system_scope() as scope:
        scope.get(User, cast.charlie.user_id).staff_role = role  # type: ignore[arg-type]
    return browser(app, cast.charlie)


def test_for_everybody_else_there_is_nothing(app: FastAPI, cast: Cast) -> None:
    job = make_job(cast.alice)
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="k", scopes=[one.value for one in accounts.KEY_SCOPES]).key
    with system_scope() as scope:
        scope.get(User, cast.bob.user_id).staff_role = "all"  # type: ignore[arg-type]
    keyed = browser(app, cast.bob)  # staff, but with a key in hand
    keyed.headers["authorization"] = f"Bearer {key}"
    for client in (browser(app, cast.alice), keyed):
        unknown = client.get("/api/admin/audiencelab/nothing").json()
        for method, path in (
            ("GET", JOBS), ("GET", f"{JOBS}/{job.id}"), ("GET", f"{JOBS}/{uuid4()}"), ("GET", f"{JOBS}/nonsense"),
            ("GET", f"{JOBS}/history.csv"), ("POST", f"{JOBS}/{job.id}/retry"), ("POST", f"{JOBS}/{job.id}/cancel"),
            ("GET", "/api/v1/admin/jobs"), ("GET", "/api/v1/admin/queues"), ("POST", f"{QUEUES}/runs/pause"),
            ("POST", f"{QUEUES}/runs/resume"), ("PUT", f"{QUEUES}/runs/limit"), ("GET", "/api/v1/admin/openapi.json"),
            ("GET", "/api/v1/admin/actions.csv"),
        ):  # fmt: skip
            body = {"reason": "because", "at_most": 1} if path.endswith("limit") else {"reason": "because"}
            answer = client.request(method, path, json=body if path.startswith(QUEUES) and method != "GET" else None)
            assert (answer.status_code, answer.json()["detail"]) == (404, unknown["detail"]), path
    assert browser(app, None).get(JOBS).status_code == 401
    assert job_row(job.id).cancel_requested_at is None
    runs = next(one for one in admin.queues(staff()).queues if one.name == "runs")
    assert (runs.paused, runs.limit) == (None, None)
    assert "/admin/" not in browser(app, None).get("/api/openapi.json").text


def test_a_parameter_nobody_reads_is_refused_at_every_address(app: FastAPI, cast: Cast) -> None:
    """A misspelled filter must not answer with the jobs of everybody; who is not staff learns nothing of parameters."""
    job, client = make_job(cast.alice), as_staff(app, cast, "read_only")
    paths = [path for path, methods in staff_document()["paths"].items() if "get" in methods]
    assert {JOBS, f"{JOBS}/history.csv", QUEUES, "/api/v1/admin/openapi.json"} <= set(paths)
    for path in paths:
        address = path.replace("{job_id}", str(job.id))
        answer = client.get(address, params={"no_such_parameter": "1"})
        assert (answer.status_code, answer.json().get("code")) == (422, "invalid"), path
        assert answer.json()["fields"] == {"no_such_parameter": "There is no such parameter."}, path
        assert client.get(address).status_code == 200, path
        assert browser(app, cast.alice).get(address, params={"no_such_parameter": "1"}).status_code == 404, path
        assert browser(app, None).get(address, params={"no_such_parameter": "1"}).status_code == 401, path
    known = client.get(JOBS, params={"querry": "state:failed"}).json()["detail"]
    assert "Known here: cursor, failed_since, failed_until, kind, limit, query, since, status, until." in known


def test_states_and_kinds_narrow_the_list_and_the_history(app: FastAPI, cast: Cast, customer: Cast) -> None:
    kinds = [f"trial_{customer.alice.workspace_id.hex[:6]}_{place}" for place in range(2)]
    failed, waiting = failing_job(customer.alice, kind=kinds[0]), make_job(customer.alice, kind=kinds[1])
    client, query = as_staff(app, cast, "read_only"), f"workspace:{customer.workspace_id}"

    def found(**asked: str | list[str]) -> set[str]:
        page = client.get(JOBS, params={"query": query, **asked}).json()
        lines = client.get(f"{JOBS}/history.csv", params={"query": query, **asked}).text.splitlines()[1:]
        ids = {row["id"] for row in page["jobs"]}
        assert ids == {line.split(",")[0] for line in lines}
        return ids

    assert found(status="failed") == found(kind=kinds[0]) == {str(failed.id)}
    assert found(status=["failed", "pending"]) == found(kind=kinds) == {str(failed.id), str(waiting.id)}
    assert found(status="pending", kind=kinds[0]) == set()
    for wrong in ({"status": "broken"}, {"kind": 'x" state:failed'}, {"kind": "a,b"}):
        assert client.get(JOBS, params=wrong).status_code == 422


def test_staff_list_and_open_a_job(app: FastAPI, cast: Cast, customer: Cast) -> None:
    job = failing_job(customer.alice, arguments={"count": 2**60 + 1})
    client = as_staff(app, cast, "operate")
    page = client.get(JOBS, params={"query": f"workspace:{customer.workspace_id} state:failed"}).json()
    assert [row["id"] for row in page["jobs"]] == [str(job.id)]
    assert (page["matching"], page["by_status"]["failed"], page["jobs"][0]["credits_held"]) == (1, 1, "0.00")
    one = client.get(f"{JOBS}/{job.id}").json()
    assert one["attempts"][0]["outcome"] == "failed"
    assert "Traceback" in one["attempts"][0]["internal"]
    assert str(2**60 + 1) in one["arguments_json"]
    wrong = client.get(JOBS, params={"query": "stat:failed"})
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")
    assert "no qualifier" in wrong.json()["fields"]["query"]
    assert client.get(f"{JOBS}/{uuid4()}").status_code == 404
    assert client.get(JOBS, params={"since": "2026-01-01T00:00:00"}).status_code == 422


def test_the_customer_sees_the_same_job_without_internals(app: FastAPI, customer: Cast) -> None:
    job = failing_job(customer.alice, arguments={"hidden": "x"})
    text = browser(app, customer.alice).get(f"/api/v1/jobs/{job.id}").text
    assert "The list of 12 rows is empty." in text
    for hidden in ("Traceback", "hidden", "fingerprint", "worker"):
        assert hidden not in text


def test_retry_and_cancel_by_role(app: FastAPI, cast: Cast, customer: Cast) -> None:
    kind = retryable_kind(size=ANY_SIZE)
    job = failing_job(customer.alice, kind=kind, arguments={"size": 1})
    reader = as_staff(app, cast, "read_only")
    refused = reader.post(f"{JOBS}/{job.id}/retry")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    operator = as_staff(app, cast, "operate")
    assert operator.post(f"{JOBS}/{job.id}/retry", json={"arguments": {"size": 2}}).status_code == 403
    done = operator.post(f"{JOBS}/{job.id}/retry")
    assert (done.status_code, done.json()["status"]) == (202, "pending")
    again = operator.post(f"{JOBS}/{job.id}/retry")
    assert (again.status_code, again.json()["reason"]) == (409, "not_possible")
    stopped = operator.post(f"{JOBS}/{job.id}/cancel")
    assert (stopped.status_code, stopped.json()["cancel_requested"]) == (202, True)


def test_edited_arguments(app: FastAPI, cast: Cast, customer: Cast) -> None:
    kind = retryable_kind(size=ANY_SIZE)
    job = failing_job(customer.alice, kind=kind, arguments={"size": 1, "file": "a"})
    client = as_staff(app, cast, "all")
    assert client.post(f"{JOBS}/{job.id}/retry", json={"arguments": {"file": "b"}}).status_code == 422
    assert client.post(f"{JOBS}/{job.id}/retry", json={"else": 1}).status_code == 422
    assert client.post(f"{JOBS}/{job.id}/retry", json={"arguments": {"size": 7}}).status_code == 202
    assert job_row(job.id).arguments == {"size": 7, "file": "a"}


def test_the_history_is_a_download(app: FastAPI, cast: Cast, customer: Cast) -> None:
    job = failing_job(customer.alice)
    answer = as_staff(app, cast, "read_only").get(
        f"{JOBS}/history.csv", params={"query": f"workspace:{customer.workspace_id}"}
    )
    assert (answer.status_code, answer.headers["content-disposition"]) == (200, 'attachment; filename="jobs.csv"')
    assert answer.content.startswith(codecs.BOM_UTF8), "spreadsheets take it for UTF-8"
    assert answer.text.splitlines()[1].startswith(str(job.id))
    assert "x-searched-back-to" not in answer.headers


def test_a_history_that_is_cut_says_how_far_back_it_goes(
    app: FastAPI, cast: Cast, customer: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, _ = make_job(customer.alice), make_job(customer.alice)
    monkeypatch.setattr(listing, "SEARCHED_JOBS", 1)
    answer = as_staff(app, cast, "read_only").get(f"{JOBS}/history.csv")
    assert answer.headers["x-searched-back-to"] == job_row(older.id).created_at.isoformat()


def test_a_request_from_another_page_changes_nothing(app: FastAPI, cast: Cast, customer: Cast) -> None:
    job = make_job(customer.alice)
    as_staff(app, cast, "all")
    foreign = browser(app, cast.charlie, origin="https://evil.example")
    assert foreign.post(f"{JOBS}/{job.id}/cancel").status_code == 403
    assert job_row(job.id).cancel_requested_at is None

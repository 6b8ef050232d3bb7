"""The pages of lists through the real event pipeline: what is shown, mended, priced, started and refused."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from cursive_app.api.links import open_link
from cursive_app.clock import now
from cursive_app.errors import Conflict
from cursive_app.services import enrichment, jobs
from cursive_app.services.enrichment.fields import NOBODY
from db.models.enrichment import EnrichmentRow
from db.roles import Role
from db.scope import Tenant
from state.enrichment import EnrichmentState as S
from state.enrichments import EnrichmentsState
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import Line, list_row, make_list, start_run, step, unknown_line, work_off
from tests.sandbox_fixtures import Sandbox, sandbox, sandbox_server
from tests.state.driver import Tab, sign_in

__all__ = ["sandbox", "sandbox_server"]
HEADER = "E-mail,First name,Last name,Firma,Notes\n"
PEOPLE = "".join(f"dana{n}@acme-{n}.example,Dana,Number {n},Acme {n},n{n}\n" for n in range(120))
UNTIDY = HEADER + "broken(at)example.com,Robin,Typo,,ask\n" + PEOPLE + "DANA3@acme-3.example,Dana,Again,,twice\n"
COMPANIES = "Symbol,Security,GICS Sector,Founded\n" + "".join(f"AA{n},Company {n},Energy,19{n:02}\n" for n in range(60))


def upload(tenant: Tenant, folder: Path, text: str, filename: str = "people.csv", *, read: bool = True) -> str:
    """A list as the page makes one; read by a worker unless told otherwise."""
    path = folder / "upload"
    path.write_text(text, encoding="utf-8")
    view = enrichment.open_upload(tenant, path=path, filename=filename)
    if read:
        read_now(str(view.id))
    return str(view.id)


def read_now(id: str) -> None:
    job = list_row(id).read_job_id  # type: ignore[arg-type]
    assert job is not None
    jobs.work(job, enrichment.read_list, on_dead=enrichment.bury_read)


async def opened(driver, who: Tenant, id: str, query: str = "") -> Tab:
    tab = driver(sign_in(who))
    await tab.send(S.load, path=f"/enrichments/{id}{query}")
    return tab


async def test_a_list_is_read_then_understood(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY, read=False)
    tab = await opened(driver, cast.alice, id)
    assert (tab.var(S, "status"), tab.var(S, "card")["phase"]) == ("ready", "reading")
    read_now(id)
    await tab.send(S.load, path=f"/enrichments/{id}?step=file")
    assert tab.var(S, "card")["phase"] == "preparing"
    assert tab.var(S, "layout")["header"] == "Row 1"
    assert tab.var(S, "raw_rows")[0]["cells"][0] == "E-mail"
    await tab.send(S.load, path=f"/enrichments/{id}")
    assert tab.var(S, "step") == "columns"
    columns = {line["name"]: line for line in tab.var(S, "columns")}
    assert (columns["E-mail"]["field"], columns["Notes"]["field"]) == ("email", "")
    assert columns["Firma"]["guess"] == "A known word for it"
    assert len(columns["First name"]["samples"]) <= 3
    assert tab.var(S, "card")["counts"] == {
        "all": "122", "valid": "120", "invalid": "1", "duplicate": "1", "owned": "0",
        "matched": "0", "no_match": "0", "skipped": "0", "error": "0", "unmatched": "0",
        "answered": "–", "at_provider": "–", "not_sent": "–",
    }  # fmt: skip


async def test_a_mapping_is_a_draft_that_explains_its_conflicts(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    tab, path = await opened(driver, cast.alice, id), f"/enrichments/{id}"
    await tab.send(S.set_field, path=path, position=4, field="email")
    told = {line["name"]: line["conflict"] for line in tab.var(S, "columns") if line["conflict"]}
    assert set(told) == {"E-mail", "Notes"}
    assert "“E-mail”" in told["Notes"]
    assert tab.var(S, "mapping_conflict") is True
    assert list_row(id).mapping["0"] == "email"  # type: ignore[arg-type]
    await tab.send(S.set_field, path=path, position=4, field="job_title")
    assert tab.var(S, "mapping_conflict") is False
    await tab.send(S.apply_mapping, path=path)
    assert list_row(id).mapping["4"] == "job_title"  # type: ignore[arg-type]
    read_now(id)
    await tab.send(S.load, path=path)
    assert tab.var(S, "mapping_dirty") is False
    notes = next(line for line in tab.var(S, "columns") if line["name"] == "Notes")
    assert (notes["field"], notes["guess"]) == ("job_title", "Chosen by you")
    await tab.send(S.set_field, path=path, position=4, field="no such field")
    assert tab.var(S, "mapping_dirty") is False


async def test_companies_without_people_are_explained_and_never_charged(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, COMPANIES, "companies.csv")
    tab = await opened(driver, cast.alice, id)
    assert tab.var(S, "identifies") is False
    assert tab.var(S, "card")["why_not"] == NOBODY
    await tab.send(S.load, path=f"/enrichments/{id}?step=price")
    assert NOBODY in tab.var(S, "quote")["why_not"]
    await tab.send(S.ask_start, path=f"/enrichments/{id}?step=price")
    assert not tab.var(S, "confirming_start")
    await tab.send(S.start, path=f"/enrichments/{id}?step=price")
    assert balance_of(cast.alice) == (Decimal(100), Decimal(0))
    assert list_row(id).run_job_id is None  # type: ignore[arg-type]


async def test_a_cell_is_mended_in_place_and_taken_back(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows&view=problems"
    tab = await opened(driver, cast.alice, id, "?step=rows&view=problems")
    row = tab.var(S, "rows")[0]
    assert (row["number"], row["verdict"]) == (1, "Invalid")
    assert any(problem["column"] == "E-mail" and problem["fix"] for problem in row["problems"])
    assert row["cells"][0]["level"] == "error"
    await tab.send(S.start_edit, path=path, number=1, column=0)
    assert (tab.var(S, "editing"), tab.var(S, "edit_value")) == ("1-0", "broken(at)example.com")
    await tab.send(S.save_cell, path=path, form={"value": "robin@example.com"})
    assert tab.var(S, "card")["counts"]["valid"] == "121"
    assert "Undo" in tab.text()
    await tab.send(S.undo_cell, path=path, number=1, column=0, value="broken(at)example.com")
    assert tab.var(S, "card")["counts"]["valid"] == "120"
    await tab.send(S.start_edit, path=path, number=1, column=0)
    await tab.send(S.stop_edit, path=path)
    assert tab.var(S, "editing") == ""


async def test_find_and_replace_says_how_many(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    form = {"replace-column": "0", "replace-find": "(at)", "replace-with": "@"}
    await tab.send(S.set_replacing, path=path, is_open=True)
    await tab.send(S.set_replace_find, path=path, text="(AT)")
    assert tab.var(S, "replace_count") == "0", "upper and lower case differ"
    await tab.send(S.set_replace_match_case, path=path, matches=False)
    assert tab.var(S, "replace_count") == "1"
    await tab.send(S.replace, path=path, form=form)
    assert "changed" not in tab.text(), "what was typed since is counted first"
    assert (tab.var(S, "replace_count"), list_row(id).revision) == ("1", 1)  # type: ignore[arg-type]
    await tab.send(S.replace, path=path, form=form)
    assert "1 cell was changed" in tab.text()
    assert tab.var(S, "card")["counts"]["invalid"] == "0"
    assert (tab.var(S, "replacing"), tab.var(S, "replace_pending")) == (False, False)
    await tab.send(S.replace, path=path, form=form)
    assert list_row(id).revision == 2, "a second press finds the dialog closed"  # type: ignore[arg-type]
    await tab.send(S.set_replacing, path=path, is_open=True)
    await tab.send(S.replace, path=path, form=form)
    assert tab.var(S, "replace_count") == "0"
    await tab.send(S.set_replace_column, path=path, column="77")
    assert "no such column" in tab.var(S, "replace_error")


async def test_an_edit_of_what_changed_elsewhere_is_refused(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    first = await opened(driver, cast.alice, id, "?step=rows")
    other = await opened(driver, cast.bob, id, "?step=rows")
    for tab, value in ((other, "robin@example.com"), (first, "late@example.com")):
        await tab.send(S.start_edit, path=f"/enrichments/{id}?step=rows", number=1, column=0)
        await tab.send(S.save_cell, path=f"/enrichments/{id}?step=rows", form={"value": value})
    assert [type(error) for error in first.failures] == [Conflict]
    with cast.alice.begin() as scope:
        assert enrichment.list_rows(scope, id, view="all").rows[0].cells[0] == "robin@example.com"


async def test_the_price_follows_ceiling_and_balance(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 10)
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    quote = tab.var(S, "quote")
    assert (quote["rows"], quote["worst"], quote["most"]) == ("120", "30.00", "30.00")
    assert (quote["shortfall"], quote["affordable_rows"], quote["affordable"], quote["likely"]) == (
        "20.00",
        "40",
        "10.00",
        "",
    )
    await tab.send(S.set_ceiling, path=path, text="0.10")
    assert tab.var(S, "quote_error")
    await tab.send(S.set_ceiling, path=path, text="lots")
    assert "such as" in tab.var(S, "quote_error")
    await tab.send(S.set_ceiling, path=path, text="8")
    assert (tab.var(S, "quote_error"), tab.var(S, "quote")["most"]) == ("", "8.00")
    assert tab.var(S, "quote")["shortfall"] == ""


async def test_two_presses_start_one_run(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    await tab.send(S.ask_start, path=path)
    assert tab.var(S, "confirming_start") is True
    await tab.send(S.start, path=path)
    await tab.send(S.start, path=path)
    assert balance_of(cast.alice) == (Decimal(70), Decimal(30))
    await tab.send(S.load, path=f"/enrichments/{id}")
    assert (tab.var(S, "card")["phase"], tab.var(S, "step")) == ("working", "result")
    assert tab.var(S, "run")["done"] == "0 of 120 rows"
    await tab.send(S.stop, path=f"/enrichments/{id}")
    await tab.send(S.load, path=f"/enrichments/{id}")
    assert tab.var(S, "run")["stopping"] is True or tab.var(S, "card")["phase"] == "ended"


async def test_start_with_what_there_is(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, "10.10")
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    await tab.send(S.ask_start, path=path)
    await tab.send(S.start, path=path)
    assert "missing" in tab.var(S, "start_error")
    assert balance_of(cast.alice)[1] == 0
    await tab.send(S.set_spends_available, path=path, chosen=True)
    await tab.send(S.ask_start, path=path)
    await tab.send(S.start, path=path)
    assert balance_of(cast.alice) == (Decimal("0.10"), Decimal("10.00"))


async def test_forty_rows_are_told_what_they_lack(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, HEADER + "".join(PEOPLE.splitlines(keepends=True)[:40]))
    tab = await opened(driver, cast.alice, id, "?step=price")
    assert (tab.var(S, "quote")["missing_rows"], tab.var(S, "quote")["minimum"]) == ("60", "100")
    await tab.send(S.start, path=f"/enrichments/{id}?step=price")
    assert balance_of(cast.alice)[1] == 0


async def test_a_reader_looks_and_a_stranger_finds_nothing(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    reader = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    tab = await opened(driver, reader, id, "?step=rows")
    assert tab.var(S, "card")["may_edit"] is False
    assert len(tab.var(S, "rows")) == 50
    before = list_row(id).revision  # type: ignore[arg-type]
    for handler, payload in ((S.choose_header, {"row": 2}), (S.replace, {"form": {}}), (S.start, {}), (S.stop, {})):
        await tab.send(handler, path=f"/enrichments/{id}", **payload)
    assert list_row(id).revision == before  # type: ignore[arg-type]
    assert list_row(id).run_job_id is None  # type: ignore[arg-type]
    stranger = await opened(driver, cast.charlie, id, "?step=rows")
    assert stranger.var(S, "status") == "error"
    assert "does not exist" in stranger.var(S, "error")
    assert "dana3" not in str(stranger.state)


async def test_another_list_shows_nothing_of_the_one_before(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    tab = await opened(driver, cast.alice, id, "?step=rows")
    assert tab.var(S, "rows")
    await tab.send(S.load, path=f"/enrichments/{cast.workspace_id}?step=rows")
    assert (tab.var(S, "status"), tab.var(S, "rows"), tab.var(S, "card")["filename"]) == ("error", [], "")


async def test_an_ended_run_shows_outcomes_receipt_and_offers(driver, cast: Cast) -> None:
    lines = [unknown_line(number) for number in range(4)]
    id = make_list(
        cast.alice, lines, status="completed", no_match_count=4, credits_held=Decimal(1), credits_released=Decimal(1)
    )
    tab = await opened(driver, cast.alice, str(id))
    card = tab.var(S, "card")
    assert (card["phase"], card["counts"]["no_match"], card["rerun_unmatched"]) == ("ended", "4", "4 rows")
    assert (card["rerun_errors"], card["rerun_skipped"], card["tone"], card["broke_off"]) == ("", "", "neutral", False)
    assert (card["held"], card["captured"], card["released"]) == ("1.00", "0.00", "1.00")
    assert card["counts"]["unmatched"] == "4", "what “only problems” downloads"
    await tab.send(S.set_download_kind, path=f"/enrichments/{id}", kind="xlsx")
    await tab.send(S.toggle_field, path=f"/enrichments/{id}", name="GENDER")
    await tab.send(S.download, path=f"/enrichments/{id}")
    address = re.search(r"/api/v1/downloads/([\w.-]+)", tab.text())
    assert address is not None
    who, wanted = open_link(address[1])
    assert (who.user_id, str(wanted.enrichment_id), wanted.kind) == (cast.alice.user_id, str(id), "xlsx")
    assert wanted.fields is not None and "GENDER" not in wanted.fields and len(wanted.fields) == 44
    await tab.send(S.delete_files, path=f"/enrichments/{id}")
    assert tab.var(S, "card")["purged"] is True
    await tab.send(S.download, path=f"/enrichments/{id}")
    assert "deleted" in tab.var(S, "download_error")
    assert "were deleted" in tab.var(S, "card")["kept"]


async def test_a_run_shows_where_its_rows_are_and_since_when(driver, cast: Cast, sandbox: Sandbox) -> None:
    id, lab = started(cast, 120), sandbox.client()
    sandbox.faults({"mode": "job_unknown"})
    step(id, lab)
    tab = await opened(driver, cast.alice, str(id))
    run, counts = tab.var(S, "run"), tab.var(S, "card")["counts"]
    assert (run["stage"], run["batches"]) == ("Waiting for the provider", "0 of 1")
    assert re.fullmatch(r"(Just sent to|At) the provider.*, next look (in .+|now)", run["waiting"]), run["waiting"]
    assert (counts["answered"], counts["at_provider"], counts["not_sent"]) == ("0", "120", "0")
    await tab.send(S.stop, path=f"/enrichments/{id}")
    step(id, lab)
    sandbox.faults()
    await tab.send(S.load, path=f"/enrichments/{id}?view=at_provider")
    card = tab.var(S, "card")
    assert (card["status"], card["broke_off"], card["tone"], card["rerun_skipped"]) == (
        "cancelled", True, "neutral", "120 rows",
    )  # fmt: skip
    assert (card["counts"]["at_provider"], card["counts"]["not_sent"]) == ("120", "0")
    assert (tab.var(S, "tab"), tab.var(S, "shown")) == ("at_provider", "Rows 1 to 50 · 120 in all")
    await tab.send(S.rerun, path=f"/enrichments/{id}", outcome="skipped")
    assert "/enrichments/" in tab.text()


async def test_duplicates_alone_are_not_offered_again(driver, cast: Cast, sandbox: Sandbox) -> None:
    double = Line(unknown_line(0).cells, {}, verdict="duplicate", duplicate_of=1)
    id = started(cast, 110, double)
    work_off(id, sandbox.client())
    tab = await opened(driver, cast.alice, str(id))
    card = tab.var(S, "card")
    assert (card["counts"]["skipped"], card["rerun_skipped"], card["rerun_unmatched"]) == ("1", "", "110 rows")
    assert (card["status"], card["tone"], card["broke_off"]) == ("completed", "neutral", False)


def started(cast: Cast, rows: int, *more: Line) -> UUID:
    """A list of people nobody knows, whose run waits for a worker."""
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, [*(unknown_line(number) for number in range(rows)), *more])
    start_run(cast.alice, id)
    return id


async def test_a_result_shows_what_was_found_and_what_was_estimated(driver, cast: Cast) -> None:
    sample = {
        "revision": 1,
        "status": "done",
        "size": 50,
        "fields": [{"field": "email", "found": 25, "of": 50, "share": 0.5, "low": 0.37, "high": 0.63}],
        "run": {"email": 1, "phone": 1, "title": 1},
    }
    lines = [unknown_line(number) for number in range(2)]
    counts = {"matched_count": 1, "no_match_count": 1, "status": "completed", "finished_at": now()}
    id = make_list(cast.alice, lines, sample=sample, **counts)
    found = {
        "BUSINESS_EMAIL": "dana@acme.example, d@acme.example",
        "JOB_TITLE": "CFO",
        "PERSONAL_PHONE": "+15125550101",
    }
    with cast.alice.begin() as scope:
        rows = scope.session.scalars(scope.select(EnrichmentRow).where(EnrichmentRow.enrichment_id == id))
        for row in rows:
            matched = row.number == 1
            row.outcome, row.found = ("matched", found) if matched else ("no_match", None)
    tab = await opened(driver, cast.alice, str(id))
    assert tab.var(S, "shows_found") is True
    shown = [(row["email"], row["phone"], row["title"], row["company"]) for row in tab.var(S, "rows")]
    assert shown == [("dana@acme.example", "+15125550101", "CFO", ""), ("", "", "", "")]
    assert [
        (line["label"], line["count"], line["share"], line["estimate"]) for line in tab.var(S, "card")["found"]
    ] == [
        ("E-mail", "1", "100%", "50% of rows looked up; the dry run said 37% to 63%"),
        ("Mobile phone", "0", "0%", ""),
        ("Any phone", "1", "100%", ""),
        ("Job title", "1", "100%", ""),
        ("Company", "0", "0%", ""),
        ("LinkedIn profile", "0", "0%", ""),
        ("Street address", "0", "0%", ""),
    ]
    await tab.send(S.load, path=f"/enrichments/{id}?view=no_match")
    assert tab.var(S, "shows_found") is False


async def test_the_overview_tells_empty_from_no_match_and_keeps_filters_in_the_address(driver, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(EnrichmentsState.load, path="/enrichments")
    assert tab.var(EnrichmentsState, "status") == "empty"
    assert "50,000 rows and 25 MB" in tab.var(EnrichmentsState, "limits")
    make_list(cast.alice, [unknown_line(1)], filename="Spring fair.csv")
    make_list(cast.alice, [unknown_line(2)], filename="Webinar.csv", status="completed", no_match_count=1)
    await tab.send(EnrichmentsState.load, path="/enrichments")
    names = [row["filename"] for row in tab.var(EnrichmentsState, "rows")]
    assert names == ["Webinar.csv", "Spring fair.csv"]
    await tab.send(EnrichmentsState.load, path="/enrichments?show=done&q=web")
    assert [row["filename"] for row in tab.var(EnrichmentsState, "rows")] == ["Webinar.csv"]
    await tab.send(EnrichmentsState.load, path="/enrichments?q=nothing")
    assert tab.var(EnrichmentsState, "status") == "no_match"
    await tab.send(EnrichmentsState.search, path="/enrichments?show=done", text="fair")
    assert "q=fair" in tab.text()
    other = driver(sign_in(cast.charlie))
    await other.send(EnrichmentsState.load, path="/enrichments")
    assert other.var(EnrichmentsState, "status") == "empty"


@pytest.mark.parametrize("query", ["cursor=x", "cursor=%00", "show=%27", "q=" + "x" * 3000])
async def test_a_bad_address_is_explained(driver, cast: Cast, query: str) -> None:
    make_list(cast.alice, [unknown_line(1)])
    tab = driver(sign_in(cast.alice))
    await tab.send(EnrichmentsState.load, path=f"/enrichments?{query}")
    assert tab.var(EnrichmentsState, "status") in ("error", "no_match", "ready")
    assert "eference" not in tab.text()


@pytest.mark.parametrize("tail", ["?step=rows&cursor=x", "?step=%00&view=%27", "/../..", "?view=matched&cursor=%FF"])
async def test_a_bad_address_of_a_list_is_explained(driver, cast: Cast, tail: str) -> None:
    id = make_list(cast.alice, [unknown_line(1)])
    tab = await opened(driver, cast.alice, f"{id}", tail)
    assert tab.var(S, "status") in ("error", "ready")
    assert "eference" not in tab.text()


async def test_a_list_that_never_ran_is_deleted_on_its_page(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    tab, path = await opened(driver, cast.alice, id, "?step=price"), f"/enrichments/{id}?step=price"
    await tab.send(S.set_confirming_delete, path=path, is_open=True)
    assert tab.var(S, "confirming_delete") is True
    await tab.send(S.delete_files, path=path)
    card = tab.var(S, "card")
    assert (card["phase"], card["badge"], card["counts"]["all"]) == ("deleted", "deleted", "122")
    assert "were deleted" in card["kept"]
    assert card["column_names"] == "E-mail, First name, Last name, Firma, Notes"
    assert not card["may_edit"]
    overview = driver(sign_in(cast.alice))
    await overview.send(EnrichmentsState.load, path="/enrichments")
    assert [row["badge"] for row in overview.var(EnrichmentsState, "rows")] == ["deleted"]
    await overview.send(EnrichmentsState.load, path="/enrichments?show=preparing")
    assert overview.var(EnrichmentsState, "status") == "no_match"


@pytest.mark.parametrize(
    ("text", "badge"), [(UNTIDY, "ready"), (COMPANIES, "waiting"), (HEADER + "a@b.example,,,,", "waiting")]
)
async def test_page_and_overview_say_the_same_of_a_list(
    driver, cast: Cast, tmp_path: Path, text: str, badge: str
) -> None:
    id = upload(cast.alice, tmp_path, text)
    tab, overview = await opened(driver, cast.alice, id), driver(sign_in(cast.alice))
    await overview.send(EnrichmentsState.load, path="/enrichments")
    assert tab.var(S, "card")["badge"] == overview.var(EnrichmentsState, "rows")[0]["badge"] == badge

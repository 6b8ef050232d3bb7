"""A run on its page: where its rows are, how it ended, what was found and what can be done next."""

from __future__ import annotations

import re
from decimal import Decimal
from uuid import UUID

from cursive_app.api.links import open_link
from cursive_app.clock import now
from db.models.enrichment import EnrichmentRow
from state.enrichment import EnrichmentState as S
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_enrichment import Line, as_stored, make_list, start_run, step, unknown_line, work_off
from tests.sandbox_fixtures import Sandbox, sandbox, sandbox_server
from tests.state.lists import opened

__all__ = ["sandbox", "sandbox_server"]


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


async def test_a_run_is_paused_by_hand_and_goes_on(driver, cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, [unknown_line(number) for number in range(120)])
    start_run(cast.alice, id)
    tab, path = await opened(driver, cast.alice, str(id)), f"/enrichments/{id}"
    await tab.send(S.pause, path=path)
    await tab.send(S.load, path=path)
    assert (tab.var(S, "card")["pausing"], tab.var(S, "card")["rests"]) == (True, False)
    await tab.send(S.resume, path=path, spend_available=False)
    await tab.send(S.load, path=path)
    assert tab.var(S, "card")["pausing"] is False, "taken back"
    await tab.send(S.pause, path=path)
    work_off(id, sandbox.client())
    await tab.send(S.load, path=path)
    card = tab.var(S, "card")
    assert (card["status"], card["pausing"], card["rests"], card["held"]) == ("paused", False, True, "30.00")
    assert card["message"].startswith("Paused by ")
    stranger = await opened(driver, cast.charlie, str(id))
    await stranger.send(S.resume, path=path, spend_available=False)
    await tab.send(S.load, path=path)
    assert tab.var(S, "card")["status"] == "paused"
    await tab.send(S.resume, path=path, spend_available=False)
    await tab.send(S.load, path=path)
    assert (tab.var(S, "card")["status"], tab.var(S, "card")["rests"]) == ("queued", False)


async def test_own_columns_are_offered_what_was_found(driver, cast: Cast) -> None:
    id = make_list(cast.alice, [unknown_line(1)], status="completed", no_match_count=1)
    tab, path = await opened(driver, cast.alice, str(id)), f"/enrichments/{id}"
    await tab.send(S.set_choosing_download, path=path, is_open=True)
    assert [(line["name"], line["label"], line["policy"]) for line in tab.var(S, "fill_lines")] == [
        ("E-mail", "E-mail", "keep"), ("First", "First name", "keep"), ("Last", "Last name", "keep"),
    ]  # fmt: skip
    assert tab.var(S, "fills_told") == "as they are"
    await tab.send(S.set_every_policy, path=path, policy="fill")
    await tab.send(S.set_policy, path=path, field="last_name", policy="overwrite")
    await tab.send(S.set_policy, path=path, field="email", policy="keep")
    await tab.send(S.set_policy, path=path, field="city", policy="fill")
    assert tab.var(S, "fills_told") == "2 of 3 take what was found"
    await tab.send(S.download, path=path)
    address = re.search(r"/api/v1/downloads/([\w.-]+)", tab.text())
    assert address is not None
    _, wanted = open_link(address[1])
    assert (wanted.fill, wanted.overwrite) == (("first_name",), ("last_name",))
    await tab.send(S.set_choosing_download, path=path, is_open=True)
    assert tab.var(S, "fill_lines")[2]["policy"] == "overwrite", "kept for the next file of the list"
    stranger = await opened(driver, cast.charlie, str(id))
    for handler, values in ((S.set_choosing_download, {"is_open": True}), (S.download, {})):
        await stranger.send(handler, path=path, **values)
    assert (stranger.var(S, "fill_lines"), "/downloads/" in stranger.text()) == ([], False)


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
            row.outcome, row.found = ("matched", as_stored(found)) if matched else ("no_match", None)
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

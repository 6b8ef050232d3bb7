"""The jobs page through the real event pipeline: what is shown, kept current, refused."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cursive_app.services import jobs
from db.roles import Role
from state import jobs as page_state
from state.jobs import JobsState
from state.times import ago, clock_span, exact
from tests.factories import Cast, make_member, make_user
from tests.factories_jobs import job_row, make_job
from tests.state.driver import sign_in


async def test_the_three_empty_states(driver, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(JobsState.load, path="/jobs")
    assert tab.var(JobsState, "status") == "empty"
    make_job(cast.alice)
    await tab.send(JobsState.load, path="/jobs?status=failed")
    assert tab.var(JobsState, "status") == "no_match"
    outsider = make_member(cast.workspace_id, make_user("Bill"), Role.BILLING)
    other = driver(sign_in(outsider))
    await other.send(JobsState.load, path="/jobs")
    assert other.var(JobsState, "status") == "ready"


async def test_a_row_says_what_happened_in_words(driver, cast: Cast) -> None:
    job = make_job(cast.alice, total=2000, links={"segment_id": "s1", "run_id": "r1"})
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.advance(
            scope, claimed, stage="charging", processed=1240, held=Decimal(1000), captured=Decimal("620.5"), failed=3
        )
    tab = driver(sign_in(cast.bob))
    await tab.send(JobsState.load, path="/jobs")
    (row,) = tab.var(JobsState, "rows")
    assert (row["done"], row["percent"], row["stage"], row["failed"]) == ("1,240 of 2,000", 62, "Charging", "3 failed")
    assert (row["held"], row["captured"], row["released"]) == ("379.50", "620.50", "0.00")
    assert (row["segment_href"], row["leads_href"]) == ("/segments/s1", "/leads?run=r1")
    assert tab.var(JobsState, "counts")["processing"] == "1"


async def test_charlie_sees_no_row_and_no_drawer(driver, cast: Cast) -> None:
    job = make_job(cast.alice)
    tab = driver(sign_in(cast.charlie))
    await tab.send(JobsState.load, path=f"/jobs?job={job.id}")
    assert tab.var(JobsState, "status") == "empty"
    assert tab.var(JobsState, "drawer_missing") is True
    await tab.send(JobsState.cancel)
    assert job_row(job.id).cancel_requested_at is None


async def test_the_drawer_opens_from_the_address_and_cancels(driver, cast: Cast) -> None:
    job = make_job(cast.alice)
    tab = driver(sign_in(cast.alice))
    await tab.send(JobsState.load, path=f"/jobs?job={job.id}")
    drawer = tab.var(JobsState, "drawer")
    assert drawer["found"] is True
    assert [line["message"] for line in drawer["events"]] == ["Queued"]
    await tab.send(JobsState.cancel, path=f"/jobs?job={job.id}")
    assert job_row(job.id).cancel_requested_at is not None
    assert tab.var(JobsState, "drawer")["row"]["stopping"] is True
    assert tab.var(JobsState, "rows")[0]["can_cancel"] is False


async def test_a_reader_may_look_but_not_cancel(driver, cast: Cast) -> None:
    job = make_job(cast.alice)
    reader = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    tab = driver(sign_in(reader))
    await tab.send(JobsState.load, path=f"/jobs?job={job.id}")
    assert tab.var(JobsState, "drawer")["found"] is True
    await tab.send(JobsState.cancel, path=f"/jobs?job={job.id}")
    assert job_row(job.id).cancel_requested_at is None
    assert "role" in tab.text()


@pytest.mark.parametrize(
    "query", ["status=done", "cursor=%27%20OR%201%3D1", "status=%00", "kind=" + "x" * 500, "job=../.."]
)
async def test_a_bad_address_is_an_explanation_not_a_crash(driver, cast: Cast, query: str) -> None:
    make_job(cast.alice)
    tab = driver(sign_in(cast.alice))
    await tab.send(JobsState.load, path=f"/jobs?{query}")
    assert tab.var(JobsState, "status") in ("error", "no_match", "ready")
    if tab.var(JobsState, "status") == "error":
        assert tab.var(JobsState, "bad_address") is True  # the way out is the list without it
    assert "reference" not in tab.text().lower()


async def test_filters_and_pages_change_the_address_only(driver, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_state, "PAGE_SIZE", 2)
    made = [str(make_job(cast.alice).id) for _ in range(3)]
    tab = driver(sign_in(cast.alice))
    await tab.send(JobsState.load, path="/jobs?status=pending")
    await tab.send(JobsState.filter_kind, path="/jobs?status=pending", value="trial")
    assert "/jobs?status=pending&kind=trial" in tab.text()
    tab.forget()
    await tab.send(JobsState.next_page, path="/jobs?status=pending")
    found = re.search(r"cursor=([\w.-]+)", tab.text())
    assert found is not None
    await tab.send(JobsState.load, path=f"/jobs?status=pending&cursor={found.group(1)}")
    assert [row["id"] for row in tab.var(JobsState, "rows")] == made[:1]
    assert tab.var(JobsState, "has_previous") is True


async def test_live_refresh_renews_rows_in_place_and_announces_new_ones(
    driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(cast.alice, total=10)
    tab = driver(sign_in(cast.alice))
    await tab.send(JobsState.load, path="/jobs")
    claimed = jobs.claim(job.id)
    assert claimed is not None
    make_job(cast.alice)
    with cast.alice.begin() as scope:
        jobs.advance(scope, claimed, processed=5)
    await followed(tab, monkeypatch)
    rows = tab.var(JobsState, "rows")
    assert [row["id"] for row in rows] == [str(job.id)]
    assert rows[0]["done"] == "5 of 10"
    assert tab.var(JobsState, "has_newer") is True
    counts = tab.var(JobsState, "counts")
    assert (counts["all"], counts["processing"], counts["pending"]) == ("2", "1", "1"), (
        "what the tabs say follows the rows"
    )
    assert tab.var(JobsState, "kinds")[0]["label"].endswith("(2)")


async def followed(tab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page after it has looked three times."""
    rounds = iter(range(3))

    async def few() -> None:
        if next(rounds, None) is None:
            raise asyncio.CancelledError  # as when the page is left

    monkeypatch.setattr(page_state, "_pause", few)
    with suppress(asyncio.CancelledError):
        await tab.send(JobsState.follow, path="/jobs")


async def test_what_somebody_else_has_done_is_shown_with_the_refusal(driver, cast: Cast) -> None:
    job = make_job(cast.alice)
    path = f"/jobs?job={job.id}"
    tab = driver(sign_in(cast.alice))
    await tab.send(JobsState.load, path=path)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.pause(scope, claimed, code=None, message="Paused")
    await tab.send(JobsState.load, path=path)
    with cast.alice.begin() as scope:
        jobs.resume(scope, job.id)
    await tab.send(JobsState.resume, path=path)
    assert "Only a paused job can be resumed." in tab.text()
    assert tab.var(JobsState, "drawer")["row"]["status"] == "pending"
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.finish(scope, claimed)
    await tab.send(JobsState.cancel, path=path)
    assert "This job has already ended" in tab.text()
    assert tab.var(JobsState, "drawer")["row"]["status"] == tab.var(JobsState, "rows")[0]["status"] == "completed"
    assert tab.var(JobsState, "cancelling") is False


def test_times_in_words() -> None:
    moment = datetime(2026, 3, 4, 13, 5, 9, tzinfo=UTC)
    cases = {2: "just now", 42: "42 seconds ago", 60: "1 minute ago", 7200: "2 hours ago", 200_000: "2 days ago"}
    assert {seconds: ago(moment, present=moment + timedelta(seconds=seconds)) for seconds in cases} == cases
    assert ago(moment, present=moment - timedelta(seconds=90)) == "in 1 minute"
    assert exact(moment, "Europe/Berlin") == "Mar 4, 2026, 14:05:09 CET"
    assert [clock_span(s) for s in (0, 42, 185, 3840, 183_600)] == ["0 s", "42 s", "3 min 5 s", "1 h 4 min", "2 d 3 h"]

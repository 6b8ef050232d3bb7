"""The staff's pages through the real event pipeline: who may see them, what they show, what they do and refuse."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from reflex_base.registry import RegistrationContext

from cursive_app.api.app import rest
from cursive_app.clock import now
from cursive_app.services import jobs
from cursive_app.services.jobs.admin import Again, RetryRule
from cursive_app.services.jobs.admin.retries import register
from db.models.accounts import User
from db.models.jobs import QueuePause
from db.scope import Tenant
from db.system import system_scope
from state import admin_base
from state.admin_actions import AdminActionState as Actions
from state.admin_base import AdminLiveState, day_start
from state.admin_failures import AdminFailuresState as Failures
from state.admin_jobs import AdminJobsState as Jobs
from state.admin_queues import AdminQueuesState as Queues
from state.admin_queues import sparkline
from state.admin_schedules import AdminSchedulesState as Schedules
from state.admin_stuck import AdminStuckState as Stuck
from state.admin_totals import AdminTotalsState as Totals
from tests.factories import Cast
from tests.factories_admin import done_job, failing_job
from tests.factories_jobs import grow_stale, job_row, make_job
from tests.state.driver import sign_in


def as_staff(tenant: Tenant, role: str = "all") -> str:
    """The tenant's person becomes staff and logs in; the value for a Cookie header."""
    with system_scope() as scope:
        scope.get(User, tenant.user_id).staff_role = role  # type: ignore[arg-type]
    return sign_in(tenant)


def at(query: str, more: str = "") -> str:
    return f"/admin/jobs?q={quote(query)}{more}"


def of(tenant: Tenant, words: str = "") -> str:
    return f"workspace:{tenant.workspace_id} {words}".strip()


@pytest.fixture
def kind() -> str:
    """A kind of work that can be taken up again."""
    name = f"trial_{uuid4().hex[:8]}"
    register(name, RetryRule(again=lambda *_: Again(), editable={"size": lambda value: value}))
    return name


# Who may


async def test_nobody_else_sees_or_does_anything(driver, cast: Cast) -> None:
    import cursive_app.cursive_app  # noqa: F401  (registers every state)

    failed = failing_job(cast.alice)
    tab = driver(sign_in(cast.alice))
    for state in (Jobs, Failures, Queues, Schedules, Stuck, Totals):
        await tab.send(state.load, path=at(of(cast.alice)))
        assert tab.var(state, "status") == "forbidden"
        await tab.send(state.follow, path="/admin/jobs")  # ends at once instead of looking
    for name, payload in (("retry", {"action": "retry", "job_id": str(failed.id)}), ("cancel", {"action": "cancel"})):
        await tab.send(Actions.ask_one if name == "retry" else Actions.ask_selected, path="/admin/jobs", **payload)
    assert not tab.var(Jobs, "rows")
    assert not tab.var(Actions, "is_open")
    assert str(failed.id) not in str(tab.state)


def test_every_handler_that_acts_is_for_staff() -> None:
    import cursive_app.cursive_app  # noqa: F401  (registers every state)

    harmless = {"follow", "set_hidden", "setvar"}
    seen = set()
    for registered in RegistrationContext.get().event_handlers.values():
        state, handler = registered.states[0], registered.handler.fn
        if state.__module__.startswith("state.admin") and handler.__name__ not in harmless:
            seen.add(handler.__name__)
            assert handler.__cursive_allow__ == "staff", f"{state.__name__}.{handler.__name__}"
    assert {"load", "apply", "rescue", "change", "run_now", "retry_edited"} <= seen


async def test_a_visitor_is_asked_to_log_in(driver, cast: Cast) -> None:
    tab = driver("")
    await tab.send(Jobs.load, path="/admin/jobs?q=state%3Afailed")
    assert "/login?next=" in tab.text()


async def test_a_reader_sees_masked_arguments_and_changes_nothing(driver, cast: Cast, kind: str) -> None:
    job = failing_job(cast.charlie, kind=kind, arguments={"size": 90071992547409931})
    reader = driver(as_staff(cast.alice, "read_only"))
    await reader.send(Jobs.load, path=at(of(cast.charlie), f"&job={job.id}"))
    drawer = reader.var(Jobs, "drawer")
    assert drawer["arguments"][0]["masked"] is True
    assert "90071992547409931" not in str(reader.state)
    assert drawer["attempts"][0]["internal"] == ""
    await reader.send(Actions.ask_one, path="/admin/jobs", action="retry", job_id=str(job.id))
    assert not reader.var(Actions, "is_open")
    assert "read-only" in reader.text()
    with system_scope() as scope:
        scope.get(User, cast.alice.user_id).staff_role = "all"
    boss = driver(sign_in(cast.alice))
    await boss.send(Jobs.load, path=at(of(cast.charlie), f"&job={job.id}"))
    drawer = boss.var(Jobs, "drawer")
    assert drawer["arguments"][0]["value"] == "90071992547409931"
    assert "Invalid" in drawer["attempts"][0]["internal"]
    assert job_row(job.id).status == "failed"


# Finding


async def test_jobs_of_every_workspace_in_words(driver, cast: Cast) -> None:
    done_job(cast.alice, processed=1240)
    failing_job(cast.charlie)
    tab = driver(as_staff(cast.bob))
    await tab.send(Jobs.load, path=at(f"workspace:{cast.workspace_id},{cast.charlie.workspace_id}"))
    first, second = tab.var(Jobs, "rows")
    assert (first["workspace"], first["status"], first["tries"]) == ("Other", "failed", "1")
    assert (second["workspace"], second["status"], second["done"]) == ("Acme", "completed", "1,240")
    assert first["error"] == "The list of 12 rows is empty."
    assert tab.var(Jobs, "counts") == {
        "all": "2", "completed": "1", "failed": "1", "pending": "0", "processing": "0", "paused": "0", "cancelled": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "pressed", "value", "address"),
    [
        ("dana", "", "failed", "q=dana+state%3Afailed"),
        ('state:failed "my state:list"', "failed", "paused", "q=%22my+state%3Alist%22+state%3Apaused"),
        ("state:failed kind:x", "failed", "", "q=kind%3Ax"),
        ("-state:failed", "-", "failed", "q=state%3Afailed"),
    ],
)
async def test_a_state_tab_takes_the_place_of_the_states_words(
    driver, cast: Cast, query: str, pressed: str, value: str, address: str
) -> None:
    tab = driver(as_staff(cast.alice))
    await tab.send(Jobs.load, path=at(query))
    assert tab.var(Jobs, "chosen_state") == pressed or (pressed == "" and tab.var(Jobs, "chosen_state") in ("", None))
    await tab.send(Jobs.choose_state, path=at(query), value=value)
    assert f"/admin/jobs?{address}" in tab.text()


@pytest.mark.parametrize(
    ("more", "says"),
    [("q=colour%3Ared", "no qualifier colour:"), ("q=%22open", "not closed"), ("since=yesterday", "is no day"),
     ("since=2026-03-02&until=2026-03-01", "later"), ("cursor=%27--", "cursor")],
)  # fmt: skip
async def test_a_bad_address_says_what_is_wrong(driver, cast: Cast, more: str, says: str) -> None:
    tab = driver(as_staff(cast.alice))
    await tab.send(Jobs.load, path=f"/admin/jobs?{more}")
    assert tab.var(Jobs, "status") == "error"
    assert says in tab.var(Jobs, "error")


async def test_suggestions_follow_the_last_word(driver, cast: Cast) -> None:
    failing_job(cast.alice)
    tab = driver(as_staff(cast.alice))
    await tab.send(Jobs.suggest, path="/admin/jobs", text="kind:trial st")
    assert [one["text"] for one in tab.var(Jobs, "suggestions")] == ["state:", "stage:"]
    await tab.send(Jobs.suggest, path="/admin/jobs", text="kind:trial state:fa")
    assert [one["text"] for one in tab.var(Jobs, "suggestions")] == ["state:failed"]


def test_dates_are_days_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reader:
        timezone = "America/New_York"

    monkeypatch.setattr(admin_base, "person", Reader)
    assert day_start("2026-03-08") == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert day_start("2026-03-08", later=1) == datetime(2026, 3, 9, 4, tzinfo=UTC)  # the clocks went forward
    assert day_start("") is None


# Acting


async def test_retry_of_all_matching_names_the_count_and_does_it(driver, cast: Cast, kind: str) -> None:
    failed = [failing_job(cast.alice, kind=kind) for _ in range(2)]
    done = done_job(cast.alice)
    tab = driver(as_staff(cast.bob, "operate"))
    path = at(of(cast.alice))
    await tab.send(Jobs.load, path=path)
    await tab.send(Jobs.select, path=path, job_id=str(done.id), on=True)
    assert tab.var(Jobs, "selected_text") == "1 job selected"
    await tab.send(Jobs.select_all, path=path)
    assert tab.var(Jobs, "selected_text") == "All 3 matching jobs selected"
    await tab.send(Actions.ask_selected, path=path, action="retry")
    assert tab.var(Actions, "title") == "Retry 2 jobs?"
    assert tab.var(Actions, "reach") == "2 jobs in 1 workspace."
    assert tab.var(Actions, "refused") == [{"count": "1", "reason": "Only a failed job can be retried."}]
    assert {job_row(job.id).status for job in failed} == {"failed"}  # a dry run changes nothing
    await tab.send(Actions.apply, path=path)
    assert {job_row(job.id).status for job in failed} == {"pending"}
    assert "2 jobs retried." in tab.text()
    assert tab.var(Actions, "is_open") is False


async def test_it_is_refused_when_it_is_about_other_jobs_by_now(driver, cast: Cast, kind: str) -> None:
    failing_job(cast.alice, kind=kind)
    tab = driver(as_staff(cast.bob, "operate"))
    query = of(cast.alice, "state:failed")
    await tab.send(Actions.ask_query, path="/admin/jobs/failures", action="retry", query=query)
    late = [failing_job(cast.alice, kind=kind) for _ in range(3)]
    await tab.send(Actions.apply, path="/admin/jobs/failures")
    assert "It is now 4 jobs, not 1" in tab.var(Actions, "error")
    assert tab.var(Actions, "is_open") is True
    assert {job_row(job.id).status for job in late} == {"failed"}


async def test_deleting_asks_for_the_count(driver, cast: Cast) -> None:
    job = failing_job(cast.alice)
    tab = driver(as_staff(cast.bob))
    await tab.send(Actions.ask_one, path="/admin/jobs", action="delete", job_id=str(job.id))
    await tab.send(Actions.apply, path="/admin/jobs")
    assert job_row(job.id) is not None
    await tab.send(Actions.set_typed, path="/admin/jobs", value="1")
    await tab.send(Actions.apply, path="/admin/jobs")
    assert "1 job deleted." in tab.text()
    await tab.send(Jobs.load, path=at(of(cast.alice)))
    assert tab.var(Jobs, "status") == "no_match"


async def test_a_retry_with_other_arguments_says_what_is_wrong(driver, cast: Cast, kind: str) -> None:
    job = failing_job(cast.alice, kind=kind, arguments={"size": 3})
    tab = driver(as_staff(cast.bob))
    path = at(of(cast.alice), f"&job={job.id}")
    await tab.send(Jobs.load, path=path)
    assert tab.var(Jobs, "drawer")["can_edit"] is True
    for typed, says in (("3", "Nothing was changed"), ("{", "JSON")):
        await tab.send(Jobs.retry_edited, path=path, form={"size": typed})
        assert says in tab.var(Jobs, "editing_error")
    await tab.send(Jobs.retry_edited, path=path, form={"size": "12345678901234567890"})
    assert job_row(job.id).arguments == {"size": 12345678901234567890}
    assert tab.var(Jobs, "drawer")["row"]["status"] == "pending"


# Watching


async def test_rows_are_renewed_in_place_and_new_ones_announced(
    driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(cast.alice, total=10)
    tab = driver(as_staff(cast.bob))
    path = at(of(cast.alice))
    await tab.send(Jobs.load, path=path)
    await tab.send(AdminLiveState.set_every, path=path, value="1")
    claimed = jobs.claim(job.id)
    assert claimed is not None
    make_job(cast.alice)
    with cast.alice.begin() as scope:
        jobs.advance(scope, claimed, processed=5)
    _rounds(monkeypatch, 2)
    with suppress(asyncio.CancelledError):
        await tab.send(Jobs.follow, path=path)
    assert [(row["id"], row["done"]) for row in tab.var(Jobs, "rows")] == [(str(job.id), "5 of 10")]
    assert tab.var(Jobs, "newer") == "1 new job. Show"


@pytest.mark.parametrize("quiet", ["off", "hidden"])
async def test_nothing_is_asked_while_nobody_looks(
    driver, cast: Cast, monkeypatch: pytest.MonkeyPatch, quiet: str
) -> None:
    tab = driver(as_staff(cast.bob))
    path = at(of(cast.alice))
    await tab.send(Jobs.load, path=path)
    await tab.send(AdminLiveState.set_every, path=path, value="0" if quiet == "off" else "1")
    await tab.send(AdminLiveState.set_hidden, path=path, hidden=quiet == "hidden")
    asked: list[Any] = []

    async def count(question: Any) -> Any:
        asked.append(question)

    monkeypatch.setattr(admin_base, "as_staff", count)
    _rounds(monkeypatch, 3)
    with suppress(asyncio.CancelledError):
        await tab.send(Jobs.follow, path=path)
    assert asked == []


@pytest.mark.parametrize("value", ["0.01", "-1", "", "1e9"])
async def test_the_refresh_cannot_be_made_faster_than_offered(driver, cast: Cast, value: str) -> None:
    tab = driver(as_staff(cast.bob))
    await tab.send(AdminLiveState.set_every, path="/admin/jobs", value="10")
    await tab.send(AdminLiveState.set_every, path="/admin/jobs", value=value)
    assert tab.var(AdminLiveState, "every") == "5"


def _rounds(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    rounds = iter(range(number))

    async def few() -> None:
        if next(rounds, None) is None:
            raise asyncio.CancelledError  # as when the page is left

    monkeypatch.setattr(admin_base, "_second", few)


# The other sections


async def test_failures_are_grouped_and_lead_to_their_jobs(driver, cast: Cast, kind: str) -> None:
    failing_job(cast.alice, kind=kind)
    failing_job(cast.charlie, kind=kind)
    tab = driver(as_staff(cast.bob))
    await tab.send(Failures.load, path="/admin/jobs/failures")
    fingerprint = job_row(failing_job(cast.alice, kind=kind).id).error_fingerprint
    await tab.send(Failures.load, path="/admin/jobs/failures")
    group = next(one for one in tab.var(Failures, "groups") if one["fingerprint"] == fingerprint)
    assert group["message"] == "The list of 12 rows is empty."
    assert {hit["id"] for hit in group["workspaces"]} >= {str(cast.charlie.workspace_id)} or group["more_workspaces"]
    assert group["retryable"] is True
    await tab.send(Jobs.load, path=group["href"])
    assert tab.var(Jobs, "status") == "ready"


async def test_a_queue_is_paused_with_a_reason_only(driver, cast: Cast) -> None:
    name = f"spare-{uuid4().hex[:8]}"
    with cast.alice.begin() as scope:
        jobs.open_job(scope, kind="trial", title="Spare", task="trial.run", queue=name)
    tab = driver(as_staff(cast.bob, "operate"))
    path = "/admin/jobs/queues"
    await tab.send(Queues.load, path=path)
    await tab.send(Queues.ask, path=path, name=name, pause=True)
    await tab.send(Queues.change, path=path, form={"reason": " "})
    assert "reason" in tab.var(Queues, "reason_error")
    await tab.send(Queues.change, path=path, form={"reason": "The provider is down"})
    line = next(one for one in tab.var(Queues, "queues") if one["name"] == name)
    assert (line["paused"], line["reason"]) == (True, "The provider is down")
    await tab.send(Queues.ask, path=path, name=name, pause=False)
    await tab.send(Queues.change, path=path, form={"reason": "It is back"})
    with system_scope() as scope:
        assert scope.session.get(QueuePause, name) is None


async def test_schedules_say_when_next_in_the_readers_zone(driver, cast: Cast) -> None:
    with system_scope() as scope:
        scope.get(User, cast.bob.user_id).timezone = "Asia/Tokyo"
    tab = driver(as_staff(cast.bob, "operate"))
    await tab.send(Schedules.load, path="/admin/jobs/schedules")
    line = next(one for one in tab.var(Schedules, "schedules") if one["name"] == "jobs.prune")
    assert (line["words"], line["cron"]) == ("Every day at 04:11 UTC", "11 4 * * *")
    assert line["next_exact"].endswith("13:11:00 JST")
    await tab.send(Schedules.run_now, path="/admin/jobs/schedules", name="jobs.prune")
    line = next(one for one in tab.var(Schedules, "schedules") if one["name"] == "jobs.prune")
    assert "started by Bob" in line["ticks"][-1]["words"]


async def test_a_stuck_job_is_seen_and_rescued(driver, cast: Cast) -> None:
    job = make_job(cast.alice)
    assert jobs.claim(job.id) is not None
    grow_stale(job.id)
    tab = driver(as_staff(cast.bob, "operate"))
    await tab.send(Stuck.load, path="/admin/jobs/stuck")
    line = next(one for one in tab.var(Stuck, "lines") if one["id"] == str(job.id))
    assert "silent" in line["why"]
    await tab.send(Stuck.rescue, path="/admin/jobs/stuck", job_id=str(job.id))
    assert job_row(job.id).attempt_token is None
    assert str(job.id) not in [one["id"] for one in tab.var(Stuck, "lines")]


async def test_totals_say_nothing_is_known_rather_than_zero(driver, cast: Cast) -> None:
    tab = driver(as_staff(cast.bob))
    tomorrow = (now() + timedelta(days=2)).date().isoformat()
    await tab.send(Totals.load, path=f"/admin/jobs/totals?since={tomorrow}")
    assert (tab.var(Totals, "jobs"), tab.var(Totals, "success"), tab.var(Totals, "p95")) == ("0", "–", "–")
    done_job(cast.alice)
    await tab.send(Totals.load, path="/admin/jobs/totals")
    assert tab.var(Totals, "success").endswith("%")
    assert len(tab.var(Totals, "hours")) == 72


def test_a_sparkline_of_nothing_is_a_flat_line_at_the_ground() -> None:
    assert sparkline(()) == ""
    assert sparkline((0, 0, 0)) == "0.0,34.0 90.0,34.0 180.0,34.0"
    assert sparkline((0, 4)) == "0.0,34.0 180.0,2.0"


async def test_opening_a_job_keeps_what_is_ticked_and_coming_anew_does_not(driver, cast: Cast) -> None:
    job = make_job(cast.alice)
    tab = driver(as_staff(cast.bob))
    path = at(of(cast.alice))
    await tab.send(Jobs.load, path=path)
    await tab.send(Jobs.select_page, path=path, on=True)
    await tab.send(Jobs.load, path=f"{path}&job={job.id}")
    assert tab.var(Jobs, "selected") == [str(job.id)]
    await tab.send(Jobs.load, path=f"{path}&job={job.id}")
    assert tab.var(Jobs, "selected") == []


async def test_the_export_asks_for_what_is_shown(driver, cast: Cast) -> None:
    with system_scope() as scope:
        scope.get(User, cast.bob.user_id).timezone = "Asia/Tokyo"
    tab = driver(as_staff(cast.bob))
    await tab.send(Jobs.load, path=at("state:failed", "&since=2026-03-01&until=2026-03-01"))
    address = urlsplit(tab.var(Jobs, "export_url"))
    assert parse_qs(address.query) == {
        "query": ["state:failed"], "since": ["2026-03-01T00:00:00+09:00"], "until": ["2026-03-02T00:00:00+09:00"],
    }  # fmt: skip
    client = TestClient(rest(), headers={"cookie": sign_in(cast.bob)})
    answer = client.get(tab.var(Jobs, "export_url"))
    assert (answer.status_code, answer.text.split(",")[0]) == (200, "id")

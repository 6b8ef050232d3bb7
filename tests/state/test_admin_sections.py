"""The staff's other pages through the real event pipeline: failures, queues, schedules, stuck jobs, totals."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, update

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services import credits, jobs
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import ScheduleView
from cursive_app.services.jobs.admin.views import TickView
from cursive_app.services.jobs.pruning import begin, prune_history
from cursive_app.services.jobs.ticks import ClockSeen
from db.models.accounts import User
from db.models.credits import LedgerFinding
from db.models.jobs import Job, JobAttempt, JobEvent, QueueLimit, QueuePause
from db.system import system_scope
from state import admin_totals
from state.admin_base import AdminLiveState
from state.admin_failures import AdminFailuresState as Failures
from state.admin_jobs import AdminJobsState as Jobs
from state.admin_queues import AdminQueuesState as Queues
from state.admin_queues import sparkline
from state.admin_schedules import AdminSchedulesState as Schedules
from state.admin_schedules import schedule_line
from state.admin_stuck import AdminStuckState as Stuck
from state.admin_totals import AdminTotalsState as Totals
from state.jobs import JobsState
from tests.factories import Cast
from tests.factories_admin import ANY_SIZE, done_job, failing_job, retryable_kind, staff
from tests.factories_credits import fund
from tests.factories_jobs import grow_stale, hang, job_row, make_job
from tests.factories_segments import make_segment
from tests.state.admin import as_staff
from tests.state.driver import sign_in


@pytest.fixture
def kind() -> str:
    """A kind of work that can be taken up again, with any `size`."""
    return retryable_kind(size=ANY_SIZE)


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


async def test_a_group_of_the_usual_days_leads_to_the_same_days(driver, cast: Cast, kind: str) -> None:
    job = failing_job(cast.alice, kind=kind, error=Invalid(f"Odd {kind}"))
    with system_scope() as scope:
        scope.get(User, cast.bob.user_id).timezone = "Asia/Tokyo"
    tab = driver(as_staff(cast.bob))
    await tab.send(Failures.load, path="/admin/jobs/failures")
    group = next(one for one in tab.var(Failures, "groups") if kind in one["message"])
    first = (now().astimezone(ZoneInfo("Asia/Tokyo")) - timedelta(days=30)).date().isoformat()
    assert parse_qs(urlsplit(group["href"]).query) == {"q": [f"met:{group['fingerprint']}"], "failed_since": [first]}
    await tab.send(Jobs.load, path=group["href"])
    assert str(job.id) in [row["id"] for row in tab.var(Jobs, "rows")]
    today = now().astimezone(ZoneInfo("Asia/Tokyo")).date().isoformat()
    await tab.send(Failures.load, path=f"/admin/jobs/failures?since={today}&until={today}")
    group = next(one for one in tab.var(Failures, "groups") if kind in one["message"])
    assert group["href"].endswith(f"&failed_since={today}&failed_until={today}")
    await tab.send(Jobs.load, path=f"{group['href']}x")
    assert "is no day" in tab.var(Jobs, "error")


async def test_a_queue_is_paused_with_a_reason_only(driver, cast: Cast) -> None:
    name = f"spare-{uuid4().hex[:8]}"
    with cast.alice.begin() as scope:
        jobs.open_job(scope, kind="trial", title="Spare", task="trial.run", queue=name)
    tab = driver(as_staff(cast.bob, "operate"))
    path = "/admin/jobs/queues"
    await tab.send(Queues.load, path=path)
    await tab.send(Queues.ask, path=path, name=name, wanted="pause")
    await tab.send(Queues.change, path=path, form={"reason": " "})
    assert "reason" in tab.var(Queues, "wrong")["reason"]
    await tab.send(Queues.change, path=path, form={"reason": "The provider is down"})
    line = next(one for one in tab.var(Queues, "queues") if one["name"] == name)
    assert (line["paused"], line["reason"]) == (True, "The provider is down")
    await tab.send(Queues.ask, path=path, name=name, wanted="resume")
    await tab.send(Queues.change, path=path, form={"reason": "It is back"})
    with system_scope() as scope:
        assert scope.session.get(QueuePause, name) is None


async def test_a_queue_gets_a_limit_with_a_number_and_a_reason(driver, cast: Cast) -> None:
    name = f"spare-{uuid4().hex[:8]}"
    with cast.alice.begin() as scope:
        jobs.open_job(scope, kind="trial", title="Spare", task="trial.run", queue=name)
    tab = driver(as_staff(cast.bob, "operate"))
    path = "/admin/jobs/queues"
    await tab.send(Queues.ask_limit, path=path, name=name, number="")
    for typed, field, says in (
        ("many", "at_most", "whole number"),
        ("-1", "at_most", "whole number"),
        ("0", "at_most", "pause the queue"),
        ("2", "reason", "reason"),
    ):
        await tab.send(Queues.change, path=path, form={"at_most": typed, "reason": "" if typed == "2" else "Slow"})
        assert tab.var(Queues, "wrong").keys() == {field}
        assert says in tab.var(Queues, "wrong")[field]
    await tab.send(Queues.change, path=path, form={"at_most": " 2 ", "reason": "The provider is slow"})
    line = next(one for one in tab.var(Queues, "queues") if one["name"] == name)
    assert (line["limit"], line["limit_reason"]) == ("At most 2 at once", "The provider is slow")
    assert tab.var(Queues, "asking") is False
    await tab.send(Queues.ask_limit, path=path, name=name, number=line["limit_number"])
    assert tab.var(Queues, "limit_number") == "2"
    await tab.send(Queues.change, path=path, form={"at_most": "", "reason": "It is fast again"})
    assert next(one for one in tab.var(Queues, "queues") if one["name"] == name)["limit"] == ""


async def test_a_reader_changes_no_queue(driver, cast: Cast) -> None:
    tab = driver(as_staff(cast.bob, "read_only"))
    path = "/admin/jobs/queues"
    await tab.send(Queues.ask_limit, path=path, name="runs", number="")
    await tab.send(Queues.change, path=path, form={"at_most": "1", "reason": "because"})
    assert "read-only" in tab.text()
    with system_scope() as scope:
        assert scope.session.get(QueueLimit, "runs") is None


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


async def test_schedules_say_how_long_jobs_are_kept_and_how_pruning_went(driver, cast: Cast) -> None:
    job = done_job(cast.alice)
    with system_scope() as scope:
        scope.get(Job, job.id).finished_at = now() - timedelta(days=500)
    tab = driver(as_staff(cast.bob, "read_only"))
    prune_history(days=400)
    await tab.send(Schedules.load, path="/admin/jobs/schedules")
    assert tab.var(Schedules, "kept").startswith("Jobs are kept for 400 days after they end. Those that a run")
    assert tab.var(Schedules, "pruned").startswith("Jobs: pruned ")
    assert "jobs.prune_history" in [one["name"] for one in tab.var(Schedules, "schedules")]
    begin("jobs")
    await tab.send(Schedules.load, path="/admin/jobs/schedules")
    assert "has not come to its end, 0 gone so far. Timelines: pruned" in tab.var(Schedules, "pruned")
    await tab.send(Totals.load, path="/admin/jobs/totals")
    kept = {one["what"]: one for one in tab.var(Totals, "kept")}
    assert kept["Jobs that nothing refers to"]["rule"] == "400 days"
    assert kept["Jobs that nothing refers to"]["pruned"].startswith("Pruning began")
    assert kept["Staff actions"]["pruned"] == "–"


async def test_a_job_without_its_log_says_so_instead_of_nothing(driver, cast: Cast) -> None:
    job = done_job(cast.alice)
    with system_scope() as scope:
        for table in (JobEvent, JobAttempt):
            scope.session.execute(delete(table).where(table.job_id == job.id))
    tab = driver(as_staff(cast.bob, "all"))
    await tab.send(Jobs.load, path=f"/admin/jobs?job={job.id}")
    drawer = tab.var(Jobs, "drawer")
    assert "no longer kept" in drawer["earlier_events"]
    assert "no longer kept" in drawer["no_attempts"]
    assert drawer["row"]["tries_exact"].startswith("Tries in all no longer kept;")
    customer = driver(sign_in(cast.alice))
    await customer.send(JobsState.load, path=f"/jobs?job={job.id}")
    assert "no longer kept" in customer.var(JobsState, "drawer")["earlier"]


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


@pytest.mark.parametrize(("seconds", "late"), [(5, False), (28, True)])
async def test_a_clock_that_has_gone_silent_says_what_waits(
    driver, cast: Cast, monkeypatch: pytest.MonkeyPatch, seconds: int, late: bool
) -> None:
    seen = ClockSeen(worker="host:7", since=now(), seconds_ago=seconds)
    monkeypatch.setattr(import_module("cursive_app.services.jobs.admin.stuck"), "clock_seen", lambda: seen)
    tab = driver(as_staff(cast.bob))
    await tab.send(Stuck.load, path="/admin/jobs/stuck")
    said = tab.var(Stuck, "clock")
    assert said.startswith(f"The clock was last seen {seconds} s ago, in host:7.")
    assert ("nothing scheduled begins" in said) is late
    assert bool(tab.var(Stuck, "clock_late")) is late


async def test_refunded_credits_stand_in_both_drawers(driver, cast: Cast) -> None:
    job = done_job(cast.alice)
    tab, customer = driver(as_staff(cast.bob, "read_only")), driver(sign_in(cast.alice))
    await tab.send(Jobs.load, path=f"/admin/jobs?job={job.id}")
    assert tab.var(Jobs, "drawer")["row"]["refunded"] == ""
    fund(cast.workspace_id, 100)
    with cast.alice.begin() as scope:
        held = credits.hold(scope, amount=20, key="h", description="Held", job_id=job.id)
        taken = credits.capture(scope, hold_id=held.id, amount=12, key="c", description="Charged")
        credits.refund(scope, line_id=taken.id, amount=5, key="r", description="Given back")
    await tab.send(Jobs.load, path=f"/admin/jobs?job={job.id}")
    assert tab.var(Jobs, "drawer")["row"]["refunded"] == "5.00"
    await customer.send(JobsState.load, path=f"/jobs?job={job.id}")
    assert customer.var(JobsState, "drawer")["refunded"] == "5.00"


async def test_a_ledger_that_is_off_stands_on_every_page(driver, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = as_staff(cast.bob, "read_only")
    with system_scope() as scope:
        found = LedgerFinding(workspace_id=cast.workspace_id, check="balance", message="Off.", expected=1, actual=3)
        scope.session.add(found)
    monkeypatch.setattr(import_module("cursive_app.services.jobs.admin.ledger"), "FINDINGS_SHOWN", 1)
    for state, page in ((Jobs, ""), (Failures, "/failures"), (Queues, "/queues"), (Schedules, "/schedules"),
                        (Stuck, "/stuck"), (Totals, "/totals")):  # fmt: skip
        tab = driver(cookie)
        await tab.send(state.load, path=f"/admin/jobs{page}")
        (line,) = tab.var(AdminLiveState, "ledger")
        assert (line["name"], line["href"]) == ("Acme", f"/admin/jobs?q=workspace%3A{cast.workspace_id}")
        assert line["words"].startswith("Off. Expected 1, found 3: off by +2. Found ")
    with system_scope() as scope:
        scope.session.execute(update(LedgerFinding).values(resolved_at=now()).where(LedgerFinding.id == found.id))
    tab = driver(cookie)
    await tab.send(Totals.load, path="/admin/jobs/totals")
    assert str(cast.workspace_id) not in str(tab.var(AdminLiveState, "ledger"))


@pytest.mark.parametrize("page", ["list", "drawer"])
async def test_a_job_whose_worker_answers_is_asked_about_before_it_is_taken(driver, cast: Cast, page: str) -> None:
    job = make_job(cast.alice)
    held = jobs.claim(job.id)
    assert held is not None
    tab = driver(as_staff(cast.bob, "operate"))
    state, path = (Stuck, "/admin/jobs/stuck") if page == "list" else (Jobs, f"/admin/jobs?job={job.id}")
    await tab.send(Jobs.load, path=f"/admin/jobs?job={job.id}")
    assert tab.var(Jobs, "drawer")["stuck"] == ""  # it has only begun: rescue is not offered
    hang(job.id)
    jobs.heartbeat(held)
    await tab.send(state.load, path=path)
    await tab.send(state.rescue, path=path, job_id=str(job.id))
    assert tab.var(state, "rescue_asked") == str(job.id)
    assert job_row(job.id).attempt_token == held.token
    await tab.send(state.set_rescue_asked, path=path, is_open=False)
    await tab.send(state.rescue_living, path=path)
    assert job_row(job.id).attempt_token == held.token  # nothing was asked any more
    await tab.send(state.rescue, path=path, job_id=str(job.id))
    await tab.send(state.rescue_living, path=path)
    assert tab.var(state, "rescue_asked") == ""
    assert job_row(job.id).attempt_token is None


async def test_totals_say_nothing_is_known_rather_than_zero(driver, cast: Cast) -> None:
    tab = driver(as_staff(cast.bob))
    tomorrow = (now() + timedelta(days=2)).date().isoformat()
    await tab.send(Totals.load, path=f"/admin/jobs/totals?since={tomorrow}")
    assert (tab.var(Totals, "jobs"), tab.var(Totals, "success"), tab.var(Totals, "p95")) == ("0", "–", "–")
    done_job(cast.alice)
    await tab.send(Totals.load, path="/admin/jobs/totals")
    assert tab.var(Totals, "success").endswith("%")
    assert len(tab.var(Totals, "hours")) == 72


async def test_segments_per_person_are_told_week_by_week(driver, cast: Cast) -> None:
    make_segment(cast.alice)
    tab = driver(as_staff(cast.bob, "read_only"))
    await tab.send(Totals.load, path="/admin/jobs/totals")
    weeks = tab.var(Totals, "weeks")
    assert weeks[0]["week"].endswith(", so far")
    assert float(weeks[0]["per_person"]) > 0
    assert f"{weeks[0]['segments']} saved segment" in tab.var(Totals, "weeks_text")


async def test_the_chart_is_of_one_kind_when_the_address_says_so(driver, cast: Cast) -> None:
    kind = f"kind_{uuid4().hex[:8]}"
    done_job(cast.alice, kind=kind)
    tab = driver(as_staff(cast.bob))
    await tab.send(Totals.load, path=f"/admin/jobs/totals?kind={kind}")
    words = kind.replace("_", " ").capitalize()
    assert tab.var(Totals, "hours_text").startswith(f"1 job of the kind {words} ended")
    assert tab.var(Totals, "kinds_to_choose")[0] == {"value": "", "label": "All kinds"}
    assert {"value": kind, "label": words} in tab.var(Totals, "kinds_to_choose")
    await tab.send(Totals.choose_since, path=f"/admin/jobs/totals?kind={kind}", value="2026-03-01")
    assert f"/admin/jobs/totals?since=2026-03-01&kind={kind}" in tab.text()
    await tab.send(Totals.choose_hours_of, path=f"/admin/jobs/totals?kind={kind}", value="enrichment")
    assert "/admin/jobs/totals?kind=enrichment" in tab.text()


async def test_older_actions_of_staff_are_one_click_away(driver, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_totals, "ACTIONS_SHOWN", 2)
    cookie, path = as_staff(cast.bob, "operate"), "/admin/jobs/totals"
    queue, actor = f"spare-{uuid4().hex[:8]}", staff("operate")
    make_job(cast.alice, queue=queue)
    admin.pause_queue(actor, queue, reason="First")
    admin.resume_queue(actor, queue, reason="Second")
    admin.pause_queue(actor, queue, reason="Third")
    tab = driver(cookie)
    await tab.send(Totals.load, path=path)
    assert [line["action"] for line in tab.var(Totals, "actions")] == ["queue.pause", "queue.resume"]
    assert (tab.var(Totals, "has_older"), tab.var(Totals, "is_older")) == (True, False)
    newest = tab.var(Totals, "actions")
    await tab.send(Totals.older_actions, path=path)
    assert f"{path}?before={newest[-1]['key']}" in tab.text()
    await tab.send(Totals.load, path=f"{path}?before={newest[-1]['key']}")
    assert "First" in tab.var(Totals, "actions")[0]["details"]
    assert tab.var(Totals, "is_older") is True
    await tab.send(Totals.load, path=f"{path}?before=x")
    assert "not the beginning of a page" in tab.var(Totals, "error")


def test_a_sparkline_of_nothing_is_a_flat_line_at_the_ground() -> None:
    assert sparkline(()) == ""
    assert sparkline((0, 0, 0)) == "0.0,34.0 90.0,34.0 180.0,34.0"
    assert sparkline((0, 4)) == "0.0,34.0 180.0,2.0"


def test_a_tick_that_was_caught_up_says_when_it_ran_and_when_it_was_due() -> None:
    due = now() - timedelta(hours=19)
    late = timedelta(hours=18, minutes=59)
    caught_up = TickView(at=due, late_seconds=int(late.total_seconds()), result="succeeded", by=None)
    view = ScheduleView(
        name="jobs.prune", queue="default", cron="11 4 * * *", words="Every day at 04:11 UTC", next_run=None,
        paused=None, last=(caught_up,),
    )  # fmt: skip
    line = schedule_line(view, "UTC")
    assert line.last_when == "1 minute ago"
    assert "late" in line.last_exact

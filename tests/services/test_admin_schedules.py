"""Scheduled tasks as staff see them: next run, last results, run now, pause without a flood afterwards (JOB-09)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from cursive_app.clock import now
from cursive_app.errors import Conflict, Forbidden, Invalid, NotFound
from cursive_app.jobs.clock import emit_due
from cursive_app.jobs.pausing import open_queues
from cursive_app.jobs.queue import register_tasks
from cursive_app.jobs.schedule import SCHEDULE, Scheduled
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import ScheduleView
from cursive_app.services.jobs.rescue import MOST_TASK_ATTEMPTS, rescue_stalled
from db.engine import Database
from db.system import system_scope
from tests.factories_admin import actions_of, staff


@pytest.fixture
def every_second(database: Database) -> Scheduled:
    """A schedule of its own that is always due."""
    return Scheduled(f"trial.{uuid4().hex[:8]}", every=timedelta(seconds=1))


def view(one: Scheduled) -> ScheduleView:
    (found,) = admin.schedules(staff("read_only"), declared=[one])
    return found


def tasks(one: Scheduled) -> list[str]:
    with system_scope() as scope:
        found = text("SELECT status::text FROM procrastinate_jobs WHERE task_name = :name ORDER BY id")
        return list(scope.session.scalars(found, {"name": one.task}))


def settle(one: Scheduled, how: str) -> None:
    statements = {
        "succeeded": "DELETE FROM procrastinate_jobs WHERE task_name = :name",  # as the worker does
        "failed": "UPDATE procrastinate_jobs SET status = 'failed' WHERE task_name = :name",
    }
    with system_scope() as scope:
        scope.session.execute(text(statements[how]), {"name": one.task})


def fall_silent(one: Scheduled) -> None:
    """Its waiting task is taken by a worker that is never heard of again."""
    taken = text(
        "WITH worker AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '30 s') "
        "RETURNING id) UPDATE procrastinate_jobs SET status = 'doing', worker_id = worker.id FROM worker "
        "WHERE task_name = :name AND status = 'todo'"
    )
    with system_scope() as scope:
        scope.session.execute(taken, {"name": one.task})


def test_every_schedule_is_told_in_words(database: Database) -> None:
    found = admin.schedules(staff("read_only"), declared=SCHEDULE)
    assert {one.name for one in found} == {one.name for one in SCHEDULE}
    nightly = next(one for one in found if one.name == "credits.reconcile")
    assert (nightly.cron, nightly.words) == ("17 2 * * *", "Every day at 02:17 UTC")
    assert nightly.next_run is not None
    assert nightly.next_run > now()
    assert (nightly.next_run.hour, nightly.next_run.minute) == (2, 17)


@pytest.mark.parametrize("result", ["succeeded", "failed"])
def test_the_last_results(every_second: Scheduled, result: str) -> None:
    emit_due([every_second])
    assert [tick.result for tick in view(every_second).last] == ["waiting"]
    settle(every_second, result)
    assert [tick.result for tick in view(every_second).last] == [result]


def test_a_tick_whose_worker_died_tells_how_its_replacement_went(every_second: Scheduled) -> None:
    emit_due([every_second])
    fall_silent(every_second)
    rescue_stalled()
    assert tasks(every_second) == ["failed", "todo"]
    assert [tick.result for tick in view(every_second).last] == ["waiting"]
    with system_scope() as scope:
        done = text("DELETE FROM procrastinate_jobs WHERE task_name = :name AND status = 'todo'")
        scope.session.execute(done, {"name": every_second.task})
    assert [tick.result for tick in view(every_second).last] == ["succeeded"]


def test_a_tick_whose_task_was_given_up_has_failed(every_second: Scheduled) -> None:
    emit_due([every_second])
    for _ in range(MOST_TASK_ATTEMPTS):
        fall_silent(every_second)
        rescue_stalled()
    assert tasks(every_second) == ["failed"] * MOST_TASK_ATTEMPTS
    assert [tick.result for tick in view(every_second).last] == ["failed"]


def test_run_now_is_a_tick_of_its_own(every_second: Scheduled) -> None:
    actor = staff("operate")
    admin.run_schedule(actor, every_second.name, declared=[every_second])
    (tick,) = view(every_second).last
    assert (tick.by, tick.result) == ("Sam", "waiting")
    assert tasks(every_second) == ["todo"]
    emit_due([every_second])  # the clock's own ticks go on as if nothing had happened
    assert len(tasks(every_second)) == 2
    assert [one.action for one in actions_of(actor)] == ["schedule.run"]


def test_a_paused_schedule_skips_and_does_not_catch_up(every_second: Scheduled) -> None:
    actor, declared = staff("operate"), [every_second]
    admin.pause_schedule(actor, every_second.name, reason="It fills the disk", declared=declared)
    with pytest.raises(Conflict):
        admin.pause_schedule(actor, every_second.name, reason="again", declared=declared)
    emit_due(declared)
    seen = view(every_second)
    assert tasks(every_second) == []
    assert (seen.next_run, [tick.result for tick in seen.last]) == (None, ["skipped"])
    assert seen.paused is not None
    assert seen.paused.reason == "It fills the disk"
    admin.resume_schedule(actor, every_second.name, reason="There is room", declared=declared)
    emit_due(declared)
    assert len(tasks(every_second)) <= 3  # the seconds since, none of those before
    assert view(every_second).next_run is not None


def test_what_is_refused(every_second: Scheduled) -> None:
    declared = [every_second]
    with pytest.raises(Forbidden):
        admin.run_schedule(staff("read_only"), every_second.name, declared=declared)
    with pytest.raises(NotFound):
        admin.run_schedule(staff(), "no.such", declared=declared)
    with pytest.raises(Invalid):
        admin.pause_schedule(staff(), every_second.name, reason="", declared=declared)
    with pytest.raises(Conflict):
        admin.resume_schedule(staff(), every_second.name, reason="because", declared=declared)


def test_a_worker_leaves_out_paused_queues_of_plain_tasks_only() -> None:
    app = register_tasks()
    assert open_queues(app, frozenset()) is None
    assert open_queues(app, frozenset({"runs"})) is None  # its claims keep the jobs back, so that cancels get through
    left = open_queues(app, frozenset({"default"}))
    assert left is not None
    assert "default" not in left
    assert "runs" in left

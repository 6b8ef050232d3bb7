"""The sweep: what is dead is put back once, what lives is left alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cursive_app.clock import now
from cursive_app.services import jobs
from cursive_app.services.jobs import rescue
from cursive_app.services.jobs.pruning import prune_queue
from cursive_app.services.jobs.ticks import prune_ticks, record_tick, tick_state
from db.models.jobs import Job
from db.system import system_scope
from tests.factories import Cast
from tests.factories_jobs import forget_tasks, grow_stale, make_job, waiting_tasks


def make_dead_task(*, name: str, seconds: int, attempts: int = 0, args: str = "{}") -> int:
    """A task in the hands of a queue worker that was last heard of so long ago."""
    with system_scope() as scope:
        return scope.session.execute(
            text(
                "WITH worker AS (INSERT INTO procrastinate_workers (last_heartbeat) "
                "VALUES (now() - make_interval(secs => :seconds)) RETURNING id) "
                "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id, attempts, args) "
                "SELECT 'default', :name, 'doing', id, :attempts, cast(:args AS jsonb) FROM worker RETURNING id"
            ),
            {"seconds": seconds, "name": name, "attempts": attempts, "args": args},
        ).scalar_one()


def tasks(name: str) -> list[tuple[str, int]]:
    with system_scope() as scope:
        found = text("SELECT status::text, attempts FROM procrastinate_jobs WHERE task_name = :name ORDER BY id")
        return [(status, attempts) for status, attempts in scope.session.execute(found, {"name": name})]


def test_a_stale_claim_is_woken_once(cast: Cast) -> None:
    job = make_job(cast.alice)
    assert jobs.claim(job.id) is not None
    forget_tasks(job.id)
    jobs.rescue_stalled()
    assert waiting_tasks(job.id) == []
    grow_stale(job.id)
    jobs.rescue_stalled()
    jobs.rescue_stalled()
    assert waiting_tasks(job.id) == [f"job:{job.id}"]


def test_a_missed_wake_up_is_made_good(cast: Cast) -> None:
    job = make_job(cast.alice)
    forget_tasks(job.id)
    with system_scope() as scope:
        long_ago = now() - timedelta(minutes=1)
        scope.session.execute(text("UPDATE jobs SET updated_at = :at WHERE id = :id"), {"at": long_ago, "id": job.id})
    jobs.rescue_stalled()
    assert waiting_tasks(job.id) == [f"job:{job.id}"]


def test_a_long_backlog_does_not_hide_a_dead_job(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescue, "BATCH", 3)
    backlog = [make_job(cast.alice) for _ in range(6)]
    dead = make_job(cast.alice)
    assert jobs.claim(dead.id) is not None
    forget_tasks(dead.id)
    grow_stale(dead.id)
    with system_scope() as scope:
        age = text("UPDATE jobs SET updated_at = now() - interval '1 hour' WHERE id = ANY(:ids)")
        scope.session.execute(age, {"ids": [job.id for job in backlog]})
    for _ in range(10):  # other tests leave jobs behind that are due as well
        jobs.rescue_stalled()
    assert waiting_tasks(dead.id) == [f"job:{dead.id}"]
    assert all(waiting_tasks(job.id) == [f"job:{job.id}"] for job in backlog)


def test_a_job_that_waits_for_its_time_is_left_alone(cast: Cast) -> None:
    job = make_job(cast.alice)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.postpone(scope, claimed, until=now() + timedelta(minutes=5))
    forget_tasks(job.id)
    with system_scope() as scope:
        scope.session.execute(
            text("UPDATE jobs SET updated_at = now() - interval '1 hour' WHERE id = :id"), {"id": job.id}
        )
    jobs.rescue_stalled()
    assert waiting_tasks(job.id) == []


def test_ended_and_paused_jobs_are_left_alone(cast: Cast) -> None:
    for ending in (jobs.finish, lambda s, c: jobs.pause(s, c, code="x", message="x")):
        job = make_job(cast.alice)
        claimed = jobs.claim(job.id)
        assert claimed is not None
        with cast.alice.begin() as scope:
            ending(scope, claimed)
        forget_tasks(job.id)
        with system_scope() as scope:
            scope.get(Job, job.id).updated_at = now() - timedelta(hours=1)
        jobs.rescue_stalled()
        assert waiting_tasks(job.id) == []


def test_a_paused_job_that_was_asked_to_stop_is_woken(cast: Cast) -> None:
    """Nothing else would: it would hold its credits and say “Stopping” for good."""
    job = make_job(cast.alice)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.pause(scope, claimed, code=None, message="Paused by Alice.")
        jobs.request_cancel(scope, job.id)
    forget_tasks(job.id)
    jobs.rescue_stalled()
    assert waiting_tasks(job.id) == []  # its own wake-up has some seconds yet
    with system_scope() as scope:
        scope.get(Job, job.id).updated_at = now() - timedelta(minutes=1)
    for _ in range(2):
        jobs.rescue_stalled()
    assert waiting_tasks(job.id) == [f"job:{job.id}:cancel"]
    again = jobs.claim(job.id)
    assert again is not None
    with again.tenant.begin() as scope:
        assert jobs.cancel_requested(scope, again)


def test_a_stop_that_came_while_the_job_was_about_to_pause_is_not_lost(cast: Cast) -> None:
    """Its wake-up found the job in hand and went away, and the pause follows after it."""
    job = make_job(cast.alice)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.request_cancel(scope, job.id)
    forget_tasks(job.id)
    with claimed.tenant.begin() as scope:
        jobs.pause(scope, claimed, code=None, message="Paused by Alice.")
    assert waiting_tasks(job.id) == [f"job:{job.id}:cancel"]
    assert jobs.claim(job.id) is not None


def test_a_dead_workers_task_is_replaced_by_a_fresh_row(cast: Cast) -> None:
    name = f"trial-{uuid4().hex[:8]}"
    make_dead_task(name=name, seconds=30)
    jobs.rescue_stalled()
    assert tasks(name) == [("failed", 1), ("todo", 1)]
    jobs.rescue_stalled()
    assert len(tasks(name)) == 2


def test_a_live_workers_task_is_left_alone(cast: Cast) -> None:
    name = f"trial-{uuid4().hex[:8]}"
    make_dead_task(name=name, seconds=15)
    jobs.rescue_stalled()
    assert tasks(name) == [("doing", 0)]


def test_a_task_that_kills_its_worker_is_given_up(cast: Cast) -> None:
    name = f"trial-{uuid4().hex[:8]}"
    make_dead_task(name=name, seconds=30, attempts=4)
    jobs.rescue_stalled()
    assert tasks(name) == [("failed", 5)]


def test_a_late_acknowledgement_cannot_close_the_fresh_row(cast: Cast) -> None:
    """The queue does not fence (its own acknowledgement names only the row), so the row must be another one."""
    name = f"trial-{uuid4().hex[:8]}"
    old = make_dead_task(name=name, seconds=30)
    jobs.rescue_stalled()
    late = text("SELECT procrastinate_finish_job_v1(:id, 'succeeded', true)")
    with pytest.raises(DBAPIError, match="not found"), system_scope() as scope:
        scope.session.execute(late, {"id": old})
    assert tasks(name) == [("failed", 1), ("todo", 1)]


def test_a_tick_is_recorded_once_with_its_task(cast: Cast) -> None:
    name = f"trial-{uuid4().hex[:8]}"
    options = {"schedule": name, "tick_at": now(), "task": name, "queue": "default", "late_seconds": 0}
    assert record_tick(**options)
    assert not record_tick(**options)
    assert tasks(name) == [("todo", 0)]
    assert tick_state([name]).newest == {name: options["tick_at"]}


def test_a_schedule_begins_once(cast: Cast) -> None:
    """Two clocks that both see a schedule without ticks, one of them late: the ticks between would be lost (F25)."""
    name, moment = f"trial-{uuid4().hex[:8]}", now()
    options = {"schedule": name, "task": name, "queue": "default", "late_seconds": 0, "first": True}
    assert record_tick(tick_at=moment, **options)
    assert not record_tick(tick_at=moment - timedelta(seconds=2), **options)
    assert not record_tick(tick_at=moment + timedelta(seconds=2), **options)
    assert tick_state([name]).newest == {name: moment}
    assert tasks(name) == [("todo", 0)]


def test_pruning_keeps_what_waits_and_the_newest_tick(cast: Cast) -> None:
    name = f"trial-{uuid4().hex[:8]}"
    for days in (90, 60):
        tick_at = now() - timedelta(days=days)
        record_tick(schedule=name, tick_at=tick_at, task=name, queue="default", late_seconds=0)
    prune_ticks()
    assert list(tick_state([name]).newest) == [name]
    ended = text(
        "UPDATE procrastinate_jobs SET status = 'cancelled' "
        "WHERE id = (SELECT min(id) FROM procrastinate_jobs WHERE task_name = :name)"
    )
    aged = text(
        "UPDATE procrastinate_events SET at = at - interval '60 days' "
        "WHERE job_id IN (SELECT id FROM procrastinate_jobs WHERE task_name = :name)"
    )
    with system_scope() as scope:
        scope.session.execute(ended, {"name": name})
        scope.session.execute(aged, {"name": name})
    prune_queue()
    assert tasks(name) == [("todo", 0)]


def test_a_worker_that_died_is_listed_for_an_hour(cast: Cast) -> None:
    """Until then staff see that it is silent; what it had in hand goes first."""
    with system_scope() as scope:
        made = text(
            "INSERT INTO procrastinate_workers (last_heartbeat) "
            "VALUES (now() - make_interval(mins => :minutes)) RETURNING id"
        )
        silent, forgotten = (scope.session.scalar(made, {"minutes": minutes}) for minutes in (55, 65))
    jobs.rescue_stalled()
    with system_scope() as scope:
        left = set(scope.session.scalars(text("SELECT id FROM procrastinate_workers")))
    assert silent in left
    assert forgotten not in left

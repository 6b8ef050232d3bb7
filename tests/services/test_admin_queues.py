"""Queues as staff see them: depth, throughput, pausing, and at most so many tasks at once (JOB-08)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, text

from cursive_app.clock import now
from cursive_app.errors import Conflict, Forbidden, Invalid, NotFound
from cursive_app.services import jobs
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin.views import QueueView
from cursive_app.services.jobs.throughput import add_ended
from db.engine import Database
from db.models.jobs import Job, QueueLimit
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import actions_of, done_job, staff
from tests.factories_jobs import forget_tasks, make_job, waiting_tasks


@pytest.fixture
def queue(database: Database) -> Iterator[str]:
    """A queue that no other test uses, without a limit afterwards."""
    name = f"trial-{uuid4().hex[:8]}"
    yield name
    with system_scope() as scope:
        scope.session.execute(delete(QueueLimit).where(QueueLimit.queue == name))


def view_of(queue: str) -> QueueView:
    return next(one for one in admin.queues(staff("read_only")).queues if one.name == queue)


def fetch(*queues: str) -> UUID | None:
    """What a worker gets when it asks for work of these queues: the job of the task it now has in hand."""
    with system_scope() as scope:
        worker = scope.session.scalar(text("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"))
        asked = text("SELECT args->>'job_id' FROM fetch_queue_task(CAST(:queues AS varchar[]), :worker)")
        found = scope.session.scalar(asked, {"queues": list(queues), "worker": worker})
    return UUID(found) if found else None


def hand_back(job_id: UUID) -> None:
    """As if the worker had ended the task that it has in hand for this job."""
    with system_scope() as scope:
        ended = text("DELETE FROM procrastinate_jobs WHERE status = 'doing' AND args->>'job_id' = :id")
        scope.session.execute(ended, {"id": str(job_id)})


def test_a_queue_is_paused_and_resumed(cast: Cast) -> None:
    actor, queue = staff("operate"), f"trial-{uuid4().hex[:8]}"
    job = make_job(cast.alice, queue=queue)
    with pytest.raises(NotFound):
        admin.pause_queue(actor, "no-such-queue", reason="because")
    with pytest.raises(Invalid):
        admin.pause_queue(actor, queue, reason=" ")
    admin.pause_queue(actor, queue, reason="The provider is down")
    with pytest.raises(Conflict):
        admin.pause_queue(actor, queue, reason="again")
    view = next(one for one in admin.queues(actor).queues if one.name == queue)
    assert (view.waiting, view.running) == (1, 0)
    assert view.paused is not None
    assert (view.paused.reason, view.paused.by) == ("The provider is down", "Sam")
    assert jobs.claim(job.id) is None
    forget_tasks(job.id)
    admin.resume_queue(actor, queue, reason="It is back")
    assert waiting_tasks(job.id) == [f"job:{job.id}"]
    assert jobs.claim(job.id) is not None
    running = next(one for one in admin.queues(actor).queues if one.name == queue)
    assert (running.waiting, running.running, running.paused) == (0, 1, None)
    assert [one.action for one in actions_of(actor)] == ["queue.pause", "queue.resume"]


def test_what_ended_is_counted_per_minute(cast: Cast) -> None:
    queue = f"trial-{uuid4().hex[:8]}"
    done = [done_job(cast.alice, queue=queue) for _ in range(3)]
    with system_scope() as scope:
        scope.get(Job, done[0].id).finished_at = now() - timedelta(minutes=10, seconds=30)
    view = next(one for one in admin.queues(staff("read_only")).queues if one.name == queue)
    assert (len(view.per_minute), view.per_minute[-1], view.per_minute[-11], sum(view.per_minute)) == (60, 2, 1, 3)
    assert view.oldest_seconds is None
    quiet = f"quiet-{uuid4().hex[:8]}"
    with cast.alice.begin() as scope:
        scope.defer("nothing", queue=quiet)
    add_ended({quiet: 2})
    add_ended({quiet: 3})
    tasks = view_of(quiet)
    assert (tasks.waiting, tasks.per_minute[-1], sum(tasks.per_minute)) == (1, 5, 5)


# At most so many at once


def test_a_limit_is_set_changed_and_ended_with_a_reason(queue: str, cast: Cast) -> None:
    actor = staff("operate")
    make_job(cast.alice, queue=queue)
    admin.limit_queue(actor, queue, at_most=3, reason="The provider is slow")
    seen = view_of(queue)
    assert seen.limit is not None
    assert (seen.limit.at_most, seen.limit.reason, seen.limit.by) == (3, "The provider is slow", "Sam")
    with pytest.raises(Conflict):
        admin.limit_queue(actor, queue, at_most=3, reason="again")
    admin.limit_queue(actor, queue, at_most=1, reason="Slower still")
    admin.limit_queue(actor, queue, at_most=None, reason="It is fast again")
    assert view_of(queue).limit is None
    steps = [(one.details["before"], one.details["after"]) for one in actions_of(actor)]
    assert steps == [(None, 3), (3, 1), (1, None)]


def test_what_no_limit_may_be(queue: str, cast: Cast) -> None:
    make_job(cast.alice, queue=queue)
    reader = staff("read_only")
    with pytest.raises(Forbidden):
        admin.limit_queue(reader, queue, at_most=1, reason="because")
    assert [one.action for one in actions_of(reader)] == ["refused.queue.limit"]
    for at_most in (0, -1, 1_001):
        with pytest.raises(Invalid, match="at once"):
            admin.limit_queue(staff(), queue, at_most=at_most, reason="because")
    with pytest.raises(Invalid, match="reason"):
        admin.limit_queue(staff(), queue, at_most=1, reason="")
    with pytest.raises(NotFound):
        admin.limit_queue(staff(), "no\0such", at_most=1, reason="because")
    assert view_of(queue).limit is None


def test_no_more_are_fetched_than_the_limit_allows(queue: str, cast: Cast) -> None:
    made = [make_job(cast.alice, queue=queue).id for _ in range(4)]
    admin.limit_queue(staff(), queue, at_most=2, reason="The provider is slow")
    assert [fetch(queue) for _ in range(3)] == [made[0], made[1], None]
    hand_back(made[0])
    assert [fetch(queue) for _ in range(2)] == [made[2], None]
    admin.limit_queue(staff(), queue, at_most=None, reason="It is fast again")
    assert fetch(queue) == made[3]


def test_a_full_queue_leaves_the_others_open_and_lets_cancels_through(queue: str, cast: Cast) -> None:
    other = f"{queue}-b"
    running, stopped, kept = (make_job(cast.alice, queue=queue).id for _ in range(3))
    elsewhere = make_job(cast.alice, queue=other).id
    admin.limit_queue(staff(), queue, at_most=1, reason="The provider is slow")
    assert fetch(queue) == running
    with cast.alice.begin() as scope:
        jobs.request_cancel(scope, stopped)
    assert {fetch(queue, other), fetch(queue, other)} == {elsewhere, stopped}
    assert fetch(queue, other) is None
    assert waiting_tasks(kept) == [f"job:{kept}"]


def test_workers_that_fetch_at_once_do_not_exceed_it_together(queue: str, cast: Cast) -> None:
    for _ in range(8):
        make_job(cast.alice, queue=queue)
    admin.limit_queue(staff(), queue, at_most=3, reason="The provider is slow")
    with ThreadPoolExecutor(4) as threads:
        taken = [id for id in threads.map(fetch, [queue] * 8) if id is not None]
    assert len(taken) == len(set(taken)) == 3

"""Queues as staff see them: depth, throughput, pausing (JOB-08)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid, NotFound
from cursive_app.services import jobs
from cursive_app.services.jobs import admin
from db.models.jobs import Job
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import actions_of, done_job, staff
from tests.factories_jobs import forget_tasks, make_job, waiting_tasks


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
    assert view.per_minute is not None
    assert (len(view.per_minute), view.per_minute[-1], view.per_minute[-11], sum(view.per_minute)) == (60, 2, 1, 3)
    assert view.oldest_seconds is None
    quiet = f"quiet-{uuid4().hex[:8]}"
    with cast.alice.begin() as scope:
        scope.defer("nothing", queue=quiet)
    tasks = next(one for one in admin.queues(staff()).queues if one.name == quiet)
    assert (tasks.waiting, tasks.per_minute) == (1, None)  # nobody counts tasks without a job; that is not zero

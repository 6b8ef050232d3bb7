"""A paused queue in front of a real worker: plain tasks stay in it, jobs stay pending, and both go on when resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import StaffActor
from db.models.jobs import Job
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_jobs import job_row, make_job
from tests.faults.processes import Process, wait_until

pytestmark = pytest.mark.faults

PATIENCE = 90.0
TASK = "accounts.prune"
QUEUES = ("default", "runs")


@pytest.fixture
def operator(database: object) -> Iterator[StaffActor]:
    """Somebody who leaves no queue paused behind."""
    actor = staff("operate")
    yield actor
    for queue in admin.queues(actor).queues:
        if queue.paused is not None and queue.name in QUEUES:
            admin.resume_queue(actor, queue.name, reason="The test is over")


def waiting(task_id: int) -> bool:
    with system_scope() as scope:
        found = text("SELECT status::text FROM procrastinate_jobs WHERE id = :id")
        return scope.session.scalar(found, {"id": task_id}) == "todo"


def test_a_paused_queue(spawn: Callable[..., Process], cast: Cast, operator: StaffActor) -> None:
    for queue in QUEUES:
        admin.pause_queue(operator, queue, reason="The provider is down")
    with system_scope() as scope:
        task_id = scope.defer(TASK, queue="default")
    assert task_id is not None
    kept, canceled = (make_job(cast.alice, total=2, arguments={"chunks": 2, "pace": 0.01}).id for _ in range(2))
    with system_scope() as scope:
        scope.get(Job, canceled).cancel_requested_at = job_row(canceled).created_at
    spawn("tests.faults.trial_worker")
    wait_until(lambda: job_row(canceled).status == "completed", seconds=PATIENCE, what="the job that is to stop")
    assert waiting(task_id)
    assert (job_row(kept).status, job_row(kept).attempts) == ("pending", 0)
    for queue in QUEUES:
        admin.resume_queue(operator, queue, reason="It is back")
    wait_until(lambda: job_row(kept).status == "completed", seconds=PATIENCE, what="the job that was kept back")
    wait_until(lambda: not waiting(task_id), seconds=PATIENCE, what="the task that was kept back")

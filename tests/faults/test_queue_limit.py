"""A limit in front of real workers: however many there are, no more tasks of the queue are in hand at once (JOB-08)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import delete, text

from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin.views import QueueView
from db.models.jobs import QueueLimit
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_jobs import job_row, make_job
from tests.faults.processes import Process, wait_until

pytestmark = pytest.mark.faults

PATIENCE = 120.0
QUEUE = "runs"


@pytest.fixture(autouse=True)
def no_limit_is_left(database: object) -> Iterator[None]:
    yield
    with system_scope() as scope:
        scope.session.execute(delete(QueueLimit))


def in_hand() -> int:
    with system_scope() as scope:
        doing = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' AND queue_name = :queue")
        return scope.session.scalar(doing, {"queue": QUEUE}) or 0


def test_two_workers_keep_a_limit_and_follow_a_new_one(spawn: Callable[..., Process], cast: Cast) -> None:
    admin.limit_queue(staff(), QUEUE, at_most=1, reason="The provider is slow")
    waiting = [make_job(cast.alice, total=40, arguments={"chunks": 40, "pace": 0.1}).id for _ in range(6)]
    for _ in range(2):
        spawn("tests.faults.trial_worker")
    wait_until(lambda: any(job_row(id).status == "completed" for id in waiting), seconds=PATIENCE, what="the first job")
    most = 0
    until = time.monotonic() + 5
    while time.monotonic() < until:
        most = max(most, in_hand())
    assert most == 1
    admin.limit_queue(staff(), QUEUE, at_most=3, reason="It is better now")
    wait_until(lambda: in_hand() == 3, seconds=10, what="three jobs at once")
    wait_until(lambda: all(job_row(id).status == "completed" for id in waiting), seconds=PATIENCE, what="all jobs")


def test_tasks_without_a_job_are_counted_as_they_end(spawn: Callable[..., Process], database: object) -> None:
    spawn("tests.faults.trial_worker")
    before = sum(sum(one.per_minute) for one in _queues("default"))
    with system_scope() as scope:
        for _ in range(3):
            scope.defer("accounts.prune", queue="default")
    wait_until(
        lambda: sum(sum(one.per_minute) for one in _queues("default")) >= before + 3,
        seconds=PATIENCE,
        what="three counted tasks",
    )


def _queues(name: str) -> list[QueueView]:
    return [one for one in admin.queues(staff("read_only")).queues if one.name == name]

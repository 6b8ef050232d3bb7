"""F37: a job that kills, blocks or floods its worker is given up after some tries; everybody else's work goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from cursive_app.clock import now
from cursive_app.services import jobs
from cursive_app.services.jobs import admin, rescue
from cursive_app.settings import Settings
from db.models.jobs import Job
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import attempts_of, staff
from tests.factories_jobs import hang, job_row, make_job
from tests.faults.processes import Process, wait_until

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
WORKER = "tests.faults.poison_worker"
PATIENCE = 90.0  # a worker needs a while to start on a busy machine


def poison(tenant: Tenant, how: str) -> UUID:
    return make_job(tenant, kind="poison", task="poison.run", arguments={"how": how}).id


def status(job_id: UUID) -> str:
    return job_row(job_id).status


def hurry(job_id: UUID) -> None:
    """The pause before the next try, or the wait for the lease, is over now."""
    with system_scope() as scope:
        row = scope.get(Job, job_id, lock=True)
        if row.attempt_token is None:
            row.run_after = None
        else:
            row.heartbeat_at = now() - timedelta(seconds=60)
    jobs.rescue_stalled()


def wake(job_id: UUID) -> None:
    with system_scope() as scope:
        scope.defer("poison.run", queue="runs", job_id=str(job_id))


def test_a_job_that_ends_its_worker_is_buried_and_others_are_served(spawn: Spawn, cast: Cast, trials: Trials) -> None:
    """Two real crashes in a short run, all that it takes in the full one."""
    crashes = trials(2, jobs.MAX_ATTEMPTS)
    for _ in range(trials(2, 17)):
        job_id = poison(cast.alice, "crash")
        with system_scope() as scope:
            scope.get(Job, job_id).attempts = jobs.MAX_ATTEMPTS - crashes
        for crash in range(1, crashes + 1):
            victim = spawn(WORKER)
            wait_until(lambda: not victim.is_alive, seconds=PATIENCE, what="the job to kill its worker")  # noqa: B023
            assert job_row(job_id).attempts == jobs.MAX_ATTEMPTS - crashes + crash
            hurry(job_id)
        heir = spawn(WORKER)
        wait_until(lambda: status(job_id) == "failed", seconds=PATIENCE, what="the job to be given up")  # noqa: B023
        assert job_row(job_id).error_code == "too_many_attempts"
        assert [one.outcome for one in attempts_of(job_id)] == ["lost"] * crashes + ["failed"]
        assert_others_are_served(cast, heir)


def assert_others_are_served(cast: Cast, worker: Process) -> None:
    harmless = poison(cast.charlie, "nothing")
    wait_until(lambda: status(harmless) == "completed", seconds=PATIENCE, what="another job to be done")
    assert worker.is_alive
    worker.kill()


def working_neighbor(cast: Cast) -> UUID:
    """A job of somebody else that a worker has in hand."""
    job_id = poison(cast.charlie, "chunks")
    wait_until(lambda: job_row(job_id).processed, seconds=PATIENCE, what="another job to begin")
    return job_id


def test_a_job_that_never_ends_is_buried_and_others_are_served(spawn: Spawn, cast: Cast, trials: Trials) -> None:
    """With as many slots as a worker has by default, fewer than the tries: each try would keep one for good. So the
    worker leaves, other jobs in its hands at their next chunk, and whoever started it starts another."""
    assert Settings.model_fields["worker_concurrency"].default < jobs.MAX_ATTEMPTS
    for _ in range(trials(1, 17)):
        job_id = poison(cast.alice, "hang")
        neighbors: list[UUID] = []
        for tries in range(1, jobs.MAX_ATTEMPTS + 1):
            worker = spawn(WORKER)
            wait_until(lambda: job_row(job_id).attempts == tries, seconds=PATIENCE, what="the next try")  # noqa: B023
            if not neighbors:
                neighbors.append(working_neighbor(cast))
            worker.wait(PATIENCE)
            assert "worker.leaves_for_a_new_one" in worker.output()
            assert "worker.work_left_behind" in worker.output()
            hurry(job_id)
        heir = spawn(WORKER)
        wait_until(lambda: status(job_id) == "failed", seconds=PATIENCE, what="the job to be given up")  # noqa: B023
        assert job_row(job_id).error_code == "too_many_attempts"
        wait_until(lambda: status(neighbors[0]) == "completed", seconds=PATIENCE, what="the other to go on")  # noqa: B023
        assert [one.outcome for one in attempts_of(neighbors[0])] == ["interrupted", "finished"]
        assert_others_are_served(cast, heir)


def test_a_job_that_staff_took_from_a_thread_it_hangs_in_costs_no_slot(cast: Cast, tmp_path: Path) -> None:
    """A worker in a process of its own, for the exit code by which others know to start it again."""
    job_id = poison(cast.alice, "hang")
    worker = Process.start(WORKER, log=tmp_path / "worker.log", environment={"LONGEST": "600"})
    try:
        wait_until(lambda: job_row(job_id).attempts == 1, seconds=PATIENCE, what="the first try")
        hang(job_id)
        admin.rescue(staff("operate"), job_id, from_living=True)
        assert worker.wait(PATIENCE) == 1
        assert "worker.leaves_for_a_new_one" in worker.output()
    finally:
        worker.kill()
    with system_scope() as scope:
        scope.get(Job, job_id, lock=True).cancel_requested_at = now()  # nobody else is to hang in it
        scope.get(Job, job_id).status = "cancelled"


def test_a_task_without_a_job_that_never_ends_costs_no_slot_and_is_given_up(spawn: Spawn, cast: Cast) -> None:
    """Upkeep has nobody who waits for it. Its worker leaves, and after some tries it is left as failed, by name."""
    with system_scope() as scope:
        scope.defer("poison.upkeep", queue="default")
    neighbors: list[UUID] = []
    for tries in range(1, rescue.MOST_TASK_ATTEMPTS + 1):
        worker = spawn(WORKER)
        wait_until(lambda: upkeep() == ["doing"], seconds=PATIENCE, what="the next try")
        if not neighbors:
            neighbors.append(working_neighbor(cast))
        worker.wait(PATIENCE)
        assert "task.hangs" in worker.output()
        assert "worker.leaves_for_a_new_one" in worker.output()
        lose_workers()
        with capture_logs() as said:
            jobs.rescue_stalled()
        given_up = [line["task"] for line in said if line["event"] == "task.given_up"]
        assert given_up == (["poison.upkeep"] if tries == rescue.MOST_TASK_ATTEMPTS else [])
    assert upkeep() == []
    assert_others_are_served(cast, spawn(WORKER))
    wait_until(lambda: status(neighbors[0]) == "completed", seconds=PATIENCE, what="the other to go on")


def upkeep() -> list[str]:
    """How the tries of the task stand that are not over."""
    with system_scope() as scope:
        found = "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'poison.upkeep' AND status <> 'failed'"
        return list(scope.session.scalars(text(found)))


def lose_workers() -> None:
    """All of them have been silent for longer than the lease."""
    with system_scope() as scope:
        scope.session.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"))


def test_ten_megabytes_of_error_text_are_cut_and_the_worker_lives(spawn: Spawn, cast: Cast, trials: Trials) -> None:
    for _ in range(trials(2, 17)):
        job_id = poison(cast.alice, "huge")
        worker = spawn(WORKER)
        for tries in range(1, jobs.MAX_ATTEMPTS):
            wait_until(
                lambda: sum(one.outcome == "retried" for one in attempts_of(job_id)) >= tries,  # noqa: B023
                seconds=PATIENCE,
                what="the next try to fail",
            )
            hurry(job_id)
            wake(job_id)
        wait_until(lambda: status(job_id) == "failed", seconds=PATIENCE, what="the job to be given up")  # noqa: B023
        assert all(len(one.internal or "") < 10_000 for one in attempts_of(job_id))
        assert len(worker.log.read_bytes()) < 1_000_000
        assert_others_are_served(cast, worker)

"""F2, F3: a worker that dies or freezes in the middle of a job. Every chunk has exactly one effect, nothing is lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from cursive_app.services.jobs import admin
from db.models.accounts import AuditEntry
from db.scope import Tenant
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_jobs import job_row, make_job, waiting_tasks
from tests.faults.processes import Process, wait_until
from tests.faults.row_locks import HeldRows, waiting_for_rows

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
WORKER = "tests.faults.trial_worker"
JOBS_EACH = 2
SMALL = {"WORKER_CONCURRENCY": str(JOBS_EACH), "DATABASE_POOL_SIZE": "3"}  # many of them share one server


def start_job(tenant: Tenant, *, chunks: int, pace: float) -> UUID:
    return make_job(tenant, total=chunks, arguments={"chunks": chunks, "pace": pace}).id


def effects(tenant: Tenant, job_id: UUID) -> Counter[str]:
    with tenant.begin() as scope:
        found = scope.session.scalars(
            select(AuditEntry.object_id).where(
                scope.owned(AuditEntry),
                AuditEntry.object_id.startswith(f"{job_id}/"),
                AuditEntry.action == "trial.chunk",
            )
        )
        return Counter(found)


def assert_once(tenant: Tenant, job_id: UUID, chunks: int) -> None:
    assert effects(tenant, job_id) == Counter({f"{job_id}/{chunk}": 1 for chunk in range(chunks)})
    assert job_row(job_id).processed == chunks


def processed(job_id: UUID) -> int:
    return job_row(job_id).processed


def worker_of(job_id: UUID) -> int:
    """The process that has the job in hand."""
    return int(admin.get_job(staff("read_only"), job_id).attempts[-1].worker.rpartition(":")[2])


def completed(job_id: UUID) -> bool:
    return job_row(job_id).status == "completed"


def test_a_killed_workers_jobs_go_on_within_thirty_seconds(
    spawn: Spawn, cast: Cast, trials: Trials, tell: Callable[[str], None]
) -> None:
    """Workers with two jobs each are killed one after the other; the lease is the real one."""
    chance = random.Random(20260101)
    victims_a_wave, waited = trials(20, 20), list[float]()
    for _ in range(trials(1, 10)):
        job_ids = [start_job(cast.alice, chunks=14, pace=0.4) for _ in range(JOBS_EACH * victims_a_wave)]
        victims = [spawn(WORKER, **SMALL) for _ in range(victims_a_wave)]
        wait_until(lambda: all(map(processed, job_ids)), seconds=60, what="the first chunks")  # noqa: B023
        in_hand_of, killed_at = {job_id: worker_of(job_id) for job_id in job_ids}, dict[int, float]()
        assert set(in_hand_of.values()) == {victim.pid for victim in victims}, "every kill meets a job"
        for victim in victims:
            time.sleep(chance.random() * 0.2)  # somewhere in a chunk, each job in another one
            victim.kill()
            killed_at[victim.pid] = time.monotonic()
        before = {job_id: processed(job_id) for job_id in job_ids}
        heirs = [spawn(WORKER, WORKER_CONCURRENCY=str(len(job_ids))) for _ in range(2)]
        went_on: dict[UUID, float] = {}

        def look() -> bool:
            for job_id in job_ids:  # noqa: B023
                if job_id not in went_on and (processed(job_id) > before[job_id] or completed(job_id)):  # noqa: B023
                    went_on[job_id] = time.monotonic() - killed_at[in_hand_of[job_id]]  # noqa: B023
            return len(went_on) == len(job_ids)  # noqa: B023

        wait_until(look, seconds=35, what="other workers to go on with every job")
        waited += went_on.values()
        assert max(went_on.values()) <= 30
        wait_until(lambda: all(map(completed, job_ids)), seconds=60, what="the end of the jobs")  # noqa: B023
        for job_id in job_ids:
            assert_once(cast.alice, job_id, 14)
        for heir in heirs:
            heir.kill()
    waited.sort()
    tell(f"{len(waited)} jobs of killed workers went on after {waited[len(waited) // 2]:.0f} s (half of them) and "
         f"{waited[-1]:.0f} s (all of them) from the kill of their own worker")  # fmt: skip


def test_a_frozen_worker_that_wakes_up_changes_nothing(
    spawn: Spawn, cast: Cast, rows: HeldRows, trials: Trials
) -> None:
    """Workers with two jobs each; one job is frozen inside a transaction, with its row locked. The lease is the real
    one."""
    zombies_a_wave = trials(10, 10)
    for _ in range(trials(1, 10)):
        job_ids = [start_job(cast.alice, chunks=45, pace=0.4) for _ in range(JOBS_EACH * zombies_a_wave)]
        zombies = [spawn(WORKER, **SMALL) for _ in range(zombies_a_wave)]
        wait_until(lambda: all(processed(job_id) >= 2 for job_id in job_ids), seconds=60, what="the first chunks")  # noqa: B023
        rows.hold("jobs", job_ids[0])
        wait_until(waiting_for_rows, seconds=9, what="a transaction to stand still")
        for zombie in zombies:
            zombie.freeze()
        rows.release()  # to the frozen worker's connection, which now sits on it
        frozen_at = {job_id: processed(job_id) for job_id in job_ids}
        heir = spawn(WORKER, WORKER_CONCURRENCY=str(len(job_ids)))
        wait_until(
            lambda: all(processed(job_id) > frozen_at[job_id] + 1 for job_id in job_ids),  # noqa: B023
            seconds=35,
            what="another worker to go on with every job",
        )
        tokens = {job_id: job_row(job_id).attempt_token for job_id in job_ids}
        for zombie in zombies:
            zombie.thaw()
        wait_until(
            lambda: all(zombie.output().count("job.claim_lost") >= JOBS_EACH for zombie in zombies),  # noqa: B023
            seconds=20,
            what="every late attempt to be refused",
        )
        assert not any(map(completed, job_ids)), "the heir must still be at work for this trial to prove anything"
        assert {job_id: job_row(job_id).attempt_token for job_id in job_ids} == tokens
        for zombie in zombies:
            zombie.kill()
        wait_until(lambda: all(map(completed, job_ids)), seconds=60, what="the end of the jobs")  # noqa: B023
        for job_id in job_ids:
            assert_once(cast.alice, job_id, 45)
        assert heir.is_alive
        heir.kill()


def test_a_worker_told_to_stop_hands_its_job_over_at_once(spawn: Spawn, cast: Cast) -> None:
    job_id = start_job(cast.alice, chunks=80, pace=0.05)
    first = spawn(WORKER)
    wait_until(lambda: processed(job_id) >= 3, seconds=30, what="the first chunks")
    listed = {one.name: one.is_alive for one in admin.queues(staff("read_only")).workers}
    tried = admin.get_job(staff("read_only"), job_id).attempts[0].worker
    assert listed.get(tried) is True, "a worker is listed under the name that its tries have"
    assert first.stop(seconds=15) == 0
    row = job_row(job_id)
    assert row.attempt_token is None
    assert waiting_tasks(job_id)
    before = row.processed
    spawn(WORKER)
    wait_until(
        lambda: processed(job_id) > before, seconds=10, what="the next worker to go on without a lease to run out"
    )
    wait_until(lambda: completed(job_id), seconds=30, what="the end of the job")
    assert_once(cast.alice, job_id, 80)

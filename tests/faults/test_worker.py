"""F2, F3: a worker that dies or freezes in the middle of a job. Every chunk has exactly one effect, nothing is lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from db.models.accounts import AuditEntry
from db.scope import Tenant
from tests.factories import Cast
from tests.factories_jobs import job_row, make_job, waiting_tasks
from tests.faults.processes import Process, wait_until

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
WORKER = "tests.faults.trial_worker"


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


def completed(job_id: UUID) -> bool:
    return job_row(job_id).status == "completed"


def test_a_killed_workers_job_goes_on_within_thirty_seconds(spawn: Spawn, cast: Cast, trials: Trials) -> None:
    chance = random.Random(20260101)
    for _ in range(trials(1, 200)):
        job_id = start_job(cast.alice, chunks=60, pace=0.05)
        victim = spawn(WORKER)
        reached = chance.randint(1, 40)
        wait_until(lambda: processed(job_id) >= reached, seconds=30, what="the first chunks")  # noqa: B023
        victim.kill()
        killed_at, before = time.monotonic(), processed(job_id)
        heir = spawn(WORKER)
        wait_until(lambda: processed(job_id) > before, seconds=30, what="another worker to go on")  # noqa: B023
        assert time.monotonic() - killed_at <= 30
        wait_until(lambda: completed(job_id), seconds=30, what="the end of the job")  # noqa: B023
        assert_once(cast.alice, job_id, 60)
        heir.kill()


def test_a_frozen_worker_that_wakes_up_changes_nothing(spawn: Spawn, cast: Cast, trials: Trials) -> None:
    for _ in range(trials(1, 100)):
        job_id = start_job(cast.alice, chunks=150, pace=0.1)
        zombie = spawn(WORKER)
        wait_until(lambda: processed(job_id) >= 3, seconds=30, what="the first chunks")  # noqa: B023
        zombie.freeze()
        frozen_at = processed(job_id)
        heir = spawn(WORKER)
        wait_until(lambda: processed(job_id) > frozen_at + 1, seconds=35, what="another worker to go on")  # noqa: B023
        token = job_row(job_id).attempt_token
        zombie.thaw()
        wait_until(lambda: "job.claim_lost" in zombie.output(), seconds=20, what="the late attempt to be refused")  # noqa: B023
        assert not completed(job_id), "the heir must still be at work for this trial to prove anything"
        assert job_row(job_id).attempt_token == token
        wait_until(lambda: completed(job_id), seconds=40, what="the end of the job")  # noqa: B023
        assert_once(cast.alice, job_id, 150)
        assert heir.is_alive
        heir.kill()
        zombie.kill()


def test_a_worker_told_to_stop_hands_its_job_over_at_once(spawn: Spawn, cast: Cast) -> None:
    job_id = start_job(cast.alice, chunks=80, pace=0.05)
    first = spawn(WORKER)
    wait_until(lambda: processed(job_id) >= 3, seconds=30, what="the first chunks")
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

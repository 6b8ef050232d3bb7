"""How long a job waited for its first start is what it was, however often it has looked and waited since (JOB-01)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from cursive_app.clock import now
from cursive_app.services import jobs
from cursive_app.services.jobs import ClaimedJob, admin
from db.models.jobs import Job, JobAttempt
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_jobs import job_row, make_job


def wait(claimed: ClaimedJob) -> None:
    with claimed.tenant.begin() as scope:
        jobs.postpone(scope, claimed, until=now(), stage="waiting")


def test_looks_that_were_folded_do_not_count_as_waiting_for_a_worker(cast: Cast) -> None:
    job = make_job(cast.alice)
    for _ in range(3):
        jobs.work(job.id, wait)
    started = job_row(job.id).started_at
    assert started is not None
    with system_scope() as scope:
        scope.get(Job, job.id).created_at = started - timedelta(seconds=3)
        later = started + timedelta(seconds=40)  # when the last look began, whose record is the only one
        scope.session.execute(update(JobAttempt).where(JobAttempt.job_id == job.id).values(started_at=later))
    assert admin.get_job(staff(), str(job.id)).job.waited_seconds == 3

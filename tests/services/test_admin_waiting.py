"""How long a job waited for its first start is what it was, however often it has looked and waited since, and whatever
retried it; how fast it goes is how fast it goes now (JOB-01)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services import jobs
from cursive_app.services.jobs import ClaimedJob, admin
from db.models.jobs import Job, JobAttempt
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import retryable_kind, staff
from tests.factories_jobs import job_row, make_job


def wait(claimed: ClaimedJob) -> None:
    with claimed.tenant.begin() as scope:
        jobs.postpone(scope, claimed, until=now(), stage="waiting")


def break_off(_: ClaimedJob) -> None:
    raise Invalid("The list is empty.")


def move(claimed: ClaimedJob, processed: int) -> None:
    with claimed.tenant.begin() as scope:
        jobs.advance(scope, claimed, processed=processed)


def looked_for_long(job_id: UUID, started: datetime) -> None:
    """As if it had waited 3 s for a worker and then looked for 40 s; the last look's record is the only one."""
    with system_scope() as scope:
        scope.get(Job, job_id).created_at = started - timedelta(seconds=3)
        later = started + timedelta(seconds=40)
        scope.session.execute(update(JobAttempt).where(JobAttempt.job_id == job_id).values(started_at=later))


def test_looks_that_were_folded_do_not_count_as_waiting_for_a_worker(cast: Cast) -> None:
    job = make_job(cast.alice)
    for _ in range(3):
        jobs.work(job.id, wait)
    started = job_row(job.id).started_at
    assert started is not None
    looked_for_long(job.id, started)
    assert admin.get_job(staff(), str(job.id)).job.waited_seconds == 3


def test_a_retry_does_not_make_the_looks_before_it_a_wait(cast: Cast) -> None:
    """The retry begins the job's own time anew, and the record of the first look was taken over by the last."""
    job = make_job(cast.alice, kind=retryable_kind())
    for _ in range(3):
        jobs.work(job.id, wait)
    started = job_row(job.id).started_at
    assert started is not None
    looked_for_long(job.id, started)
    jobs.work(job.id, break_off)
    assert admin.get_job(staff(), str(job.id)).job.waited_seconds == 3
    again = admin.act(staff(), "retry", job.id)
    assert (again.waited_seconds, again.duration_seconds, again.started_at) == (3, None, None)
    assert (again.status, again.finished_at, again.error_code) == ("pending", None, None)
    assert (again.first_started_at, again.waits_again_seconds) == (started, 0)
    with system_scope() as scope:
        put_back = now() - timedelta(seconds=90)
        scope.session.execute(update(Job).where(Job.id == job.id).values(updated_at=put_back))
    assert admin.get_job(staff(), str(job.id)).job.waits_again_seconds in (90, 91)
    assert jobs.claim(job.id) is not None
    running = admin.get_job(staff(), str(job.id)).job
    assert (running.waited_seconds, running.waits_again_seconds, running.first_started_at) == (3, None, started)


def test_a_retried_job_is_as_fast_as_it_is_now(cast: Cast) -> None:
    """Neither its pace nor the time left counts the hours in which it had failed."""
    job = make_job(cast.alice, kind=retryable_kind(), total=100)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    move(claimed, 10)
    move(claimed, 20)
    with claimed.tenant.begin() as scope:
        jobs.fail(scope, claimed, code="broke_off", message="It broke off.")
    with system_scope() as scope:
        row = scope.get(Job, job.id)
        assert row.moving_since is not None
        row.moving_since -= timedelta(hours=5)
    again = admin.act(staff(), "retry", job.id)
    assert (again.processed, again.total, again.per_second, again.seconds_left) == (20, 100, None, None)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    move(claimed, 30)
    with system_scope() as scope:
        row = scope.get(Job, job.id)
        assert row.moving_since is not None
        row.moving_since = now() - timedelta(seconds=10)
    move(claimed, 40)
    pace = admin.get_job(staff(), str(job.id)).job.per_second
    assert pace is not None
    assert 0.8 <= pace <= 1


def test_the_time_in_which_it_was_paused_does_not_make_a_job_slower(cast: Cast) -> None:
    job = make_job(cast.alice, total=100)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    move(claimed, 10)
    move(claimed, 20)
    with claimed.tenant.begin() as scope:
        jobs.pause(scope, claimed, code="insufficient_credits", message="Out of credits.")
    with cast.alice.begin() as scope:
        jobs.resume(scope, job.id)
    assert admin.get_job(staff(), str(job.id)).job.per_second is None

"""Makers of jobs, and ways to age or look into them that the product itself does not have."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text

from cursive_app.clock import now
from cursive_app.services import jobs
from cursive_app.services.jobs import JobView
from db.models.jobs import Job, JobEvent
from db.scope import Tenant
from db.system import system_scope


def make_job(tenant: Tenant, *, kind: str = "trial", task: str = "trial.run", **options) -> JobView:
    with tenant.begin() as scope:
        return jobs.open_job(scope, kind=kind, title="A trial", task=task, **options)


def job_row(job_id: UUID) -> Job:
    with system_scope() as scope:
        return scope.get(Job, job_id)


def was_in_hand(job_id: UUID, *, since: datetime) -> bool:
    """Whether a worker that was started at `since` has moved the job, or ended it."""
    row = job_row(job_id)
    return any(at is not None and at >= since for at in (row.heartbeat_at, row.finished_at))


def was_left_by(job_id: UUID, *, since: datetime) -> bool:
    """Whether a worker that was started at `since` died with the job in hand: its claim is still there."""
    row = job_row(job_id)
    return row.attempt_token is not None and row.heartbeat_at is not None and row.heartbeat_at >= since


def messages(job_id: UUID) -> list[str]:
    with system_scope() as scope:
        events = select(JobEvent.message).where(JobEvent.job_id == job_id).order_by(JobEvent.id)
        return list(scope.session.scalars(events))


def grow_stale(job_id: UUID, *, seconds: int = 21) -> None:
    """As if the worker that holds the job had last been heard of this long ago."""
    with system_scope() as scope:
        scope.get(Job, job_id).heartbeat_at = now() - timedelta(seconds=seconds)


def hang(job_id: UUID, *, minutes: int = 16) -> None:
    """As if the worker that holds the job, which answers, had last got on this long ago."""
    with system_scope() as scope:
        scope.get(Job, job_id).moved_at = now() - timedelta(minutes=minutes)


def waiting_tasks(job_id: UUID) -> list[str]:
    """The queueing locks of the tasks that wait for this job."""
    with system_scope() as scope:
        found = scope.session.scalars(
            text("SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo' AND args->>'job_id' = :id"),
            {"id": str(job_id)},
        )
        return sorted(found)


def forget_tasks(job_id: UUID) -> None:
    """Drop what waits in the queue for this job, as if it had been lost or already been taken."""
    with system_scope() as scope:
        scope.session.execute(text("DELETE FROM procrastinate_jobs WHERE args->>'job_id' = :id"), {"id": str(job_id)})

"""One job as staff see it, and the statement that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, func, select

from cursive_app.clock import now
from cursive_app.services.credits import refunded
from cursive_app.services.jobs.admin.retries import why_no_retry
from cursive_app.services.jobs.admin.views import AdminJobRow
from cursive_app.services.jobs.claims import MAX_ATTEMPTS
from cursive_app.services.jobs.keepers import kept_by
from cursive_app.services.jobs.views import ENDED, job_view
from db.models.accounts import Workspace
from db.models.jobs import Job, JobAttempt
from db.system import SystemScope

Rows = Select[Job, str, int, str | None, Decimal]
_KEPT_BY = {
    "credit_ledger": "It moved credits: the ledger refers to it, so its record stays.",
    "segment_runs": "A run and the leads it delivered refer to it, so its record stays.",
    "enrichments": "The run of a list refers to it, so its record stays.",
}
_KEPT_BY_OTHERS = "Something else refers to it, so its record stays."


def rows_statement() -> Rows:
    """Jobs with the name of their workspace, the number of tries, what keeps them from being deleted, and what was
    refunded."""
    mine = (JobAttempt.workspace_id == Job.workspace_id, JobAttempt.job_id == Job.id)
    tries = select(func.max(JobAttempt.number)).where(*mine).correlate(Job).scalar_subquery()
    back = refunded(workspace_id=Job.workspace_id, job_id=Job.id)
    return select(Job, Workspace.name, tries, kept_by(), back).join(Workspace, Workspace.id == Job.workspace_id)


def read_rows(scope: SystemScope, statement: Rows) -> tuple[AdminJobRow, ...]:
    moment = now()
    found = scope.session.execute(statement).all()
    return tuple(to_row(job, name, tries, keeper, back, moment) for job, name, tries, keeper, back in found)


def rows_of(scope: SystemScope, ids: Sequence[UUID]) -> tuple[AdminJobRow, ...]:
    """These jobs, in no particular order."""
    return read_rows(scope, rows_statement().where(Job.id.in_(ids)))


def to_row(
    job: Job, workspace_name: str, tries: int | None, keeper: str | None, refunded: Decimal, moment: datetime
) -> AdminJobRow:
    """A job that started once and has no tries has outlived them (see `pruning`)."""
    view = job_view(job)
    return AdminJobRow(
        id=job.id,
        kind=job.kind,
        title=job.title,
        queue=job.queue,
        workspace_id=job.workspace_id,
        workspace_name=workspace_name,
        status=job.status,
        stage=job.stage,
        tries=0 if tries is None and job.first_started_at is None else tries,
        attempts=job.attempts,
        most_attempts=MAX_ATTEMPTS,
        waited_seconds=_span(job.created_at, job.first_started_at or job.finished_at or moment),
        waits_again_seconds=_waits_again(job, moment),
        duration_seconds=_span(job.started_at, job.finished_at or moment) if job.started_at else None,
        total=job.total,
        processed=job.processed,
        failed=job.failed,
        per_second=view.per_second,
        seconds_left=view.seconds_left,
        credits_held=job.credits_held,
        credits_captured=job.credits_captured,
        credits_released=job.credits_released,
        credits_refunded=refunded,
        actor_kind=job.actor_kind,
        actor_label=job.actor_label,
        error_code=job.error_code,
        error_message=job.error_message,
        fingerprint=job.error_fingerprint,
        cancel_requested=view.cancel_requested,
        heartbeat_seconds=_span(job.heartbeat_at, moment) if job.heartbeat_at else None,
        created_at=job.created_at,
        first_started_at=job.first_started_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        resumes_at=view.resumes_at,
        tags=tuple(job.tags),
        why_no_retry=why_no_retry(kind=job.kind, status=job.status, error_code=job.error_code),
        why_no_cancel=why_no_cancel(job),
        why_no_delete=why_no_delete(job, keeper=keeper),
    )


def _waits_again(job: Job, moment: datetime) -> int | None:
    """Next to nothing changes a job that waits to be taken up, so its last change is when it was put back."""
    if job.status != "pending" or job.first_started_at is None:
        return None
    return _span(job.run_after or job.updated_at, moment)


def why_no_cancel(job: Job) -> str | None:
    if job.status in ENDED:
        return "It has already ended."
    return "Somebody has already asked it to stop." if job.cancel_requested_at is not None else None


def why_no_delete(job: Job, *, keeper: str | None) -> str | None:
    """`keeper`: the table whose rows refer to the job, see `kept_by`."""
    if job.status not in ENDED:
        return "Only a job that has ended can be deleted."
    return _KEPT_BY.get(keeper, _KEPT_BY_OTHERS) if keeper is not None else None


def _span(since: datetime | None, until: datetime) -> int:
    """Whole seconds, never negative (clocks of two machines differ)."""
    return max(int((until - since).total_seconds()), 0) if since is not None else 0

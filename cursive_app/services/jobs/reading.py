"""What a workspace may see of its own jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, func, select

from cursive_app.errors import Invalid
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.credits import refunded
from cursive_app.services.cursors import Cursors, walk
from cursive_app.services.jobs.batches import batches_of
from cursive_app.services.jobs.family import FIRST_THINGS_FIRST, RELATED_SHOWN, others, relation, sum_of
from cursive_app.services.jobs.pauses import kept_back
from cursive_app.services.jobs.views import (
    STATUSES,
    JobCounts,
    JobDetail,
    JobPage,
    JobRefresh,
    JobView,
    RelatedJob,
    RelatedSum,
    event_view,
    job_view,
)
from db.models.jobs import Job, JobEvent
from db.scope import Scope

LARGEST_PAGE = 100
EVENTS_SHOWN = 200


def list_jobs(
    scope: Scope,
    *,
    kinds: Sequence[str] = (),
    statuses: Sequence[str] = (),
    cursor: str | None = None,
    limit: int = 50,
) -> JobPage:
    """One page of this workspace's jobs, newest first. `cursor` is a cursor of a page before.

    Raises Forbidden, and Invalid for an unknown status, a page size outside 1-100 or a cursor of another list.
    """
    require(scope, Permission.VIEW_JOBS)
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(fields={"limit": f"A page holds 1 to {LARGEST_PAGE} jobs."})
    statement = _filtered(scope, kinds=kinds, statuses=statuses)
    cursors = Cursors("jobs", scope.workspace_id, sorted(set(kinds)), sorted(set(statuses)))
    position, back = cursors.read(cursor, lambda id: (UUID(id),))
    found = walk(scope.session.scalars, statement, key=(Job.id,), position=position, backward=back, limit=limit)
    return JobPage(
        jobs=_views(scope, found.rows),
        next_cursor=cursors.write(found.rows[-1].id.hex) if found.has_next else None,
        previous_cursor=cursors.write(found.rows[0].id.hex, backward=True) if found.has_previous else None,
    )


def refresh_jobs(
    scope: Scope, *, ids: Sequence[UUID], kinds: Sequence[str] = (), statuses: Sequence[str] = ()
) -> JobRefresh:
    """The same jobs again, in no particular order, and whether newer ones have come. Raises Forbidden."""
    require(scope, Permission.VIEW_JOBS)
    shown = scope.session.scalars(scope.select(Job).where(Job.id.in_(list(ids)[:LARGEST_PAGE]))).all()
    newest = _filtered(scope, kinds=kinds, statuses=statuses).order_by(Job.id.desc()).limit(1)
    first = scope.session.scalar(newest)
    return JobRefresh(jobs=_views(scope, shown), newest=first.id if first is not None else None)


def count_jobs(scope: Scope) -> JobCounts:
    """How many jobs this workspace has, by status and by kind. Raises Forbidden."""
    require(scope, Permission.VIEW_JOBS)
    found = scope.session.execute(
        select(Job.status, Job.kind, func.count()).where(scope.owned(Job)).group_by(Job.status, Job.kind)
    )
    by_status: dict[str, int] = dict.fromkeys(STATUSES, 0)
    by_kind = Counter[str]()
    for status, kind, count in found:
        by_status[status] += count
        by_kind[kind] += count
    return JobCounts(by_status=by_status, by_kind=dict(by_kind))


def _filtered(scope: Scope, *, kinds: Sequence[str], statuses: Sequence[str]) -> Select[Job]:
    unknown = sorted(set(statuses) - set(STATUSES))
    if unknown:
        raise Invalid(fields={"status": f"There is no status {unknown[0][:40]!r}; use {', '.join(STATUSES)}."})
    statement = scope.select(Job)
    if kinds:
        statement = statement.where(Job.kind.in_(list(kinds)[:50]))
    if statuses:
        statement = statement.where(Job.status.in_(statuses))
    return statement


def get_job(scope: Scope, id: UUID | str) -> JobDetail:
    """A job with its timeline, its batches and the jobs that belong to it. Raises Forbidden and NotFound."""
    require(scope, Permission.VIEW_JOBS)
    row = scope.get(Job, id)
    mine = scope.select(JobEvent).where(JobEvent.job_id == row.id)
    newest = scope.session.scalars(mine.order_by(JobEvent.id.desc()).limit(EVENTS_SHOWN)).all()
    earlier = 0
    if len(newest) == EVENTS_SHOWN:
        count = select(func.count()).where(scope.owned(JobEvent), JobEvent.job_id == row.id)
        earlier = (scope.session.scalar(count) or 0) - EVENTS_SHOWN
    back = scope.session.scalar(select(refunded(workspace_id=scope.workspace_id, job_id=row.id)))
    related, related_sum = _related(scope, row)
    return JobDetail(
        job=_views(scope, [row])[0],
        events=tuple(map(event_view, reversed(newest))),
        earlier_events=earlier,
        refunded=back or Decimal(0),
        related=related,
        related_sum=related_sum,
        batches=batches_of(scope.session, row),
    )


def _related(scope: Scope, row: Job) -> tuple[tuple[RelatedJob, ...], RelatedSum | None]:
    belong = others(row)
    if belong is None:
        return (), None
    statement = scope.select(Job).where(belong).order_by(*FIRST_THINGS_FIRST).limit(RELATED_SHOWN)
    found = tuple(
        RelatedJob(job=view, relation=relation(row, view.links))
        for view in _views(scope, scope.session.scalars(statement).all())
    )
    return found, sum_of(scope.session, row) if found else None


def _views(scope: Scope, rows: Sequence[Job]) -> tuple[JobView, ...]:
    since = kept_back(scope, rows)
    return tuple(job_view(row, kept_back_since=since.get(row.id)) for row in rows)

"""What all jobs came to: rows, success, durations, by kind and hour (JOB-10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Double, case, cast, func, not_, select, text, tuple_

from cursive_app.clock import now
from cursive_app.services.jobs.admin.retention import retention
from cursive_app.services.jobs.admin.retries import was_refused
from cursive_app.services.jobs.admin.staff import require_staff
from cursive_app.services.jobs.admin.times import LOOK_BACK, within
from cursive_app.services.jobs.admin.views import HourTotals, KindTotals, StaffActor, TotalsView
from db.models.jobs import Job
from db.models.leads import Lead
from db.system import SystemScope, system_scope

HOURS = 72
_SECONDS = cast(func.extract("epoch", Job.finished_at - Job.started_at), Double())  # a sum of numerics takes longer
# A month of jobs is sorted for the percentiles: long, but in memory.
_PATIENCE = text("SELECT set_config('statement_timeout', '30s', true), set_config('work_mem', '64MB', true)")
_TIMED = (Job.finished_at.is_not(None), Job.started_at.is_not(None))


def totals(
    actor: StaffActor, *, since: datetime | None = None, until: datetime | None = None, hours_of: str | None = None
) -> TotalsView:
    """Totals of the jobs created in the dates, of the last 30 days without any. `hours_of`: the kind of work whose
    hours are told, all kinds without. Raises Forbidden, Invalid."""
    require_staff(actor, "read_only", attempted="totals")
    if since is None and until is None:
        since = now() - LOOK_BACK
    dates = within(Job.created_at, since, until)
    with system_scope() as scope:
        scope.session.execute(_PATIENCE)
        # One pass for both: the row of everything is the one without a kind.
        grouped = select(Job.kind, *_sums()).where(*dates).group_by(func.grouping_sets(tuple_(Job.kind), tuple_()))
        rows = scope.session.execute(grouped.order_by(func.count().desc(), Job.kind)).all()
        everything = next(row for row in rows if row.kind is None)
        by_kind = [row for row in rows if row.kind is not None]
        imported = scope.session.scalar(select(func.count()).where(*within(Lead.created_at, since, until))) or 0
        hours = _hours(scope, hours_of)
        kept = retention(scope)
    return TotalsView(
        since=since,
        until=until,
        jobs=everything.jobs,
        imported=imported,
        completed=everything.completed,
        failed=everything.failed,
        refused=everything.refused,
        cancelled=everything.cancelled,
        success_rate=_share(everything.completed, everything.failed),
        average_seconds=_number(everything.average),
        p95_seconds=_number(everything.p95),
        by_kind=tuple(_kind(row) for row in by_kind),
        hours=hours,
        retention=kept,
    )


def _sums() -> Sequence[ColumnElement[Any]]:
    return (
        func.count().label("jobs"),
        func.count().filter(Job.status == "completed").label("completed"),
        func.count().filter(Job.status == "failed", not_(was_refused())).label("failed"),
        func.count().filter(was_refused()).label("refused"),
        func.count().filter(Job.status == "cancelled").label("cancelled"),
        func.sum(Job.processed).label("processed"),
        func.avg(_SECONDS).filter(*_TIMED).label("average"),
        func.percentile_cont(0.5).within_group(_SECONDS).filter(*_TIMED).label("p50"),
        func.percentile_cont(0.95).within_group(_SECONDS).filter(*_TIMED).label("p95"),
    )


def _kind(row: Any) -> KindTotals:
    return KindTotals(
        kind=row.kind,
        jobs=row.jobs,
        completed=row.completed,
        failed=row.failed,
        refused=row.refused,
        cancelled=row.cancelled,
        processed=int(row.processed or 0),
        success_rate=_share(row.completed, row.failed),
        failure_rate=_share(row.failed, row.completed),
        average_seconds=_number(row.average),
        p50_seconds=_number(row.p50),
        p95_seconds=_number(row.p95),
    )


def _hours(scope: SystemScope, kind: str | None) -> tuple[HourTotals, ...]:
    """The last 72 whole hours, oldest first, also those in which nothing ended."""
    last = now().replace(minute=0, second=0, microsecond=0)
    first = last - timedelta(hours=HOURS - 1)
    hour = func.date_trunc("hour", Job.finished_at, "UTC", type_=DateTime(timezone=True))
    ended = case((was_refused(), "refused"), else_=Job.status)
    wanted = [Job.finished_at >= first, *([Job.kind == kind] if kind is not None else [])]
    found = scope.session.execute(select(hour, ended, func.count()).where(*wanted).group_by(hour, ended))
    counts = {(at, status): number for at, status, number in found}
    hours = (first + timedelta(hours=number) for number in range(HOURS))
    return tuple(
        HourTotals(
            at=at,
            completed=counts.get((at, "completed"), 0),
            failed=counts.get((at, "failed"), 0),
            refused=counts.get((at, "refused"), 0),
            cancelled=counts.get((at, "cancelled"), 0),
        )
        for at in hours
    )


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None


def _number(value: Any) -> float | None:
    return float(value) if value is not None else None

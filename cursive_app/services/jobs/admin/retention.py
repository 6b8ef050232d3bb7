"""How long jobs and what belongs to them are kept, and how the newest pruning went (JOB-14)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import InstrumentedAttribute

from cursive_app.services.jobs import throughput
from cursive_app.services.jobs.admin.staff import require_staff
from cursive_app.services.jobs.admin.views import HistoryTerm, PruningView, Retention, StaffActor
from cursive_app.services.jobs.keepers import nothing_refers
from cursive_app.services.jobs.pruning import TASKS_KEPT_DAYS, What
from cursive_app.services.jobs.ticks import KEPT
from cursive_app.settings import settings
from db.models.jobs import Job, JobAttempt, Pruning, QueueMinute, ScheduleTick, StaffAction
from db.system import SystemScope, system_scope

_ENDED_TASKS = text("SELECT count(*) FROM procrastinate_jobs WHERE status NOT IN ('todo', 'doing')")


def history_term(actor: StaffActor) -> HistoryTerm:
    """How long jobs are kept, and how their newest pruning went. Raises Forbidden."""
    require_staff(actor, "read_only", attempted="schedules", object_type="schedule")
    with system_scope() as scope:
        prunings = _prunings(scope)
    return HistoryTerm(days=settings().job_history_days, jobs=prunings.get("jobs"), logs=prunings.get("job_logs"))


def retention(scope: SystemScope) -> tuple[Retention, ...]:
    """Everything that is kept, with its term."""
    prunings = _prunings(scope)

    def kept(
        what: str,
        days: int | None,
        at: InstrumentedAttribute[datetime],
        pruned: What | None = None,
        *only: ColumnElement[bool],
    ) -> Retention:
        count, oldest = scope.session.execute(select(func.count(), func.min(at)).where(*only)).one()
        newest = prunings.get(pruned) if pruned else None
        return Retention(what=what, days=days, count=count, oldest=oldest, pruned=newest)

    term = settings().job_history_days
    return (
        kept("Jobs that nothing refers to", term, Job.created_at, "jobs", nothing_refers()),
        kept("Attempts; timelines go with them", term, JobAttempt.started_at, "job_logs"),
        kept("Clock ticks", KEPT.days, ScheduleTick.tick_at, "ticks"),
        kept("Staff actions", None, StaffAction.created_at),
        kept("Counted minutes of queues", throughput.KEPT.days, QueueMinute.minute, "queue_minutes"),
        Retention(
            what="Ended queue tasks",
            days=TASKS_KEPT_DAYS,
            count=scope.session.scalar(_ENDED_TASKS) or 0,
            oldest=None,
            pruned=prunings.get("queue_tasks"),
        ),
    )


def _prunings(scope: SystemScope) -> dict[str, PruningView]:
    return {
        row.what: PruningView(began_at=row.began_at, ended_at=row.ended_at, gone=row.gone)
        for row in scope.session.scalars(select(Pruning))
    }

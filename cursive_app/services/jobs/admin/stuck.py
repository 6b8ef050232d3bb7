"""Jobs that should move and do not, and taking them out of dead hands (JOB-14)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, column, exists, literal, or_, select, table

from cursive_app.clock import now
from cursive_app.errors import Conflict
from cursive_app.services.jobs.admin.rows import rows_of
from cursive_app.services.jobs.admin.staff import SUPPORT, record_action, record_for_customer, require_staff, scope_of
from cursive_app.services.jobs.admin.views import AdminJobRow, StaffActor, StuckJob, StuckView
from cursive_app.services.jobs.attempts import lose_attempt
from cursive_app.services.jobs.claims import STALE_AFTER
from cursive_app.services.jobs.opening import add_event, wake
from cursive_app.services.jobs.pauses import waits_for_queue
from cursive_app.services.jobs.rescue import OVERDUE
from cursive_app.services.jobs.tags import add_tags
from cursive_app.services.jobs.ticks import clock_seen
from db.models.jobs import Job
from db.system import system_scope

MOST_SHOWN = 200
SLOW = timedelta(minutes=15)  # a held job that has written nothing for so long
_TASKS = table("procrastinate_jobs", column("queueing_lock", String), column("status", String))
_MOVING = ("pending", "processing")


def stuck(actor: StaffActor) -> StuckView:
    """Jobs in silent hands, jobs nobody wakes, and jobs that are held for long without any progress.

    What waits in a paused queue is not stuck. Raises Forbidden.
    """
    require_staff(actor, "read_only", attempted="stuck")
    moment = now()
    silent = and_(Job.attempt_token.is_not(None), Job.heartbeat_at < moment - STALE_AFTER)
    forgotten = and_(
        Job.attempt_token.is_(None),
        Job.updated_at < moment - OVERDUE * 3,  # the clock wakes them after one
        or_(Job.run_after.is_(None), Job.run_after < moment - OVERDUE * 3),
        ~_stands_in_line(),
    )
    with system_scope() as scope:
        held = _held_long(moment)
        statement = select(Job).where(
            Job.status.in_(_MOVING), ~waits_for_queue(), or_(silent, forgotten, held)
        ).order_by(Job.updated_at).limit(MOST_SHOWN)  # fmt: skip
        jobs = {job.id: job for job in scope.session.scalars(statement)}
        rows = rows_of(scope, list(jobs))
    found = [_stuck(row, jobs[row.id], moment) for row in rows]
    clock = clock_seen()
    return StuckView(
        jobs=tuple(sorted(found, key=lambda one: -one.still_seconds)),
        stale_after_seconds=int(STALE_AFTER.total_seconds()),
        clock_worker=clock.worker if clock else None,
        clock_seconds=clock.seconds_ago if clock else None,
    )


def rescue(actor: StaffActor, id: UUID) -> AdminJobRow:
    """Take the job from whoever holds it and wake it. The old holder can change nothing any more (the token).

    Raises Forbidden, NotFound, and Conflict (reason "not_possible") for a job that is not under way.
    """
    require_staff(actor, "operate", attempted="job.rescue", object_id=id)
    with system_scope() as scope:
        row = scope.get(Job, id, lock=True)
        if row.status not in _MOVING:
            raise Conflict("Only a job that waits or runs can be rescued.", reason="not_possible")
        silent = int((now() - row.heartbeat_at).total_seconds()) if row.heartbeat_at else None
        lose_attempt(scope, row)
        add_tags(row, "staff")
        row.attempt_token = row.heartbeat_at = row.run_after = None
        inside = scope_of(scope, row.workspace_id)
        add_event(inside, row.id, stage=row.stage, message=f"Put back in the queue by {SUPPORT}", level="warning")
        wake(inside, job_id=row.id, task=row.task, queue=row.queue, reason="rescue")
        record_action(scope, actor, action="job.rescue", object_type="job", object_id=id, silent_seconds=silent)
        record_for_customer(scope, row, action="job.rescue")
        scope.session.flush()
        return rows_of(scope, [id])[0]


def _stands_in_line() -> ColumnElement[bool]:
    """A task for the job waits in the queue: it is only slow, not forgotten."""
    lock = literal("job:") + cast(Job.id, String)
    return exists().where(_TASKS.c.queueing_lock == lock, cast(_TASKS.c.status, String) == "todo").correlate(Job)


def _held_long(moment: datetime) -> ColumnElement[bool]:
    """Held, beating, and nothing written on the job but heartbeats since the attempt began long ago."""
    return and_(
        Job.attempt_token.is_not(None), Job.moving_since.is_(None), Job.started_at < moment - SLOW, Job.processed == 0
    )


def _stuck(row: AdminJobRow, job: Job, moment: datetime) -> StuckJob:
    if job.attempt_token is None:
        since, why = job.run_after or job.updated_at, "It waits and nobody wakes it."
    elif job.heartbeat_at is None or job.heartbeat_at < moment - STALE_AFTER:
        since, why = job.heartbeat_at or job.updated_at, "The worker that holds it has gone silent."
    else:
        since, why = job.started_at or job.created_at, "A worker holds it and nothing has come of it yet."
    return StuckJob(job=row, why=why, still_seconds=max(int((moment - since).total_seconds()), 0))

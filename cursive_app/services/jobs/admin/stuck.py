"""Jobs that should move and do not, and taking them out of dead hands (JOB-14)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, case, cast, column, exists, literal, or_, select, table

from cursive_app.clock import now
from cursive_app.errors import Conflict
from cursive_app.services.jobs.admin.rows import rows_of
from cursive_app.services.jobs.admin.staff import (
    SUPPORT,
    record_action,
    record_for_customer,
    refusal_noted,
    require_staff,
    scope_of,
)
from cursive_app.services.jobs.admin.views import AdminJobRow, StaffActor, Stuck, StuckJob, StuckView
from cursive_app.services.jobs.attempts import lose_attempt
from cursive_app.services.jobs.claims import STALE_AFTER
from cursive_app.services.jobs.opening import add_event, wake
from cursive_app.services.jobs.pauses import waits_for_queue
from cursive_app.services.jobs.rescue import OVERDUE
from cursive_app.services.jobs.tags import add_tags
from cursive_app.services.jobs.ticks import clock_seen
from db.models.jobs import Job
from db.system import SystemScope, system_scope

MOST_SHOWN = 200
SLOW = timedelta(minutes=15)  # a try that has told of no progress for so long, since it began or since the last
_TASKS = table("procrastinate_jobs", column("queueing_lock", String), column("status", String))
_MOVING = ("pending", "processing")
WHY: dict[Stuck, str] = {
    "silent": "The worker that holds it has gone silent.",
    "forgotten": "It waits and nobody wakes it.",
    "hanging": "A worker holds it and answers, but does not get on.",
}


def stuck(actor: StaffActor) -> StuckView:
    """Jobs in silent hands, jobs nobody wakes, and jobs whose try does not get on, whatever came before.

    What waits in a paused queue is not stuck. Raises Forbidden.
    """
    require_staff(actor, "read_only", attempted="stuck")
    moment = now()
    how = _how(moment)
    with system_scope() as scope:
        statement = select(Job, how).where(*_under_way(), how.is_not(None)).order_by(Job.updated_at).limit(MOST_SHOWN)
        held = scope.session.execute(statement).all()
        found: dict[UUID, tuple[Job, Stuck]] = {job.id: (job, kind) for job, kind in held if kind is not None}
        rows = rows_of(scope, list(found))
    jobs = [_stuck(row, *found[row.id], moment) for row in rows]
    clock = clock_seen()
    return StuckView(
        jobs=tuple(sorted(jobs, key=lambda one: -one.still_seconds)),
        stale_after_seconds=int(STALE_AFTER.total_seconds()),
        clock_worker=clock.worker if clock else None,
        clock_seconds=clock.seconds_ago if clock else None,
    )


def how_stuck(scope: SystemScope, id: UUID) -> Stuck | None:
    """How this job is stuck: what `stuck` would list it for, or None."""
    return scope.session.scalar(select(_how(now())).where(Job.id == id, *_under_way()))


def rescue(actor: StaffActor, id: UUID, *, from_living: bool = False) -> AdminJobRow:
    """Take a stuck job from whoever holds it and wake it. The old holder can change nothing any more (the token).

    `from_living`: also when its worker answers and only does not get on; the try is then written down as taken by
    staff. Raises Forbidden, NotFound, and Conflict (reason "not_possible") for a job that is not stuck.
    """
    require_staff(actor, "operate", attempted="job.rescue", object_id=id)
    with refusal_noted(actor, "job.rescue", id), system_scope() as scope:
        row = scope.get(Job, id, lock=True)
        how = how_stuck(scope, id)
        if how is None or (how == "hanging" and not from_living):
            raise Conflict(_why_not(scope, row, how), reason="not_possible")
        silent = int((now() - row.heartbeat_at).total_seconds()) if row.heartbeat_at else None
        lose_attempt(scope, row, answering=how == "hanging")
        add_tags(row, "staff")
        row.attempt_token = row.heartbeat_at = row.run_after = None
        inside = scope_of(scope, row.workspace_id)
        add_event(inside, row.id, stage=row.stage, message=f"Put back in the queue by {SUPPORT}", level="warning")
        wake(inside, job_id=row.id, task=row.task, queue=row.queue, reason="rescue")
        record_action(
            scope, actor, action="job.rescue", object_type="job", object_id=id, found=how, silent_seconds=silent
        )
        record_for_customer(scope, row, action="job.rescue")
        scope.session.flush()
        return rows_of(scope, [id])[0]


def _why_not(scope: SystemScope, row: Job, how: Stuck | None) -> str:
    if row.status not in _MOVING:
        return "Only a job that waits or runs can be rescued."
    if scope.session.scalar(select(waits_for_queue()).where(Job.id == row.id)):
        return "Its queue is paused; it goes on when the queue is resumed."
    if how == "hanging":
        return "Its worker answers again. Look at the job, and confirm that it is to be taken all the same."
    if row.attempt_token is not None:
        return "It is not stuck: its worker answers, and it moves or has only begun."
    return "It is not stuck: it waits for its time or its turn in the queue."


def _under_way() -> tuple[ColumnElement[bool], ...]:
    return Job.status.in_(_MOVING), ~waits_for_queue()


def _how(moment: datetime) -> ColumnElement[Stuck | None]:
    silent = and_(Job.attempt_token.is_not(None), Job.heartbeat_at < moment - STALE_AFTER)
    forgotten = and_(
        Job.attempt_token.is_(None),
        Job.updated_at < moment - OVERDUE * 3,  # the clock wakes them after one
        or_(Job.run_after.is_(None), Job.run_after < moment - OVERDUE * 3),
        ~_stands_in_line(),
    )
    hanging = and_(Job.attempt_token.is_not(None), Job.moved_at < moment - SLOW)
    return case((silent, "silent"), (forgotten, "forgotten"), (hanging, "hanging"))


def _stands_in_line() -> ColumnElement[bool]:
    """A task for the job waits in the queue: it is only slow, not forgotten."""
    lock = literal("job:") + cast(Job.id, String)
    return exists().where(_TASKS.c.queueing_lock == lock, cast(_TASKS.c.status, String) == "todo").correlate(Job)


def _stuck(row: AdminJobRow, job: Job, how: Stuck, moment: datetime) -> StuckJob:
    since = {
        "silent": job.heartbeat_at,
        "forgotten": job.run_after or job.updated_at,
        "hanging": job.moved_at,
    }[how] or job.updated_at
    return StuckJob(job=row, how=how, why=WHY[how], still_seconds=max(int((moment - since).total_seconds()), 0))

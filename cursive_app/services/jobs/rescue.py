"""Finding work whose worker has died, and putting it back (P5). The clock's loop calls this; it is never itself a job
of the queue that it rescues (D-5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import and_, or_, select, text, update

from cursive_app.clock import now
from cursive_app.services.jobs.claims import STALE_AFTER
from cursive_app.services.jobs.opening import URGENT, turn_of
from cursive_app.services.jobs.pauses import waits_for_queue
from db.models.jobs import Job, ScheduleTick
from db.system import SystemScope, system_scope

log = structlog.get_logger(__name__)

OVERDUE = timedelta(seconds=20)  # a wake-up that should have happened by now
FORGOTTEN_AFTER = timedelta(hours=1)  # staff see a worker that died for as long; a worker that starts forgets it, too
MOST_TASK_ATTEMPTS = 5
BATCH = 500


@dataclass(frozen=True, slots=True)
class Rescued:
    """What one sweep did: jobs woken again, queue tasks replaced, queue tasks given up."""

    jobs: int
    tasks: int
    given_up: int


def rescue_stalled() -> Rescued:
    """Wake every job whose claim has gone stale or whose wake-up was missed, and replace the tasks of dead workers.

    Waking a job that needs none is harmless: its claim finds nothing to take.
    """
    with system_scope() as scope:
        tasks, given_up = _replace_tasks(scope)
        scope.session.execute(_FORGET_WORKERS, {"seconds": FORGOTTEN_AFTER.total_seconds()})
        return Rescued(jobs=_wake_jobs(scope), tasks=tasks, given_up=given_up)


def _wake_jobs(scope: SystemScope) -> int:
    moment = now()
    stale = and_(Job.attempt_token.is_not(None), Job.heartbeat_at < moment - STALE_AFTER)
    missed = and_(
        Job.attempt_token.is_(None),
        Job.updated_at < moment - OVERDUE,
        or_(Job.run_after.is_(None), Job.run_after < moment - OVERDUE),
    )
    to_stop = Job.cancel_requested_at.is_not(None)
    due = (
        select(Job.id, Job.task, Job.queue, Job.workspace_id, to_stop)
        .where(
            or_(
                and_(Job.status.in_(("pending", "processing")), or_(stale, missed), ~waits_for_queue()),
                # A paused job that was asked to stop gives back what it holds only once it is claimed.
                and_(Job.status == "paused", to_stop, Job.updated_at < moment - OVERDUE),
            ),
            _HAS_NO_TASK,
        )
        .limit(BATCH)
    )
    woken = 0
    for job_id, task, queue, workspace_id, stops in scope.session.execute(due).all():
        lock = f"job:{job_id}:cancel" if stops else f"job:{job_id}"
        turn = URGENT if stops else turn_of(scope.session, workspace_id=workspace_id, job_id=job_id, queue=queue)
        if scope.defer(task, queue=queue, queueing_lock=lock, priority=turn, job_id=str(job_id)) is not None:
            woken += 1
    return woken


def _replace_tasks(scope: SystemScope) -> tuple[int, int]:
    """Tasks whose worker no longer beats: the old row is closed and a fresh one takes its place.

    A fresh row, not the old one again, so that a worker that was only frozen can no longer close it when it wakes: the
    queue itself does not fence. A task that belongs to a job is only closed; the job's own claim decides about it.
    """
    dead = scope.session.execute(_DEAD_TASKS, {"seconds": STALE_AFTER.total_seconds(), "batch": BATCH}).all()
    replaced = given_up = 0
    for row in dead:
        scope.session.execute(_CLOSE_TASK, {"id": row.id})
        if "job_id" in row.args:
            continue
        if row.attempts + 1 >= MOST_TASK_ATTEMPTS:
            given_up += 1
            log.error("task.given_up", task=row.task_name, task_id=row.id, tries=row.attempts + 1)
        elif (fresh := scope.session.scalar(_REPLACE_TASK, {"id": row.id})) is not None:
            # A tick tells how the task went that did its work, not the one that was lost with its worker.
            tick = update(ScheduleTick).where(ScheduleTick.task_id == row.id)
            scope.session.execute(tick.values(task_id=fresh))
            replaced += 1
    return replaced, given_up


# A long backlog waits for its turn, not for rescue: it must not fill the batch and hide a job that nobody will wake.
_HAS_NO_TASK = text(
    "NOT EXISTS (SELECT FROM procrastinate_jobs AS task "
    "WHERE task.status = 'todo' AND task.queueing_lock IN ('job:' || jobs.id, 'job:' || jobs.id || '\\:cancel'))"
)
_DEAD_TASKS = text(
    """
    SELECT job.id, job.task_name, job.args, job.attempts
      FROM procrastinate_jobs AS job
      LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
     WHERE job.status = 'doing'
       AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :seconds))
     ORDER BY job.id
     LIMIT :batch
       FOR UPDATE OF job SKIP LOCKED
    """
)
_FORGET_WORKERS = text(
    """
    DELETE FROM procrastinate_workers AS worker
     WHERE worker.last_heartbeat < now() - make_interval(secs => :seconds)
       AND NOT EXISTS (SELECT FROM procrastinate_jobs AS job WHERE job.worker_id = worker.id AND job.status = 'doing')
    """
)
_CLOSE_TASK = text("UPDATE procrastinate_jobs SET status = 'failed', attempts = attempts + 1 WHERE id = :id")
_REPLACE_TASK = text(
    """
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, attempts)
    SELECT queue_name, task_name, priority, lock, queueing_lock, args, attempts FROM procrastinate_jobs WHERE id = :id
        ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    RETURNING id
    """
)

"""The queues: what waits, what runs, how fast, and pausing (JOB-08). How many at once is in `limits`."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from cursive_app.clock import now
from cursive_app.errors import Conflict, NotFound
from cursive_app.services.jobs.admin.staff import read_reason, record_action, require_staff
from cursive_app.services.jobs.admin.views import LimitView, PauseView, QueuesView, QueueView, StaffActor, WorkerView
from cursive_app.services.jobs.claims import STALE_AFTER
from cursive_app.services.jobs.opening import turn_of
from cursive_app.services.jobs.throughput import ended_since
from cursive_app.services.jobs.views import ENDED
from cursive_app.settings import settings
from db.models.jobs import Job, QueueLimit, QueuePause
from db.system import SystemScope, system_scope

MINUTES = 60
JOB_QUEUE, TASK_QUEUE = "runs", "default"  # always shown, also when nothing was ever in them
WAKE_BATCH = 500  # the clock wakes the others within a minute
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
_TASKS = text(
    """
    SELECT job.queue_name,
           count(*) FILTER (WHERE job.status = 'todo' AND coalesce(job.scheduled_at <= now(), true)) AS waiting,
           count(*) FILTER (WHERE job.status = 'todo' AND job.scheduled_at > now()) AS later,
           count(*) FILTER (WHERE job.status = 'doing') AS running,
           max(extract(epoch FROM now() - coalesce(job.scheduled_at, deferred.at)))
               FILTER (WHERE job.status = 'todo' AND coalesce(job.scheduled_at <= now(), true)) AS oldest
      FROM procrastinate_jobs AS job
      LEFT JOIN LATERAL (
          SELECT min(event.at) AS at FROM procrastinate_events AS event
           WHERE event.job_id = job.id AND event.type = 'deferred') AS deferred ON job.status = 'todo'
     WHERE job.status IN ('todo', 'doing') AND NOT job.args ? 'job_id'
     GROUP BY job.queue_name
    """
)
_WORKERS = text(
    """
    SELECT worker.id, process.name, extract(epoch FROM now() - worker.last_heartbeat) AS age,
           (SELECT count(*) FROM procrastinate_jobs AS job
             WHERE job.worker_id = worker.id AND job.status = 'doing') AS running
      FROM procrastinate_workers AS worker
      LEFT JOIN worker_names AS process ON process.worker_id = worker.id
     ORDER BY worker.id
    """
)


@dataclass(slots=True)
class _Depth:
    """What is counted of one queue while it is put together."""

    waiting: int = 0
    later: int = 0
    running: int = 0
    oldest: float | None = None
    per_minute: list[int] = field(default_factory=lambda: [0] * MINUTES)


def queues(actor: StaffActor) -> QueuesView:
    """Every queue and worker. Jobs are counted as jobs, tasks without a job as tasks. Raises Forbidden."""
    require_staff(actor, "read_only", attempted="queues", object_type="queue")
    moment = now()
    depths: dict[str, _Depth] = defaultdict(_Depth)
    with system_scope() as scope:
        for name in (JOB_QUEUE, TASK_QUEUE):
            depths[name] = _Depth()
        _count_jobs(scope, depths, moment)
        _count_tasks(scope, depths)
        _count_ended(scope, depths, moment)
        pauses = {row.queue: row for row in scope.session.scalars(select(QueuePause))}
        limits = {row.queue: row for row in scope.session.scalars(select(QueueLimit))}
        workers = tuple(_worker(row) for row in scope.session.execute(_WORKERS))
    slots = sum(worker.is_alive for worker in workers) * settings().worker_concurrency
    names = sorted({*depths, *pauses, *limits}, key=lambda name: (name != JOB_QUEUE, name))
    return QueuesView(
        queues=tuple(_view(name, depths[name], pauses.get(name), limits.get(name), slots) for name in names),
        workers=workers,
        slots=slots,
        busy=sum(worker.running for worker in workers if worker.is_alive),
    )


def pause_queue(actor: StaffActor, name: str, *, reason: str) -> None:
    """Keep the queue's work waiting until it is resumed; what runs stops at its chunk's edge, cancels still work.

    Raises Forbidden, NotFound, Invalid for the reason, Conflict (reason "paused").
    """
    require_staff(actor, "operate", attempted="queue.pause", object_type="queue", object_id=name)
    said = read_reason(reason)
    with system_scope() as scope:
        if not _NAME.fullmatch(name) or name not in known_queues(scope):
            raise NotFound(f"There is no queue {name[:60]}.")
        pause = insert(QueuePause).values(queue=name, reason=said, paused_by_label=actor.label)
        if scope.session.scalar(pause.on_conflict_do_nothing().returning(QueuePause.queue)) is None:
            raise Conflict("This queue is paused already.", reason="paused")
        record_action(scope, actor, action="queue.pause", object_type="queue", object_id=name, reason=said)


def resume_queue(actor: StaffActor, name: str, *, reason: str) -> None:
    """Let the queue's work go on, at once. Raises Forbidden, Invalid for the reason, Conflict (reason "not_paused")."""
    require_staff(actor, "operate", attempted="queue.resume", object_type="queue", object_id=name)
    said = read_reason(reason)
    with system_scope() as scope:
        pause = scope.session.get(QueuePause, name[:128].replace("\0", ""), with_for_update=True)
        if pause is None:
            raise Conflict("This queue is not paused.", reason="not_paused")
        scope.session.delete(pause)
        scope.session.flush()
        woken = _wake_all(scope, name)
        record_action(
            scope, actor, action="queue.resume", object_type="queue", object_id=name, reason=said, woken=woken
        )


def _wake_all(scope: SystemScope, queue: str) -> int:
    due = select(Job.id, Job.task, Job.workspace_id, Job.run_after).where(
        Job.status.not_in([*ENDED, "paused"]), Job.attempt_token.is_(None), Job.queue == queue
    )
    woken = 0
    for job_id, task, workspace_id, at in scope.session.execute(due.order_by(Job.id).limit(WAKE_BATCH)).all():
        turn = turn_of(scope.session, workspace_id=workspace_id, job_id=job_id, queue=queue)
        lock = f"job:{job_id}"
        woken += (
            scope.defer(task, queue=queue, queueing_lock=lock, at=at, priority=turn, job_id=str(job_id)) is not None
        )
    return woken


def known_queues(scope: SystemScope) -> set[str]:
    """Queues that have work or a limit, and those that are always shown."""
    active = select(Job.queue).where(Job.status.not_in(ENDED)).distinct()
    tasks = text("SELECT DISTINCT queue_name FROM procrastinate_jobs")
    limits = select(QueueLimit.queue)
    return {
        JOB_QUEUE,
        TASK_QUEUE,
        *(name for names in (active, tasks, limits) for name in scope.session.scalars(names)),
    }


def _count_jobs(scope: SystemScope, depths: dict[str, _Depth], moment: datetime) -> None:
    free, due = Job.attempt_token.is_(None), func.coalesce(Job.run_after <= moment, True)
    since = func.coalesce(Job.run_after, Job.updated_at)
    rows = scope.session.execute(
        select(
            Job.queue,
            func.count().filter(free, due),
            func.count().filter(free, Job.run_after > moment),
            func.count().filter(Job.attempt_token.is_not(None)),
            func.min(since).filter(free, due),
        )
        .where(Job.status.in_(("pending", "processing")))
        .group_by(Job.queue)
    )
    for queue, waiting, later, running, oldest in rows:
        age = (moment - oldest).total_seconds() if oldest is not None else None
        depths[queue] = _Depth(waiting=waiting, later=later, running=running, oldest=age)


def _count_tasks(scope: SystemScope, depths: dict[str, _Depth]) -> None:
    for row in scope.session.execute(_TASKS):
        depth = depths[row.queue_name]
        depth.waiting += row.waiting
        depth.later += row.later
        depth.running += row.running
        ages = [float(age) for age in (depth.oldest, row.oldest) if age is not None]
        depth.oldest = max(ages, default=None)


def _count_ended(scope: SystemScope, depths: dict[str, _Depth], moment: datetime) -> None:
    """Jobs by their own end, tasks without a job by what the workers have counted."""
    first = moment - timedelta(minutes=MINUTES)
    ago = func.floor(func.extract("epoch", moment - Job.finished_at) / 60)
    jobs = scope.session.execute(
        select(Job.queue, ago, func.count()).where(Job.finished_at > first).group_by(Job.queue, ago)
    )
    ended = [(queue, int(minutes), number) for queue, minutes, number in jobs]
    ended += [
        (queue, int((moment - minute).total_seconds() // 60), number)
        for queue, minute, number in ended_since(scope, first)
    ]
    for queue, minutes, number in ended:
        depths[queue].per_minute[MINUTES - 1 - min(max(minutes, 0), MINUTES - 1)] += number


def _view(name: str, depth: _Depth, pause: QueuePause | None, limit: QueueLimit | None, slots: int) -> QueueView:
    places = min(slots, limit.at_most) if limit else slots
    return QueueView(
        name=name,
        waiting=depth.waiting,
        later=depth.later,
        running=depth.running,
        oldest_seconds=max(int(depth.oldest), 0) if depth.oldest is not None else None,
        per_minute=tuple(depth.per_minute),
        places=places,
        utilization=min(depth.running / places, 1.0) if places else None,
        paused=PauseView(reason=pause.reason, by=pause.paused_by_label, at=pause.paused_at) if pause else None,
        limit=LimitView(at_most=limit.at_most, reason=limit.reason, by=limit.set_by_label, at=limit.set_at)
        if limit
        else None,
    )


def _worker(row: Any) -> WorkerView:
    age = max(float(row.age), 0.0)
    return WorkerView(
        id=row.id,
        name=row.name,
        heartbeat_seconds=int(age),
        is_alive=age < STALE_AFTER.total_seconds(),
        running=row.running,
    )

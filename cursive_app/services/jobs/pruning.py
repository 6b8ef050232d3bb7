"""Forgetting what is past its term, and the record of how that went (JOB-14).

A job that ended longer ago than `Settings.job_history_days` goes with its timeline and attempts, unless something still
refers to it (`keepers`: a line of the ledger, the run of a segment or of a list). Of those the record stays as the
receipt, credits and outcome included, so that no link of a statement, a run or a list leads nowhere; only the timeline
and the attempts go. Links of a list to its reading and its dry run become empty, as the foreign keys say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import case, delete, exists, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from cursive_app.services.jobs.claims import Interrupted, stopping
from cursive_app.services.jobs.keepers import kept_by
from cursive_app.services.jobs.views import ENDED
from db.models.jobs import Job, JobAttempt, JobEvent, Pruning
from db.system import SystemScope, system_scope

What = Literal["jobs", "job_logs", "queue_tasks", "ticks", "queue_minutes"]
HISTORY: tuple[What, What] = ("jobs", "job_logs")
BATCH = 500  # jobs in one transaction
SAME_NIGHT = timedelta(hours=12)  # what was broken off goes on counting within that time
TASKS_KEPT_DAYS = 14
_OLD_TASKS = text(
    """
    DELETE FROM procrastinate_jobs AS job
     WHERE job.status NOT IN ('todo', 'doing')
       AND NOT EXISTS (
           SELECT 1 FROM procrastinate_events AS event
            WHERE event.job_id = job.id AND event.at > now() - make_interval(days => :days))
    RETURNING job.id
    """
)


def prune_queue(*, days: int = TASKS_KEPT_DAYS) -> int:
    """Delete queue tasks that ended more than `days` days ago. Returns how many went."""
    with system_scope() as scope:
        return len(scope.session.execute(_OLD_TASKS, {"days": days}).all())


def prune_history(*, days: int | None, batch: int = BATCH) -> tuple[int, int]:
    """Forget jobs that ended more than `days` days ago; None forgets nothing.

    Each batch is a transaction of its own with what it counts, so whatever ends this in the middle leaves whole batches
    behind and the next call goes on. Returns how many jobs went in this call, and of how many others only the timeline
    and the attempts. Raises Interrupted when this worker process is about to stop, and Unavailable.
    """
    begin(*HISTORY)
    jobs = logs = 0
    position: tuple[datetime, UUID] | None = None
    while days is not None:
        if stopping.is_set():
            raise Interrupted
        with system_scope() as scope:
            found = _ended(scope, days=days, after=position, batch=batch)
            gone = _delete(scope, [id for id, _, keeper in found if keeper is None])
            stripped = _strip(scope, [id for id, _, keeper in found if keeper is not None])
            _count(scope, "jobs", gone)
            _count(scope, "job_logs", stripped)
        jobs, logs = jobs + gone, logs + stripped
        if len(found) < batch:
            break
        position = (found[-1][1], found[-1][0])
    end(*HISTORY)
    return jobs, logs


def begin(*whats: What) -> None:
    """Write that the pruning of these has begun. One that was broken off a short time ago goes on with its count."""
    with system_scope() as scope:
        for what in whats:
            goes_on = Pruning.ended_at.is_(None) & (Pruning.began_at > func.now() - SAME_NIGHT)
            again = {
                "began_at": case((goes_on, Pruning.began_at), else_=func.now()),
                "gone": case((goes_on, Pruning.gone), else_=0),
                "ended_at": None,
            }
            fresh = insert(Pruning).values(what=what, began_at=func.now())
            scope.session.execute(fresh.on_conflict_do_update(index_elements=["what"], set_=again))


def end(*whats: What) -> None:
    """Write that the pruning of these has come to its end."""
    with system_scope() as scope:
        scope.session.execute(update(Pruning).where(Pruning.what.in_(whats)).values(ended_at=func.now()))


def record(what: What, gone: int) -> None:
    """Write a pruning that was one statement."""
    begin(what)
    with system_scope() as scope:
        _count(scope, what, gone)
    end(what)


def _ended(
    scope: SystemScope, *, days: int, after: tuple[datetime, UUID] | None, batch: int
) -> Sequence[tuple[UUID, datetime, str | None]]:
    """The next jobs past their term that still have something to lose, the oldest end first, with what keeps each.

    They are locked, so that no retry comes between; a job that somebody else has locked is left for the next night.
    """
    logs = [
        exists().where(table.workspace_id == Job.workspace_id, table.job_id == Job.id)
        for table in (JobEvent, JobAttempt)
    ]
    key = tuple_(Job.finished_at, Job.id)
    statement = select(Job.id, Job.finished_at, kept_by()).where(
        Job.status.in_(ENDED),
        Job.finished_at < func.now() - timedelta(days=days),
        or_(kept_by().is_(None), *logs),
    )
    if after is not None:
        statement = statement.where(key > tuple_(*after))
    statement = statement.order_by(Job.finished_at, Job.id).limit(batch).with_for_update(of=Job, skip_locked=True)
    return [(id, at, keeper) for id, at, keeper in scope.session.execute(statement) if at is not None]


def _delete(scope: SystemScope, ids: Sequence[UUID]) -> int:
    """The jobs, and with them by their foreign keys what hangs on them."""
    return len(scope.session.scalars(delete(Job).where(Job.id.in_(ids)).returning(Job.id)).all()) if ids else 0


def _strip(scope: SystemScope, ids: Sequence[UUID]) -> int:
    """Timelines and attempts of jobs whose record stays. Returns of how many jobs any went."""
    if not ids:
        return 0
    owners = select(Job.workspace_id, Job.id).where(Job.id.in_(ids)).subquery()
    touched: set[UUID] = set()
    for table in (JobEvent, JobAttempt):
        mine = (table.workspace_id == owners.c.workspace_id) & (table.job_id == owners.c.id)
        touched.update(scope.session.scalars(delete(table).where(mine).returning(table.job_id)))
    return len(touched)


def _count(scope: SystemScope, what: What, gone: int) -> None:
    scope.session.execute(update(Pruning).where(Pruning.what == what).values(gone=Pruning.gone + gone))

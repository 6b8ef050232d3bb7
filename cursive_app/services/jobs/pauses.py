"""Queues that staff have paused (JOB-08): no job of them is claimed, and a running one leaves at its chunk's edge.

Canceling still works: a job somebody wants to stop is claimed all the same, to give back what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, select, text

from db.models.jobs import Job, QueuePause
from db.scope import Scope
from db.system import system_scope

_KEPT_BACK = text("SELECT job_id, since FROM jobs_kept_back(CAST(:ids AS uuid[]))")


def waits_for_queue() -> ColumnElement[bool]:
    """In a statement over `jobs`: the job's queue is paused and nobody asked the job to stop."""
    return and_(
        Job.cancel_requested_at.is_(None),
        exists(select(QueuePause.queue).where(QueuePause.queue == Job.queue).correlate(Job)),
    )


def kept_back(scope: Scope, rows: Sequence[Job]) -> dict[UUID, datetime]:
    """Which of these jobs of the workspace wait because staff have paused their queue, and since when each does.

    A workspace learns nothing else of a pause: neither its reason nor who made it (JOB-12).
    """
    waiting = [row.id for row in rows if row.status in ("pending", "processing") and row.attempt_token is None]
    if not waiting:
        return {}
    return {row.job_id: row.since for row in scope.session.execute(_KEPT_BACK, {"ids": waiting})}


def paused_queues() -> frozenset[str]:
    """The names of the paused queues. Raises Unavailable."""
    with system_scope() as scope:
        return frozenset(scope.session.scalars(select(QueuePause.queue)))

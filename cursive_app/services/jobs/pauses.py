"""Queues that staff have paused (JOB-08): no job of them is claimed, and a running one leaves at its chunk's edge.

Canceling still works: a job somebody wants to stop is claimed all the same, to give back what it holds.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, select

from db.models.jobs import Job, QueuePause
from db.system import system_scope


def waits_for_queue() -> ColumnElement[bool]:
    """In a statement over `jobs`: the job's queue is paused and nobody asked the job to stop."""
    return and_(
        Job.cancel_requested_at.is_(None),
        exists(select(QueuePause.queue).where(QueuePause.queue == Job.queue).correlate(Job)),
    )


def paused_queues() -> frozenset[str]:
    """The names of the paused queues. Raises Unavailable."""
    with system_scope() as scope:
        return frozenset(scope.session.scalars(select(QueuePause.queue)))

"""How many tasks without a job ended in each minute (JOB-08): workers add to it, staff see it, a day of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import DateTime, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from db.models.jobs import QueueMinute
from db.system import SystemScope, system_scope

KEPT = timedelta(days=1)


def add_ended(ended: Mapping[str, int]) -> None:
    """Add to the present minute, by the database's clock: queue names and how many tasks ended. Raises Unavailable."""
    minute = func.date_trunc("minute", func.now(), type_=DateTime(timezone=True))
    with system_scope() as scope:
        for queue, number in sorted(ended.items()):  # in one order, so that two workers never wait for each other
            fresh = insert(QueueMinute).values(queue=queue, minute=minute, ended=number)
            more = {"ended": QueueMinute.ended + fresh.excluded.ended}
            scope.session.execute(fresh.on_conflict_do_update(index_elements=["queue", "minute"], set_=more))


def ended_since(scope: SystemScope, first: datetime) -> list[tuple[str, datetime, int]]:
    """Queue, minute and number of what ended from `first` on."""
    found = select(QueueMinute.queue, QueueMinute.minute, QueueMinute.ended).where(QueueMinute.minute >= first)
    return [(queue, minute, ended) for queue, minute, ended in scope.session.execute(found)]


def prune_minutes() -> int:
    """Forget what is older than KEPT. Returns how many minutes went."""
    with system_scope() as scope:
        old = delete(QueueMinute).where(QueueMinute.minute < func.now() - KEPT).returning(QueueMinute.queue)
        return len(scope.session.scalars(old).all())

"""Putting work on the queue inside the caller's transaction.

The queue is procrastinate, in the same Postgres. A task that is deferred here exists exactly if the transaction commits
(an outbox without a second table). Tasks are named, not imported, so that services never depend on the workers above
them; `cursive_app.jobs` registers the functions and a test checks that every deferred name exists.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from procrastinate import App, SyncPsycopgConnector, exceptions
from sqlalchemy.orm import Session

_deferrer = App(connector=SyncPsycopgConnector())  # never opened: it only ever speaks over the caller's connection


def defer(
    session: Session,
    task: str,
    *,
    queue: str = "default",
    lock: str | None = None,
    queueing_lock: str | None = None,
    at: datetime | None = None,
    priority: int = 0,
    **arguments: Any,
) -> int | None:
    """Insert one task. `arguments` must be JSON values (ids as text).

    `lock`: tasks with the same lock run one after another. `queueing_lock`: at most one such task waits at a time.
    Returns the queue's id, or None when `queueing_lock` is taken.
    """
    session.flush()
    savepoint = session.begin_nested() if queueing_lock else None
    deferrer = _deferrer.configure_task(
        task,
        allow_unknown=True,
        queue=queue,
        lock=lock,
        queueing_lock=queueing_lock,
        schedule_at=at,
        priority=priority,
        connection=session.connection().connection.driver_connection,
    )
    try:
        job_id = deferrer.defer(**arguments)
    except exceptions.AlreadyEnqueued:
        if savepoint is not None:
            savepoint.rollback()
        return None
    if savepoint is not None:
        savepoint.commit()
    return job_id

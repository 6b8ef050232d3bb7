"""Forgetting what the queue no longer needs. Jobs themselves are history and stay."""

from __future__ import annotations

from sqlalchemy import text

from db.system import system_scope

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

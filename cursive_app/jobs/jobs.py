"""The jobs room's own tasks: forgetting old queue tasks, clock ticks and counted minutes, and jobs past their term."""

from __future__ import annotations

import structlog

from cursive_app.jobs.queue import RETRY, app
from cursive_app.services.jobs.pruning import prune_history, prune_queue, record
from cursive_app.services.jobs.throughput import prune_minutes
from cursive_app.services.jobs.ticks import prune_ticks
from cursive_app.settings import settings

log = structlog.get_logger(__name__)


@app.task(name="jobs.prune", queue="default", retry=RETRY)
def prune() -> None:
    """Forget what the queue and the clock no longer need."""
    tasks, ticks, minutes = prune_queue(), prune_ticks(), prune_minutes()
    record("queue_tasks", tasks)
    record("ticks", ticks)
    record("queue_minutes", minutes)
    log.info("jobs.pruned", tasks=tasks, ticks=ticks, minutes=minutes)


@app.task(name="jobs.prune_history", queue="default", retry=RETRY)
def prune_old_jobs() -> None:
    """Forget jobs that ended longer ago than JOBS_KEEP_DAYS; a run that is broken off is taken up again."""
    jobs, logs = prune_history(days=settings().job_history_days)
    log.info("jobs.history_pruned", jobs=jobs, logs=logs)

"""A task without a job that never ends costs its worker, as a job that hangs does (services/jobs/work, F37).

Nobody waits for such a task, so nobody would miss it: it would keep its slot for good, and with the lock of its
schedule every later tick. Its worker leaves instead, and the rescue of stalled work puts the task back, some times at
most.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog
from procrastinate.job_context import JobContext
from procrastinate.worker import Worker

from cursive_app.services.jobs.work import hung

log = structlog.get_logger(__name__)

LONGEST_TASK_SECONDS = 3600.0  # as long as a try of a job may take; no statement in it may take more than ten minutes


def watched(run_task: Callable[[], Any], context: JobContext, _worker: Worker) -> Any:
    """Run a task in its thread. `hung` is set when it works for longer than any may; one with a job is watched by its
    own beat."""
    if "job_id" in context.job.task_kwargs:
        return run_task()
    patience = threading.Timer(LONGEST_TASK_SECONDS, _say_that_it_hangs, [context.job.task_name, context.job.id])
    patience.daemon = True
    patience.start()
    try:
        return run_task()
    finally:
        patience.cancel()


def _say_that_it_hangs(task: str, task_id: int | None) -> None:
    log.error("task.hangs", task=task, task_id=task_id, after_seconds=LONGEST_TASK_SECONDS)
    hung.set()

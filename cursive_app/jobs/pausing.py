"""A worker takes nothing out of a queue that staff have paused (JOB-08).

Jobs are kept back by their claim, so their queues stay open here: a job that is to be canceled gets through. Tasks
without a job have no claim; their queues are left out of what the worker fetches.
"""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor

import structlog
from procrastinate import App
from procrastinate.worker import Worker

from cursive_app.errors import CursiveError
from cursive_app.services.jobs.pauses import paused_queues

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
_NOTHING = "-"  # no queue has this name


async def follow_pauses(app: App, worker: Worker, known: asyncio.Event) -> None:
    """Look every two seconds, until canceled; `known` is set once the pauses are known for the first time.

    It has a thread of its own: the others may all be at work.
    """
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, thread_name_prefix="pauses")
    try:
        while True:
            try:
                worker.queues = open_queues(app, await loop.run_in_executor(thread, paused_queues))
                known.set()
            except CursiveError as error:
                log.warning("worker.pauses_unknown", error=error.code)
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        thread.shutdown(wait=False)  # a stopping worker does not wait for a database that does not answer


def open_queues(app: App, paused: frozenset[str]) -> list[str] | None:
    """The queues to fetch from; None for all, which also takes in those no task of ours names."""
    plain = {task.queue for task in app.tasks.values() if "job_id" not in inspect.signature(task.func).parameters}
    closed = paused & plain
    if not closed:
        return None
    return sorted({task.queue for task in app.tasks.values()} - closed) or [_NOTHING]

"""The queue as our workers use it: no more of a queue in hand than staff allow, and a count of what has ended (JOB-08).

Limits are looked at by the database in the fetch itself (`fetch_queue_task`), so two workers that ask at the same
moment cannot exceed one together. The count is for tasks without a job: the queue deletes those that succeed, and jobs
are counted by their own records.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from procrastinate import App, sql
from procrastinate.connector import BaseConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from cursive_app.errors import CursiveError
from cursive_app.services.jobs.attempts import worker_name
from cursive_app.services.jobs.throughput import add_ended

log = structlog.get_logger(__name__)

WRITE_SECONDS = 5.0
_FETCH = sql.queries["fetch_job"].replace("procrastinate_fetch_job_v2", "fetch_queue_task")
_NAME = """
    WITH gone AS (
        DELETE FROM worker_names WHERE NOT EXISTS (
            SELECT FROM procrastinate_workers AS worker WHERE worker.id = worker_names.worker_id))
    INSERT INTO worker_names (worker_id, name) VALUES (%(worker_id)s, %(name)s)
"""


class QueueHands(JobManager):
    """What a worker does to the queue, with limits at the fetch and a count at the end."""

    def __init__(self, connector: BaseConnector) -> None:
        super().__init__(connector)
        self.ended: Counter[str] = Counter()

    async def register_worker(self) -> int:
        """As the queue does it, and under which name its tries will stand."""
        worker_id = await super().register_worker()
        await self.connector.execute_query_async(query=_NAME, worker_id=worker_id, name=worker_name())
        return worker_id

    async def fetch_job(self, queues: Any, worker_id: int) -> Job | None:
        row = await self.connector.execute_query_one_async(query=_FETCH, queues=queues, worker_id=worker_id)
        return Job.from_row(row) if row["id"] is not None else None  # without work it is a row of nothing

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        await super().finish_job(job, status, delete_job)
        if "job_id" not in job.task_kwargs:
            self.ended[job.queue] += 1


async def follow_counts(app: App) -> None:
    """Write the counts every few seconds, until canceled. What a killed worker had not written yet is lost."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="counts")  # the others may all be at work
    try:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await write_ended(app, thread)
    finally:
        thread.shutdown(wait=False)


async def write_ended(app: App, thread: ThreadPoolExecutor | None = None) -> None:
    """Write what has ended since the last time; it is kept for the next time when the database does not answer."""
    hands = app.job_manager
    assert isinstance(hands, QueueHands)
    ended, hands.ended = hands.ended, Counter()
    if not ended:
        return
    try:
        await asyncio.get_running_loop().run_in_executor(thread, add_ended, ended)
    except CursiveError as error:
        hands.ended.update(ended)
        log.warning("worker.counts_not_written", error=error.code)

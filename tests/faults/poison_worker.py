"""The real worker with tasks that do it harm: one ends the process, one never ends, one fails with a huge text."""

from __future__ import annotations

import os
import signal
import time
from importlib import import_module

from cursive_app.jobs import worker
from cursive_app.jobs.queue import app
from cursive_app.services import jobs
from cursive_app.services.jobs import ClaimedJob
from cursive_app.settings import settings

HUGE = 10_000_000


@app.task(name="poison.run", queue="runs")
def run(job_id: str) -> None:
    jobs.work(job_id, _flow)


@app.task(name="poison.upkeep", queue="default")
def upkeep() -> None:
    """A task without a job that never ends."""
    while True:
        sum(range(1_000))


def _flow(claimed: ClaimedJob) -> None:
    how = claimed.arguments["how"]
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    while how == "hang":
        sum(range(1_000))
    if how == "chunks" and claimed.processed == 0:
        _work_until_the_worker_leaves(claimed)
    if how == "huge":
        raise RuntimeError("x" * HUGE + "\0")
    with claimed.tenant.begin() as scope:
        jobs.finish(scope, claimed)


def _work_until_the_worker_leaves(claimed: ClaimedJob) -> None:
    with claimed.tenant.begin() as scope:
        jobs.advance(scope, claimed, processed=1)
    while True:
        jobs.heartbeat(claimed)  # between chunks: raises once the worker leaves
        time.sleep(0.1)


if __name__ == "__main__":
    work = vars(import_module("cursive_app.services.jobs.work"))
    work.update(LOST_PATIENCE_SECONDS=0.5, BEAT_SECONDS=0.5)
    work.update(LONGEST_ATTEMPT_SECONDS=float(os.environ.get("LONGEST", "3")))  # then it counts as hung
    watching = vars(import_module("cursive_app.jobs.watching"))
    watching.update(LONGEST_TASK_SECONDS=3.0)
    vars(worker)["GRACE_SECONDS"] = 3.0
    worker.run(settings())

"""The real worker with tasks that do it harm: one ends the process, one never ends, one fails with a huge text."""

from __future__ import annotations

import os
import signal
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


def _flow(claimed: ClaimedJob) -> None:
    how = claimed.arguments["how"]
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    while how == "hang":
        sum(range(1_000))
    if how == "huge":
        raise RuntimeError("x" * HUGE + "\0")
    with claimed.tenant.begin() as scope:
        jobs.finish(scope, claimed)


if __name__ == "__main__":
    vars(import_module("cursive_app.services.jobs.work"))["LONGEST_ATTEMPT_SECONDS"] = 1.0  # then it counts as hung
    worker.run(settings())

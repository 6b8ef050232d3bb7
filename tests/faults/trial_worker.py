"""The real worker with one more task: a job of countable chunks, each leaving one audit entry as its effect."""

from __future__ import annotations

import time

from cursive_app.jobs import worker
from cursive_app.jobs.queue import app
from cursive_app.services import jobs
from cursive_app.services.jobs import ClaimedJob
from cursive_app.settings import settings
from db.models.accounts import AuditEntry


@app.task(name="trial.run", queue="runs")
def run(job_id: str) -> None:
    jobs.work(job_id, _flow)


def _flow(claimed: ClaimedJob) -> None:
    total, pace = claimed.arguments["chunks"], claimed.arguments["pace"]
    for chunk in range(claimed.processed, total):
        time.sleep(pace)  # the work itself
        with claimed.tenant.begin() as scope:
            effect = f"{claimed.job_id}/{chunk}"
            scope.add(AuditEntry(actor_label="trial", action="trial.chunk", object_type="job", object_id=effect))
            jobs.advance(scope, claimed, processed=chunk + 1)
        jobs.heartbeat(claimed)
    with claimed.tenant.begin() as scope:
        jobs.finish(scope, claimed)


if __name__ == "__main__":
    worker.run(settings())

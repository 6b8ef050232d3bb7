"""The enrichment room's tasks: reading a list, its dry run, its run, its leads, and deleting what is over."""

from __future__ import annotations

import structlog

from cursive_app.integrations.audiencelab import provider
from cursive_app.jobs.queue import RETRY, app
from cursive_app.services import enrichment, jobs
from cursive_app.services.jobs import ClaimedJob

log = structlog.get_logger(__name__)


@app.task(name="enrichment.read", queue="runs")
def read(job_id: str) -> None:
    """Read a list's file, or check its rows again."""
    jobs.work(job_id, enrichment.read_list, on_dead=enrichment.bury_read)


@app.task(name="enrichment.sample", queue="runs")
def sample(job_id: str) -> None:
    """Move the free dry run of a list on."""
    jobs.work(job_id, _sample, on_dead=enrichment.bury_sample)


@app.task(name="enrichment.run", queue="runs")
def run(job_id: str) -> None:
    """Move the run of a list on."""
    jobs.work(job_id, _run, on_dead=enrichment.bury_enrichment)


@app.task(name="enrichment.leads", queue="runs")
def leads(job_id: str) -> None:
    """Take the matched rows of an ended run into the workspace's leads."""
    jobs.work(job_id, enrichment.take_leads)


@app.task(name="enrichment.mail", queue="default", retry=RETRY)
def mail(run_job_id: str) -> None:
    """Mail whoever started a run that it has ended; once, however often it is called."""
    enrichment.mail_run(run_job_id)


@app.task(name="enrichment.purge", queue="default", retry=RETRY)
def purge() -> None:
    """Delete files, rows and results whose days are over."""
    gone = enrichment.purge_expired()
    if gone:
        log.info("enrichment.lists_purged", lists=gone)


def _sample(claimed: ClaimedJob) -> None:
    enrichment.run_sample(claimed, provider=provider())


def _run(claimed: ClaimedJob) -> None:
    enrichment.run_enrichment(claimed, provider=provider())

"""The segments room's tasks: the run of a segment, leftover audiences, the provider's vocabularies."""

from __future__ import annotations

import structlog

from cursive_app.integrations.audiencelab import provider
from cursive_app.jobs.queue import RETRY, app
from cursive_app.services import jobs, segments
from cursive_app.services.jobs import ClaimedJob

log = structlog.get_logger(__name__)


@app.task(name="segments.run", queue="runs")
def run(job_id: str) -> None:
    """Move one run on from wherever it stands (services/segments/run)."""
    jobs.work(job_id, _flow, on_dead=segments.bury_run)


def _flow(claimed: ClaimedJob) -> None:
    segments.run_segment(claimed, provider=provider())


@app.task(name="segments.cleanup_audiences", queue="default", retry=RETRY)
def cleanup_audiences() -> None:
    """Delete audiences that ended runs have left at the provider."""
    gone = segments.cleanup_audiences(provider())
    if gone:
        log.warning("segments.audiences_cleaned", gone=gone)


@app.task(name="segments.sync_words", queue="default", retry=RETRY)
def sync_words() -> None:
    """Fetch the provider's vocabularies for the filter fields."""
    log.info("segments.words_synced", words=segments.sync_words(provider()))

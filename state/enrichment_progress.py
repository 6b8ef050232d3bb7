"""The run of a list as the page shows it while it moves: stage, batches, since when rows are at the provider."""

from __future__ import annotations

from dataclasses import dataclass

from cursive_app.clock import now
from cursive_app.services.enrichment.views import RunProgress
from cursive_app.services.jobs import JobView
from state.job_rows import kept_back_words
from state.times import clock_span, span

STAGES = {
    "sending": "Sending rows to the provider",
    "waiting": "Waiting for the provider",
    "matching": "Matching the answers",
}


@dataclass(frozen=True)
class RunCard:
    """The run as it moves."""

    stage: str = ""
    percent: int = 0
    done: str = ""
    pace: str = ""
    left: str = ""
    stopping: bool = False
    paused: bool = False
    waiting: str = ""
    kept_back: str = ""
    batches: str = ""


def run_card(job: JobView, *, timezone: str, counts_done: int, progress: RunProgress | None = None) -> RunCard:
    """The progress of a reading or a run, from its job. `counts_done`: rows that have their outcome; `progress`: where
    the rows of a run are."""
    total, done = job.total, max(job.processed, counts_done)
    left = f"About {clock_span(job.seconds_left)} left" if job.seconds_left is not None else ""
    return RunCard(
        stage=STAGES.get(job.stage) or job.stage.replace("_", " ").capitalize(),
        percent=min(100, done * 100 // total) if total else 0,
        done=f"{done:,} of {total:,} rows" if total else "",
        pace=f"{job.per_second:,} rows per second" if job.per_second is not None else "",
        left=left,
        stopping=job.cancel_requested and not job.is_ended,
        paused=job.status == "paused",
        waiting=_waiting(progress) if progress is not None and job.status == "processing" else "",
        kept_back=kept_back_words(job, timezone),
        batches=f"{progress.batches_answered:,} of {progress.batches:,}" if progress is not None else "",
    )


def _waiting(progress: RunProgress) -> str:
    """Since when rows are at the provider, and when they are asked about again."""
    if progress.sent_at is None:
        return ""
    there = (now() - progress.sent_at).total_seconds()
    since = f"At the provider for {span(there)}" if there >= 1 else "Just sent to the provider"
    if progress.looks_at is None:
        return since
    seconds = (progress.looks_at - now()).total_seconds()
    return f"{since}, next look {f'in {span(seconds)}' if seconds >= 1 else 'now'}"

"""Jobs as the page shows them: words and numbers made once, on the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from cursive_app.plurals import plural
from cursive_app.services.jobs import JobDetail, JobEventView, JobView, RelatedSum, Relation
from cursive_app.services.jobs.admin import AdminJobRow
from state.job_batches import BatchCard, batch_card
from state.session import credits_text
from state.times import ago, clock_span, exact

KINDS = {
    "segment_run": "Segment run",
    "csv_upload": "List upload",
    "enrichment": "Enrichment",
    "enrichment_sample": "Dry run",
    "enrichment_leads": "Leads from a list",
}
ACTIVE = ("pending", "processing")
NO_TIMELINE = "Its timeline is no longer kept: the job ended long ago."
RELATIONS: dict[Relation, str] = {
    "same": "",
    "segment": "another run of its segment",
    "rerun": "its rows run again",
    "origin": "where its rows come from",
}
STATE_WORDS = {
    "failed": "failed",
    "processing": "running",
    "pending": "queued",
    "paused": "paused",
    "completed": "completed",
    "cancelled": "stopped",
}
"""In the order in which a count of several is told: what needs a look comes first."""
LEFT_OUT = {"csv_upload": "invalid"}
"""Kinds that only count what they do not take: no failure of theirs."""


@dataclass(frozen=True)
class JobRow:
    """One line of the list, and the head of the drawer. `held` is what is held now."""

    id: str = ""
    short_id: str = ""
    title: str = ""
    kind: str = ""
    status: str = ""
    stage: str = ""
    percent: int = 0
    open_ended: bool = False
    moving: bool = False
    done: str = ""
    pace: str = ""
    failed: str = ""
    failed_is_bad: bool = False
    held: str = ""
    captured: str = ""
    released: str = ""
    attempts: str = ""
    error: str = ""
    by: str = ""
    created: str = ""
    created_exact: str = ""
    took: str = ""
    waiting: str = ""
    kept_back: str = ""
    can_cancel: bool = False
    can_resume: bool = False
    stopping: bool = False
    segment_href: str = ""
    leads_href: str = ""
    list_href: str = ""


@dataclass(frozen=True)
class EventLine:
    """One line of the timeline."""

    key: str = ""
    at: str = ""
    at_exact: str = ""
    level: str = "info"
    stage: str = ""
    message: str = ""


@dataclass(frozen=True)
class RelatedLine:
    """A job that belongs to the open one; `came_to` is what it did and charged, `why` why it failed."""

    id: str = ""
    title: str = ""
    status: str = ""
    kind: str = ""
    relation: str = ""
    created: str = ""
    created_exact: str = ""
    came_to: str = ""
    why: str = ""


@dataclass(frozen=True)
class JobDrawer:
    """What the drawer shows; `found` is False while nothing is loaded."""

    found: bool = False
    row: JobRow = field(default_factory=JobRow)
    events: list[EventLine] = field(default_factory=list)
    earlier: str = ""
    refunded: str = ""
    related: list[RelatedLine] = field(default_factory=list)
    related_sum: str = ""
    batches: BatchCard = field(default_factory=BatchCard)


def related_line(job: JobView | AdminJobRow, relation: Relation, *, timezone: str) -> RelatedLine:
    """A job that belongs to another one, in words. `timezone` is the reader's."""
    done = _done(job)
    parts = [
        done if done != "–" else "",
        failed_words(job.kind, job.failed),
        f"{credits_text(job.credits_captured)} credits" if job.credits_captured else "",
    ]
    return RelatedLine(
        id=str(job.id),
        title=job.title,
        status=job.status,
        kind=kind_words(job.kind),
        relation=RELATIONS[relation],
        created=ago(job.created_at),
        created_exact=exact(job.created_at, timezone),
        came_to=", ".join(part for part in parts if part),
        why=(job.error_message or "") if job.status == "failed" else "",
    )


def related_words(found: RelatedSum | None, *, shown: int) -> str:
    """What all that belongs together came to: “3 jobs with this one, 2 of them ended: 1 failed, 1 running, 1 completed.
    12.50 credits charged, 30.00 still held.”; "" without others. `shown` of the others are listed below."""
    if found is None:
        return ""
    ended = (
        "all ended" if found.ended == found.jobs else f"{found.ended:,} of them ended" if found.ended else "none ended"
    )
    states = ", ".join(
        f"{found.by_status[status]:,} {word}" for status, word in STATE_WORDS.items() if status in found.by_status
    )
    held = f", {credits_text(found.credits_held)} still held" if found.credits_held else ""
    charged = f" {credits_text(found.credits_captured)} credits charged{held}."
    spent = charged if found.credits_captured or found.credits_held else ""
    left_out = found.jobs - 1 - shown
    rest = f" Of the others the first {shown:,} are shown." if left_out > 0 else ""
    return f"{plural(found.jobs, 'job')} with this one, {ended}: {states}.{spent}{rest}"


def failed_words(kind: str, failed: int) -> str:
    """How many of the things a job works through did not work out; "" for none."""
    return f"{failed:,} {LEFT_OUT.get(kind, 'failed')}" if failed else ""


def still_held(job: JobView | AdminJobRow) -> Decimal:
    """The credits of a job that are neither charged nor given back."""
    return max(job.credits_held - job.credits_captured - job.credits_released, Decimal(0))


def kept_back_words(job: JobView, timezone: str) -> str:
    """That a job waits because work of its kind is paused, since when, and that it goes on by itself; "" otherwise."""
    if job.kept_back_since is None:
        return ""
    since, then = exact(job.kept_back_since, timezone), "starts" if job.started_at is None else "goes on"
    waits = f"Yours has been waiting since {since} and {then} by itself when the pause ends."
    return f"Work of this kind is paused at the moment. {waits}"


def kind_words(kind: str) -> str:
    return KINDS.get(kind) or kind.replace(".", " ").replace("_", " ").capitalize()


def job_row(job: JobView, *, timezone: str) -> JobRow:
    """A job in words. `timezone` is the reader's."""
    moving = job.status == "processing"
    return JobRow(
        id=str(job.id),
        short_id=f"job_{job.id.hex[-8:]}",
        title=job.title,
        kind=kind_words(job.kind),
        status=job.status,
        stage=job.stage.replace("_", " ").capitalize(),
        percent=_percent(job),
        open_ended=moving and not job.total,
        moving=moving,
        done=_done(job),
        pace=_pace(job),
        failed=failed_words(job.kind, job.failed),
        failed_is_bad=job.kind not in LEFT_OUT,
        held=credits_text(still_held(job)),
        captured=credits_text(job.credits_captured),
        released=credits_text(job.credits_released),
        attempts=str(job.attempts) if job.attempts > 1 else "",
        error=job.error_message or "",
        by=job.actor_label or "Cursive",
        created=ago(job.created_at),
        created_exact=exact(job.created_at, timezone),
        took=_took(job),
        waiting=f"Goes on {ago(job.resumes_at)}" if job.resumes_at and job.status == "processing" else "",
        kept_back=kept_back_words(job, timezone),
        can_cancel=not job.is_ended and not job.cancel_requested,
        can_resume=job.status == "paused" and not job.cancel_requested,
        stopping=job.cancel_requested and not job.is_ended,
        segment_href=_link("/segments/{}", job.links.get("segment_id")),
        list_href=_link("/enrichments/{}", job.links.get("enrichment_id")),
        leads_href=_link("/leads?run={}", job.links.get("run_id")) if job.processed else "",
    )


def job_drawer(detail: JobDetail, *, timezone: str) -> JobDrawer:
    earlier = f"{detail.earlier_events:,} earlier lines are not shown" if detail.earlier_events else ""
    if not detail.events:  # every job begins with a line
        earlier = NO_TIMELINE
    return JobDrawer(
        found=True,
        row=job_row(detail.job, timezone=timezone),
        events=[_event(number, line, timezone) for number, line in enumerate(detail.events)],
        earlier=earlier,
        refunded=credits_text(detail.refunded) if detail.refunded else "",
        related=[related_line(one.job, one.relation, timezone=timezone) for one in detail.related],
        related_sum=related_words(detail.related_sum, shown=len(detail.related)),
        batches=batch_card(detail.batches, timezone=timezone),
    )


def _event(number: int, line: JobEventView, timezone: str) -> EventLine:
    return EventLine(
        key=f"{number}-{line.at.timestamp()}",
        at=ago(line.at),
        at_exact=exact(line.at, timezone),
        level=line.level,
        stage=line.stage.replace("_", " ").capitalize(),
        message=line.message,
    )


def _percent(job: JobView) -> int:
    if job.status == "completed":
        return 100
    return min(100, job.processed * 100 // job.total) if job.total else 0


def _done(job: JobView | AdminJobRow) -> str:
    if job.total:
        return f"{job.processed:,} of {job.total:,}"
    return f"{job.processed:,}" if job.processed else "–"


def _pace(job: JobView) -> str:
    if job.status != "processing" or job.per_second is None:
        return ""
    left = f" · about {clock_span(job.seconds_left)} left" if job.seconds_left is not None else ""
    return f"{job.per_second:,} per second{left}"


def _took(job: JobView) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return clock_span((job.finished_at - job.started_at).total_seconds())


def _link(pattern: str, id: object) -> str:
    return pattern.format(id) if isinstance(id, str) and id else ""

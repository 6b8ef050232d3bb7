"""A list as the pages show it: words and numbers made once, on the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from cursive_app.clock import now
from cursive_app.services.enrichment.views import EnrichmentView, Quote, Rate, RunProgress, SampleView
from cursive_app.settings import settings
from state.session import credits_text
from state.times import ago, clock_span, exact, span

Phase = Literal["reading", "refused", "preparing", "working", "ended"]
PHASES: dict[str, Phase] = {
    "received": "reading",
    "reading": "reading",
    "refused": "refused",
    "ready": "preparing",
    "queued": "working",
    "running": "working",
    "paused": "working",
    "completed": "ended",
    "failed": "ended",
    "cancelled": "ended",
}
SOURCES = {"upload": "Uploaded", "api": "Sent through the API", "rerun": "Rows of an earlier list"}


@dataclass(frozen=True)
class ListLine:
    """One line of the list of lists."""

    id: str = ""
    filename: str = ""
    status: str = ""
    waiting: bool = False  # ready, but something must be changed before it can start
    moving: bool = False
    rows: str = ""
    matched: str = ""
    credits: str = ""
    author: str = ""
    created: str = ""
    created_exact: str = ""
    kept: str = ""


@dataclass(frozen=True)
class ListCard:
    """The open list: what it is, where it stands, what it has cost. Texts are ready to show; empty means none."""

    id: str = ""
    short_id: str = ""
    filename: str = ""
    status: str = ""
    phase: str = "reading"
    revision: int = 0
    source: str = ""
    size: str = ""
    author: str = ""
    created: str = ""
    created_exact: str = ""
    refusal: str = ""
    refusal_code: str = ""
    message: str = ""
    why_not: str = ""
    same_file: str = ""
    rerun_of: str = ""
    kept: str = ""
    kept_exact: str = ""
    purged: bool = False
    may_edit: bool = False
    may_run: bool = False
    may_download: bool = False
    counts: dict[str, str] = field(default_factory=dict)
    nothing_usable: bool = False
    price: str = ""
    matching: str = ""
    ceiling: str = ""
    held: str = ""
    captured: str = ""
    released: str = ""
    outstanding: str = ""
    has_hold: bool = False
    to_resume: str = ""
    matched_share: str = ""
    matched_rows: int = 0
    rerun_errors: str = ""
    rerun_unmatched: str = ""
    rerun_skipped: str = ""
    broke_off: bool = False  # some rows have no answer because the run ended before they had one
    tone: str = ""
    took: str = ""
    finished: str = ""
    finished_exact: str = ""
    run_job: str = ""


@dataclass(frozen=True)
class RateLine:
    """A share seen in the sample with its interval; the numbers are percent, for drawing."""

    label: str = ""
    share: str = ""
    seen: str = ""
    interval: str = ""
    low: int = 0
    width: int = 0
    at: int = 0


@dataclass(frozen=True)
class SampleCard:
    """The free dry run; `status` is empty when there was none."""

    status: str = ""
    headline: str = ""
    message: str = ""
    when: str = ""
    when_exact: str = ""
    matched: RateLine = field(default_factory=RateLine)
    rates: list[RateLine] = field(default_factory=list)


@dataclass(frozen=True)
class QuoteCard:
    """What a run would cost; amounts are credits as text."""

    rows: str = ""
    price: str = ""
    matches: str = ""
    likely: str = ""
    worst: str = ""
    most: str = ""  # what is held at start: the worst case, or the ceiling when that is less
    available: str = ""
    shortfall: str = ""
    affordable_rows: str = ""
    affordable: str = ""  # what is held when the run starts with what is there
    why_not: str = ""
    missing_rows: str = ""
    minimum: str = ""


def list_line(view: EnrichmentView, timezone: str) -> ListLine:
    """A list in the overview. `timezone` is the reader's."""
    started = view.started_at is not None
    done = view.matched + view.no_match + view.skipped + view.errors
    return ListLine(
        id=str(view.id),
        filename=view.filename,
        status=view.status,
        waiting=view.status == "ready" and view.why_not is not None,
        moving=PHASES[view.status] in ("reading", "working"),
        rows=_count(view.counts.total),
        matched=f"{view.matched:,}{_share(view.matched, done)}" if started else "–",
        credits=credits_text(view.credits_captured) if started else "–",
        author=view.author,
        created=ago(view.created_at),
        created_exact=exact(view.created_at, timezone),
        kept="Files deleted"
        if view.purged_at
        else f"Deleted in {_countdown((view.expires_at - now()).total_seconds())}",
    )


def list_card(view: EnrichmentView, timezone: str) -> ListCard:
    """The open list. `timezone` is the reader's."""
    done = view.matched + view.no_match + view.skipped + view.errors
    counts, progress = view.counts, view.progress
    outstanding = view.credits_held - view.credits_captured - view.credits_released
    return ListCard(
        id=str(view.id),
        short_id=f"enr_{view.id.hex[-8:]}",
        filename=view.filename,
        status=view.status,
        phase=PHASES[view.status],
        revision=view.revision,
        source=SOURCES.get(view.source, view.source),
        size=size_text(view.byte_size),
        author=view.author,
        created=ago(view.created_at),
        created_exact=exact(view.created_at, timezone),
        refusal=view.refusal_message or "",
        refusal_code=view.refusal_code or "",
        message=view.message or "",
        why_not=view.why_not or "",
        same_file=str(view.same_file_as or ""),
        rerun_of=str(view.rerun_of or ""),
        kept=_kept(view),
        kept_exact=exact(view.purged_at or view.expires_at, timezone),
        purged=view.purged_at is not None,
        may_edit=view.may_edit,
        may_run=view.may_run,
        may_download=view.may_download,
        counts=_counts(view),
        nothing_usable=counts.valid == 0,
        price=credits_text(view.price or settings().enrichment_price),
        matching=view.matching,
        ceiling=credits_text(view.ceiling) if view.ceiling is not None else "",
        held=credits_text(view.credits_held),
        captured=credits_text(view.credits_captured),
        released=credits_text(view.credits_released),
        outstanding=credits_text(outstanding),
        has_hold=view.credits_held > 0,
        to_resume=credits_text(view.to_resume) if view.to_resume is not None else "",
        matched_share=_share(view.matched, done).strip(" ()"),
        matched_rows=view.matched,
        rerun_errors=_rows(view.rerunnable.error),
        rerun_unmatched=_rows(view.rerunnable.no_match),
        rerun_skipped=_rows(view.rerunnable.skipped),
        broke_off=view.finished_at is not None and progress is not None and progress.answered < _sent(progress),
        tone=_tone(view),
        took=_took(view),
        finished=ago(view.finished_at) if view.finished_at else "",
        finished_exact=exact(view.finished_at, timezone) if view.finished_at else "",
        run_job=str(view.run_job_id or ""),
    )


def sample_card(sample: SampleView | None, timezone: str) -> SampleCard:
    """The dry run in words."""
    if sample is None:
        return SampleCard()
    matched = rate_line(sample.matched) if sample.matched is not None else RateLine()
    headline = f"{matched.share} of {sample.size:,} random rows were found" if sample.matched is not None else ""
    return SampleCard(
        status=sample.status,
        headline=headline,
        message=sample.message or "",
        when=ago(sample.at) if sample.at else "",
        when_exact=exact(sample.at, timezone) if sample.at else "",
        matched=matched,
        rates=[rate_line(rate) for rate in sample.fields],
    )


def rate_line(rate: Rate) -> RateLine:
    low, high = round(rate.low * 100), round(rate.high * 100)
    return RateLine(
        label=RATE_WORDS.get(rate.field, rate.field.replace("_", " ").capitalize()),
        share=f"{rate.share:.0%}",
        seen=f"{rate.found:,} of {rate.of:,}",
        interval=f"{low}–{high}%",
        low=low,
        width=max(high - low, 1),
        at=round(rate.share * 100),
    )


RATE_WORDS = {"email": "E-mail", "mobile": "Mobile phone", "matched": "Any match"}


def quote_card(quote: Quote, *, ceiling: Decimal | None) -> QuoteCard:
    """The price in words. `ceiling` is what the customer typed."""
    most = quote.worst if ceiling is None else min(quote.worst, ceiling)
    likely = ""
    if quote.low is not None and quote.high is not None:
        likely = f"{quote.low:,.2f} to {quote.high:,.2f}"
    missing = quote.minimum_rows - quote.rows
    affordable = int((quote.available or Decimal(0)) // quote.price) if quote.price > 0 else 0
    return QuoteCard(
        rows=f"{quote.rows:,}",
        price=credits_text(quote.price),
        matches="{:,} to {:,}".format(*quote.expected_matches) if quote.expected_matches else "",
        likely=likely,
        worst=credits_text(quote.worst),
        most=credits_text(most),
        available=credits_text(quote.available),
        shortfall=credits_text(quote.shortfall) if quote.shortfall else "",
        affordable_rows=f"{affordable:,}" if quote.price > 0 else "",
        affordable=credits_text(affordable * quote.price),
        why_not=quote.why_not or "",
        missing_rows=f"{missing:,}" if missing > 0 else "",
        minimum=f"{quote.minimum_rows:,}",
    )


def size_text(size: int) -> str:
    """A file size: “812 bytes”, “14 KB”, “2.3 MB”."""
    if size < 1024:
        return f"{size:,} bytes"
    return f"{size / 1024:,.0f} KB" if size < 1024 * 1024 else f"{size / 1048576:,.1f} MB"


def limits_text() -> str:
    """What a list may be, said before the drop."""
    limits = settings()
    return (
        f"CSV or XLSX, also compressed with gzip. Up to {limits.enrichment_maximum_rows:,} rows and "
        f"{limits.enrichment_maximum_bytes / 1048576:g} MB."
    )


def _counts(view: EnrichmentView) -> dict[str, str]:
    """Rows by verdict, by outcome, and by where they are in the run; a dash for what is not known."""
    counts, progress = view.counts, view.progress
    return {
        "all": _count(counts.total),
        "valid": _count(counts.valid),
        "invalid": _count(counts.invalid),
        "duplicate": _count(counts.duplicate),
        "owned": _count(counts.owned),
        "matched": f"{view.matched:,}",
        "no_match": f"{view.no_match:,}",
        "skipped": f"{view.skipped:,}",
        "error": f"{view.errors:,}",
        "answered": _count(progress.answered if progress else None),
        "at_provider": _count(progress.at_provider if progress else None),
        "not_sent": _count(progress.not_sent if progress else None),
    }


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.0%})" if whole else ""


def _rows(count: int) -> str:
    """How many rows there are, in words; empty for none."""
    return f"{count:,} {'row' if count == 1 else 'rows'}" if count else ""


def _sent(progress: RunProgress) -> int:
    """All rows that the run sends, if nothing comes between."""
    return progress.answered + progress.at_provider + progress.not_sent


def _tone(view: EnrichmentView) -> str:
    """How the news of the end are told: good only for a run that found somebody and everybody was looked up."""
    if view.status == "failed":
        return "bad"
    if view.status == "completed":
        return "warn" if view.errors else "good" if view.matched else "neutral"
    return "neutral"


def _took(view: EnrichmentView) -> str:
    if view.started_at is None or view.finished_at is None:
        return ""
    return clock_span((view.finished_at - view.started_at).total_seconds())


def _kept(view: EnrichmentView) -> str:
    if view.purged_at is not None:
        return f"File and results were deleted {ago(view.purged_at)}."
    seconds = (view.expires_at - now()).total_seconds()
    if seconds <= 0:
        return "File and results are being deleted."
    return f"File and results are deleted in {_countdown(seconds)}."


def _countdown(seconds: float) -> str:
    """Days rounded, as people count them; below one day the largest unit."""
    return f"{round(seconds / 86_400):,} days" if seconds > 1.5 * 86_400 else span(seconds)

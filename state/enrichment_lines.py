"""A list as the pages show it: words and numbers made once, on the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cursive_app.clock import now
from cursive_app.services.enrichment.refusals import MAX_COLUMNS
from cursive_app.services.enrichment.views import EnrichmentView, RunProgress
from cursive_app.settings import settings
from state.session import credits_text
from state.times import ago, clock_span, exact, span

Phase = Literal["reading", "refused", "preparing", "working", "ended", "deleted"]
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
    "deleted": "deleted",
}
MOST_NAMES = 8
SOURCES = {"upload": "Uploaded", "api": "Sent through the API", "rerun": "Rows of an earlier list"}


@dataclass(frozen=True)
class ListLine:
    """One line of the list of lists."""

    id: str = ""
    filename: str = ""
    badge: str = ""
    moving: bool = False
    rows: str = ""
    matched: str = ""
    credits: str = ""
    author: str = ""
    created: str = ""
    created_exact: str = ""
    kept: str = ""


@dataclass(frozen=True)
class FoundLine:
    """How many matched rows have a fact, and what the dry run had estimated; empty when there was none."""

    label: str = ""
    count: str = ""
    share: str = ""
    estimate: str = ""


@dataclass(frozen=True)
class ListCard:
    """The open list: what it is, where it stands, what it has cost. Texts are ready to show; empty means none."""

    id: str = ""
    short_id: str = ""
    filename: str = ""
    status: str = ""
    badge: str = ""  # the status as people are told it, the same in the overview
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
    has_layout: bool = False  # the file can be read in another way
    may_run: bool = False
    may_download: bool = False
    counts: dict[str, str] = field(default_factory=dict)
    column_names: str = ""
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
    pausing: bool = False
    rests: bool = False  # paused by hand: what it needs is still held
    matched_share: str = ""
    matched_rows: int = 0
    found: list[FoundLine] = field(default_factory=list)
    rerun_errors: str = ""
    rerun_unmatched: str = ""
    rerun_skipped: str = ""
    broke_off: bool = False  # some rows have no answer because the run ended before they had one
    tone: str = ""
    took: str = ""
    finished: str = ""
    finished_exact: str = ""
    run_job: str = ""


def list_line(view: EnrichmentView, timezone: str) -> ListLine:
    """A list in the overview. `timezone` is the reader's."""
    started = view.started_at is not None
    done = view.matched + view.no_match + view.skipped + view.errors
    return ListLine(
        id=str(view.id),
        filename=view.filename,
        badge=badge(view),
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
        badge=badge(view),
        phase=PHASES[view.status],
        revision=view.revision,
        source=SOURCES.get(view.source, view.source),
        size=size_text(view.byte_size) if view.source != "rerun" else "",  # it has no file of its own
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
        has_layout=view.has_layout,
        may_run=view.may_run,
        may_download=view.may_download,
        counts=_counts(view),
        column_names=_names(view),
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
        pausing=view.pausing,
        rests=view.to_resume is not None and not view.to_resume,
        matched_share=_share(view.matched, done).strip(" ()"),
        matched_rows=view.matched,
        found=found_lines(view),
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


def badge(view: EnrichmentView) -> str:
    """The status people are told: “ready” only of a list that can be started as it is, otherwise “waiting”."""
    return "waiting" if view.status == "ready" and view.why_not is not None else view.status


FOUND_WORDS = {
    "email": "E-mail",
    "mobile": "Mobile phone",
    "phone": "Any phone",
    "title": "Job title",
    "company": "Company",
    "linkedin": "LinkedIn profile",
    "address": "Street address",
}


def found_lines(view: EnrichmentView) -> list[FoundLine]:
    """Per fact the matched rows that have it. The dry run's estimate is a share of the rows that are looked up, so the
    run's is told beside it in the same measure."""
    looked_up = view.matched + view.no_match
    sample = view.sample if view.sample is not None and view.sample.status == "done" else None
    guessed = {rate.field: rate for rate in sample.fields} if sample is not None else {}
    lines: list[FoundLine] = []
    for one in view.found_fields or ():
        rate, estimate = guessed.get(one.field), ""
        if rate is not None and looked_up:
            estimate = (
                f"{one.found / looked_up:.0%} of rows looked up; the dry run said {rate.low:.0%} to {rate.high:.0%}"
            )
        label = FOUND_WORDS.get(one.field, one.field)
        lines.append(FoundLine(label, f"{one.found:,}", _share(one.found, view.matched).strip(" ()"), estimate))
    return lines


def size_text(size: int) -> str:
    """A file size: “812 bytes”, “14 KB”, “2.3 MB”."""
    if size < 1024:
        return f"{size:,} bytes"
    return f"{size / 1024:,.0f} KB" if size < 1024 * 1024 else f"{size / 1048576:,.1f} MB"


def limits_text() -> str:
    """What a list may be, said before the drop."""
    limits = settings()
    return (
        f"CSV or XLSX, also compressed with gzip. Up to {limits.enrichment_maximum_rows:,} rows, "
        f"{MAX_COLUMNS:,} columns and {limits.enrichment_maximum_bytes / 1048576:g} MB."
    )


def _counts(view: EnrichmentView) -> dict[str, str]:
    """Rows by verdict, by outcome, and by where they are in the run; a dash for what is not known. `unmatched` is what
    the download calls problems."""
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
        "unmatched": f"{view.no_match + view.skipped + view.errors:,}",
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


def _names(view: EnrichmentView) -> str:
    """The first columns by name: “E-mail, First name and 3 more”."""
    names = [column.name for column in view.columns]
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _took(view: EnrichmentView) -> str:
    if view.started_at is None or view.finished_at is None:
        return ""
    return clock_span((view.finished_at - view.started_at).total_seconds())


def _kept(view: EnrichmentView) -> str:
    if view.status == "deleted":
        return f"The file and its rows were deleted {ago(view.purged_at or now())}."
    if view.purged_at is not None:
        return f"File and results were deleted {ago(view.purged_at)}."
    seconds = (view.expires_at - now()).total_seconds()
    if seconds <= 0:
        return "File and results are being deleted."
    return f"File and results are deleted in {_countdown(seconds)}."


def _countdown(seconds: float) -> str:
    """Days rounded, as people count them; below one day the largest unit."""
    return f"{round(seconds / 86_400):,} days" if seconds > 1.5 * 86_400 else span(seconds)

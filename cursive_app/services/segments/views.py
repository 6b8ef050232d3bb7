"""What the room hands out: frozen values, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from cursive_app.errors import Invalid
from cursive_app.plurals import plural
from cursive_app.services.segments.filters import Filters, parse, readable_part
from cursive_app.services.segments.sentence import sentence
from db.models.segments import SavedSegment, SegmentRun

ACTIVE = ("queued", "running")
MOST_REASONS = 3
TO_MEND = "Open the segment to see what is left of its filter, and save it; until then it does not run."


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A saved segment. `last_run_at` is None until a run has ended; `last_matched` is how many people matched among
    those the last run looked at, `last_count` the same if it looked at everybody, else None, which is not zero.

    `may_edit`: whether the reader may change it (its author, an owner or an admin). `gone` says what of a stored filter
    can no longer be read (a field was removed); `filters` is None then, and `readable` what is left.
    `deleted_at` is set only in the list of deleted segments.
    """

    id: UUID
    name: str
    description: str
    scope: str
    filters: Filters | None
    sentence: str
    gone: str | None
    version: int
    status: str
    is_shared: bool
    max_leads: int | None
    ceiling: Decimal | None
    last_count: int | None
    last_matched: int | None
    last_run_at: datetime | None
    active_run_id: UUID | None
    author: str
    is_mine: bool
    may_edit: bool
    created_at: datetime
    updated_at: datetime
    updated_by: str
    deleted_at: datetime | None = None
    readable: Filters | None = None

    @property
    def problem(self) -> str | None:
        """Why it can not be used as it is, and what to do about it."""
        return f"{self.gone} {TO_MEND}" if self.gone else None


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """One page of segments. `counts` has how many there are per status, whatever the page shows."""

    segments: tuple[SegmentView, ...]
    next_cursor: str | None
    previous_cursor: str | None
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class RunView:
    """One run. Counters move while it works; `delta` is new leads compared with the run before, None for the first.

    `audience_total` is what the provider built (`audience_capped`: there may be more), None until it is built.
    `undelivered`: people the provider sent that do not satisfy the filter, or do not say. `dropped_members`: what the
    provider refused to narrow by and Cursive checked alone, in words.
    """

    id: UUID
    segment_id: UUID
    segment_version: int
    job_id: UUID | None
    status: str
    outcome: str | None
    message: str | None
    actor: str
    max_leads: int
    ceiling: Decimal
    price: Decimal
    credits_held: Decimal
    credits_captured: Decimal
    audience_total: int | None
    audience_capped: bool
    fetched: int
    matched: int
    new_leads: int
    owned_leads: int
    duplicates: int
    dropped_members: tuple[str, ...]
    delta: int | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def undelivered(self) -> int:
        return self.fetched - self.matched

    @property
    def not_taken(self) -> int:
        """Those who match and were not taken: beyond what was asked for, or with nothing to know them again by.

        New, owned and repeated people and these make up all who matched (SEG-14); a run that was taken up again and
        ended before it had met those it delivered earlier has more new leads than people who matched since.
        """
        return max(self.matched - self.new_leads - self.owned_leads - self.duplicates, 0)


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of a segment's runs, newest first."""

    runs: tuple[RunView, ...]
    next_cursor: str | None
    previous_cursor: str | None


def segment_view(row: SavedSegment, *, active_run_id: UUID | None, is_mine: bool, may_edit: bool) -> SegmentView:
    """The view of a row; a stored filter that can no longer be read says so (bad input 46)."""
    filters, gone = _read(row)
    return SegmentView(
        id=row.id,
        name=row.name,
        description=row.description,
        scope=row.scope,
        filters=filters,
        sentence=sentence(filters) if filters else "This filter can no longer be read.",
        gone=gone,
        version=row.version,
        status=row.status,
        is_shared=row.is_shared,
        max_leads=row.max_leads,
        ceiling=row.ceiling,
        last_count=row.last_count,
        last_matched=row.last_matched,
        last_run_at=row.last_run_at,
        active_run_id=active_run_id,
        author=row.created_by_label,
        is_mine=is_mine,
        may_edit=may_edit,
        created_at=row.created_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by_label,
        deleted_at=row.deleted_at,
        readable=filters or readable_part(row.filters),
    )


def run_view(row: SegmentRun, *, delta: int | None = None) -> RunView:
    return RunView(
        id=row.id,
        segment_id=row.segment_id,
        segment_version=row.segment_version,
        job_id=row.job_id,
        status=row.status,
        outcome=row.outcome,
        message=row.message,
        actor=row.actor_label,
        max_leads=row.max_leads,
        ceiling=row.ceiling,
        price=row.price,
        credits_held=row.credits_held,
        credits_captured=row.credits_captured,
        audience_total=row.audience_total,
        audience_capped=row.audience_capped,
        fetched=row.fetched,
        matched=row.matched,
        new_leads=row.new_leads,
        owned_leads=row.owned_leads,
        duplicates=row.duplicates,
        dropped_members=tuple(row.dropped_members.values()),
        delta=delta,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _read(row: SavedSegment) -> tuple[Filters | None, str | None]:
    try:
        return parse(row.filters, lenient=True), None
    except Invalid as error:
        return None, what_is_gone(error)


def readable_filter(row: SavedSegment, *, lenient: bool = False) -> Filters:
    """Its filter, to be used. Raises Invalid that says what is gone when it can no longer be read (bad input 46)."""
    try:
        return parse(row.filters, lenient=lenient)
    except Invalid as error:
        raise Invalid(f"{what_is_gone(error)} {TO_MEND}", fields=error.fields) from None


def what_is_gone(error: Invalid) -> str:
    """Why a stored filter can no longer be read."""
    reasons = list(dict.fromkeys(error.fields.values()))
    left_out = len(reasons) - MOST_REASONS
    more = f" And {plural(left_out, 'more problem')} of this kind." if left_out > 0 else ""
    return f"{' '.join(reasons[:MOST_REASONS])}{more}"

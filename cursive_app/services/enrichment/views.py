"""What pages, API and other rooms see of a list: frozen values, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

Status = Literal[
    "received",
    "reading",
    "ready",
    "refused",
    "queued",
    "running",
    "paused",
    "completed",
    "failed",
    "cancelled",
    "deleted",
]
"""As stored, but for `deleted`: its files were deleted before it was started."""
Verdict = Literal["valid", "invalid", "duplicate", "owned"]
Outcome = Literal["matched", "no_match", "skipped", "error"]
Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column of the file. `field` is what it is mapped to, None when it only travels through; `guess` says how
    the mapping came about: 'name', 'synonym', 'similar', 'content', 'remembered', 'chosen' or None."""

    position: int
    name: str
    samples: tuple[str, ...]
    field: str | None
    guess: str | None


@dataclass(frozen=True, slots=True)
class Layout:
    """How the file was understood. `header_row` is the row (from 1) whose cells are the names, None when there is no
    header; `notes` are sentences for the customer about what was detected or is doubtful."""

    kind: Literal["csv", "xlsx", "json"]
    compression: Literal["gzip"] | None
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    sheets: tuple[str, ...]
    header_row: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by verdict; they sum to `total`. All None until the rows were checked."""

    total: int | None
    valid: int | None
    invalid: int | None
    duplicate: int | None
    owned: int | None


@dataclass(frozen=True, slots=True)
class Rate:
    """A share seen in the sample with its 95% Wilson interval; all three between 0 and 1."""

    field: str
    found: int
    of: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FoundCount:
    """How many matched rows of a run have a fact: email, mobile, phone (any), title, company, linkedin or address."""

    field: str
    found: int


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of a matched row, as far as the grid shows it; None: not known."""

    email: str | None
    phone: str | None
    title: str | None
    company: str | None


@dataclass(frozen=True, slots=True)
class SampleView:
    """The free dry run: how many of the sampled rows were matched, and for which share each field is known. What it
    tells holds for a run with the same `matching`."""

    status: Literal["running", "done", "failed"]
    size: int
    matching: Literal["balanced", "strict"]
    matched: Rate | None
    fields: tuple[Rate, ...]
    message: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where the rows of a run are: `answered` (matched, no match or error), `at_provider` (once it has ended: those
    whose answer was not waited for), `not_sent`; together all rows the run sends. `batches` is known only as far as the
    hold lets them be full. `sent_at`: since when the oldest batch is there; `looks_at`: when one is looked at next.
    """

    answered: int
    at_provider: int
    not_sent: int
    batches_answered: int
    batches: int
    sent_at: datetime | None
    looks_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rerunnable:
    """How many rows of an ended run could be sent again, by outcome. Of the skipped ones only those that can be looked
    up at all: no duplicates, no invalid rows."""

    error: int
    no_match: int
    skipped: int


def can_be_laid_out(*, source: str, kind: str | None) -> bool:
    """Whether header row, sheet, delimiter and encoding can be chosen: rows of an earlier list have no file of their
    own, and of records sent as JSON nothing has to be found out."""
    return source != "rerun" and kind != "json"


@dataclass(frozen=True, slots=True)
class EnrichmentView:
    """A list as its workspace sees it. Credits have two decimals. `may_*` are today's rights of who asks; `why_not`
    says why it cannot be started now (None: it can); `to_resume` is what resuming a paused run holds, 0 after a pause
    by hand; while `pausing` nothing more is sent and what is at the provider is waited for. `progress` is None before
    the start and when the rows were deleted; `found_fields` is None until a run has ended."""

    id: UUID
    filename: str
    source: Literal["upload", "api", "rerun"]
    byte_size: int
    status: Status
    refusal_code: str | None
    refusal_message: str | None
    layout: Layout | None
    columns: tuple[ColumnView, ...]
    revision: int
    counts: Counts
    matching: Literal["balanced", "strict"]
    includes_owned: bool
    price: Decimal
    ceiling: Decimal | None
    sample: SampleView | None
    credits_held: Decimal
    credits_captured: Decimal
    credits_released: Decimal
    matched: int
    no_match: int
    skipped: int
    errors: int
    found_fields: tuple[FoundCount, ...] | None
    outcome: str | None
    message: str | None
    read_job_id: UUID | None
    sample_job_id: UUID | None
    run_job_id: UUID | None
    rerun_of: UUID | None
    same_file_as: UUID | None
    author: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime
    purged_at: datetime | None
    may_edit: bool
    may_run: bool
    may_download: bool
    why_not: str | None
    to_resume: Decimal | None
    pausing: bool
    progress: RunProgress | None
    rerunnable: Rerunnable

    @property
    def has_layout(self) -> bool:
        """Whether there is a file that could be read in another way."""
        return can_be_laid_out(source=self.source, kind=self.layout.kind if self.layout else None)


@dataclass(frozen=True, slots=True)
class EnrichmentPage:
    """One page of lists, newest first."""

    items: tuple[EnrichmentView, ...]
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell (`column` is its position) or with the whole row (None), and how to fix it."""

    column: int | None
    level: Level
    code: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class RowView:
    """One data row as the grid shows it. `line` is where it starts in the file. `source` and `fetched_at` say who
    answered for it and when that was read; both are None for a row without an answer."""

    number: int
    line: int
    cells: tuple[str, ...]
    edited: tuple[int, ...]
    verdict: Verdict
    problems: tuple[Problem, ...]
    duplicate_of: int | None
    lead_id: UUID | None
    outcome: Outcome | None
    reason: str | None
    matched_by: str | None
    source: str | None
    fetched_at: datetime | None
    found: Found | None


@dataclass(frozen=True, slots=True)
class RowPage:
    """One page of rows in file order. `total` counts all rows of the chosen view."""

    rows: tuple[RowView, ...]
    total: int
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True)
class ChangeView:
    """The last change of a list's cells, which can be undone at this `revision`: `cells` of one column, whose `name` is
    None beyond the file's columns; `row` when it was one cell."""

    revision: int
    column: int
    name: str | None
    cells: int
    row: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """What a run would cost, in credits. `low` and `high` follow from the sample's interval and are None without one;
    `worst` is every row that is sent. `rows` will be sent, fewer when a ceiling ends the run at `payable_matches`,
    which no expectation exceeds. `shortfall` is what the balance lacks for `worst` or the ceiling, whichever is less
    (0: nothing). It and `available` are None for an API key that may not look at credits."""

    rows: int
    price: Decimal
    expected_matches: tuple[int, int] | None
    payable_matches: int
    low: Decimal | None
    high: Decimal | None
    worst: Decimal
    available: Decimal | None
    shortfall: Decimal | None
    minimum_rows: int
    why_not: str | None

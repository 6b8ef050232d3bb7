"""What enrichment requests and answers look like (see `enrichments.py` for the routes)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from cursive_app.services.enrichment import FIELDS

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
View = Literal[
    "all",
    "valid",
    "invalid",
    "duplicate",
    "owned",
    "problems",
    "matched",
    "no_match",
    "skipped",
    "error",
    "at_provider",
    "not_sent",
]
Matching = Literal["balanced", "strict"]
Outcome = Literal["matched", "no_match", "skipped", "error"]
Again = Literal["error", "no_match", "skipped"]
Kind = Literal["csv", "xlsx"]
Only = Annotated[
    Literal["all", "matched", "problems"],
    Query(
        description="Which rows: all; matched; or problems, which is every row that was not matched (no_match, "
        "skipped, error), each with its reason. Before a run, problems are the rows that are not valid."
    ),
]
FieldNames = Annotated[
    str | None,
    Query(max_length=4_000, description="Output columns to add, separated by commas; left out: all, empty: none."),
]
FillNames = Annotated[
    str,
    Query(max_length=1_000, description="Mapped fields, separated by commas, whose blank cells take what was found."),
]
OverwriteNames = Annotated[
    str,
    Query(max_length=1_000, description="Mapped fields whose cells take what was found, whatever they say."),
]
Credits = Annotated[Decimal, Field(description="Credits, two decimals.", examples=["12.50"])]
Revision = Annotated[
    int, Field(strict=True, ge=1, le=2**31 - 1, description="The revision this is based on; another one is 409.")
]
Ceiling = Annotated[
    Decimal | None,
    Field(
        max_digits=10, decimal_places=2, description="Most credits the run may spend; at least one row's price.",
        examples=["50.00"],
    ),
]  # fmt: skip
Position = Annotated[int, Field(strict=True, ge=0, le=10_000, description="A column's place in the file, from 0.")]
Text = Annotated[str, Field(max_length=20_000)]
Cell = str | int | float | bool | None


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewRecords(_Body):
    """A list as JSON: each record is an object of column names and values; values are texts, numbers or null."""

    records: list[dict[str, Cell]] = Field(
        min_length=1,
        examples=[[{"email": "dana@acme.example", "note": "met in Austin"}, {"email": "lee@globex.example"}]],
    )
    filename: str = Field("records", max_length=200, description="How the list is called.")


class ColumnOut(_Out):
    """A column of the file. `field` is what it is mapped to; null: it only travels through to the output."""

    position: int
    name: str
    samples: list[str]
    field: str | None = Field(description=f"One of {', '.join(FIELDS)}, or null.")
    guess: str | None = Field(description="name, synonym, similar, content, remembered, chosen or null.")


class LayoutOut(_Out):
    """How the file was understood."""

    kind: Literal["csv", "xlsx", "json"]
    compression: Literal["gzip"] | None
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    sheets: list[str]
    header_row: int | None = Field(description="The row of the column names, from 1; null: there is none.")
    notes: list[str]


class CountsOut(_Out):
    """Rows by verdict. All null until the rows were checked."""

    total: int | None
    valid: int | None
    invalid: int | None
    duplicate: int | None
    owned: int | None = Field(description="Already among your leads.")


class RateOut(_Out):
    """A share seen in the dry run, with its 95% interval; between 0 and 1."""

    field: str
    found: int
    of: int
    share: float
    low: float
    high: float


class FoundCountOut(_Out):
    """How many matched rows have a fact."""

    field: Literal["email", "mobile", "phone", "title", "company", "linkedin", "address"]
    found: int


class FoundOut(_Out):
    """What was found of a matched row, in short; the download has all of it. null: not known."""

    email: str | None
    phone: str | None
    title: str | None
    company: str | None


class SampleOut(_Out):
    """The free dry run. It tells what a run with the same matching can find."""

    status: Literal["running", "done", "failed"]
    size: int
    matching: Matching
    matched: RateOut | None
    fields: list[RateOut]
    message: str | None
    at: datetime | None


class ProgressOut(_Out):
    """Where the rows of the run are; the three counts sum to all rows it sends."""

    answered: int = Field(description="Rows that were matched, found nobody or ended in error.")
    at_provider: int = Field(description="Rows at the provider now; once the run has ended: unanswered when it did.")
    not_sent: int = Field(description="Rows that were not sent (yet).")
    batches_answered: int
    batches: int = Field(description="As many as are to be expected; more when the credits held make them small.")
    sent_at: datetime | None = Field(description="Since when the oldest batch is at the provider.")
    looks_at: datetime | None = Field(description="When a batch is looked at next.")


class RerunnableOut(_Out):
    """How many rows of an ended run `POST …/rerun` would take, by outcome."""

    error: int
    no_match: int
    skipped: int


class EnrichmentOut(_Out):
    """A list, from the upload to its result.

    `received` and `reading` become `ready` or `refused`; a started list is `queued`, `running`, perhaps `paused`, and
    ends `completed`, `failed` or `cancelled`. One whose file was deleted before it was started is `deleted`.
    """

    id: UUID
    filename: str
    source: Literal["upload", "api", "rerun"]
    byte_size: int
    status: Status
    refusal_code: str | None
    refusal_message: str | None
    layout: LayoutOut | None
    columns: list[ColumnOut]
    revision: int
    counts: CountsOut
    matching: Matching
    includes_owned: bool
    price: Credits
    ceiling: Decimal | None
    sample: SampleOut | None
    credits_held: Credits
    credits_captured: Credits
    credits_released: Credits
    matched: int
    no_match: int
    skipped: int
    errors: int
    found_fields: list[FoundCountOut] | None = Field(description="Matched rows per fact; null until the run has ended.")
    outcome: str | None
    message: str | None
    read_job_id: UUID | None
    sample_job_id: UUID | None
    run_job_id: UUID | None
    rerun_of: UUID | None
    same_file_as: UUID | None = Field(description="An earlier list that was made of the same file.")
    author: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime = Field(description="When file, rows and results are deleted.")
    purged_at: datetime | None
    why_not: str | None = Field(description="Why it cannot be started now; null: it can.")
    pausing: bool = Field(description="A pause was asked for; it begins once the provider has nothing of it any more.")
    to_resume: Decimal | None = Field(description="Credits that resuming a paused run holds; 0 after a pause by hand.")
    progress: ProgressOut | None = Field(description="Null before the start, and once the rows were deleted.")
    rerunnable: RerunnableOut


class EnrichmentsOut(_Out):
    """One page of lists, newest first."""

    items: list[EnrichmentOut]
    next_cursor: str | None
    previous_cursor: str | None


class ProblemOut(_Out):
    """What is wrong with a cell (`column` is its place) or the whole row (null), and how to fix it."""

    column: int | None
    level: Literal["info", "warning", "error"]
    code: str
    message: str
    fix: str


class RowOut(_Out):
    """A data row; `number` counts from 1, `line` is where it starts in the file."""

    number: int
    line: int
    cells: list[str]
    edited: list[int]
    verdict: Literal["valid", "invalid", "duplicate", "owned"]
    problems: list[ProblemOut]
    duplicate_of: int | None
    lead_id: UUID | None
    outcome: Outcome | None
    reason: str | None
    matched_by: str | None = Field(
        description="What the match rests on: email, email_sha256, phone, linkedin or name_company."
    )
    source: Literal["provider"] | None = Field(description="Who answered; null: not looked up, or no answer.")
    fetched_at: datetime | None = Field(description="When that answer was read.")
    found: FoundOut | None = Field(description="Of a matched row what was found; null for the others.")


class RowsOut(_Out):
    """One page of rows in file order; empty while the file is being read."""

    rows: list[RowOut]
    total: int
    next_cursor: str | None
    previous_cursor: str | None


class HeadOut(BaseModel):
    """The first rows of the file as they stand, shortened, to choose the header from."""

    rows: list[list[str]]


class LayoutChoice(_Body):
    """How the file is to be read; what is left out stays."""

    header_row: int | None = Field(None, strict=True, description="From 1; null: the file has no column names.")
    sheet: str | None = Field(None, max_length=200)
    delimiter: Literal[",", ";", "\t", "|", ""] | None = Field(None, description="“” means one column.")
    encoding: str | None = Field(None, max_length=40)


class EnrichmentChange(_Body):
    """Exactly one of `layout` (the file is read again) and `mapping` (the rows are checked again)."""

    revision: int | None = Field(None, strict=True, ge=1, le=2**31 - 1, examples=[1])
    layout: LayoutChoice | None = None
    mapping: dict[str, str | None] | None = Field(
        None, description="Column places to fields; columns left out are unmapped.", examples=[{"0": "email"}]
    )


class CellChange(_Body):
    revision: Revision
    column: Position
    value: Text
    seen: Text | None = Field(
        None, description="What the cell said: with it, changes of other cells since `revision` do not matter."
    )


class Replacement(_Body):
    revision: Revision
    column: Position
    find: Annotated[str, Field(max_length=1_000)]
    replace: Text
    match_case: bool = Field(True, strict=True, description="Whether upper and lower case differ.")
    dry_run: bool = Field(False, strict=True, description="Only say how many cells would be changed.")


class ReplacedOut(BaseModel):
    changed: int = Field(description="How many cells were changed, or in a dry run would be.")
    enrichment: EnrichmentOut


class UndoRequest(_Body):
    revision: Revision


class UndoneOut(BaseModel):
    restored: int = Field(description="How many cells say again what they said.")
    enrichment: EnrichmentOut


class StartRequest(_Body):
    """`revision` is the one whose quote was seen."""

    revision: Revision
    matching: Matching = "balanced"
    includes_owned: bool = Field(False, strict=True, description="Also send rows that are among your leads already.")
    ceiling: Ceiling = None
    spend_available: bool = Field(
        False, strict=True, description="With too few credits: start with what is there, pause when it is used up."
    )


class ResumeRequest(_Body):
    spend_available: bool = Field(False, strict=True)


class RerunRequest(_Body):
    outcomes: list[Again] = Field(["error"], min_length=1, max_length=10)


class QuoteOut(_Out):
    """What a run would cost. `expected_matches`, `low` and `high` follow from a dry run with the same matching; null
    without one."""

    rows: int
    price: Credits
    expected_matches: tuple[int, int] | None
    payable_matches: int = Field(description="The most matched rows the ceiling pays for; `rows` without one.")
    low: Decimal | None
    high: Decimal | None
    worst: Credits
    available: Credits | None = Field(description="The balance; null for a key that may not look at credits.")
    shortfall: Credits | None
    minimum_rows: int
    why_not: str | None


class LinkOut(BaseModel):
    """A private link. Whoever has it can download until it expires, unless you leave the workspace before."""

    url: str = Field(description="Path on this server.")
    expires_at: datetime

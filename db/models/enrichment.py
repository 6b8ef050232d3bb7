"""A customer's list, its rows, the chunks it travels in, and how headers were mapped before.

The file, its rows and what was found live in these tables only (no shared disk is needed, and row-level security
covers them); all of it is deleted when `expires_at` has passed (lessons.md row 38). The `Enrichment` row stays: it is
the receipt.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from db.base import Base, Identified, Timestamped, WorkspaceOwned

STATUSES = (
    "'received', 'reading', 'ready', 'refused', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled'"
)
VERDICTS = "'valid', 'invalid', 'duplicate', 'owned'"
OUTCOMES = "'matched', 'no_match', 'skipped', 'error'"
CREDITS = Numeric(14, 2)
TEXT_JSON = JSON(none_as_null=True)  # kept as it was written; Postgres takes it apart only when it is asked to


class Enrichment(Identified, Timestamped, WorkspaceOwned, Base):
    """One uploaded list from the drop to the download.

    received → reading → ready (or refused: no rows can be used) → queued → running ⇄ paused → completed, failed or
    cancelled. `revision` grows with every change of layout, mapping or cells; a write that names an older one is
    refused. Counts are NULL until the rows were checked: not counted is not zero.

    `layout`: how the file was understood (kind, compression, encoding, delimiter, sheet, header row). `columns`: one
    object per column in file order (name, samples). `mapping`: column position as text to field name. `sample`: the
    free dry run's figures, and after a run under `run` how many matched rows have which fact.
    """

    __tablename__ = "enrichments"
    __table_args__ = (
        CheckConstraint(f"status IN ({STATUSES})", name="status"),
        CheckConstraint("source IN ('upload', 'api', 'rerun')", name="source"),
        CheckConstraint("matching IN ('balanced', 'strict')", name="matching"),
        CheckConstraint("price >= 0 AND (ceiling IS NULL OR ceiling >= 0)", name="price"),
        UniqueConstraint("workspace_id", "id"),
        ForeignKeyConstraint(
            ["workspace_id", "rerun_of"],
            ["enrichments.workspace_id", "enrichments.id"],
            ondelete="SET NULL (rerun_of)",
        ),
        ForeignKeyConstraint(["workspace_id", "run_job_id"], ["jobs.workspace_id", "jobs.id"]),
        ForeignKeyConstraint(
            ["workspace_id", "read_job_id"], ["jobs.workspace_id", "jobs.id"], ondelete="SET NULL (read_job_id)"
        ),
        ForeignKeyConstraint(
            ["workspace_id", "sample_job_id"], ["jobs.workspace_id", "jobs.id"], ondelete="SET NULL (sample_job_id)"
        ),
        Index(None, "workspace_id", "run_job_id"),
        Index(None, "workspace_id", "created_at", "id"),
        Index(None, "workspace_id", "sha256"),
        Index("ix_enrichments_expiry", "expires_at", postgresql_where=text("purged_at IS NULL")),
    )

    filename: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    byte_size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=text("'received'"))
    refusal_code: Mapped[str | None] = mapped_column(Text)
    refusal_message: Mapped[str | None] = mapped_column(Text)

    layout: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    columns: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    fingerprint: Mapped[str | None] = mapped_column(Text)
    mapping: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    revision: Mapped[int] = mapped_column(server_default=text("1"))

    row_count: Mapped[int | None]
    valid_count: Mapped[int | None]
    invalid_count: Mapped[int | None]
    duplicate_count: Mapped[int | None]
    owned_count: Mapped[int | None]

    matching: Mapped[str] = mapped_column(Text, server_default=text("'balanced'"))
    includes_owned: Mapped[bool] = mapped_column(server_default=text("false"))
    price: Mapped[Decimal] = mapped_column(CREDITS, server_default=text("0"))
    ceiling: Mapped[Decimal | None] = mapped_column(CREDITS)
    sample: Mapped[dict[str, Any] | None]
    hold_id: Mapped[UUID | None]
    credits_held: Mapped[Decimal] = mapped_column(CREDITS, server_default=text("0"))
    credits_captured: Mapped[Decimal] = mapped_column(CREDITS, server_default=text("0"))
    credits_released: Mapped[Decimal] = mapped_column(CREDITS, server_default=text("0"))

    matched_count: Mapped[int] = mapped_column(server_default=text("0"))
    no_match_count: Mapped[int] = mapped_column(server_default=text("0"))
    skipped_count: Mapped[int] = mapped_column(server_default=text("0"))
    error_count: Mapped[int] = mapped_column(server_default=text("0"))
    outcome: Mapped[str | None] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    pause_requested_by: Mapped[str | None] = mapped_column(Text)  # until the run rests or goes on

    read_job_id: Mapped[UUID | None]
    sample_job_id: Mapped[UUID | None]
    run_job_id: Mapped[UUID | None]
    rerun_of: Mapped[UUID | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    purged_at: Mapped[datetime | None]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_by_label: Mapped[str] = mapped_column(Text)


def _of_enrichment(*more: SchemaItem) -> tuple[SchemaItem, ...]:
    parent = ForeignKeyConstraint(
        ["workspace_id", "enrichment_id"], ["enrichments.workspace_id", "enrichments.id"], ondelete="CASCADE"
    )
    return (parent, *more)


class EnrichmentFilePart(WorkspaceOwned, Base):
    """One piece of the file as it was uploaded; the pieces in order of `position` are the file."""

    __tablename__ = "enrichment_file_parts"
    __table_args__ = _of_enrichment(PrimaryKeyConstraint("workspace_id", "enrichment_id", "position"))

    enrichment_id: Mapped[UUID]
    position: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)


class EnrichmentRow(WorkspaceOwned, Base):
    """One data row. `number` counts data rows from 1, `line` is where it starts in the file.

    `cells` are the row's texts in column order, `originals` what edited cells said before (position to text).
    `identity` is the strongest key that names the person (duplicates in the file share it), `problems` a list of
    {column, level, code, message, fix}. After a run exactly one `outcome` stands; `found` holds the documented columns
    of a match by position (`stored_found`), `person` the provider's id of who it is, `charged` whether its price was
    captured, and `chunk` the chunk it traveled in.

    Every index and every foreign key is paid for a million times over (ADR 0030): triggers of migration 0010 see that
    a row's list exists and that rows go with their list, once per statement.
    """

    __tablename__ = "enrichment_rows"
    __table_args__ = (
        PrimaryKeyConstraint("workspace_id", "enrichment_id", "number"),
        CheckConstraint(f"verdict IN ({VERDICTS})", name="verdict"),
        CheckConstraint(f"outcome IN ({OUTCOMES})", name="outcome"),
        Index(None, "workspace_id", "enrichment_id", "verdict", "number", postgresql_where=text("verdict <> 'valid'")),
        Index(
            None,
            "workspace_id",
            "enrichment_id",
            "outcome",
            "number",
            postgresql_where=text("outcome IN ('skipped', 'error')"),
        ),
        # nobody is charged for twice in one list, whatever two settling workers believe
        Index(
            "uq_enrichment_rows_charged_person",
            "workspace_id",
            "enrichment_id",
            "person",
            unique=True,
            postgresql_where=text("charged"),
        ),
    )

    workspace_id: Mapped[UUID] = mapped_column()  # without the key to workspaces, which its list has
    enrichment_id: Mapped[UUID]
    number: Mapped[int]
    line: Mapped[int]
    cells: Mapped[list[Any]] = mapped_column(TEXT_JSON)
    originals: Mapped[dict[str, Any] | None]
    verdict: Mapped[str] = mapped_column(Text)
    problems: Mapped[list[Any] | None] = mapped_column(TEXT_JSON)
    identity: Mapped[str | None] = mapped_column(Text)
    duplicate_of: Mapped[int | None]
    lead_id: Mapped[UUID | None]
    chunk: Mapped[int | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    matched_by: Mapped[str | None] = mapped_column(Text)
    person: Mapped[str | None] = mapped_column(Text)
    charged: Mapped[bool] = mapped_column(server_default=text("false"))
    found: Mapped[list[Any] | dict[str, Any] | None] = mapped_column(TEXT_JSON)
    fetched_at: Mapped[datetime | None]


class EnrichmentChunk(WorkspaceOwned, Base):
    """Rows that travel to the provider together. Its unique `provider_name` is stored before it is sent, so that a job
    whose answer was lost is found again and never bought twice. Its rows are those that are sent and numbered from
    `first_number` to `last_number`; number 0 is the free sample, whose rows are drawn. `failures` counts errors that
    came one after another.
    """

    __tablename__ = "enrichment_chunks"
    __table_args__ = _of_enrichment(
        PrimaryKeyConstraint("workspace_id", "enrichment_id", "number"),
        CheckConstraint("status IN ('pending', 'sent', 'settled', 'failed', 'dropped')", name="status"),
        Index("uq_enrichment_chunks_provider_name", "provider_name", unique=True),
    )

    enrichment_id: Mapped[UUID]
    number: Mapped[int]
    status: Mapped[str] = mapped_column(Text, server_default=text("'pending'"))
    first_number: Mapped[int | None]
    last_number: Mapped[int | None]
    row_count: Mapped[int]
    provider_name: Mapped[str] = mapped_column(Text)
    provider_job_id: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    matched: Mapped[int] = mapped_column(server_default=text("0"))
    captured: Mapped[Decimal] = mapped_column(CREDITS, server_default=text("0"))
    error_code: Mapped[str | None] = mapped_column(Text)
    error_message: Mapped[str | None] = mapped_column(Text)


class EnrichmentChange(WorkspaceOwned, Base):
    """What an edit or a replacement wrote over in one column, kept so that it can be undone before the list is started.

    `revision` is the list's when nothing came after this change; only a change at the list's revision can be undone.
    `before`: `numbers` of the rows and their `texts`, and `flaws` of rows whose structure the edit mended (number as
    text to code). `byte_size` is that of the texts. Goes with the list's rows.
    """

    __tablename__ = "enrichment_changes"
    __table_args__ = _of_enrichment(PrimaryKeyConstraint("workspace_id", "enrichment_id", "number"))

    enrichment_id: Mapped[UUID]
    number: Mapped[int]
    revision: Mapped[int]
    place: Mapped[int]
    cell_count: Mapped[int]
    first_row: Mapped[int]
    byte_size: Mapped[int] = mapped_column(BigInteger)
    before: Mapped[dict[str, Any]] = mapped_column(TEXT_JSON)
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ColumnMapping(WorkspaceOwned, Base):
    """How a workspace mapped a header before, offered for the next file with the same one (ENR-04)."""

    __tablename__ = "column_mappings"
    __table_args__ = (PrimaryKeyConstraint("workspace_id", "fingerprint"),)

    fingerprint: Mapped[str] = mapped_column(Text)
    mapping: Mapped[dict[str, Any]]
    used_at: Mapped[datetime] = mapped_column(server_default=func.now())

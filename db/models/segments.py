"""Saved segments, drafts, runs, members, and the provider's words that filters may use.

A segment belongs to the workspace: when its author goes, the segment stays and keeps their name (lessons, row 35).
Deleting one never deletes a lead (SEG-15). A run keeps its own copy of the filter, so history stays true after edits.
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
    Numeric,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from db.base import Base, Identified, Timestamped, WorkspaceOwned

SCOPES = "'provider', 'leads'"
ACTIVE_RUN = "status IN ('queued', 'running')"


class SavedSegment(Identified, Timestamped, WorkspaceOwned, Base):
    """A named filter. `version` grows with every change of it; a write that names an older one is refused.

    `name_norm` is the name as compared (case and blanks folded). `last_matched` is how many people matched among
    those the last run looked at; `last_count` is the same if it looked at everybody, and NULL otherwise, because "not
    counted" is not zero.
    """

    __tablename__ = "saved_segments"
    __table_args__ = (
        CheckConstraint(f"scope IN ({SCOPES})", name="scope"),
        CheckConstraint("status IN ('active', 'paused', 'archived')", name="status"),
        CheckConstraint("length(name) BETWEEN 1 AND 100", name="name_length"),
        CheckConstraint("length(description) <= 500", name="description_length"),
        CheckConstraint("version >= 1", name="version"),
        UniqueConstraint("workspace_id", "id"),
        Index(
            "uq_saved_segments_name_norm",
            "workspace_id",
            "name_norm",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(None, "workspace_id", "updated_at", "id"),
    )

    name: Mapped[str] = mapped_column(Text)
    name_norm: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default=text("''"))
    scope: Mapped[str] = mapped_column(Text)
    filters: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    status: Mapped[str] = mapped_column(Text, server_default=text("'active'"))
    is_shared: Mapped[bool] = mapped_column(server_default=text("true"))
    max_leads: Mapped[int | None]
    ceiling: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    last_count: Mapped[int | None] = mapped_column(BigInteger)
    last_matched: Mapped[int | None] = mapped_column(BigInteger)
    last_run_at: Mapped[datetime | None]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_by_label: Mapped[str] = mapped_column(Text)
    updated_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    updated_by_label: Mapped[str] = mapped_column(Text)
    deleted_at: Mapped[datetime | None]


def _of_segment(*more: SchemaItem) -> tuple[SchemaItem, ...]:
    parent = ForeignKeyConstraint(
        ["workspace_id", "segment_id"], ["saved_segments.workspace_id", "saved_segments.id"], ondelete="CASCADE"
    )
    return (parent, *more)


class SegmentDraft(Identified, Timestamped, WorkspaceOwned, Base):
    """One person's unsaved edit of a segment, or (`segment_id` NULL) of a new one (SEG-10).

    `base_version` is the version that the edit of the filter began from; NULL for a new segment, and where the filter
    was not edited: then `filters` says nothing. The limits are kept as they were typed, wrong ones too; NULL where
    nobody typed.
    """

    __tablename__ = "segment_drafts"
    __table_args__ = _of_segment(
        Index(
            "uq_segment_drafts_author",
            "workspace_id",
            "user_id",
            "segment_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    segment_id: Mapped[UUID | None]
    base_version: Mapped[int | None]
    filters: Mapped[dict[str, Any]]
    typed_max_leads: Mapped[str | None] = mapped_column(Text)
    typed_ceiling: Mapped[str | None] = mapped_column(Text)


class SegmentRun(Identified, Timestamped, WorkspaceOwned, Base):
    """One delivery of a segment (SEG-14): what was asked, what the provider sent, what was new and what it cost.

    `next_page` and the counters move in the transaction that stores a page's leads and captures their price.
    `audience_name` is written before the audience is asked for: after a crash it is how the audience is found again.
    """

    __tablename__ = "segment_runs"
    __table_args__ = _of_segment(
        UniqueConstraint("workspace_id", "id"),
        CheckConstraint("status IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="status"),
        CheckConstraint("max_leads > 0 AND ceiling > 0 AND price >= 0", name="bounds"),
        CheckConstraint("new_leads * price <= ceiling", name="within_ceiling"),
        Index("uq_segment_runs_active", "workspace_id", "segment_id", unique=True, postgresql_where=text(ACTIVE_RUN)),
        Index(
            "uq_segment_runs_idempotency_key",
            "workspace_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        ForeignKeyConstraint(["workspace_id", "job_id"], ["jobs.workspace_id", "jobs.id"]),
        Index(None, "workspace_id", "job_id"),
        Index(None, "workspace_id", "segment_id", "created_at"),
        Index(
            "ix_segment_runs_leftover_audiences",
            "finished_at",
            postgresql_where=text("audience_name IS NOT NULL AND audience_deleted_at IS NULL"),
        ),
    )

    segment_id: Mapped[UUID]
    segment_version: Mapped[int]
    filters: Mapped[dict[str, Any]]
    provider_filters: Mapped[dict[str, Any]]
    dropped_members: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(Text, server_default=text("'queued'"))
    max_leads: Mapped[int]
    ceiling: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    price: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    hold_id: Mapped[UUID | None]
    credits_held: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default=text("0"))
    credits_captured: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default=text("0"))
    audience_name: Mapped[str | None] = mapped_column(Text)
    audience_id: Mapped[str | None] = mapped_column(Text)
    audience_requested_at: Mapped[datetime | None]
    audience_deleted_at: Mapped[datetime | None]
    audience_total: Mapped[int | None] = mapped_column(BigInteger)
    audience_capped: Mapped[bool] = mapped_column(server_default=text("false"))
    next_page: Mapped[int] = mapped_column(server_default=text("1"))
    fetched: Mapped[int] = mapped_column(server_default=text("0"))
    matched: Mapped[int] = mapped_column(server_default=text("0"))
    new_leads: Mapped[int] = mapped_column(server_default=text("0"))
    owned_leads: Mapped[int] = mapped_column(server_default=text("0"))
    duplicates: Mapped[int] = mapped_column(server_default=text("0"))
    outcome: Mapped[str | None] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    actor_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    actor_label: Mapped[str] = mapped_column(Text)
    finished_at: Mapped[datetime | None]


class SegmentLead(WorkspaceOwned, Base):
    """A lead that a run of the segment met: its stored membership (SEG-16). `run_id` is the first run that met it."""

    __tablename__ = "segment_leads"
    __table_args__ = _of_segment(
        PrimaryKeyConstraint("workspace_id", "segment_id", "lead_id"),
        ForeignKeyConstraint(["workspace_id", "lead_id"], ["leads.workspace_id", "leads.id"], ondelete="CASCADE"),
        Index(None, "workspace_id", "lead_id"),
    )

    segment_id: Mapped[UUID]
    lead_id: Mapped[UUID]
    run_id: Mapped[UUID]
    is_new: Mapped[bool]
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ProviderWord(Base):
    """One word of a provider vocabulary (contract §2.6), the same for every workspace; synced daily, searched here."""

    __tablename__ = "provider_words"

    vocabulary: Mapped[str] = mapped_column(Text, primary_key=True)
    word: Mapped[str] = mapped_column(Text, primary_key=True)
    synced_at: Mapped[datetime] = mapped_column(server_default=func.now())

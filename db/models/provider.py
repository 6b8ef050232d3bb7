"""The record of every call to the provider."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from db.base import Base


class ProviderCall(Base):
    """One HTTP attempt at the provider; partitioned by month of `called_at` (UTC) from the first day.

    `workspace_id` is None for calls of the installation itself (vocabularies, health). It is no foreign key: what a
    workspace's calls were stays on record when the workspace goes, and recording must not depend on it.
    """

    __tablename__ = "provider_calls"
    __table_args__ = (
        CheckConstraint("milliseconds >= 0", name="milliseconds"),
        CheckConstraint("retries >= 0", name="retries"),
        Index("ix_provider_calls_called_at", "called_at"),
        Index("ix_provider_calls_workspace_id", "workspace_id", "called_at"),
        {"postgresql_partition_by": "RANGE (called_at)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    called_at: Mapped[datetime] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID | None]
    endpoint: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    milliseconds: Mapped[int] = mapped_column(Integer)
    rows: Mapped[int | None] = mapped_column(Integer)
    retries: Mapped[int] = mapped_column(SmallInteger)
    error_class: Mapped[str | None] = mapped_column(Text)

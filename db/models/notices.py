"""In-app notices: what happened while somebody was away."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, WorkspaceOwned


class Notice(Identified, WorkspaceOwned, Base):
    """One line for one person in one workspace. `link` is a path of this site; `dedupe_key` makes a repeat harmless."""

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint("level IN ('info', 'success', 'warning', 'error')", name="level"),
        Index(None, "workspace_id", "user_id", "created_at"),
        Index("uq_notices_dedupe_key", "workspace_id", "user_id", "dedupe_key", unique=True),
        Index(None, "workspace_id", "user_id", postgresql_where=text("read_at IS NULL")),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    level: Mapped[str] = mapped_column(Text, server_default=text("'info'"))
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, server_default=text("''"))
    link: Mapped[str | None] = mapped_column(Text)
    dedupe_key: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    read_at: Mapped[datetime | None]

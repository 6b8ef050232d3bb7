"""Credits: the append-only ledger, what the nightly proof found, and the two small tables behind the REST API's limits.

Nothing here is written with INSERT, UPDATE or DELETE by our roles where money is concerned: `credit_ledger` is filled
only by the database functions of migration 0002, and a trigger refuses changes even to the owner.
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
    Identity,
    Index,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, WorkspaceOwned

CREDITS = Numeric(14, 2)


class CreditLine(WorkspaceOwned, Base):
    """One line of a workspace's ledger.

    `amount` is always positive; `change` is what it did to the available credits and `held_change` to the held ones.
    `seq` counts 1, 2, 3… inside the workspace without a gap, so a missing line shows. `answers_id` is the hold, debit
    or purchase this line settles. People are kept by id and by label without a foreign key: a ledger line is never
    updated, not even when a person leaves.
    """

    __tablename__ = "credit_ledger"
    __table_args__ = (
        # Every CHECK is compiled again for every spend. What the one function that writes guarantees anyway (kinds,
        # signs, amounts, keys) is proved every night instead (services/credits/reconcile).
        UniqueConstraint("workspace_id", "idempotency_key"),
        UniqueConstraint("workspace_id", "seq"),
        ForeignKeyConstraint(["workspace_id", "answers_id"], ["credit_ledger.workspace_id", "credit_ledger.id"]),
        ForeignKeyConstraint(["workspace_id", "job_id"], ["jobs.workspace_id", "jobs.id"]),
        Index(None, "workspace_id", "answers_id", postgresql_where=text("answers_id IS NOT NULL")),
        Index(None, "workspace_id", "job_id", postgresql_where=text("job_id IS NOT NULL")),
        Index("ix_credit_ledger_holds", "expires_at", postgresql_where=text("kind = 'hold'")),
    )

    # No foreign key to the workspace: it would lock and search the one row that all spends of a workspace wait for. The
    # function has updated that row, so it exists; a trigger keeps it (migration 0009).
    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    seq: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(CREDITS)
    change: Mapped[Decimal] = mapped_column(CREDITS)
    held_change: Mapped[Decimal] = mapped_column(CREDITS)
    balance_after: Mapped[Decimal] = mapped_column(CREDITS)
    held_after: Mapped[Decimal] = mapped_column(CREDITS)
    idempotency_key: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    answers_id: Mapped[UUID | None]
    job_id: Mapped[UUID | None]
    reference: Mapped[str | None] = mapped_column(Text)
    actor_user_id: Mapped[UUID | None]
    actor_label: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class LedgerFinding(WorkspaceOwned, Base):
    """A sum the nightly proof found to be off: kept until a person has looked at it. Written by the system only."""

    __tablename__ = "ledger_findings"
    __table_args__ = (Index(None, "workspace_id", "found_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    check: Mapped[str] = mapped_column("check_name", Text)
    expected: Mapped[Decimal | None] = mapped_column(Numeric)
    actual: Mapped[Decimal | None] = mapped_column(Numeric)
    message: Mapped[str] = mapped_column(Text)
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())
    resolved_at: Mapped[datetime | None]


class IdempotencyRecord(WorkspaceOwned, Base):
    """The answer that was given to an `Idempotency-Key`, so that a repeated request gets it again (promise P4)."""

    __tablename__ = "idempotency_records"
    __table_args__ = (
        CheckConstraint("length(key) BETWEEN 1 AND 255", name="key_length"),
        CheckConstraint("(status IS NULL) = (body IS NULL)", name="answered"),
        Index(None, "created_at"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256 of method, path, query and body
    token: Mapped[UUID]  # whose reservation this is while the request runs
    locked_until: Mapped[datetime]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RateLimit(WorkspaceOwned, Base):
    """GCRA: one moment per limited thing says everything (reliability D-25). Unlogged: a crash only forgets counts."""

    __tablename__ = "rate_limits"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    full_at: Mapped[datetime]  # the theoretical arrival time: when the whole allowance is back

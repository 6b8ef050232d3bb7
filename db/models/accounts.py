"""People, workspaces and how they get in. Tables without `workspace_id` are the system role's alone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, Timestamped, WorkspaceOwned

ROLES = "'owner', 'admin', 'member', 'billing', 'read_only'"


class Workspace(Identified, Timestamped, Base):
    """A customer. The two balances move only through the credit functions (services/credits)."""

    __tablename__ = "workspaces"
    __table_args__ = (
        CheckConstraint("credits_held >= 0", name="held_not_negative"),
        CheckConstraint("length(name) BETWEEN 1 AND 120", name="name_length"),
        {"info": {"tenant_key": "id"}},
    )

    name: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    credits_balance: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default=text("0"))
    credits_held: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default=text("0"))
    credits_seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))  # number of ledger lines
    timezone: Mapped[str] = mapped_column(Text, server_default=text("'UTC'"))
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))
    deleted_at: Mapped[datetime | None]


class User(Identified, Timestamped, Base):
    """A person who can log in; may belong to several workspaces. The platform's own staff have a `staff_role`:
    how far their hands reach in the admin pages (JOB-12)."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("staff_role IN ('read_only', 'operate', 'all')", name="staff_role"),)

    email: Mapped[str] = mapped_column(Text)
    email_norm: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text, server_default=text("''"))
    password_hash: Mapped[str | None] = mapped_column(Text)
    email_verified_at: Mapped[datetime | None]
    staff_role: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str | None] = mapped_column(Text)
    last_login_at: Mapped[datetime | None]
    preferences: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    deleted_at: Mapped[datetime | None]

    @property
    def is_staff(self) -> bool:
        return self.staff_role is not None


class Membership(WorkspaceOwned, Base):
    """A person's role in a workspace. Removing the row removes the access at the next event."""

    __tablename__ = "memberships"
    __table_args__ = (
        CheckConstraint(f"role IN ({ROLES})", name="role"),
        Index(None, "user_id"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(Text)
    preferences: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UserSession(Identified, Base):
    """A signed-in browser. Only the SHA-256 of the cookie's token is kept, and of the token before and after it."""

    __tablename__ = "user_sessions"
    __table_args__ = (Index(None, "user_id"), Index(None, "expires_at"))

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    workspace_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("workspaces.id", ondelete="SET NULL"), info={"not_owned": "the workspace the session looks at"}
    )
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    renewal_due_at: Mapped[datetime | None]  # what the person may do has changed: the token is to be replaced
    next_token_hash: Mapped[bytes | None] = mapped_column(unique=True)  # handed out, not come back yet
    former_token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    former_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    ip: Mapped[str | None] = mapped_column(Text)
    user_agent: Mapped[str | None] = mapped_column(Text)


class Throttle(Base):
    """How often something was tried lately, by key (an account's digest, an address); shared by all processes.

    The key never holds an e-mail address in clear, and exists for unknown addresses as well (no enumeration).
    """

    __tablename__ = "throttles"
    __table_args__ = (Index(None, "last_at"),)

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    tries: Mapped[int]
    last_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class MailedToken(Identified, Base):
    """A link in a mail: e-mail verification or password reset. One use, short life, hashed."""

    __tablename__ = "mailed_tokens"
    __table_args__ = (
        CheckConstraint("purpose IN ('verify_email', 'reset_password')", name="purpose"),
        Index(None, "user_id"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Invitation(Identified, WorkspaceOwned, Base):
    """An invitation to a workspace, mailed to one address."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint(f"role IN ({ROLES})", name="role"),
        Index(
            "uq_invitations_open",
            "workspace_id",
            "email_norm",
            unique=True,
            postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
        ),
    )

    email: Mapped[str] = mapped_column(Text)
    email_norm: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ApiKey(Identified, WorkspaceOwned, Base):
    """A key for the REST API: prefix shown, SHA-256 kept, scopes checked (ADM-02)."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("workspace_id", "id"), Index(None, "workspace_id", "created_at"))

    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditEntry(Identified, WorkspaceOwned, Base):
    """Who did what to which object; append-only (ADM-04)."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "workspace_id", "created_at"),)

    actor_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    actor_label: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    object_type: Mapped[str] = mapped_column(Text)
    object_id: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OutgoingMail(Identified, Timestamped, Base):
    """A system mail to be handed to the mail server by a worker; written in the transaction that causes it."""

    __tablename__ = "outgoing_mails"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'sent', 'failed')", name="status"),
        Index(None, "created_at"),
    )

    to_address: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    text_body: Mapped[str] = mapped_column(Text)
    html_body: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=text("'queued'"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]

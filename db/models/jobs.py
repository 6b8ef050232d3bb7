"""Work that takes time: the business record a person sees, its log, and the clock's ticks."""

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
    Numeric,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, Timestamped, WorkspaceOwned

STATUSES = "'pending', 'processing', 'paused', 'completed', 'failed', 'cancelled'"
ACTOR_KINDS = "'user', 'api_key', 'system'"


class Job(Identified, Timestamped, WorkspaceOwned, Base):
    """One long piece of work of a workspace (design §7). `attempt_token` fences a worker that was given up for dead.

    `task` and `queue` say how to wake it again; `attempts` counts tries since it last moved forward; the rate shown to
    people is measured from `moving_since`, when `processed` stood at `moving_from`. A retry begins `started_at` and
    `moving_since` anew; `first_started_at` stays and says how long the job waited at first. `moved_at` is when the
    newest try began or last told of progress. `tags` are facts that staff search for (`services.jobs.tags` names them
    all).
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(f"status IN ({STATUSES})", name="status"),
        CheckConstraint("processed >= 0 AND failed >= 0 AND attempts >= 0", name="counters"),
        CheckConstraint(f"actor_kind IN ({ACTOR_KINDS})", name="actor_kind"),
        ForeignKeyConstraint(["workspace_id", "actor_api_key_id"], ["api_keys.workspace_id", "api_keys.id"]),
        UniqueConstraint("workspace_id", "id"),
        Index("uq_jobs_idempotency_key", "workspace_id", "kind", "idempotency_key", unique=True),
        Index(None, "workspace_id", "created_at"),
        Index(None, "status", "heartbeat_at"),
        # With what staff count of a hundred thousand jobs at a time.
        Index(None, "created_at", "id", postgresql_include=["status", "workspace_id"]),
        Index(None, "kind", "created_at", "id"),
        Index(None, "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        Index(None, "tags", postgresql_using="gin"),
    )

    kind: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    task: Mapped[str] = mapped_column(Text)
    queue: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=text("'pending'"))
    stage: Mapped[str] = mapped_column(Text, server_default=text("'queued'"))
    total: Mapped[int | None] = mapped_column(BigInteger)
    processed: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    failed: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    moving_since: Mapped[datetime | None]
    moving_from: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    credits_held: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default=text("0"))
    credits_captured: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default=text("0"))
    credits_released: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default=text("0"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    attempt_token: Mapped[UUID | None]
    heartbeat_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]
    run_after: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    first_started_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(Text)
    error_message: Mapped[str | None] = mapped_column(Text)
    error_fingerprint: Mapped[str | None] = mapped_column(Text)
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    actor_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    actor_api_key_id: Mapped[UUID | None]
    actor_kind: Mapped[str] = mapped_column(Text, server_default=text("'system'"))
    actor_label: Mapped[str] = mapped_column(Text, server_default=text("''"))
    links: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    arguments: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'::text[]"))


class JobEvent(WorkspaceOwned, Base):
    """One line of a job's timeline."""

    __tablename__ = "job_events"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "job_id"], ["jobs.workspace_id", "jobs.id"], ondelete="CASCADE"),
        Index(None, "workspace_id", "job_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    level: Mapped[str] = mapped_column(Text, server_default=text("'info'"))
    stage: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    internal: Mapped[str | None] = mapped_column(Text)  # for staff; never shown to customers


class JobAttempt(WorkspaceOwned, Base):
    """One try at a job by one worker: when, how it ended and, for staff, why. `fingerprint` groups equal failures
    (JOB-11). `number` counts every try of the job and never starts again."""

    __tablename__ = "job_attempts"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "job_id"], ["jobs.workspace_id", "jobs.id"], ondelete="CASCADE"),
        CheckConstraint(
            "outcome IN ('finished', 'postponed', 'retried', 'failed', 'paused', 'cancelled', 'interrupted', 'lost')",
            name="outcome",
        ),
        Index("uq_job_attempts_token", "token", unique=True),
        Index(None, "workspace_id", "job_id", "number"),
        Index(None, "fingerprint", "ended_at", postgresql_where=text("fingerprint IS NOT NULL")),
        Index(None, "started_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job_id: Mapped[UUID]
    number: Mapped[int]
    token: Mapped[UUID]
    worker: Mapped[str] = mapped_column(Text)
    stage: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(Text)
    error_message: Mapped[str | None] = mapped_column(Text)
    internal: Mapped[str | None] = mapped_column(Text)  # stack and vendor text, for staff; never shown to customers
    fingerprint: Mapped[str | None] = mapped_column(Text)


class QueuePause(Base):
    """A queue that staff have paused: its jobs wait, whatever is running goes on to its next chunk's edge (JOB-08)."""

    __tablename__ = "queue_pauses"

    queue: Mapped[str] = mapped_column(Text, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    paused_by_label: Mapped[str] = mapped_column(Text)
    paused_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WorkerName(Base):
    """The process behind a worker's number in the queue, named as tries name it: `host:pid`.

    The queue's own table has no room for it. Rows whose worker has gone are deleted when the next one comes.
    """

    __tablename__ = "worker_names"

    worker_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())


class QueueLimit(Base):
    """How many tasks of a queue all workers together may have in hand at once, as staff have set it (JOB-08).

    `fetch_queue_task` (migration 0012) reads it whenever a worker asks for work.
    """

    __tablename__ = "queue_limits"
    __table_args__ = (CheckConstraint("at_most > 0", name="at_most"),)

    queue: Mapped[str] = mapped_column(Text, primary_key=True)
    at_most: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    set_by_label: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())


class QueueMinute(Base):
    """How many tasks without a job ended in one minute of one queue: the queue itself forgets those that succeed."""

    __tablename__ = "queue_minutes"
    __table_args__ = (Index(None, "minute"),)

    queue: Mapped[str] = mapped_column(Text, primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    ended: Mapped[int]


class SchedulePause(Base):
    """A scheduled task that staff have paused: its ticks are not deferred meanwhile (JOB-09)."""

    __tablename__ = "schedule_pauses"

    schedule: Mapped[str] = mapped_column(Text, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    paused_by_label: Mapped[str] = mapped_column(Text)
    paused_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StaffAction(Base):
    """What staff did in the admin pages: append-only, also where no single workspace is concerned (JOB-13)."""

    __tablename__ = "staff_actions"
    __table_args__ = (Index(None, "created_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    actor_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    actor_label: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    object_type: Mapped[str] = mapped_column(Text)
    object_id: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Pruning(Base):
    """The newest pruning of one kind of history (JOB-14): when it began and ended, and how much went. `ended_at` is
    None while it runs, and of one that was broken off, until the next."""

    __tablename__ = "prunings"

    what: Mapped[str] = mapped_column(Text, primary_key=True)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    gone: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class ScheduleTick(Base):
    """One tick of one scheduled task: the unique key is what makes a tick happen once (reliability D-8). `task_id` is
    the queue's id of what it deferred; `by_label` names the person of a run by hand; a tick that came while the
    schedule was paused is `skipped`."""

    __tablename__ = "schedule_ticks"

    schedule: Mapped[str] = mapped_column(Text, primary_key=True)
    tick_at: Mapped[datetime] = mapped_column(primary_key=True)
    deferred_at: Mapped[datetime] = mapped_column(server_default=func.now())
    late_seconds: Mapped[int] = mapped_column(server_default=text("0"))
    task_id: Mapped[int | None] = mapped_column(BigInteger)
    by_label: Mapped[str | None] = mapped_column(Text)
    skipped: Mapped[bool] = mapped_column(server_default=text("false"))


class ClockLeader(Base):
    """Which worker runs the clock now: one row, for the people who watch; the advisory lock decides."""

    __tablename__ = "clock_leaders"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    worker: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    seen_at: Mapped[datetime]

"""What other rooms and the pages see of a job: frozen values, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from cursive_app.clock import now
from cursive_app.services.jobs.batches import Batches
from db.models.jobs import Job, JobEvent
from db.scope import Tenant

Relation = Literal["same", "segment", "rerun", "origin"]
"""Works on the same thing; is another run of its segment; works on a list that was made of its rows; on the list its
own rows come from."""
STATUSES = ("pending", "processing", "paused", "completed", "failed", "cancelled")
ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as its workspace sees it. Credits are credits with two decimals; a count that is not known is None.
    `kept_back_since`: it waits since then because work of its kind is paused, not by the workspace itself."""

    id: UUID
    kind: str
    title: str
    status: str
    stage: str
    total: int | None
    processed: int
    failed: int
    per_second: Decimal | None
    seconds_left: int | None
    credits_held: Decimal
    credits_captured: Decimal
    credits_released: Decimal
    attempts: int
    cancel_requested: bool
    error_code: str | None
    error_message: str | None
    actor_label: str
    links: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    resumes_at: datetime | None
    kept_back_since: datetime | None

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class JobEventView:
    """One line of a job's timeline. What only staff may read is not in it."""

    at: datetime
    level: str
    stage: str
    message: str


@dataclass(frozen=True, slots=True)
class RelatedJob:
    """A job that belongs to another one, and how (JOB-15)."""

    job: JobView
    relation: Relation


@dataclass(frozen=True, slots=True)
class RelatedSum:
    """All jobs that belong together, the open one among them. `ended` of them have ended, however; `by_status` names
    only the states there are. `credits_captured` is what they were charged, `credits_held` what they hold now."""

    jobs: int
    ended: int
    by_status: dict[str, int]
    credits_captured: Decimal
    credits_held: Decimal


@dataclass(frozen=True, slots=True)
class JobDetail:
    """A job and its newest events, oldest first; `earlier_events` counts those left out. `refunded` are credits that
    were charged first and given back later. `related` are at most 20 jobs that belong to it, failed ones first,
    `related_sum` is what all of them and this one came to (None without others). `batches` is None for work that does
    not travel in any."""

    job: JobView
    events: tuple[JobEventView, ...]
    earlier_events: int
    refunded: Decimal
    related: tuple[RelatedJob, ...]
    related_sum: RelatedSum | None
    batches: Batches | None


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of jobs, newest first. `next_cursor` is None on the last page, `previous_cursor` on the first."""

    jobs: tuple[JobView, ...]
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs a workspace has: by status (0 where there are none) and by kind (only those there are)."""

    by_status: dict[str, int]
    by_kind: dict[str, int]


@dataclass(frozen=True, slots=True)
class JobRefresh:
    """The present state of jobs that are on a screen, and the newest job that fits its filters."""

    jobs: tuple[JobView, ...]
    newest: UUID | None


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A worker's right to move one job, valid as long as no other attempt has claimed it.

    `tenant` carries the role its actor has now; `access_lost` says in words why the actor may no longer act (removed
    from the workspace, API key revoked), and None while they may. The tenant then is read-only, and the flow must stop
    and give back what it holds. `attempt` counts tries since the job last moved forward; `exhausted` means that there
    were too many of them.
    """

    tenant: Tenant
    job_id: UUID
    token: UUID
    attempt: int
    kind: str
    arguments: dict[str, Any]
    links: dict[str, Any]
    stage: str
    processed: int
    access_lost: str | None
    exhausted: bool


def job_view(row: Job, *, kept_back_since: datetime | None = None) -> JobView:
    """The view of a row, with the rate and the time left that follow from its progress so far. The error of a job that
    is completed concerns a part of it: the timeline tells that part, and `failed` counts it."""
    pace = _per_second(row)
    is_wrong = row.status != "completed"
    return JobView(
        id=row.id,
        kind=row.kind,
        title=row.title,
        status=row.status,
        stage=row.stage,
        total=row.total,
        processed=row.processed,
        failed=row.failed,
        per_second=pace,
        seconds_left=_seconds_left(row, pace),
        credits_held=row.credits_held,
        credits_captured=row.credits_captured,
        credits_released=row.credits_released,
        attempts=row.attempts,
        cancel_requested=row.cancel_requested_at is not None,
        error_code=row.error_code if is_wrong else None,
        error_message=row.error_message if is_wrong else None,
        actor_label=row.actor_label,
        links=dict(row.links),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        resumes_at=row.run_after if row.status not in ENDED and row.attempt_token is None else None,
        kept_back_since=kept_back_since,
    )


def event_view(row: JobEvent) -> JobEventView:
    return JobEventView(at=row.at, level=row.level, stage=row.stage, message=row.message)


def _per_second(row: Job) -> Decimal | None:
    """Items per second since the first counted chunk; None until a second chunk gives something to measure."""
    moved = row.processed - row.moving_from
    if row.moving_since is None or moved <= 0:
        return None
    seconds = ((row.finished_at or now()) - row.moving_since).total_seconds()
    return (Decimal(moved) / Decimal(max(seconds, 0.1))).quantize(Decimal("0.1")) or None


def _seconds_left(row: Job, pace: Decimal | None) -> int | None:
    if pace is None or row.total is None or row.status != "processing":
        return None
    return int(max(row.total - row.processed, 0) / pace)

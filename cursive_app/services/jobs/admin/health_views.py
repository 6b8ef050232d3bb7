"""What the staff's pages about failures, queues, schedules, stuck jobs and totals see: frozen values, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from cursive_app.services.credits import OpenFinding
from cursive_app.services.jobs.admin.job_views import AdminJobRow, Stuck

TaskResult = Literal["waiting", "running", "succeeded", "failed", "skipped", "unknown"]


@dataclass(frozen=True, slots=True)
class WorkspaceHit:
    """One workspace of a failure group and how many of its jobs are in it."""

    id: UUID
    name: str
    jobs: int


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed attempts with one fingerprint. `attempts` counts tries, `jobs` the jobs they belong to, `failed_jobs`
    those that ended failed and `retryable` those of them that can be retried; `why_no_retry` is why the others cannot,
    when that is known. `credits_held` is still held by these
    jobs, `credits_captured` and `credits_released` are what they were charged and got back. `met` finds all of
    these jobs in the list, `query` those that ended failed and is the selection of “retry group”; both together with
    the times of the page. `workspaces` are the five most affected."""

    fingerprint: str
    error_code: str
    message: str
    kinds: tuple[str, ...]
    attempts: int
    jobs: int
    failed_jobs: int
    retryable: int
    why_no_retry: str | None
    first_seen: datetime
    last_seen: datetime
    workspace_count: int
    workspaces: tuple[WorkspaceHit, ...]
    credits_held: Decimal
    credits_captured: Decimal
    credits_released: Decimal
    met: str
    query: str


@dataclass(frozen=True, slots=True)
class FailurePage:
    """Failure groups, the most recent first; at most 100, `is_cut` when there are more. `since` and `until` are the
    times of failure that were looked at; an action on a group needs them to mean the same jobs."""

    groups: tuple[FailureGroup, ...]
    is_cut: bool
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PauseView:
    """Who paused it, since when and why."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LimitView:
    """At most so many tasks at once in all workers together; who set it, since when and why."""

    at_most: int
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue. `waiting` tasks may start now, `later` have a time in the future, `running` are in a worker's hands;
    `oldest_seconds` is how long the oldest waiting one has waited (None: nothing waits). `per_minute` is what ended in
    each of the last 60 minutes, oldest first: jobs, and tasks without a job. `places` is what may run at once: the
    slots of all living workers, or the limit when that is less; `utilization` is running / places (None without
    workers)."""

    name: str
    waiting: int
    later: int
    running: int
    oldest_seconds: int | None
    per_minute: tuple[int, ...]
    places: int
    utilization: float | None
    paused: PauseView | None
    limit: LimitView | None


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker process that was heard of; `is_alive` when that was within the lease. `running` are its tasks.

    `name` is what its tries say (`host:pid`); None for one that has not said it yet.
    """

    id: int
    name: str | None
    heartbeat_seconds: int
    is_alive: bool
    running: int


@dataclass(frozen=True, slots=True)
class QueuesView:
    """All queues and workers. `slots` is what all living workers can run at once."""

    queues: tuple[QueueView, ...]
    workers: tuple[WorkerView, ...]
    slots: int
    busy: int


@dataclass(frozen=True, slots=True)
class TickView:
    """One run of a scheduled task. `by` names the person of a run by hand; `result` "skipped" while paused."""

    at: datetime
    late_seconds: int
    result: TaskResult
    by: str | None


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """One scheduled task. `cron` is the line (or "every 30 s"), `words` the same for people; `next_run` is None while
    paused. `last` are the newest ten, newest first."""

    name: str
    queue: str
    cron: str
    words: str
    next_run: datetime | None
    last: tuple[TickView, ...]
    paused: PauseView | None


@dataclass(frozen=True, slots=True)
class StuckJob:
    """A job that should move and does not. `why` says what is seen, `still_seconds` how long it has been so."""

    job: AdminJobRow
    how: Stuck
    why: str
    still_seconds: int


@dataclass(frozen=True, slots=True)
class StuckView:
    """Stuck jobs, the longest first (at most 200). The clock takes over by itself what has been silent for
    `stale_after_seconds`; `clock_seconds` is when the clock was last seen (None: never)."""

    jobs: tuple[StuckJob, ...]
    stale_after_seconds: int
    clock_worker: str | None
    clock_seconds: int | None


@dataclass(frozen=True, slots=True)
class KindTotals:
    """The jobs of one kind. `failed` leaves out `refused`: what the customer gave could not be used. Durations are
    start to end (of the last retry), of ended jobs; rates between 0 and 1. All None when no job has ended."""

    kind: str
    jobs: int
    completed: int
    failed: int
    refused: int
    cancelled: int
    processed: int
    success_rate: float | None
    failure_rate: float | None
    average_seconds: float | None
    p50_seconds: float | None
    p95_seconds: float | None


@dataclass(frozen=True, slots=True)
class HourTotals:
    """Jobs that ended in one hour. `failed` leaves out `refused`."""

    at: datetime
    completed: int
    failed: int
    refused: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class PruningView:
    """One pruning: when it began, when it came to its end (None: it runs or was broken off), and how much went."""

    began_at: datetime
    ended_at: datetime | None
    gone: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How long something is kept; `days` None: until it is deleted by hand. `count` is how many there are, `pruned` how
    the newest pruning went (None: there was none yet)."""

    what: str
    days: int | None
    count: int
    oldest: datetime | None
    pruned: PruningView | None


@dataclass(frozen=True, slots=True)
class HistoryTerm:
    """How long jobs are kept after they end (`days` None: for ever), and how the newest pruning went (None: there was
    none yet): `jobs` that were deleted, and of how many that something refers to only the `logs` went."""

    days: int | None
    jobs: PruningView | None
    logs: PruningView | None


@dataclass(frozen=True, slots=True)
class TotalsView:
    """`imported` is the leads that came into all workspaces in the dates, each person of a workspace once, whatever
    brought them. `failed` leaves out `refused`, and `success_rate` is completed / (completed + failed). `hours` are the
    last 72."""

    since: datetime | None
    until: datetime | None
    jobs: int
    imported: int
    completed: int
    failed: int
    refused: int
    cancelled: int
    success_rate: float | None
    average_seconds: float | None
    p95_seconds: float | None
    by_kind: tuple[KindTotals, ...]
    hours: tuple[HourTotals, ...]
    retention: tuple[Retention, ...]


@dataclass(frozen=True, slots=True)
class UsageWeek:
    """What people made of the product in the week that begins at `starts`, see `usage`. `match_rate` is matched /
    answered rows; it and `segments_per_person` are None where there is nothing to divide by."""

    starts: datetime
    people: int
    segments: int
    segments_per_person: float | None
    lists: int
    matched: int
    answered: int
    match_rate: float | None
    credits: Decimal


@dataclass(frozen=True, slots=True)
class LedgerAlarm:
    """Sums of the ledger that the newest proof found to be off (normally none), and how many more there are."""

    findings: tuple[OpenFinding, ...]
    more: int


@dataclass(frozen=True, slots=True)
class StaffActionView:
    """What a member of staff did or was refused. Newer ones have a larger `id`."""

    id: int
    at: datetime
    by: str
    action: str
    object_type: str
    object_id: str | None
    details: dict[str, Any] = field(default_factory=dict)

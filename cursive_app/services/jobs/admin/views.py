"""What the staff's job pages and API see: frozen values, never rows. Nothing here may be shown to customers.

The functions that give and take them (all in `cursive_app.services.jobs.admin`; every one raises NotFound for people
who are not staff and Forbidden, written down, for staff whose role is too small):

    staff_actor(principal) -> StaffActor
    list_jobs(actor, *, query="", since=None, until=None, cursor=None, limit=50) -> AdminJobPage
    suggestions(actor, text) -> tuple[Suggestion, ...]                  # for the last word of the query box
    refresh(actor, ids, *, query="", since=None, until=None) -> AdminRefresh
    get_job(actor, id) -> AdminJobDetail
    plan(actor, action, selection) -> Plan                              # the dry run: counts, changes nothing
    apply(actor, action, selection, *, expected) -> Applied             # `expected` is Plan.possible
    act(actor, action, id) -> AdminJobRow                               # one job at once; raises why it cannot be
    retry_edited(actor, id, *, arguments) -> AdminJobRow                # role all; `arguments`: names -> new values
    failures(actor, *, since=None, until=None) -> FailurePage
    queues(actor) -> QueuesView
    pause_queue(actor, name, *, reason); resume_queue(actor, name, *, reason)
    schedules(actor, *, declared) -> tuple[ScheduleView, ...]           # declared=cursive_app.jobs.schedule.SCHEDULE
    run_schedule(actor, name, *, declared); pause_schedule(actor, name, *, reason, declared)
    resume_schedule(actor, name, *, reason, declared)
    stuck(actor) -> StuckView
    rescue(actor, id) -> AdminJobRow
    totals(actor, *, since=None, until=None) -> TotalsView
    history_csv(actor, *, query="", since=None, until=None) -> Iterator[bytes]
    actions(actor, *, limit=50) -> tuple[StaffActionView, ...]

`since` and `until` are aware datetimes bounding `created_at` (from, inclusive; to, exclusive). Times are UTC,
durations seconds, credits credits with two decimals; what is not known is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

StaffRole = Literal["read_only", "operate", "all"]
Action = Literal["retry", "cancel", "delete"]
TaskResult = Literal["waiting", "running", "succeeded", "failed", "skipped", "unknown"]
SEARCHED_JOBS = 100_000  # a query looks at this many of the newest jobs


@dataclass(frozen=True, slots=True)
class StaffActor:
    """A member of staff, made only by `staff_actor` from a verified principal."""

    user_id: UUID
    label: str
    role: StaffRole


@dataclass(frozen=True, slots=True)
class AdminJobRow:
    """One job of any workspace. `tries` counts every attempt, `attempts` those since it last moved forward, of at most
    `most_attempts`. `waited_seconds` is from creation to the first start (or to now), `duration_seconds` from the first
    start to the end (or to now; None before it started). `heartbeat_seconds` is the heartbeat's age while a worker
    holds the job. `why_no_*` says why an action is impossible now (None: it is possible for somebody of the role)."""

    id: UUID
    kind: str
    title: str
    queue: str
    workspace_id: UUID
    workspace_name: str
    status: str
    stage: str
    tries: int
    attempts: int
    most_attempts: int
    waited_seconds: int
    duration_seconds: int | None
    total: int | None
    processed: int
    failed: int
    per_second: Decimal | None
    seconds_left: int | None
    credits_held: Decimal
    credits_captured: Decimal
    credits_released: Decimal
    actor_kind: str
    actor_label: str
    error_code: str | None
    error_message: str | None
    fingerprint: str | None
    cancel_requested: bool
    heartbeat_seconds: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    resumes_at: datetime | None
    why_no_retry: str | None
    why_no_cancel: str | None
    why_no_delete: str | None


@dataclass(frozen=True, slots=True)
class AdminJobPage:
    """One page, newest first. `by_status` counts the query without its `state:` words (0 where there are none), so that
    the state tabs stay; `matching` counts the whole query. `is_bounded`: there are more than `searched` jobs and only
    the newest so many were looked at; `oldest_searched` is the creation time where the search ended."""

    jobs: tuple[AdminJobRow, ...]
    by_status: dict[str, int]
    matching: int
    searched: int
    is_bounded: bool
    oldest_searched: datetime | None
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True)
class AdminRefresh:
    """The present state of the jobs on a screen, in no particular order; those that were deleted are left out. `newer`
    counts the matching jobs created after the newest id that was passed (at most 1,000)."""

    jobs: tuple[AdminJobRow, ...]
    by_status: dict[str, int]
    matching: int
    newer: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way to complete the query's last word: `text` replaces that word, `label` explains it."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One line of the timeline. `after_seconds` since the line before (never negative; None for the first shown).
    `internal` is the stack or vendor text, None when there is none or the role is read_only."""

    at: datetime
    level: str
    stage: str
    message: str
    after_seconds: int | None
    internal: str | None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One try by one worker, oldest first. `outcome` is None while it runs; otherwise finished, postponed, retried,
    failed, paused, cancelled, interrupted or lost. `folded` tries before it only looked and waited, without an error.
    `internal` (stack, vendor text) is None for read_only."""

    number: int
    worker: str
    stage: str
    started_at: datetime
    ended_at: datetime | None
    seconds: int | None
    outcome: str | None
    error_code: str | None
    error_message: str | None
    internal: str | None
    fingerprint: str | None
    folded: int


@dataclass(frozen=True, slots=True)
class JobLink:
    """A page of the thing the job belongs to; only members of its workspace can open it."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a job: `value` is JSON text with exact numbers, "•••" when masked. `editable`: role all may
    retry with another value."""

    name: str
    value: str
    is_masked: bool
    is_editable: bool


@dataclass(frozen=True, slots=True)
class AdminJobDetail:
    """Everything about one job. `arguments_json` is the same as `arguments`, indented for copying (masked alike);
    `related` are other jobs of the same workspace on the same thing (such as the reading of a list before its run)."""

    job: AdminJobRow
    timeline: tuple[TimelineLine, ...]
    earlier_events: int
    attempts: tuple[AttemptView, ...]
    earlier_attempts: int
    arguments: tuple[Argument, ...]
    arguments_json: str
    links: tuple[JobLink, ...]
    customer_href: str
    related: tuple[AdminJobRow, ...]
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which jobs an action means: these `ids`, or (without ids) everything that matches the query and dates."""

    ids: tuple[UUID, ...] = ()
    query: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refusals:
    """So many of the chosen jobs cannot be acted on, for this reason."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The dry run of an action: `matching` jobs are chosen, `possible` of them can be acted on; `examples` are titles.
    `credits_held` is what the possible ones hold now. More than `limit` at once are refused."""

    action: Action
    matching: int
    possible: int
    refused: tuple[Refusals, ...]
    workspaces: int
    credits_held: Decimal
    examples: tuple[str, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What an action did: `done` jobs were acted on; the others were refused meanwhile or cannot be."""

    action: Action
    done: int
    refused: tuple[Refusals, ...]


@dataclass(frozen=True, slots=True)
class WorkspaceHit:
    """One workspace of a failure group and how many of its jobs are in it."""

    id: UUID
    name: str
    jobs: int


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed attempts with one fingerprint. `attempts` counts tries, `jobs` the jobs they belong to, `failed_jobs`
    those that ended failed and `retryable` those of them that can be retried. `credits_held` is still held by these
    jobs, `credits_captured` and `credits_released` are what they were charged and got back. `query` finds the failed
    jobs in the list and is the selection of “retry group”. `workspaces` are the five most affected."""

    fingerprint: str
    error_code: str
    message: str
    kinds: tuple[str, ...]
    attempts: int
    jobs: int
    failed_jobs: int
    retryable: int
    first_seen: datetime
    last_seen: datetime
    workspace_count: int
    workspaces: tuple[WorkspaceHit, ...]
    credits_held: Decimal
    credits_captured: Decimal
    credits_released: Decimal
    query: str


@dataclass(frozen=True, slots=True)
class FailurePage:
    """Failure groups, the most recent first; at most 100, `is_cut` when there are more."""

    groups: tuple[FailureGroup, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class PauseView:
    """Who paused it, since when and why."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue. `waiting` tasks may start now, `later` have a time in the future, `running` are in a worker's hands;
    `oldest_seconds` is how long the oldest waiting one has waited (None: nothing waits). `per_minute` are the jobs that
    ended in each of the last 60 minutes, oldest first; None for a queue without jobs, where nobody counts.
    `utilization` is running / slots of all workers (None without workers)."""

    name: str
    waiting: int
    later: int
    running: int
    oldest_seconds: int | None
    per_minute: tuple[int, ...] | None
    utilization: float | None
    paused: PauseView | None


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker process that was heard of; `is_alive` when that was within the lease. `running` are its tasks."""

    id: int
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
    """The jobs of one kind. Durations are first start to end, of ended jobs; rates between 0 and 1. All None when no
    job has ended."""

    kind: str
    jobs: int
    completed: int
    failed: int
    cancelled: int
    processed: int
    success_rate: float | None
    failure_rate: float | None
    average_seconds: float | None
    p50_seconds: float | None
    p95_seconds: float | None


@dataclass(frozen=True, slots=True)
class HourTotals:
    """Jobs that ended in one hour."""

    at: datetime
    completed: int
    failed: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How long something is kept; `days` None: until it is deleted by hand. `count` is how many there are."""

    what: str
    days: int | None
    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class TotalsView:
    """`imported` is the rows processed. `success_rate` is completed / (completed + failed). `hours` are the last 72."""

    since: datetime | None
    until: datetime | None
    jobs: int
    imported: int
    completed: int
    failed: int
    cancelled: int
    success_rate: float | None
    average_seconds: float | None
    p95_seconds: float | None
    by_kind: tuple[KindTotals, ...]
    hours: tuple[HourTotals, ...]
    retention: tuple[Retention, ...]


@dataclass(frozen=True, slots=True)
class StaffActionView:
    """What a member of staff did or was refused."""

    at: datetime
    by: str
    action: str
    object_type: str
    object_id: str | None
    details: dict[str, Any] = field(default_factory=dict)

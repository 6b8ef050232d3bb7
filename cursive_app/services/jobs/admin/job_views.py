"""What the staff's pages about jobs see: frozen values, never rows. Nothing here may be shown to customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from cursive_app.services.jobs.admin.editing import Control
from cursive_app.services.jobs.batches import Batches, BatchTrace
from cursive_app.services.jobs.views import RelatedSum, Relation

StaffRole = Literal["read_only", "operate", "all"]
Action = Literal["retry", "cancel", "delete"]
Stuck = Literal["silent", "forgotten", "hanging"]
"""Its worker no longer answers; it waits and nobody wakes it; its worker answers and nothing comes of it."""
SEARCHED_JOBS = 100_000  # a query looks at this many of the newest jobs


@dataclass(frozen=True, slots=True)
class StaffActor:
    """A member of staff, made only by `staff_actor` from a verified principal."""

    user_id: UUID
    label: str
    role: StaffRole


@dataclass(frozen=True, slots=True)
class AdminJobRow:
    """One job of any workspace. `tries` counts every attempt (None: they are no longer kept), `attempts` those since it
    last moved forward, of at most `most_attempts`. `waited_seconds` is from creation to the first start (or to now),
    `duration_seconds` from `started_at`, its start or that of the newest retry, to the end (or to now; None before it
    started). `waits_again_seconds`: it began once, was put back, and waits for a worker since. `heartbeat_seconds` is
    the heartbeat's age while a worker holds the job. `credits_refunded` were charged first and given back later. `tags`
    are of `services.jobs.tags`. `why_no_*` says why an action is impossible now (None: it is possible for somebody of
    the role)."""

    id: UUID
    kind: str
    title: str
    queue: str
    workspace_id: UUID
    workspace_name: str
    status: str
    stage: str
    tries: int | None
    attempts: int
    most_attempts: int
    waited_seconds: int
    waits_again_seconds: int | None
    duration_seconds: int | None
    total: int | None
    processed: int
    failed: int
    per_second: Decimal | None
    seconds_left: int | None
    credits_held: Decimal
    credits_captured: Decimal
    credits_released: Decimal
    credits_refunded: Decimal
    actor_kind: str
    actor_label: str
    error_code: str | None
    error_message: str | None
    fingerprint: str | None
    cancel_requested: bool
    heartbeat_seconds: int | None
    created_at: datetime
    first_started_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    resumes_at: datetime | None
    tags: tuple[str, ...]
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
class Edit:
    """How an argument is changed: its control, limits of a number, values and words of a choice."""

    control: Control
    label: str
    hint: str
    minimum: int | None = None
    maximum: int | None = None
    longest: int | None = None
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a job: `value` is JSON text with exact numbers, "•••" when masked, "" when the job has none yet.
    `edit` says how the role all may change it for a retry; None for what stays as it is. `is_kept`: the work itself
    notes in it how far it has come."""

    name: str
    value: str
    is_masked: bool
    is_kept: bool
    edit: Edit | None


@dataclass(frozen=True, slots=True)
class AdminRelatedJob:
    """A job that belongs to another one, and how."""

    job: AdminJobRow
    relation: Relation


@dataclass(frozen=True, slots=True)
class AdminJobDetail:
    """Everything about one job. `arguments_json` is the same as `arguments`, indented for copying (masked alike);
    `related` are at most 20 other jobs of the same workspace that belong to it (such as the reading of a list before
    its run), failed ones first, `related_sum` is what all of them and this one came to (None without others).
    `batches` is None for work that does not travel in any; `batch_traces` of those that are shown are empty for
    read_only.
    `queue_paused`: it is kept back with the whole queue. `why_no_edit`: why a retry of its kind can change no
    argument. `stuck`: how it is stuck (None: it is not), which is when it can be rescued."""

    job: AdminJobRow
    timeline: tuple[TimelineLine, ...]
    earlier_events: int
    attempts: tuple[AttemptView, ...]
    earlier_attempts: int
    arguments: tuple[Argument, ...]
    arguments_json: str
    links: tuple[JobLink, ...]
    customer_href: str
    related: tuple[AdminRelatedJob, ...]
    related_sum: RelatedSum | None
    batches: Batches | None
    batch_traces: tuple[BatchTrace, ...]
    idempotency_key: str | None
    queue_paused: bool
    why_no_edit: str | None
    stuck: Stuck | None


@dataclass(frozen=True, slots=True)
class JobSearch:
    """Which jobs are asked for: what matches the query and the dates. `since` and `until` bound the creation of a job;
    `failed_since` and `failed_until` a failed try with the error that the query asks for by `met:`, else with the one
    the job has now, as the groups of failures count."""

    query: str = ""
    since: datetime | None = None
    until: datetime | None = None
    failed_since: datetime | None = None
    failed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Selection(JobSearch):
    """Which jobs an action means: these `ids` (none of them is a mistake), or with None everything that matches the
    search."""

    ids: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class Refusals:
    """So many of the chosen jobs cannot be acted on, for this reason."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The dry run of an action: `matching` jobs are chosen, those of `ids` can be acted on; `examples` are titles.
    `query` is what they were found by, empty when they were ticked. `credits_held` is what the possible ones hold now.
    More than `limit` at once are refused."""

    action: Action
    matching: int
    ids: tuple[UUID, ...]
    query: str
    refused: tuple[Refusals, ...]
    workspaces: int
    credits_held: Decimal
    examples: tuple[str, ...]
    limit: int

    @property
    def possible(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Applied:
    """What an action did: `done` jobs were acted on; the others were refused meanwhile or cannot be."""

    action: Action
    done: int
    refused: tuple[Refusals, ...]

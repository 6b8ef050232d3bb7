"""The batches in which the work of a job travels to the provider (JOB-15): what its customer and staff see of them.

The room whose work it is keeps them, and says once, when it is imported, how they are read:

    batches.register("enrichment", BatchRule(read=read_batches, trace=trace_batches))

Both get the session and the job's row, and look for what is of the job's workspace alone: staff's session sees more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy.orm import Session

from db.models.jobs import Job

BATCHES_SHOWN = 50
BatchStatus = Literal["failed", "at_provider", "not_sent", "not_awaited", "answered"]
"""Given up; there, as far as we know; to be sent (for the first time or again); there when the work ended, and no
longer waited for; answered and settled. What needs a look comes first."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that travel together. What only staff may read is not in it. `rows` of those from `first_row` to `last_row`
    travel; the others between them are not sent at all. `tries`: how often it was asked about without an answer since
    it was sent; `failures`: errors one after another. `ended_at`: when it was settled or given up. `problem` says what
    is wrong, for the customer, too; None: nothing is."""

    number: int
    status: BatchStatus
    rows: int
    first_row: int
    last_row: int
    matched: int
    credits_captured: Decimal
    tries: int
    failures: int
    sent_at: datetime | None
    ended_at: datetime | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of a job. `by_status` counts all of them, those that are still to be made among `not_sent`, and names
    only the states there are; `shown` are the first 50 of those that are made, in the order of BatchStatus."""

    by_status: dict[BatchStatus, int]
    shown: tuple[Batch, ...]

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def done(self) -> int:
        """How many have an outcome, failed ones among them."""
        return self.by_status.get("answered", 0) + self.by_status.get("failed", 0)


@dataclass(frozen=True, slots=True)
class BatchTrace:
    """Where a batch is to be found at the provider, and the class of its last error. For staff; customers never see
    it."""

    number: int
    provider_name: str
    provider_job_id: str | None
    error_code: str | None


@dataclass(frozen=True, slots=True)
class BatchRule:
    """`read` gives the batches of a job (None: it has none), `trace` of those with these numbers what staff may know
    besides."""

    read: Callable[[Session, Job], Batches | None]
    trace: Callable[[Session, Job, Sequence[int]], tuple[BatchTrace, ...]]


_RULES: dict[str, BatchRule] = {}


def register(kind: str, rule: BatchRule) -> None:
    """Say how the batches of jobs of this kind are read."""
    _RULES[kind] = rule


def batches_of(session: Session, row: Job) -> Batches | None:
    """The batches of a job; None for one whose work does not travel in any."""
    rule = _RULES.get(row.kind)
    return rule.read(session, row) if rule is not None else None


def traces_of(session: Session, row: Job, found: Batches | None) -> tuple[BatchTrace, ...]:
    """For staff: where the batches that are shown are to be found at the provider, by number."""
    rule = _RULES.get(row.kind)
    if rule is None or found is None:
        return ()
    return rule.trace(session, row, [one.number for one in found.shown])

"""A worker's hold on a job, fenced by a token that each attempt renews (reliability D-5, P5).

Everything a flow changes goes through a transaction that also calls one of `advance`, `finish`, `fail`, `cancelled`,
`pause` or `postpone`. Each checks the token on the job's row: when another attempt has claimed the job in the meantime
it raises LostClaim, the transaction rolls back, and a worker that was given up for dead has changed nothing.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import exists, select, update

from cursive_app.clock import now
from cursive_app.services.jobs.actors import actor_of
from cursive_app.services.jobs.attempts import begin_attempt, end_attempt, note_cause
from cursive_app.services.jobs.causes import Cause, cause_told
from cursive_app.services.jobs.opening import add_event, wake
from cursive_app.services.jobs.pauses import waits_for_queue
from cursive_app.services.jobs.views import ClaimedJob
from db.models.jobs import Job, JobEvent, QueuePause
from db.scope import Scope, parse_id
from db.system import SystemScope, system_scope

STALE_AFTER = timedelta(seconds=20)  # a claim whose heartbeat is older may be taken over
MAX_ATTEMPTS = 5  # without moving forward once
stopping = threading.Event()  # set once, when this worker process was told to stop


class LostClaim(Exception):
    """Another attempt has taken over this job: roll back and walk away."""


class Interrupted(Exception):
    """This worker process is stopping or the queue was paused: leave at a chunk's edge, another attempt goes on."""


def claim(job_id: UUID | str) -> ClaimedJob | None:
    """Take the job for this attempt, or None when it has ended, waits for its time, is in live hands, or when it or its
    queue is paused.

    Raises NotFound for an id that no job has.
    """
    moment = now()
    with system_scope() as scope:
        row = scope.get(Job, parse_id(job_id), lock=True)
        if not _may_be_claimed(row, moment) or _is_kept_back(scope, row):
            return None
        first = row.started_at is None
        token = row.attempt_token = uuid4()
        row.attempts += 1
        row.status = "processing"
        row.heartbeat_at = row.moved_at = moment
        row.run_after = None
        row.started_at = row.started_at or moment
        row.first_started_at = row.first_started_at or moment
        begin_attempt(scope, row)
        tenant, access_lost = actor_of(scope, row)
        if row.attempts > 1 or first:
            message = "Started" if first else f"Resumed, attempt {row.attempts}"
            scope.add(JobEvent(workspace_id=row.workspace_id, job_id=row.id, stage=row.stage, message=message))
        return ClaimedJob(
            tenant=tenant,
            job_id=row.id,
            token=token,
            attempt=row.attempts,
            kind=row.kind,
            arguments=dict(row.arguments),
            links=dict(row.links),
            stage=row.stage,
            processed=row.processed,
            access_lost=access_lost,
            exhausted=row.attempts > MAX_ATTEMPTS,
        )


def _may_be_claimed(row: Job, moment: datetime) -> bool:
    wants_cancel = row.cancel_requested_at is not None
    if row.status not in ("pending", "processing") and not (row.status == "paused" and wants_cancel):
        return False
    if row.attempt_token is not None:
        return row.heartbeat_at is None or row.heartbeat_at < moment - STALE_AFTER
    return row.run_after is None or row.run_after <= moment or wants_cancel


def _is_kept_back(scope: SystemScope, row: Job) -> bool:
    """Whether the queue is paused; a job that is to stop is let through, to give back what it holds."""
    return row.cancel_requested_at is None and scope.session.get(QueuePause, row.queue) is not None


def heartbeat(claimed: ClaimedJob) -> None:
    """Say that this attempt lives, in a transaction of its own; call it between chunks.

    Raises LostClaim, and Interrupted when this worker process is about to stop or staff have paused the queue.
    """
    if beat(claimed) or stopping.is_set():
        raise Interrupted


def beat(claimed: ClaimedJob) -> bool:
    """The heartbeat alone; whether the job's queue is paused. Raises LostClaim."""
    with system_scope() as scope:
        kept_back = scope.session.scalar(
            update(Job)
            .where(Job.id == claimed.job_id, Job.attempt_token == claimed.token, Job.status == "processing")
            .values(heartbeat_at=now())
            .returning(waits_for_queue())
        )
    if kept_back is None:
        raise LostClaim
    return kept_back


def cancel_requested(scope: Scope, claimed: ClaimedJob) -> bool:
    """Whether somebody asked to stop; look once per chunk."""
    return scope.get(Job, claimed.job_id).cancel_requested_at is not None


def advance(
    scope: Scope,
    claimed: ClaimedJob,
    *,
    stage: str | None = None,
    processed: int | None = None,
    failed: int | None = None,
    total: int | None = None,
    held: Decimal | None = None,
    captured: Decimal | None = None,
    released: Decimal | None = None,
    message: str | None = None,
    cause: Cause | None = None,
    arguments: dict[str, Any] | None = None,
    links: dict[str, Any] | None = None,
) -> None:
    """Record progress in the transaction that made it. Raises LostClaim.

    All numbers are totals so far, not steps; credits likewise. `arguments` and `links` are merged into what is there.
    A new stage or a message becomes a line of the timeline. `cause`: what went wrong although the flow goes on; the
    line is then a warning with its `internal` for staff, and the attempt is no longer one that only waited.
    """
    row = _fenced(scope, claimed)
    row.heartbeat_at = row.moved_at = now()
    if processed is not None and processed > row.processed:
        row.attempts = 1  # it moves: earlier failed tries no longer count against it
        if row.moving_since is None:
            row.moving_since, row.moving_from = row.heartbeat_at, processed
    for name, value in (
        ("processed", processed),
        ("failed", failed),
        ("total", total),
        ("credits_held", held),
        ("credits_captured", captured),
        ("credits_released", released),
    ):
        if value is not None:
            setattr(row, name, value)
    if arguments:
        row.arguments = {**row.arguments, **arguments}
    if links:
        row.links = {**row.links, **links}
    if cause is None:
        _enter(scope, row, stage=stage, message=message)
    else:
        _enter(scope, row, stage=stage, message=message or cause.message, level="warning", internal=cause.internal)
        note_cause(scope, token=claimed.token, cause=cause)
    scope.session.flush()


def finish(scope: Scope, claimed: ClaimedJob, *, message: str = "Done", cause: Cause | None = None) -> None:
    """The job has reached its end. `cause`: why a part of it has no result; the job is completed all the same, and
    staff find it by that error. Raises LostClaim."""
    row = _fenced(scope, claimed)
    level = "info" if cause is None else "warning"
    _end(scope, claimed, row, status="completed", stage="done", message=message, level=level, cause=cause)


def fail(
    scope: Scope,
    claimed: ClaimedJob,
    *,
    code: str,
    message: str,
    internal: str | None = None,
    cause: Cause | None = None,
) -> None:
    """The job ends in failure. `message` is for the customer, `internal` for staff only; `cause` instead of the latter
    when an exception is behind it. Raises LostClaim."""
    row = _fenced(scope, claimed)
    why = cause or cause_told(row.kind, code=code, message=message, internal=internal)
    _end(scope, claimed, row, status="failed", stage=row.stage, message=why.message, level="error", cause=why)


def cancelled(scope: Scope, claimed: ClaimedJob, *, message: str = "Stopped") -> None:
    """The job ends because somebody asked for it. Raises LostClaim."""
    row = _fenced(scope, claimed)
    _end(scope, claimed, row, status="cancelled", stage=row.stage, message=message, level="warning")


def pause(scope: Scope, claimed: ClaimedJob, *, code: str | None, message: str) -> None:
    """Stop until a person resumes the job. `code` says what is wrong (out of credits); None: a person wished it so.
    Raises LostClaim."""
    row = _fenced(scope, claimed)
    row.status, row.attempt_token, row.heartbeat_at = "paused", None, None
    row.error_code, row.error_message = code, message[:500] if code is not None else None
    add_event(scope, row.id, stage=row.stage, message=message, level="warning" if code is not None else "info")
    end_attempt(scope, token=claimed.token, outcome="paused", stage=row.stage)
    if row.cancel_requested_at is not None:
        # The wake-up of the request found this attempt holding the job and went away; nothing else wakes a paused job.
        wake(scope, job_id=row.id, task=row.task, queue=row.queue, reason="cancel")
    scope.session.flush()


def postpone(
    scope: Scope,
    claimed: ClaimedJob,
    *,
    until: datetime,
    stage: str | None = None,
    message: str | None = None,
    counts_as_attempt: bool = False,
    interrupted: bool = False,
    cause: Cause | None = None,
) -> None:
    """Give the claim back and wake the job at `until`, so that waiting occupies no worker. Raises LostClaim.

    Waiting that was planned does not count as a failed try; a retry after an error sets `counts_as_attempt` and gives
    its `cause`. `interrupted`: not the job's wish but this worker's.
    """
    row = _fenced(scope, claimed)
    row.attempt_token, row.heartbeat_at, row.run_after = None, None, until
    if not counts_as_attempt:
        row.attempts = max(row.attempts - 1, 0)
    _enter(scope, row, stage=stage, message=message, level="warning" if counts_as_attempt else "info")
    outcome = "interrupted" if interrupted else "retried" if counts_as_attempt else "postponed"
    end_attempt(scope, token=claimed.token, outcome=outcome, stage=row.stage, cause=cause)
    wake(scope, job_id=row.id, task=row.task, queue=row.queue, at=until)


def attempts(scope: Scope, claimed: ClaimedJob) -> int:
    """How many tries there were since the job last moved forward. Raises LostClaim."""
    return _fenced(scope, claimed).attempts


def _fenced(scope: Scope, claimed: ClaimedJob) -> Job:
    """The job's row, locked, if this attempt still holds it. Raises LostClaim."""
    row = scope.session.scalar(
        scope.select(Job)
        .where(Job.id == claimed.job_id, Job.attempt_token == claimed.token, Job.status == "processing")
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise LostClaim
    return row


def _enter(
    scope: Scope, row: Job, *, stage: str | None, message: str | None, level: str = "info", internal: str | None = None
) -> None:
    changed = stage is not None and stage != row.stage
    if stage is not None:
        row.stage = stage
    if message or changed:
        text = message or row.stage.replace("_", " ").capitalize()
        add_event(scope, row.id, stage=row.stage, message=text, level=level, internal=internal)


_OUTCOMES = {"completed": "finished", "failed": "failed", "cancelled": "cancelled"}


def _end(
    scope: Scope,
    claimed: ClaimedJob,
    row: Job,
    *,
    status: str,
    stage: str,
    message: str,
    level: str = "info",
    cause: Cause | None = None,
) -> None:
    row.status, row.stage, row.finished_at = status, stage, now()
    row.attempt_token, row.heartbeat_at, row.run_after = None, None, None
    if cause is not None:
        row.error_code, row.error_message, row.error_fingerprint = cause.code, cause.message, cause.fingerprint
    elif status == "completed":
        row.error_code = row.error_message = row.error_fingerprint = None
    add_event(scope, row.id, stage=stage, message=message, level=level, internal=cause.internal if cause else None)
    end_attempt(scope, token=claimed.token, outcome=_OUTCOMES[status], stage=stage, cause=cause)
    scope.session.flush()


def is_held(claimed: ClaimedJob) -> bool:
    """Whether this attempt still holds its job."""
    with system_scope() as scope:
        held = select(exists().where(Job.id == claimed.job_id, Job.attempt_token == claimed.token))
        return bool(scope.session.scalar(held))

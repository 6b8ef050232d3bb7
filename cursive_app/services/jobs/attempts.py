"""The record of every try: who worked on a job, from when to when, how it ended and why (JOB-04).

Waiting for a vendor means looking every few seconds; a look that found nothing yet leaves no row of its own, the next
one takes over its row. Numbers go on counting, so a gap in them says how many looks were folded. A look that met an
error keeps its row, also where the flow itself tries again.
"""

from __future__ import annotations

import os
import socket
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from cursive_app.clock import now
from cursive_app.services.jobs.causes import Cause, cause_told
from cursive_app.services.jobs.tags import add_tags
from db.models.jobs import Job, JobAttempt
from db.scope import Scope
from db.system import SystemScope


def worker_name() -> str:
    """This process, as the clock and the attempts name it."""
    return f"{socket.gethostname()}:{os.getpid()}"


def begin_attempt(scope: SystemScope, row: Job) -> None:
    """Write that this process tries now; an attempt before that never said how it ended was lost."""
    moment = now()
    last = scope.session.scalar(
        select(JobAttempt)
        .where(JobAttempt.workspace_id == row.workspace_id, JobAttempt.job_id == row.id)
        .order_by(JobAttempt.number.desc())
        .limit(1)
        .with_for_update()
    )
    if last is not None and last.outcome is None:
        _lose(row, last)
    if last is not None and last.outcome == "postponed" and last.error_code is None and last.stage == row.stage:
        last.number, last.token, last.worker = last.number + 1, _token(row), worker_name()
        last.started_at, last.ended_at, last.outcome = moment, None, None
        return
    scope.add(
        JobAttempt(
            workspace_id=row.workspace_id,
            job_id=row.id,
            number=last.number + 1 if last is not None else 1,
            token=_token(row),
            worker=worker_name(),
            stage=row.stage,
            started_at=moment,
        )
    )


def end_attempt(scope: Scope, *, token: UUID, outcome: str, stage: str, cause: Cause | None = None) -> None:
    """Write how the attempt with this token ended, in the transaction that ends it. Without a `cause` the one that was
    noted while it ran stands."""
    _write(scope, token, ended_at=now(), outcome=outcome, stage=stage, **_told(cause))


def note_cause(scope: Scope, *, token: UUID, cause: Cause) -> None:
    """Write what went wrong within the attempt with this token, which goes on; of several the last one stands."""
    _write(scope, token, **_told(cause))


def lose_attempt(scope: SystemScope, row: Job, *, answering: bool = False) -> None:
    """The job is taken away from whoever holds it: their attempt is lost. `answering`: its worker had not fallen
    silent, staff took it all the same."""
    last = scope.session.scalar(
        select(JobAttempt).where(
            JobAttempt.workspace_id == row.workspace_id, JobAttempt.job_id == row.id, JobAttempt.outcome.is_(None)
        )
    )
    if last is not None:
        _lose(row, last, answering=answering)


def _write(scope: Scope, token: UUID, **values: Any) -> None:
    mine = update(JobAttempt).where(
        scope.owned(JobAttempt), JobAttempt.token == token, JobAttempt.ended_at.is_(None)
    )  # fmt: skip
    scope.session.execute(mine.values(**values))


def _told(cause: Cause | None) -> dict[str, str | None]:
    if cause is None:
        return {}
    return {
        "error_code": cause.code,
        "error_message": cause.for_staff or cause.message,
        "internal": cause.internal,
        "fingerprint": cause.fingerprint,
    }


def _lose(row: Job, last: JobAttempt, *, answering: bool = False) -> None:
    code, words = (
        ("taken_by_staff", "Taken by staff: its worker answered, but it did not move")
        if answering
        else ("worker_lost", "The worker stopped answering")
    )
    cause = cause_told(f"{row.kind}:{row.stage}", code=code, message=f"{words} while {row.stage}.")
    add_tags(row, "rescued")
    last.ended_at, last.outcome, last.stage = now(), "lost", row.stage
    last.error_code, last.error_message, last.fingerprint = cause.code, cause.message, cause.fingerprint


def _token(row: Job) -> UUID:
    assert row.attempt_token is not None
    return row.attempt_token

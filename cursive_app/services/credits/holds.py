"""Holds that outlived their work: what a finished job still holds goes back to the customer (CRE-04)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ScalarSelect, func, or_, select
from sqlalchemy.orm import aliased

from cursive_app.clock import now
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.credits.ledger import release
from db.models.credits import CreditLine
from db.models.jobs import Job
from db.scope import Scope
from db.system import system_scope

BATCH = 200
FINISHED = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class OpenHold:
    """Credits that are still set aside. `remaining` is what was neither captured nor released yet."""

    id: UUID
    description: str
    amount: Decimal
    remaining: Decimal
    job_id: UUID | None
    created_at: datetime
    expires_at: datetime | None


def open_holds(scope: Scope) -> tuple[OpenHold, ...]:
    """The holds of this workspace with something left, newest first. Raises Forbidden."""
    require(scope, Permission.VIEW_CREDITS)
    remaining = CreditLine.amount - _answered()
    rows = scope.session.execute(
        scope.select(CreditLine)
        .add_columns(remaining.label("remaining"))
        .where(CreditLine.kind == "hold", remaining > 0)
        .order_by(CreditLine.seq.desc())
        .limit(BATCH)
    )
    return tuple(
        OpenHold(line.id, line.description, line.amount, left, line.job_id, line.created_at, line.expires_at)
        for line, left in rows
    )


def expire_holds() -> int:
    """Release what is left of every expired hold whose job is finished or that never had one; how many were released.

    A hold of a job that is still alive stays, however old: the job itself settles it. Each hold is its own transaction,
    and the key makes a second clock harmless.
    """
    released = 0
    for workspace_id, hold_id in _expired():
        with system_scope() as scope:
            line = release(
                scope,
                workspace_id=workspace_id,
                hold_id=hold_id,
                key=f"expire:{hold_id}",
                description="Released: the work this was held for is over",
            )
            released += line is not None
    return released


def _expired() -> list[tuple[UUID, UUID]]:
    finished = or_(CreditLine.job_id.is_(None), Job.status.in_(FINISHED))
    statement = (
        select(CreditLine.workspace_id, CreditLine.id)
        .outerjoin(Job, (Job.workspace_id == CreditLine.workspace_id) & (Job.id == CreditLine.job_id))
        .where(CreditLine.kind == "hold", CreditLine.expires_at < now(), finished)
        .where(CreditLine.amount > _answered())
        .order_by(CreditLine.expires_at)
        .limit(BATCH)
    )
    with system_scope() as scope:
        return [(row.workspace_id, row.id) for row in scope.session.execute(statement)]


def _answered() -> ScalarSelect[Decimal]:
    answer = aliased(CreditLine)
    return (
        select(func.coalesce(func.sum(answer.amount), 0))
        .where(answer.workspace_id == CreditLine.workspace_id, answer.answers_id == CreditLine.id)
        .correlate(CreditLine)
        .scalar_subquery()
    )

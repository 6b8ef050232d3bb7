"""Spending: hold what a job may cost at most, capture what it did, release the rest; or debit at once.

The use case that spends has authorized the person (running a segment is a permission of its own); these functions are
called by it inside its own transaction, so that the result and its price are committed together (promise P1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.errors import Invalid, NotFound
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.credits.amounts import exact
from cursive_app.services.credits.posting import LedgerLine, line_of, post_spend
from db.models.accounts import Workspace
from db.models.credits import CreditLine
from db.scope import Scope, parse_id
from db.system import SystemScope

HOLD_LIFETIME = timedelta(days=7)
"""A hold older than this whose job is over is released by the clock (CRE-04); a job that still runs keeps it."""


@dataclass(frozen=True, slots=True)
class Balance:
    """A workspace's credits: what can be spent now, and what is held for running work."""

    available: Decimal
    held: Decimal


def balance(scope: Scope) -> Balance:
    """Both balances. Raises Forbidden."""
    require(scope, Permission.VIEW_CREDITS)
    row = scope.session.execute(
        select(Workspace.credits_balance, Workspace.credits_held).where(Workspace.id == scope.workspace_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    return Balance(available=row.credits_balance, held=row.credits_held)


def hold(
    scope: Scope,
    *,
    amount: Decimal | int | str,
    key: str,
    description: str,
    job_id: UUID | None = None,
    reference: str | None = None,
    expires_at: datetime | None = None,
) -> LedgerLine:
    """Set credits aside for work whose price is not known yet. Raises InsufficientCredits, Conflict, Invalid."""
    return _spend(
        scope,
        kind="hold",
        amount=exact(amount),
        key=key,
        description=description,
        job=job_id,
        reference=reference,
        expires=expires_at or now() + HOLD_LIFETIME,
    )


def capture(
    scope: Scope,
    *,
    hold_id: UUID,
    amount: Decimal | int | str,
    key: str,
    description: str,
    reference: str | None = None,
) -> LedgerLine:
    """Turn part of a hold into a spend. Raises Conflict (`exceeds`) beyond what is left of it, NotFound, Invalid."""
    return _spend(
        scope,
        kind="capture",
        amount=exact(amount),
        key=key,
        description=description,
        answers=hold_id,
        reference=reference,
    )


def release(
    scope: Scope | SystemScope,
    *,
    hold_id: UUID,
    key: str,
    description: str,
    amount: Decimal | int | str | None = None,
    workspace_id: UUID | None = None,
) -> LedgerLine | None:
    """Give back what is left of a hold (or `amount` of it); None when nothing is left.

    `workspace_id` is for a system scope only. Raises Conflict (`exceeds`, `key_reused`), NotFound, Invalid.
    """
    values: dict[str, Any] = {
        "kind": "release",
        "amount": None if amount is None else exact(amount),
        "key": key,
        "description": description,
        "answers": hold_id,
    }
    if isinstance(scope, SystemScope):
        return post_spend(scope.session, workspace=workspace_id, **values)
    return post_spend(scope.session, **_who(scope), **values)


def debit(
    scope: Scope, *, amount: Decimal | int | str, key: str, description: str, reference: str | None = None
) -> LedgerLine:
    """Spend at once, when the price is known. Raises InsufficientCredits, Conflict, Invalid."""
    return _spend(scope, kind="debit", amount=exact(amount), key=key, description=description, reference=reference)


def refund(
    scope: Scope,
    *,
    line_id: UUID,
    amount: Decimal | int | str,
    key: str,
    description: str,
    reference: str | None = None,
) -> LedgerLine:
    """Give back (part of) one debit or capture, in total never more than it took (lessons §3 row 7).

    Raises Conflict (`exceeds`), NotFound, Invalid.
    """
    return _spend(
        scope,
        kind="refund",
        amount=exact(amount),
        key=key,
        description=description,
        answers=line_id,
        reference=reference,
    )


def find_line(scope: Scope, *, key: str) -> LedgerLine | None:
    """The line a key made, if it made one: how a flow settles a commit whose answer was lost (F12)."""
    row = scope.session.scalar(scope.select(CreditLine).where(CreditLine.idempotency_key == key))
    return line_of(row) if row else None


def get_line(scope: Scope, line_id: UUID | str) -> LedgerLine:
    """One line by id. Raises Forbidden, NotFound."""
    require(scope, Permission.VIEW_CREDITS)
    row = scope.session.scalar(scope.select(CreditLine).where(CreditLine.id == parse_id(line_id)))
    if row is None:
        raise NotFound(object_type=CreditLine.__tablename__, object_id=str(line_id))
    return line_of(row)


def _spend(scope: Scope, **values: Any) -> LedgerLine:
    line = post_spend(scope.session, **_who(scope), **values)
    if line is None:  # only a release may find nothing
        raise Invalid("There is nothing to spend.")
    return line


def _who(scope: Scope) -> dict[str, UUID | None]:
    tenant = scope.tenant
    return {"workspace": tenant.workspace_id, "user": tenant.user_id, "api_key": tenant.api_key_id}

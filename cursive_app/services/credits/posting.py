"""The one place that calls the ledger's database functions, and the view of a line.

Everything that must be true of a line (signs, guards, the running balances, "a key counts once", "never more than the
answered line") is decided by the functions of migration 0002; here their outcomes become our errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy import exc as sa_exc
from sqlalchemy.orm import Session

from cursive_app.errors import Conflict, InsufficientCredits, Invalid, NotFound

LONGEST_DESCRIPTION = 500

_SPEND = text(
    "SELECT posted.outcome, posted.available, posted.remaining, (posted.line).* "
    "FROM credit_spend(:workspace, :kind, :amount, :key, :description, :answers, :job, :reference, :expires, "
    ":user, :api_key) AS posted"
)
_FUND = text(
    "SELECT posted.outcome, posted.available, posted.remaining, (posted.line).* "
    "FROM credit_fund(:workspace, :kind, :amount, :key, :description, :answers, :reference, :user, :actor) AS posted"
)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line of the ledger. All amounts are credits.

    `amount` is positive; `change` is what the line did to the available credits, `held_change` to the held ones;
    `balance_after` and `held_after` are the two balances it left. `seq` is 1, 2, 3… inside the workspace.
    """

    id: UUID
    seq: int
    kind: str
    amount: Decimal
    change: Decimal
    held_change: Decimal
    balance_after: Decimal
    held_after: Decimal
    key: str
    description: str
    created_at: datetime
    answers_id: UUID | None
    job_id: UUID | None
    reference: str | None
    actor_user_id: UUID | None
    actor_label: str
    expires_at: datetime | None


def line_of(row: Any) -> LedgerLine:
    """The view of a ledger row, whether it comes from the table's model or from a function's result."""
    return LedgerLine(
        id=row.id,
        seq=row.seq,
        kind=row.kind,
        amount=row.amount,
        change=row.change,
        held_change=row.held_change,
        balance_after=row.balance_after,
        held_after=row.held_after,
        key=row.idempotency_key,
        description=row.description,
        created_at=row.created_at,
        answers_id=row.answers_id,
        job_id=row.job_id,
        reference=row.reference,
        actor_user_id=row.actor_user_id,
        actor_label=row.actor_label,
        expires_at=row.expires_at,
    )


def post_spend(session: Session, **values: Any) -> LedgerLine | None:
    """Post a hold, capture, release, debit or refund; None for a release that finds nothing left.

    Raises InsufficientCredits, Conflict (`key_reused`, `exceeds`), NotFound (the answered line), Invalid.
    """
    defaults = {"answers": None, "job": None, "reference": None, "expires": None, "user": None, "api_key": None}
    return _post(session, _SPEND, {**defaults, **values})


def post_funding(session: Session, **values: Any) -> LedgerLine:
    """Post a grant, purchase, adjustment or reversal (system role only). Raises as `post_spend`."""
    line = _post(session, _FUND, {"answers": None, "reference": None, "user": None, "actor": None, **values})
    assert line is not None
    return line


def _post(session: Session, statement: Any, values: dict[str, Any]) -> LedgerLine | None:
    _check_words(values)
    session.flush()  # a job opened in the same transaction must be there before a line names it
    try:
        row = session.execute(statement, values).one()
    except sa_exc.DBAPIError as error:
        code = getattr(error.orig, "sqlstate", None)
        if code == "P0002":
            raise NotFound("There is no such workspace.") from error
        if code == "22003":
            raise Invalid(fields={"amount": "The balance would be larger than it can be."}) from error
        raise
    return _settled(row, values)


def _settled(row: Row[Any], values: dict[str, Any]) -> LedgerLine | None:
    outcome: str = row.outcome
    if outcome in ("posted", "replayed"):
        return line_of(row)
    if outcome == "nothing":
        return None
    if outcome == "insufficient":
        raise InsufficientCredits(needed=abs(values["amount"]), available=row.available)
    if outcome == "mismatch":
        raise Conflict("This idempotency key was already used for something else.", reason="key_reused")
    if outcome == "exceeds":
        raise Conflict(
            f"Only {row.remaining:,.2f} credits are left of that line; {values['amount']:,.2f} were asked for.",
            reason="exceeds",
        )
    raise NotFound("There is no such line in this workspace's ledger.")


def _check_words(values: dict[str, Any]) -> None:
    key, description = values["key"], values["description"]
    if not (1 <= len(key) <= 200 and all("!" <= char <= "~" for char in key)):
        raise Invalid(fields={"key": "An idempotency key is 1 to 200 printable characters without spaces."})
    if not 1 <= len(description.strip()) <= LONGEST_DESCRIPTION:
        raise Invalid(fields={"description": f"Say in 1 to {LONGEST_DESCRIPTION} characters what this is for."})
    if "\x00" in description:
        raise Invalid(fields={"description": "Text must not contain NUL characters."})

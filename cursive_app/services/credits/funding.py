"""Where credits come from: grants, purchases, corrections. System scope only, because nothing that a customer's request
can reach may make credits (the restricted role is not allowed to call the function behind this)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from cursive_app.errors import NotFound
from cursive_app.services.credits.amounts import exact
from cursive_app.services.credits.posting import LedgerLine, post_funding
from db.models.accounts import Workspace
from db.system import SystemScope, system_scope


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant made by the platform's staff, for the terminal."""

    workspace_id: UUID
    workspace_name: str
    line: LedgerLine


def grant(
    scope: SystemScope,
    *,
    workspace_id: UUID,
    amount: Decimal | int | str,
    key: str,
    description: str,
    actor: str = "Cursive",
    user_id: UUID | None = None,
) -> LedgerLine:
    """Give a workspace credits (sign-up, staff). The same key gives once. Raises Invalid, Conflict, NotFound."""
    return post_funding(
        scope.session,
        workspace=workspace_id,
        kind="grant",
        amount=exact(amount),
        key=key,
        description=description,
        actor=actor,
        user=user_id,
    )


def purchase(
    scope: SystemScope, *, workspace_id: UUID, amount: Decimal | int | str, key: str, description: str, reference: str
) -> LedgerLine:
    """Credit what was bought. `reference` names the payment. Raises Invalid, Conflict, NotFound."""
    return post_funding(
        scope.session,
        workspace=workspace_id,
        kind="purchase",
        amount=exact(amount),
        key=key,
        description=description,
        reference=reference,
    )


def adjust(
    scope: SystemScope,
    *,
    workspace_id: UUID,
    amount: Decimal | int | str,
    key: str,
    description: str,
    actor: str,
    user_id: UUID | None = None,
) -> LedgerLine:
    """Correct a balance up or down by hand; the customer sees the line with its reason (CRE-14).

    Raises InsufficientCredits when a downward correction is more than what is available, Invalid, Conflict, NotFound.
    """
    return post_funding(
        scope.session,
        workspace=workspace_id,
        kind="adjustment",
        amount=exact(amount, signed=True),
        key=key,
        description=description,
        actor=actor,
        user=user_id,
    )


def reverse(
    scope: SystemScope,
    *,
    workspace_id: UUID,
    line_id: UUID,
    amount: Decimal | int | str,
    key: str,
    description: str,
    actor: str = "Cursive",
) -> LedgerLine:
    """Take back a purchase or grant (refunded card, dispute), at most what it gave.

    The balance may go below zero: then nothing can be spent until it is positive again (CRE-08). Raises Conflict when
    more would be reversed than the line gave, NotFound, Invalid.
    """
    return post_funding(
        scope.session,
        workspace=workspace_id,
        kind="reversal",
        amount=exact(amount),
        key=key,
        description=description,
        answers=line_id,
        actor=actor,
    )


def grant_credits(slug: str, amount: Decimal | int | str, reason: str, *, key: str, actor: str = "Cursive") -> Granted:
    """The use case behind `cursive grant-credits`: find a workspace by its slug and give it credits.

    `key` makes a repeated command harmless. Raises NotFound for an unknown slug, Invalid, Conflict.
    """
    with system_scope() as scope:
        workspace = scope.session.scalar(
            select(Workspace).where(Workspace.slug == slug, Workspace.deleted_at.is_(None))
        )
        if workspace is None:
            raise NotFound(f"There is no workspace with the slug “{slug}”.")
        line = grant(scope, workspace_id=workspace.id, amount=amount, key=key, description=reason, actor=actor)
        return Granted(workspace_id=workspace.id, workspace_name=workspace.name, line=line)

"""Links in mails: 256 random bits, kept hashed, good once and for a short time. Looking at one does not use it up, so a
mail scanner that opens every link changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import DateTime, insert, literal, select, update

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services.accounts.tokens import digest, looks_like_token, new_token
from db.models.accounts import MailedToken, User
from db.system import SystemScope, system_scope

Purpose = Literal["verify_email", "reset_password"]
LIFETIME: dict[Purpose, timedelta] = {"verify_email": timedelta(hours=24), "reset_password": timedelta(hours=1)}
NOBODY = UUID(int=0)
"""A person there is not. What must cost the same whether an address has an account is done for NOBODY as well."""
STALE = "This link was used already or is too old. Ask for a new one."


def issue(scope: SystemScope, *, user_id: UUID, purpose: Purpose) -> str:
    """A new link's token; earlier ones of the same purpose stop working.

    For NOBODY the same statements run and nothing comes of them.
    """
    void(scope, user_id=user_id, purpose=purpose)
    token = new_token()
    person = select(
        User.id, literal(purpose), literal(digest(token)), literal(now() + LIFETIME[purpose], DateTime(timezone=True))
    ).where(User.id == user_id)
    scope.session.execute(insert(MailedToken).from_select(["user_id", "purpose", "token_hash", "expires_at"], person))
    return token


def void(scope: SystemScope, *, user_id: UUID, purpose: Purpose) -> None:
    """Links of this purpose that were mailed to a person stop working."""
    scope.session.execute(
        update(MailedToken)
        .where(MailedToken.user_id == user_id, MailedToken.purpose == purpose, MailedToken.used_at.is_(None))
        .values(used_at=now())
    )


def is_usable(token: str, *, purpose: Purpose) -> bool:
    """Whether the link would still work. Changes nothing."""
    if not looks_like_token(token):
        return False
    with system_scope() as scope:
        return scope.session.scalar(_living(token, purpose).with_only_columns(MailedToken.id)) is not None


def consume(scope: SystemScope, token: str, *, purpose: Purpose) -> User:
    """Use the link up; the person it was mailed to, locked. Raises Invalid when it does not work any more."""
    row = None
    if looks_like_token(token):
        row = scope.session.scalar(_living(token, purpose).with_for_update())
    if row is None:
        raise Invalid(STALE)
    row.used_at = now()
    user = scope.get(User, row.user_id, lock=True)
    if user.deleted_at is not None:
        raise Invalid(STALE)
    return user


def _living(token: str, purpose: Purpose):
    return select(MailedToken).where(
        MailedToken.token_hash == digest(token),
        MailedToken.purpose == purpose,
        MailedToken.used_at.is_(None),
        MailedToken.expires_at > now(),
    )

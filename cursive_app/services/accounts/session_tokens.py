"""The tokens of a session: which session a cookie belongs to, and its replacement once rights have changed (D-17).

    current ──rights change──> due ──the browser asks──> next handed out ──next comes back──> current, the other former

The row stays, so it is the same browser in the list of sessions. A role is changed by somebody else, and a cookie is
set only by an answer to its browser: so the change marks the sessions, and an open page asks for its new token within
seconds (`/auth/renew`). Until the new token has come back the old one works, so an answer that is lost on its way costs
nobody their session; from then on it works for `GRACE`, for what other tabs have under way, and can no longer be
exchanged. A session that nobody renews ends when the idle time has passed since the change (docs/adr/0038).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update

from cursive_app.clock import now
from cursive_app.services.accounts.statements import affected
from cursive_app.services.accounts.tokens import digest, is_plain_token
from cursive_app.settings import settings
from db.models.accounts import UserSession
from db.system import SystemScope, system_scope

GRACE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class NewToken:
    """What the browser's cookie becomes, and for how many seconds the session still lives at most."""

    token: str
    seconds: int


def alive() -> tuple[ColumnElement[bool], ...]:
    """The conditions of a session that somebody can act in."""
    moment = now()
    idle = moment - timedelta(hours=settings().session_idle_hours)
    return (
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > moment,
        UserSession.last_seen_at > idle,
        or_(UserSession.renewal_due_at.is_(None), UserSession.renewal_due_at > idle),
    )


def require_renewal(scope: SystemScope, *, user_id: UUID) -> int:
    """What the person may do has changed: the token of each of their sessions is to be replaced. Returns how many.

    In the transaction of the change. A replacement that is under way already counts for this change too.
    """
    return affected(
        scope.session,
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.renewal_due_at.is_(None), *alive())
        .values(renewal_due_at=now()),
    )


def renew_token(token: str) -> NewToken | None:
    """The token that replaces this one; None when nothing is due, or this is not the session's current token.

    Asked twice before the answer was used, as by two tabs, it is the same token.
    """
    if not is_plain_token(token):
        return None
    with system_scope() as scope:
        row = scope.session.scalar(
            select(UserSession)
            .where(UserSession.token_hash == digest(token), UserSession.renewal_due_at.is_not(None), *alive())
            .with_for_update()
        )
        if row is None:
            return None
        fresh = _successor(row.id, token)
        row.next_token_hash = digest(fresh)
        return NewToken(token=fresh, seconds=int((row.expires_at - now()).total_seconds()))


def _successor(session_id: UUID, token: str) -> str:
    """256 bits that only we can work out, and the same ones each time."""
    key = settings().secret_key.get_secret_value().encode()
    made = hmac.new(key, b"session-renewal:" + session_id.bytes + token.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def current_hash(scope: SystemScope, presented: bytes) -> bytes | None:
    """The hash of the current token of the session that the presented hash belongs to; None when it opens nothing.

    A next token that comes back becomes the current one here.
    """
    known = or_(
        UserSession.token_hash == presented,  # somebody else made it current since the caller looked
        UserSession.next_token_hash == presented,
        UserSession.former_token_hash == presented,
    )
    row = scope.session.execute(
        select(UserSession.token_hash, UserSession.next_token_hash, UserSession.former_until).where(known, *alive())
    ).first()
    if row is None:
        return None
    if row.next_token_hash == presented:
        scope.session.execute(
            update(UserSession)
            .where(UserSession.next_token_hash == presented)
            .values(
                token_hash=UserSession.next_token_hash,
                next_token_hash=None,
                former_token_hash=UserSession.token_hash,
                former_until=now() + GRACE,
                renewal_due_at=None,
            )
        )
        return presented
    if row.token_hash == presented or row.former_until > now():
        return row.token_hash
    return None


def of_token(token: str) -> ColumnElement[bool]:
    """The session that a token opens, also in its last minute and before its first use."""
    presented = digest(token)
    return or_(
        UserSession.token_hash == presented,
        UserSession.next_token_hash == presented,
        (UserSession.former_token_hash == presented) & (UserSession.former_until > now()),
    )


def was_replaced(token: str) -> bool:
    """Whether a token that opens nothing any more was the one before the token of a living session."""
    if not is_plain_token(token):
        return False
    with system_scope() as scope:
        former = UserSession.former_token_hash == digest(token)
        return scope.session.scalar(select(UserSession.id).where(former, *alive())) is not None

"""Logging in: the same answer and about the same time for a wrong password and for an unknown address.

Guesses are counted per account and per network address. So that an attacker cannot keep the owner out by guessing, a
browser in which the person logged in before carries a device token and has counts of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services import mail
from cursive_app.services.accounts.emails import normalize_email
from cursive_app.services.accounts.passwords import hash_password, needs_rehash, verify_password
from cursive_app.services.accounts.sessions import end_session_of, open_session
from cursive_app.services.accounts.throttle import (
    LOGIN_ACCOUNT,
    LOGIN_ADDRESS,
    account_key,
    address_key,
    count_try,
    forgive,
    take_back,
)
from cursive_app.services.accounts.tokens import new_token
from cursive_app.settings import settings
from db.models.accounts import User
from db.system import SystemScope, system_scope

WRONG = "That e-mail and password do not go together."
DEVICE_DAYS = 180


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the browser is given: the session's token and the token that marks it as a known device."""

    user_id: UUID
    token: str
    device: str


def log_in(
    *,
    email: str,
    password: str,
    ip: str | None = None,
    user_agent: str | None = None,
    device: str = "",
    replaces: str = "",
) -> SignedIn:
    """Open a session. `replaces` is the cookie the browser came with: its session ends (no fixation).

    Raises Invalid for a wrong pair, RateLimited after too many.
    """
    email_norm = normalize_email(email)
    account, address = _keys(email_norm, device, ip)
    number = count_try(address, LOGIN_ADDRESS)
    tries = count_try(account, LOGIN_ACCOUNT)
    with system_scope() as scope:
        user = _find(scope, email_norm)
    if not verify_password(password, user.password_hash if user else None) or user is None:
        if tries == LOGIN_ACCOUNT.free and account == account_key("login", email_norm):
            _tell_of_lock(email_norm)
        raise Invalid(WRONG)
    fresh = hash_password(password) if user.password_hash and needs_rehash(user.password_hash) else None
    if replaces:
        end_session_of(replaces)
    with system_scope() as scope:
        row = scope.get(User, user.id, lock=True)
        if row.password_hash != user.password_hash:  # changed while we hashed
            raise Invalid(WRONG)
        if fresh:
            row.password_hash = fresh
        row.last_login_at = now()
        forgive(scope, account)
        take_back(scope, address, number)
        token = open_session(scope, user_id=row.id, ip=ip, user_agent=user_agent)
    return SignedIn(user_id=user.id, token=token, device=device_token(email_norm))


def _tell_of_lock(email_norm: str) -> None:
    """Mail the owner that guesses have paused the account, once per lock. Without such an account the same work is done
    (see `request_password_reset`)."""
    with system_scope() as scope:
        user = _find(scope, email_norm)
        to, name = (user.email, user.name) if user is not None else ("nobody@example.invalid", "")
        with scope.session.begin_nested() as attempt:
            context = {"name": name or to, "link": f"{settings().public_url}/forgot"}
            mail.queue_mail(scope, to=to, kind="login_locked", context=context)
            if user is None:
                attempt.rollback()


def _find(scope: SystemScope, email_norm: str) -> User | None:
    return scope.session.scalar(select(User).where(User.email_norm == email_norm, User.deleted_at.is_(None)))


def _keys(email_norm: str, device: str, ip: str | None) -> tuple[str, str]:
    """Where a try counts: for the account and for the network address. A browser that is known to the account shares
    neither with strangers, who may guess at the account or from the same network."""
    if known := _read_device(device, email_norm):
        return f"login:device:{known}", address_key("login-known", ip)
    return account_key("login", email_norm), address_key("login", ip)


def _devices() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().secret_key.get_secret_value(), salt="known-device")


def device_token(email_norm: str) -> str:
    """A signed mark that somebody knew this account's password, or read its mail, in this browser."""
    return _devices().dumps([account_key("device", email_norm), new_token()[:22]])


def _read_device(device: str, email_norm: str) -> str | None:
    try:
        owner, number = _devices().loads(device[:500], max_age=DEVICE_DAYS * 86400)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(number) if owner == account_key("device", email_norm) else None

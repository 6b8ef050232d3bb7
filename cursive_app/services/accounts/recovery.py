"""Forgotten and changed passwords. Setting one ends every other session of the person."""

from __future__ import annotations

from sqlalchemy import select

from cursive_app.errors import Invalid, Unauthenticated
from cursive_app.services import mail
from cursive_app.services.accounts import mailed_tokens
from cursive_app.services.accounts.emails import normalize_email
from cursive_app.services.accounts.login import SignedIn, device_token
from cursive_app.services.accounts.passwords import check_password, hash_password, verify_password
from cursive_app.services.accounts.principal import Principal
from cursive_app.services.accounts.sessions import open_session, revoke_sessions
from cursive_app.services.accounts.signup import confirm_address
from cursive_app.services.accounts.throttle import (
    LOGIN_ACCOUNT,
    MAIL_FROM_ADDRESS,
    MAIL_TO_ACCOUNT,
    NEW_PASSWORD,
    account_key,
    address_key,
    count_try,
    forgive,
)
from cursive_app.services.accounts.tokens import digest
from cursive_app.settings import settings
from db.models.accounts import User
from db.system import SystemScope, system_scope

WRONG_CURRENT = "This is not your current password."


def request_password_reset(*, email: str, ip: str | None = None) -> None:
    """Mail a link if the address has an account; answers the same, after the same work, in any case.

    Raises RateLimited.
    """
    email_norm = normalize_email(email)
    count_try(address_key("reset", ip), MAIL_FROM_ADDRESS)
    count_try(account_key("reset", email_norm), MAIL_TO_ACCOUNT)
    with system_scope() as scope:
        user = scope.session.scalar(
            select(User).where(User.email_norm == email_norm, User.deleted_at.is_(None)).with_for_update()
        )
        to, name = (user.email, user.name) if user is not None else ("nobody@example.invalid", "")
        with scope.session.begin_nested() as attempt:
            owner = user.id if user is not None else mailed_tokens.NOBODY
            token = mailed_tokens.issue(scope, user_id=owner, purpose="reset_password")
            link = f"{settings().public_url}/reset?token={token}"
            mail.queue_mail(scope, to=to, kind="reset_password", context={"name": name, "link": link})
            if user is None:
                attempt.rollback()


def reset_password(token: str, *, password: str) -> SignedIn:
    """Set a new password through a mailed link, end all sessions and forgive failed logins.

    Returns the mark of a known device; its session token is empty: the person logs in with the new password. A password
    that is refused leaves the link usable. Raises Invalid, and RateLimited after too many through one link.
    """
    if not mailed_tokens.is_usable(token, purpose="reset_password"):
        raise Invalid(mailed_tokens.STALE)
    count_try(f"reset-form:{digest(token).hex()[:40]}", NEW_PASSWORD)
    check_password(password)
    hashed = hash_password(password)
    with system_scope() as scope:
        user = mailed_tokens.consume(scope, token, purpose="reset_password")
        check_password(password, about=(user.name, user.email))
        user.password_hash = hashed
        confirm_address(scope, user)
        revoke_sessions(scope, user_id=user.id)
        forgive(scope, account_key("login", user.email_norm))
        _tell(scope, user)
        return SignedIn(user_id=user.id, token="", device=device_token(user.email_norm))


def change_password(
    principal: Principal, *, current: str, password: str, ip: str | None = None, user_agent: str | None = None
) -> SignedIn:
    """Set a new password, end all sessions and open a new one for this browser. A link to reset it that was mailed
    before stops working: whoever has it may be the reason for the change.

    Raises Invalid with the field that is wrong, RateLimited after too many wrong guesses of the current one or too many
    new ones.
    """
    confirm_password(principal, password=current, field="current")
    count_try(f"new-password:{principal.user_id}", NEW_PASSWORD)
    check_password(password, about=(principal.name, principal.email))
    hashed = hash_password(password)
    with system_scope() as scope:
        user = scope.get(User, principal.user_id, lock=True)
        user.password_hash = hashed
        revoke_sessions(scope, user_id=user.id)
        mailed_tokens.void(scope, user_id=user.id, purpose="reset_password")
        _tell(scope, user)
        token = open_session(scope, user_id=user.id, ip=ip, user_agent=user_agent, workspace_id=principal.workspace_id)
        return SignedIn(user_id=user.id, token=token, device=device_token(user.email_norm))


def confirm_password(principal: Principal, *, password: str, field: str = "password") -> None:
    """Ask again who is there before something that matters (D-17). Raises Invalid, RateLimited."""
    key = f"confirm:{principal.user_id}"
    count_try(key, LOGIN_ACCOUNT)
    with system_scope() as scope:
        hashed = scope.session.scalar(
            select(User.password_hash).where(User.id == principal.user_id, User.deleted_at.is_(None))
        )
    if hashed is None:
        raise Unauthenticated
    if not verify_password(password, hashed):
        raise Invalid(fields={field: WRONG_CURRENT})
    with system_scope() as scope:
        forgive(scope, key)


def _tell(scope: SystemScope, user: User) -> None:
    link = f"{settings().public_url}/forgot"
    mail.queue_mail(scope, to=user.email, kind="password_changed", context={"name": user.name, "link": link})

"""Signing up and confirming the address. Nobody learns here whether an address has an account: the page says the same,
and the mail to the address says what is the case."""

from __future__ import annotations

import re
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services import mail
from cursive_app.services.accounts import mailed_tokens
from cursive_app.services.accounts.audit import record_audit_of
from cursive_app.services.accounts.emails import normalize_email
from cursive_app.services.accounts.fields import email_address, plain_text
from cursive_app.services.accounts.passwords import check_password, hash_password
from cursive_app.services.accounts.principal import Principal
from cursive_app.services.accounts.session_tokens import require_renewal
from cursive_app.services.accounts.sessions import revoke_sessions
from cursive_app.services.accounts.throttle import (
    MAIL_FROM_ADDRESS,
    MAIL_TO_ACCOUNT,
    NEW_PASSWORD,
    account_key,
    address_key,
    count_try,
)
from cursive_app.services.accounts.tokens import new_token
from cursive_app.settings import settings
from db.models.accounts import Membership, User, Workspace
from db.roles import Role
from db.system import SystemScope, system_scope

MAX_NAME = 80
MAX_WORKSPACE_NAME = 120


def sign_up(*, name: str, email: str, password: str, workspace_name: str = "", ip: str | None = None) -> None:
    """Create a person, their workspace and a mail with a link, or mail the owner of the address that they have one.

    An account that was never confirmed is taken over by the newest sign-up: its former password stops working, and
    person and workspace are called what the newest one says. All three ways do the same work, so that neither time nor
    load tells which one it was.
    Raises Invalid (all fields at once) and RateLimited.
    """
    count_try(address_key("signup-form", ip), NEW_PASSWORD)  # refused ones as well: judging a password is work
    person, address, company = _checked(name, email, password, workspace_name)
    email_norm = normalize_email(address)
    count_try(address_key("signup", ip), MAIL_FROM_ADDRESS)
    count_try(account_key("signup", email_norm), MAIL_TO_ACCOUNT)
    hashed = hash_password(password)  # before looking, so that the time tells nothing
    with system_scope() as scope:
        statement = insert(User).values(email=address, email_norm=email_norm, name=person, password_hash=hashed)
        created = scope.session.scalar(
            statement.on_conflict_do_nothing(index_elements=["email_norm"]).returning(User.id)
        )
        user = scope.session.scalars(select(User).where(User.email_norm == email_norm).with_for_update()).one()
        taken = user.email_verified_at is not None or user.deleted_at is not None
        with scope.session.begin_nested() as attempt:
            slug = new_slug(company)
            make_workspace(scope, owner=user.id, name=company, slug=slug)
            if created is None:
                attempt.rollback()
        owner = mailed_tokens.NOBODY if taken else user.id
        _rename_own_workspace(scope, owner, name=company, slug=slug)
        scope.session.execute(update(User).where(User.id == owner).values(password_hash=hashed, name=person))
        revoke_sessions(scope, user_id=owner)
        token = mailed_tokens.issue(scope, user_id=owner, purpose="verify_email")
        if taken:
            link = f"{settings().public_url}/login"
            mail.queue_mail(scope, to=user.email, kind="account_exists", context={"link": link})
        else:
            _mail_link(scope, user.email, person, token)


def _checked(name: str, email: str, password: str, workspace_name: str) -> tuple[str, str, str]:
    problems: dict[str, str] = {}
    person = address = company = ""
    try:
        person = plain_text(name, field="name", label="name", longest=MAX_NAME)
    except Invalid as error:
        problems |= error.fields
    try:
        address = email_address(email)
    except Invalid as error:
        problems |= error.fields
    try:
        company = plain_text(
            workspace_name, field="workspace", label="workspace name", longest=MAX_WORKSPACE_NAME, required=False
        )
    except Invalid as error:
        problems |= error.fields
    try:
        check_password(password, about=(name[:200], email[:200], workspace_name[:200]))
    except Invalid as error:
        problems |= error.fields
    if problems:
        raise Invalid(fields=problems)
    return person, address, company or f"{person}’s workspace"[:MAX_WORKSPACE_NAME]


def _rename_own_workspace(scope: SystemScope, owner: UUID, *, name: str, slug: str) -> None:
    """What the last sign-up of this address called its workspace may be a stranger's joke. Who is not confirmed has no
    other workspace; NOBODY has none."""
    own = select(Membership.workspace_id).where(Membership.user_id == owner, Membership.role == Role.OWNER.value)
    scope.session.execute(update(Workspace).where(Workspace.id.in_(own)).values(name=name, slug=slug))


def new_slug(name: str) -> str:
    """A workspace's short name for commands and addresses; what follows its words makes it unique."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "workspace"
    suffix = re.sub(r"[^a-z0-9]", "", new_token().lower())[:6]
    return f"{words}-{suffix}"


def make_workspace(scope: SystemScope, *, owner: UUID, name: str, slug: str = "") -> UUID:
    """A new workspace with its owner."""
    workspace = scope.add(Workspace(name=name, slug=slug or new_slug(name)))
    scope.add(Membership(workspace_id=workspace.id, user_id=owner, role=Role.OWNER.value))
    record_audit_of(
        scope,
        workspace_id=workspace.id,
        actor=owner,
        action="workspace.created",
        object_type="workspace",
        object_id=workspace.id,
        name=name,
    )
    return workspace.id


def _mail_link(scope: SystemScope, to: str, name: str, token: str) -> None:
    link = f"{settings().public_url}/verify?token={token}"
    mail.queue_mail(scope, to=to, kind="verify_email", context={"name": name, "link": link})


def resend_verification(principal: Principal) -> None:
    """Mail a new link to a person who is not confirmed yet. Raises RateLimited, and Invalid when confirmed."""
    if principal.email_verified:
        raise Invalid("Your e-mail address is confirmed already.")
    count_try(account_key("signup", normalize_email(principal.email)), MAIL_TO_ACCOUNT)
    with system_scope() as scope:
        user = scope.get(User, principal.user_id, lock=True)
        token = mailed_tokens.issue(scope, user_id=user.id, purpose="verify_email")
        _mail_link(scope, user.email, user.name, token)


def verify_email(token: str) -> str:
    """Confirm the address behind a link and give the person's workspaces their sign-up credits, once.

    Returns the address. Raises Invalid for a link that does not work any more.
    """
    with system_scope() as scope:
        user = mailed_tokens.consume(scope, token, purpose="verify_email")
        confirm_address(scope, user)
        return user.email


def confirm_address(scope: SystemScope, user: User) -> None:
    """The person has shown that they read this mailbox."""
    if user.email_verified_at is not None:
        return
    user.email_verified_at = now()
    require_renewal(scope, user_id=user.id)
    amount = settings().signup_grant
    if amount <= 0:
        return
    from cursive_app.services import credits  # credits builds on this room's permissions

    owned = select(Membership.workspace_id).where(Membership.user_id == user.id, Membership.role == Role.OWNER.value)
    for workspace_id in scope.session.scalars(owned).all():
        credits.grant(
            scope,
            workspace_id=workspace_id,
            amount=amount,
            key=f"signup:{workspace_id}",
            description="Welcome to Cursive",
            user_id=user.id,
        )

"""Inviting by mail. The link proves that its reader owns the mailbox it went to; it works once, for that address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from cursive_app.clock import now
from cursive_app.errors import Conflict, Forbidden, Invalid, NotFound
from cursive_app.services import mail
from cursive_app.services.accounts.audit import record_audit_of
from cursive_app.services.accounts.emails import normalize_email
from cursive_app.services.accounts.fields import email_address, plain_text
from cursive_app.services.accounts.login import SignedIn, device_token
from cursive_app.services.accounts.passwords import check_password, hash_password
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.accounts.principal import Principal
from cursive_app.services.accounts.session_tokens import require_renewal
from cursive_app.services.accounts.sessions import open_session, revoke_sessions
from cursive_app.services.accounts.signup import MAX_NAME, confirm_address
from cursive_app.services.accounts.team import parse_role
from cursive_app.services.accounts.throttle import NEW_PASSWORD, Pace, count_try
from cursive_app.services.accounts.tokens import digest, looks_like_token, new_token
from cursive_app.settings import settings
from db.models.accounts import Invitation, Membership, User, UserSession, Workspace
from db.roles import Role
from db.scope import Tenant, parse_id
from db.system import SystemScope, system_scope

LIFETIME = timedelta(days=7)
GONE = "This invitation was used, withdrawn, or is too old. Ask for a new one."
NOT_OPEN = "This invitation is not open any more."
INVITE_PACE = Pace(free=50, first_pause=60, longest_pause=3600, memory=3600)
ROLE_WORDS = {
    Role.OWNER: "owner",
    Role.ADMIN: "admin",
    Role.MEMBER: "member",
    Role.BILLING: "billing contact",
    Role.READ_ONLY: "read-only member",
}


@dataclass(frozen=True, slots=True)
class InvitationView:
    """What the reader of the link is shown. `has_account`: the address can log in already."""

    workspace_name: str
    inviter: str
    email: str
    role: Role
    has_account: bool


def invite(tenant: Tenant, *, email: str, role: str) -> UUID:
    """Mail an invitation. Raises Forbidden, Invalid, RateLimited, Conflict (on the team already, invited already)."""
    require(tenant, Permission.MANAGE_TEAM)
    address, new_role = email_address(email), parse_role(role)
    if new_role is Role.OWNER and tenant.role is not Role.OWNER:
        raise Forbidden("Only an owner may invite an owner.")
    count_try(f"invite:{tenant.workspace_id}", INVITE_PACE)
    email_norm = normalize_email(address)
    with system_scope() as scope:
        scope.session.execute(select(Workspace.id).where(Workspace.id == tenant.workspace_id).with_for_update())
        _refuse_twice(scope, tenant, email_norm)
        token = new_token()
        row = scope.add(
            Invitation(
                workspace_id=tenant.workspace_id,
                email=address,
                email_norm=email_norm,
                role=new_role.value,
                token_hash=digest(token),
                invited_by=tenant.user_id,
                expires_at=now() + LIFETIME,
            )
        )
        _mail(scope, row, token)
        _audit(scope, tenant, "invitation.sent", row)
        return row.id


def _refuse_twice(scope: SystemScope, tenant: Tenant, email_norm: str) -> None:
    member = scope.session.scalar(
        select(Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.workspace_id == tenant.workspace_id, User.email_norm == email_norm)
    )
    if member is not None:
        raise Conflict("This person is on the team already.", reason="member")
    row = scope.session.scalar(
        select(Invitation).where(
            Invitation.workspace_id == tenant.workspace_id,
            Invitation.email_norm == email_norm,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
    )
    if row is None:
        return
    if row.expires_at > now():
        raise Conflict("This address is invited already. You can send the invitation again.", reason="invited")
    row.revoked_at = now()
    scope.session.flush()


def resend_invitation(tenant: Tenant, *, invitation_id: UUID | str) -> None:
    """Mail a new link for seven more days; the former link stops working. Raises Forbidden, NotFound, RateLimited."""
    require(tenant, Permission.MANAGE_TEAM)
    count_try(f"invite:{tenant.workspace_id}", INVITE_PACE)
    with system_scope() as scope:
        row = _open(scope, tenant, invitation_id)
        token = new_token()
        row.token_hash = digest(token)
        row.expires_at = now() + LIFETIME
        _mail(scope, row, token)
        _audit(scope, tenant, "invitation.sent_again", row)


def revoke_invitation(tenant: Tenant, *, invitation_id: UUID | str) -> None:
    """Withdraw an invitation. Raises Forbidden, NotFound."""
    require(tenant, Permission.MANAGE_TEAM)
    with system_scope() as scope:
        row = _open(scope, tenant, invitation_id)
        row.revoked_at = now()
        _audit(scope, tenant, "invitation.revoked", row)


def _open(scope: SystemScope, tenant: Tenant, invitation_id: UUID | str) -> Invitation:
    wanted = parse_id(invitation_id)
    row = scope.session.scalar(
        select(Invitation)
        .where(Invitation.id == wanted, Invitation.workspace_id == tenant.workspace_id)
        .with_for_update()
    )
    if row is None:  # unknown, or another workspace's: the same words (T13)
        raise NotFound(NOT_OPEN, object_type="invitations", object_id=str(wanted))
    if row.accepted_at is not None or row.revoked_at is not None:
        raise NotFound(NOT_OPEN)
    if row.role == Role.OWNER.value and tenant.role is not Role.OWNER:
        raise Forbidden("Only an owner may invite an owner.")
    return row


def look_at_invitation(token: str) -> InvitationView:
    """What a link offers. Changes nothing. Raises NotFound when it does not work any more."""
    with system_scope() as scope:
        row, workspace = _living(scope, token, lock=False)
        inviter = scope.session.get(User, row.invited_by) if row.invited_by else None
        user = _account(scope, row.email_norm)
        return InvitationView(
            workspace_name=workspace.name,
            inviter=(inviter.name or inviter.email) if inviter else "",
            email=row.email,
            role=Role(row.role),
            has_account=user is not None and user.email_verified_at is not None,
        )


def accept_invitation(principal: Principal, *, token: str) -> None:
    """Join the workspace as the person who is logged in, and look at it.

    Raises NotFound for a used or old link, Forbidden when it was sent to another address.
    """
    with system_scope() as scope:
        row, _ = _living(scope, token, lock=True)
        user = scope.get(User, principal.user_id, lock=True)
        if user.email_norm != row.email_norm:
            raise Forbidden(f"This invitation is for {row.email}. Log in with that address to accept it.")
        confirm_address(scope, user)
        _join(scope, row, user)
        require_renewal(scope, user_id=user.id)
        session = scope.get(UserSession, principal.session_id, lock=True)
        session.workspace_id = row.workspace_id


def join_by_invitation(
    *, token: str, name: str, password: str, ip: str | None = None, user_agent: str | None = None
) -> SignedIn:
    """Create the invited person's account, join, and log in. An account nobody ever confirmed is taken over.

    Raises NotFound for a used or old link, Invalid, RateLimited, and Conflict when the address has an account: log in
    instead.
    """
    with system_scope() as scope:
        row, workspace = _living(scope, token, lock=False)
        email, company = row.email, workspace.name
    person = plain_text(name, field="name", label="name", longest=MAX_NAME)
    count_try(f"invite-form:{digest(token).hex()[:40]}", NEW_PASSWORD)
    check_password(password, about=(person, email, company))
    hashed = hash_password(password)
    with system_scope() as scope:
        row, _ = _living(scope, token, lock=True)
        scope.session.execute(
            insert(User).values(email=row.email, email_norm=row.email_norm, name=person).on_conflict_do_nothing()
        )
        user = scope.session.scalars(select(User).where(User.email_norm == row.email_norm).with_for_update()).one()
        if user.email_verified_at is not None or user.deleted_at is not None:
            raise Conflict("This address has an account. Log in to accept the invitation.", reason="has_account")
        user.name, user.password_hash = person, hashed
        revoke_sessions(scope, user_id=user.id)
        confirm_address(scope, user)
        _join(scope, row, user)
        session = open_session(scope, user_id=user.id, ip=ip, user_agent=user_agent, workspace_id=row.workspace_id)
        return SignedIn(user_id=user.id, token=session, device=device_token(user.email_norm))


def _join(scope: SystemScope, row: Invitation, user: User) -> None:
    row.accepted_at = now()
    scope.session.execute(
        insert(Membership)
        .values(workspace_id=row.workspace_id, user_id=user.id, role=row.role)
        .on_conflict_do_nothing()
    )
    record_audit_of(
        scope,
        workspace_id=row.workspace_id,
        actor=user.id,
        action="invitation.accepted",
        object_type="invitation",
        object_id=row.id,
        email=row.email,
        role=row.role,
    )


def _living(scope: SystemScope, token: str, *, lock: bool) -> tuple[Invitation, Workspace]:
    if not looks_like_token(token):
        raise NotFound(GONE)
    statement = (
        select(Invitation, Workspace)
        .join(Workspace, Workspace.id == Invitation.workspace_id)
        .where(
            Invitation.token_hash == digest(token),
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > now(),
            Workspace.deleted_at.is_(None),
        )
    )
    if lock:
        statement = statement.with_for_update(of=Invitation)
    found = scope.session.execute(statement).first()
    if found is None:
        raise NotFound(GONE)
    return found[0], found[1]


def _account(scope: SystemScope, email_norm: str) -> User | None:
    return scope.session.scalar(select(User).where(User.email_norm == email_norm, User.deleted_at.is_(None)))


def _mail(scope: SystemScope, row: Invitation, token: str) -> None:
    workspace = scope.get(Workspace, row.workspace_id)
    inviter = scope.session.get(User, row.invited_by) if row.invited_by else None
    if inviter is None:
        raise Invalid("Invitations are sent by people.")
    context = {
        "inviter": inviter.name or inviter.email,
        "workspace": workspace.name,
        "role": ROLE_WORDS[Role(row.role)],
        "link": f"{settings().public_url}/invite?token={token}",
    }
    mail.queue_mail(scope, to=row.email, kind="invitation", context=context)


def _audit(scope: SystemScope, tenant: Tenant, action: str, row: Invitation) -> None:
    record_audit_of(
        scope,
        workspace_id=tenant.workspace_id,
        actor=tenant.user_id,
        action=action,
        object_type="invitation",
        object_id=row.id,
        email=row.email,
        role=row.role,
    )

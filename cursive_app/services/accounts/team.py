"""The team of a workspace: who is in it, as what. A workspace always keeps an owner, and only owners touch owners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update

from cursive_app.clock import now
from cursive_app.errors import Conflict, Forbidden, Invalid, NotFound
from cursive_app.services.accounts.audit import record_audit_of
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.accounts.session_tokens import require_renewal
from cursive_app.services.accounts.statements import affected
from db.models.accounts import ApiKey, Invitation, Membership, User, UserSession, Workspace
from db.roles import Role
from db.scope import Tenant, parse_id
from db.system import SystemScope, system_scope

LAST_OWNER = "A workspace needs an owner. Make somebody else an owner first."


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One person of the team. `last_seen_at` is None when no session of theirs is known any more."""

    user_id: UUID
    name: str
    email: str
    role: Role
    joined_at: datetime
    last_seen_at: datetime | None
    is_you: bool


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """One open invitation. `is_expired`: it can only be sent again or revoked."""

    id: UUID
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    is_expired: bool


@dataclass(frozen=True, slots=True)
class Team:
    """Everybody in the workspace, and the invitations nobody has answered yet."""

    members: tuple[MemberRow, ...]
    invitations: tuple[InvitationRow, ...]


def list_team(tenant: Tenant) -> Team:
    """The team, owners first. Raises Forbidden. Invitations are shown to those who may send them."""
    require(tenant, Permission.VIEW_TEAM)
    with system_scope() as scope:
        return Team(members=_members(scope, tenant), invitations=_invitations(scope, tenant))


def _members(scope: SystemScope, tenant: Tenant) -> tuple[MemberRow, ...]:
    seen = (
        select(UserSession.user_id, func.max(UserSession.last_seen_at).label("at"))
        .where(UserSession.workspace_id == tenant.workspace_id)
        .group_by(UserSession.user_id)
        .subquery()
    )
    rows = scope.session.execute(
        select(Membership, User, seen.c.at)
        .join(User, User.id == Membership.user_id)
        .outerjoin(seen, seen.c.user_id == User.id)
        .where(Membership.workspace_id == tenant.workspace_id, User.deleted_at.is_(None))
        .order_by(Membership.created_at, User.email_norm)
    ).all()
    order = list(Role)
    views = [
        MemberRow(
            user_id=user.id,
            name=user.name,
            email=user.email,
            role=Role(membership.role),
            joined_at=membership.created_at,
            last_seen_at=at,
            is_you=user.id == tenant.user_id,
        )
        for membership, user, at in rows
    ]
    return tuple(sorted(views, key=lambda view: order.index(view.role)))


def _invitations(scope: SystemScope, tenant: Tenant) -> tuple[InvitationRow, ...]:
    rows = scope.session.execute(
        select(Invitation, User)
        .outerjoin(User, User.id == Invitation.invited_by)
        .where(
            Invitation.workspace_id == tenant.workspace_id,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
        .order_by(Invitation.created_at.desc())
    ).all()
    return tuple(
        InvitationRow(
            id=row.id,
            email=row.email,
            role=Role(row.role),
            invited_by=(user.name or user.email) if user else "Former member",
            created_at=row.created_at,
            expires_at=row.expires_at,
            is_expired=row.expires_at <= now(),
        )
        for row, user in rows
    )


def change_role(tenant: Tenant, *, user_id: UUID | str, role: str) -> None:
    """Give a member another role; it counts from their next event. Raises Forbidden, NotFound, Invalid, Conflict."""
    require(tenant, Permission.MANAGE_TEAM)
    new = parse_role(role)
    with system_scope() as scope:
        member = _locked_member(scope, tenant, user_id)
        old = Role(member.role)
        if old is new:
            return
        _owners_only(tenant, old, new)
        if old is Role.OWNER:
            _keep_an_owner(scope, tenant)
        member.role = new.value
        require_renewal(scope, user_id=member.user_id)
        _audit(scope, tenant, "member.role_changed", member.user_id, before=old.value, after=new.value)


def remove_member(tenant: Tenant, *, user_id: UUID | str) -> None:
    """Take a person off the team, or leave it oneself; their API keys of this workspace and the open invitations they
    sent end with it.

    Raises Forbidden, NotFound, Conflict (the last owner stays).
    """
    target = parse_id(user_id)
    if target != tenant.user_id:
        require(tenant, Permission.MANAGE_TEAM)
    with system_scope() as scope:
        member = _locked_member(scope, tenant, target)
        role = Role(member.role)
        if target != tenant.user_id:
            _owners_only(tenant, role)
        if role is Role.OWNER:
            _keep_an_owner(scope, tenant)
        scope.session.delete(member)
        require_renewal(scope, user_id=target)
        scope.session.execute(
            update(ApiKey)
            .where(
                ApiKey.workspace_id == tenant.workspace_id,
                ApiKey.created_by == target,
                ApiKey.revoked_at.is_(None),
            )
            .values(revoked_at=now())
        )
        withdrawn = affected(
            scope.session,
            update(Invitation)
            .where(
                Invitation.workspace_id == tenant.workspace_id,
                Invitation.invited_by == target,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
            )
            .values(revoked_at=now()),
        )
        _audit(scope, tenant, "member.removed", target, role=role.value, invitations_withdrawn=str(withdrawn))


def parse_role(value: str, *, field: str = "role") -> Role:
    """A role from what a form sent. Raises Invalid."""
    try:
        return Role(value)
    except ValueError:
        raise Invalid(fields={field: "Choose a role from the list."}) from None


def _locked_member(scope: SystemScope, tenant: Tenant, user_id: UUID | str) -> Membership:
    # One change of a team at a time: two owners who demote each other must not both succeed.
    scope.session.execute(select(Workspace.id).where(Workspace.id == tenant.workspace_id).with_for_update())
    own = scope.session.get(Membership, (tenant.workspace_id, tenant.user_id))
    member = scope.session.get(Membership, (tenant.workspace_id, parse_id(user_id)))
    if own is None or own.role != tenant.role.value:
        raise Forbidden  # changed since this event began
    if member is None:
        raise NotFound(
            "This person is not on the team any more.", object_type="memberships", object_id=str(parse_id(user_id))
        )
    return member


def _owners_only(tenant: Tenant, *roles: Role) -> None:
    if Role.OWNER in roles and tenant.role is not Role.OWNER:
        raise Forbidden("Only an owner may make, change or remove an owner.")


def _keep_an_owner(scope: SystemScope, tenant: Tenant) -> None:
    owners = scope.session.scalar(
        select(func.count())
        .select_from(Membership)
        .where(Membership.workspace_id == tenant.workspace_id, Membership.role == Role.OWNER.value)
    )
    if (owners or 0) <= 1:
        raise Conflict(LAST_OWNER, reason="last_owner")


def _audit(scope: SystemScope, tenant: Tenant, action: str, user_id: UUID, **details: str) -> None:
    person = scope.session.get(User, user_id)
    record_audit_of(
        scope,
        workspace_id=tenant.workspace_id,
        actor=tenant.user_id,
        action=action,
        object_type="member",
        object_id=user_id,
        member=(person.name or person.email) if person else "",
        **details,
    )

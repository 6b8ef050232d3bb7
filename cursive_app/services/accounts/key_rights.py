"""The one rule for what an API key may do, at every door: a request that shows it, and a job it started (T15).

A key may do what its maker's role allows today, narrowed to the key's scopes. It is dead once it is revoked or expired,
its maker has left the workspace, or the workspace is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select

from cursive_app.clock import now
from db.models.accounts import ApiKey, Membership, User, Workspace
from db.roles import Role
from db.scope import Tenant
from db.system import SystemScope


@dataclass(frozen=True, slots=True)
class KeyRights:
    """A key that exists. `tenant` is None when it is dead; `lost` then says why, in words for its own workspace."""

    key_id: UUID
    workspace_id: UUID
    tenant: Tenant | None
    lost: str | None


def rights_of_key(scope: SystemScope, *, key_id: UUID | None, workspace_id: UUID) -> KeyRights | None:
    """What a key may do now; None when the workspace has no such key."""
    found = find_key(scope, (ApiKey.id == key_id) & (ApiKey.workspace_id == workspace_id))
    return found[1] if found is not None else None


def find_key(scope: SystemScope, which: ColumnElement[bool]) -> tuple[ApiKey, KeyRights] | None:
    """One key and its rights, in one indexed query."""
    row = scope.session.execute(
        select(ApiKey, Membership.role, Workspace.deleted_at)
        .join(Workspace, Workspace.id == ApiKey.workspace_id)
        .outerjoin(User, (User.id == ApiKey.created_by) & User.deleted_at.is_(None))
        .outerjoin(Membership, (Membership.workspace_id == ApiKey.workspace_id) & (Membership.user_id == User.id))
        .where(which)
    ).first()
    if row is None:
        return None
    key, role, workspace_deleted_at = row
    lost = "The workspace has been deleted." if workspace_deleted_at is not None else _why_dead(key, role)
    tenant = None
    if lost is None:
        tenant = Tenant(
            workspace_id=key.workspace_id,
            user_id=None,
            role=Role(role),
            scopes=frozenset(key.scopes),
            api_key_id=key.id,
        )
    return key, KeyRights(key_id=key.id, workspace_id=key.workspace_id, tenant=tenant, lost=lost)


def _why_dead(key: ApiKey, role: str | None) -> str | None:
    if key.revoked_at is not None:
        return f"The API key “{key.name}” has been revoked."
    if key.expires_at is not None and key.expires_at <= now():
        return f"The API key “{key.name}” has expired."
    if role is None:
        return f"Whoever made the API key “{key.name}” is no longer in the workspace."
    return None

"""What somebody who acted earlier may do today: for links and the like that outlive the request they came from."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from cursive_app.services.accounts.key_rights import rights_of_key
from db.models.accounts import Membership, User, Workspace
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope


def tenant_today(*, workspace_id: UUID, user_id: UUID | None, api_key_id: UUID | None) -> Tenant | None:
    """The person's or key's tenant with the rights of now; None once they are out of the workspace, or it is gone."""
    with system_scope() as scope:
        if api_key_id is not None:
            rights = rights_of_key(scope, key_id=api_key_id, workspace_id=workspace_id)
            return rights.tenant if rights is not None else None
        role = scope.session.scalar(
            select(Membership.role)
            .join(User, User.id == Membership.user_id)
            .join(Workspace, Workspace.id == Membership.workspace_id)
            .where(
                Membership.workspace_id == workspace_id,
                Membership.user_id == user_id,
                User.deleted_at.is_(None),
                User.email_verified_at.is_not(None),
                Workspace.deleted_at.is_(None),
            )
        )
    return Tenant(workspace_id=workspace_id, user_id=user_id, role=Role(role)) if role is not None else None

"""What people and workspaces are called, and in which time zone they read times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update

from cursive_app.errors import Forbidden, NotFound
from cursive_app.services.accounts.audit import record_audit
from cursive_app.services.accounts.fields import plain_text, timezone_name
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.accounts.principal import Principal
from cursive_app.services.accounts.signup import MAX_NAME, MAX_WORKSPACE_NAME, make_workspace
from cursive_app.services.accounts.throttle import Pace, count_try
from db.models.accounts import User, UserSession, Workspace
from db.scope import Scope
from db.system import system_scope

CREATE_PACE = Pace(free=10, first_pause=60, longest_pause=3600, memory=86_400)


@dataclass(frozen=True, slots=True)
class WorkspaceDetails:
    """The workspace as its settings page shows it."""

    id: UUID
    name: str
    slug: str
    timezone: str
    created_at: datetime


def update_profile(principal: Principal, *, name: str, timezone: str = "") -> None:
    """Change the person's own name and time zone ('' follows the workspace). Raises Invalid."""
    text = plain_text(name, field="name", label="name", longest=MAX_NAME)
    zone = timezone_name(timezone) if timezone else None
    with system_scope() as scope:
        user = scope.get(User, principal.user_id, lock=True)
        user.name, user.timezone = text, zone


def own_timezone(principal: Principal) -> str:
    """The time zone the person chose; '' when they follow the workspace."""
    with system_scope() as scope:
        return scope.get(User, principal.user_id).timezone or ""


def workspace_details(scope: Scope) -> WorkspaceDetails:
    """The workspace of the tenant; every role may see it."""
    row = scope.session.scalar(select(Workspace).where(Workspace.id == scope.workspace_id))
    if row is None:
        raise NotFound
    return WorkspaceDetails(id=row.id, name=row.name, slug=row.slug, timezone=row.timezone, created_at=row.created_at)


def update_workspace(scope: Scope, *, name: str, timezone: str) -> None:
    """Rename the workspace and set its time zone. Raises Forbidden, Invalid."""
    require(scope, Permission.MANAGE_WORKSPACE)
    text = plain_text(name, field="name", label="workspace name", longest=MAX_WORKSPACE_NAME)
    zone = timezone_name(timezone)
    before = workspace_details(scope)
    scope.session.execute(
        update(Workspace)
        .where(Workspace.id == scope.workspace_id)
        .values(name=text, timezone=zone, updated_at=func.now())
    )
    if (before.name, before.timezone) != (text, zone):
        record_audit(
            scope,
            action="workspace.changed",
            object_type="workspace",
            object_id=scope.workspace_id,
            before={"name": before.name, "timezone": before.timezone},
            after={"name": text, "timezone": zone},
        )


def create_workspace(principal: Principal, *, name: str) -> UUID:
    """Another workspace, owned by the person; this session looks at it. Raises Invalid, Forbidden, RateLimited."""
    if not principal.email_verified:
        raise Forbidden("Confirm your e-mail address first.")
    text = plain_text(name, field="name", label="workspace name", longest=MAX_WORKSPACE_NAME)
    count_try(f"workspace:{principal.user_id}", CREATE_PACE)
    with system_scope() as scope:
        workspace_id = make_workspace(scope, owner=principal.user_id, name=text)
        scope.get(UserSession, principal.session_id, lock=True).workspace_id = workspace_id
        return workspace_id

"""Who may do what inside a workspace: the one permission table (ADM-01). Services call `require` before they act."""

from __future__ import annotations

from enum import StrEnum

from cursive_app.errors import Forbidden
from db.roles import Role
from db.scope import Scope, Tenant


class Permission(StrEnum):
    """One thing a role may or may not do; the value is also the scope an API key must carry for it."""

    VIEW_LEADS = "leads:read"
    EXPORT_LEADS = "leads:export"
    VIEW_RAW_RECORDS = "leads:raw"
    EDIT_LEADS = "leads:write"
    VIEW_SEGMENTS = "segments:read"
    EDIT_SEGMENTS = "segments:write"
    RUN_SEGMENTS = "segments:run"
    VIEW_ENRICHMENTS = "enrichments:read"
    EDIT_ENRICHMENTS = "enrichments:write"
    RUN_ENRICHMENTS = "enrichments:run"
    DOWNLOAD_ENRICHMENTS = "enrichments:download"
    VIEW_JOBS = "jobs:read"
    CANCEL_JOBS = "jobs:cancel"
    VIEW_CREDITS = "credits:read"
    VIEW_TEAM = "team:read"
    MANAGE_TEAM = "team:write"
    MANAGE_API_KEYS = "keys:write"
    MANAGE_WORKSPACE = "workspace:write"


P = Permission
_VIEW = {P.VIEW_LEADS, P.VIEW_SEGMENTS, P.VIEW_ENRICHMENTS, P.VIEW_JOBS, P.VIEW_CREDITS, P.VIEW_TEAM}
_WORK = _VIEW | {
    P.EXPORT_LEADS,
    P.EDIT_LEADS,
    P.EDIT_SEGMENTS,
    P.RUN_SEGMENTS,
    P.EDIT_ENRICHMENTS,
    P.RUN_ENRICHMENTS,
    P.DOWNLOAD_ENRICHMENTS,
    P.CANCEL_JOBS,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission),
    Role.MEMBER: frozenset(_WORK),
    Role.BILLING: frozenset({P.VIEW_CREDITS, P.VIEW_JOBS, P.VIEW_TEAM}),
    Role.READ_ONLY: frozenset(_VIEW),
}

KEY_SCOPES: tuple[Permission, ...] = (
    P.VIEW_LEADS,
    P.EXPORT_LEADS,
    P.VIEW_SEGMENTS,
    P.EDIT_SEGMENTS,
    P.RUN_SEGMENTS,
    P.VIEW_ENRICHMENTS,
    P.EDIT_ENRICHMENTS,
    P.RUN_ENRICHMENTS,
    P.DOWNLOAD_ENRICHMENTS,
    P.VIEW_JOBS,
    P.CANCEL_JOBS,
    P.VIEW_CREDITS,
)
"""What an API key may be allowed at all: never the team, other keys or the workspace itself."""


def allows(tenant: Tenant, permission: Permission) -> bool:
    """Whether the tenant's role has the permission and, for an API key, its scopes name it."""
    if permission not in PERMISSIONS[tenant.role]:
        return False
    return tenant.scopes is None or permission.value in tenant.scopes


def require(who: Tenant | Scope, permission: Permission) -> None:
    """Raises Forbidden unless the tenant may do this; an API key is told which of its scopes is missing."""
    tenant = who.tenant if isinstance(who, Scope) else who
    if allows(tenant, permission):
        return
    message = None
    if tenant.scopes is not None and permission in PERMISSIONS[tenant.role] and permission in KEY_SCOPES:
        message = f"This API key does not have the scope “{permission.value}”. Make a key that has it."
    raise Forbidden(message, permission=permission.value)

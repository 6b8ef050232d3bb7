"""What somebody was refused, in the audit trail (T15): an action beyond their role, an id that is not one of their
workspace, a dead API key.

A refusal is written in a transaction of its own, after the refused one was rolled back, into the trail of the workspace
that asked. An unknown id and another workspace's id are written alike: the trail tells nobody what exists elsewhere. A
flood leaves one entry per actor, action and minute, whichever process sees it.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import text

from cursive_app.clock import now
from cursive_app.errors import CursiveError, Forbidden, NotFound
from cursive_app.services.accounts.key_rights import KeyRights
from db.models.accounts import ApiKey, AuditEntry, User
from db.scope import Tenant
from db.system import SystemScope, system_scope

log = structlog.get_logger(__name__)

ONE_PER = timedelta(minutes=1)
LONGEST_ATTEMPT = 80

_FIRST_IN_A_WHILE = text(
    """
    INSERT INTO throttles AS t (key, tries, last_at) VALUES (:key, 1, :moment)
    ON CONFLICT (key) DO UPDATE SET tries = 1, last_at = :moment WHERE t.last_at <= :before
    RETURNING tries
    """
)


def record_refusal(tenant: Tenant, error: CursiveError, *, attempted: str) -> None:
    """Write down that the tenant was refused `attempted` (the name of a route, use case or event handler).

    Only Forbidden, and NotFound that was raised for an id, are refusals of this kind; others are ignored. Never raises:
    a trail that cannot be written must not change the answer.
    """
    if isinstance(error, Forbidden):
        object_type, object_id = "permission", error.permission
    elif isinstance(error, NotFound) and error.object_type is not None:
        object_type, object_id = error.object_type, error.object_id
    else:
        return
    try:
        _write(tenant, attempted=attempted, object_type=object_type, object_id=object_id, code=error.code)
    except Exception:
        log.exception("refusal.not_recorded", attempted=attempted)


def record_dead_key(scope: SystemScope, rights: KeyRights) -> None:
    """Write down that somebody showed a key that no longer works. In the caller's transaction."""
    if _is_first(scope, f"{rights.workspace_id}:{rights.key_id}:dead_key"):
        name = scope.get(ApiKey, rights.key_id).name
        scope.add(
            AuditEntry(
                workspace_id=rights.workspace_id,
                actor_user_id=None,
                actor_label=_key_label(name),
                action="refused.api_key",
                object_type="api_key",
                object_id=str(rights.key_id),
                details={"code": "unauthenticated", "reason": rights.lost},
            )
        )


def _write(tenant: Tenant, *, attempted: str, object_type: str, object_id: str | None, code: str) -> None:
    action = f"refused.{attempted[:LONGEST_ATTEMPT]}"
    actor = tenant.api_key_id or tenant.user_id
    with system_scope() as scope:
        if not _is_first(scope, f"{tenant.workspace_id}:{actor}:{action}:{object_type}"):
            return
        scope.add(
            AuditEntry(
                workspace_id=tenant.workspace_id,
                actor_user_id=tenant.user_id,
                actor_label=_label(scope, tenant.user_id, tenant.api_key_id),
                action=action,
                object_type=object_type,
                object_id=object_id,
                details={"code": code, "role": tenant.role.value},
            )
        )


def _is_first(scope: SystemScope, key: str) -> bool:
    """Whether nothing was written under this key for a minute; whoever asks first takes it."""
    moment = now()
    taken = scope.session.execute(
        _FIRST_IN_A_WHILE, {"key": f"refused:{key}", "moment": moment, "before": moment - ONE_PER}
    )
    return taken.first() is not None


def _label(scope: SystemScope, user_id: UUID | None, api_key_id: UUID | None) -> str:
    if api_key_id is not None:
        key = scope.session.get(ApiKey, api_key_id)
        return _key_label(key.name) if key is not None else "API key"
    person = scope.session.get(User, user_id) if user_id is not None else None
    return (person.name or person.email) if person is not None else "Former member"


def _key_label(name: str) -> str:
    return f"API key “{name}”"

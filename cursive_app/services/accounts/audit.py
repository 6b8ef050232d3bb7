"""Who did what to which object (ADM-04). Entries are append-only and keep the actor's name when the person is gone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from db.models.accounts import ApiKey, AuditEntry, User
from db.scope import Scope
from db.system import SystemScope

SYSTEM_LABEL = "Cursive"


def actor_label(scope: Scope) -> str:
    """How history names who acts: the person's name or e-mail, the API key's name, or Cursive itself."""
    tenant = scope.tenant
    if tenant.api_key_id is not None:
        name = scope.session.scalar(
            scope.select(ApiKey).where(ApiKey.id == tenant.api_key_id).with_only_columns(ApiKey.name)
        )
        return f"API key “{name}”" if name else "API key"
    if tenant.user_id is not None:
        return scope.session.scalar(select(func.person_label(tenant.user_id))) or "Former member"
    return SYSTEM_LABEL


def record_audit(scope: Scope, *, action: str, object_type: str, object_id: str | UUID | None, **details: Any) -> None:
    """Write an entry in the caller's transaction: it exists exactly if the action happened. `details`: JSON values."""
    scope.add(
        AuditEntry(
            actor_user_id=scope.tenant.user_id,
            actor_label=actor_label(scope),
            action=action,
            object_type=object_type,
            object_id=str(object_id) if object_id is not None else None,
            details=details,
        )
    )


def record_audit_of(
    scope: SystemScope,
    *,
    workspace_id: UUID,
    actor: UUID | None,
    action: str,
    object_type: str,
    object_id: str | UUID | None,
    **details: Any,
) -> None:
    """As `record_audit`, for account use cases, which run in the system scope."""
    person = scope.session.get(User, actor) if actor is not None else None
    scope.add(
        AuditEntry(
            workspace_id=workspace_id,
            actor_user_id=actor,
            actor_label=(person.name or person.email) if person is not None else SYSTEM_LABEL,
            action=action,
            object_type=object_type,
            object_id=str(object_id) if object_id is not None else None,
            details=details,
        )
    )

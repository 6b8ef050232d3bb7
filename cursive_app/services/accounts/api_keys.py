"""Keys of the REST API (ADM-02): shown once, kept as SHA-256, limited by scopes and by what their maker may do now.

A key dies with its maker's membership: whoever leaves the team takes no key along (T15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid, Unauthenticated
from cursive_app.services.accounts.audit import record_audit
from cursive_app.services.accounts.fields import plain_text
from cursive_app.services.accounts.key_rights import find_key
from cursive_app.services.accounts.permissions import KEY_SCOPES, Permission, require
from cursive_app.services.accounts.refusals import record_dead_key
from cursive_app.services.accounts.tokens import digest, looks_like_token, new_token
from db.models.accounts import ApiKey, AuditEntry, User
from db.scope import Scope, Tenant
from db.system import system_scope

KEY_PREFIX = "cur_"
SHOWN_CHARACTERS = 12
TOUCH_AFTER = timedelta(seconds=60)
MAX_KEYS = 50
ROTATED = "api_key.rotated"
LIFETIMES: tuple[int, ...] = (30, 90, 365)
"""Days a key may be asked to live; None means until it is revoked."""


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """One key as lists show it. `state` is active, retiring (it has a successor and ends soon), expired or revoked."""

    id: UUID
    name: str
    prefix: str
    scopes: tuple[str, ...]
    state: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made; `key` is never shown again."""

    id: UUID
    name: str
    key: str


def authenticate_key(presented: str) -> Tenant:
    """The tenant behind an API key: its maker's rights of today, narrowed to its scopes (`key_rights`).

    Raises Unauthenticated for any that does not work, without saying why; a dead key's workspace finds it in its trail.
    """
    refused = Unauthenticated("This API key does not work. It may be revoked, expired or mistyped.")
    if not presented.startswith(KEY_PREFIX) or not looks_like_token(presented):
        raise refused
    with system_scope() as scope:
        found = find_key(scope, ApiKey.key_hash == digest(presented))
        if found is not None:
            key, rights = found
            if rights.tenant is None:
                record_dead_key(scope, rights)
            elif key.last_used_at is None or now() - key.last_used_at > TOUCH_AFTER:
                key.last_used_at = now()
    if found is None or found[1].tenant is None:
        raise refused
    return found[1].tenant


def create_api_key(scope: Scope, *, name: str, scopes: Sequence[str], days: int | None = None) -> NewApiKey:
    """Make a key. Raises Forbidden, Invalid (name, scopes, days), Conflict when there are too many."""
    require(scope, Permission.MANAGE_API_KEYS)
    title = plain_text(name, field="name", label="name", longest=80)
    chosen = sorted(set(scopes))
    known = {permission.value for permission in KEY_SCOPES}
    if not chosen:
        raise Invalid(fields={"scopes": "Choose at least one thing the key may do."})
    if not set(chosen) <= known:
        raise Invalid(fields={"scopes": "A key cannot be given that."})
    if days is not None and days not in LIFETIMES:
        raise Invalid(fields={"days": f"Choose {', '.join(map(str, LIFETIMES))} days, or no expiry."})
    alive = scope.session.scalar(
        scope.select(ApiKey)
        .where(ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now()))
        .with_only_columns(func.count())
    )
    if (alive or 0) >= MAX_KEYS:
        raise Conflict(
            f"A workspace may have {MAX_KEYS} keys. Revoke one that is not used any more.", reason="too_many"
        )
    if scope.tenant.user_id is None:
        raise Conflict("Keys are made by people, not by other keys.", reason="not_a_person")
    key = KEY_PREFIX + new_token()
    row = scope.add(
        ApiKey(
            name=title,
            prefix=key[:SHOWN_CHARACTERS],
            key_hash=digest(key),
            scopes=chosen,
            created_by=scope.tenant.user_id,
            expires_at=now() + timedelta(days=days) if days else None,
        )
    )
    record_audit(scope, action="api_key.created", object_type="api_key", object_id=row.id, name=title, scopes=chosen)
    return NewApiKey(id=row.id, name=title, key=key)


def list_api_keys(scope: Scope) -> tuple[ApiKeyRow, ...]:
    """All keys of the workspace, newest first. Raises Forbidden."""
    require(scope, Permission.MANAGE_API_KEYS)
    rows = scope.session.scalars(scope.select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id.desc())).all()
    makers = _names({row.created_by for row in rows if row.created_by is not None})
    rotated = rotated_keys(scope, [row.id for row in rows])
    return tuple(
        ApiKeyRow(
            id=row.id,
            name=row.name,
            prefix=row.prefix,
            scopes=tuple(row.scopes),
            state=_state(row, rotated),
            created_by=makers.get(row.created_by, "Former member") if row.created_by else "Former member",
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
        )
        for row in rows
    )


def _names(ids: set[UUID]) -> dict[UUID, str]:
    with system_scope() as scope:
        rows = scope.session.execute(select(User.id, User.name, User.email).where(User.id.in_(ids))).all()
    return {id: name or email for id, name, email in rows}


def rotated_keys(scope: Scope, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these keys have a successor. The audit trail remembers it: its entries are never removed."""
    named = scope.session.scalars(
        scope.select(AuditEntry)
        .where(AuditEntry.action == ROTATED, AuditEntry.object_id.in_([str(id) for id in ids]))
        .with_only_columns(AuditEntry.object_id)
    )
    return frozenset(UUID(name) for name in named if name)


def _state(row: ApiKey, rotated: frozenset[UUID]) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None and row.expires_at <= now():
        return "expired"
    return "retiring" if row.id in rotated else "active"


def revoke_api_key(scope: Scope, *, key_id: UUID | str) -> None:
    """End a key at once; a second time changes nothing. Raises Forbidden, NotFound."""
    require(scope, Permission.MANAGE_API_KEYS)
    row = scope.get(ApiKey, key_id, lock=True)
    if row.revoked_at is None:
        row.revoked_at = now()
        record_audit(scope, action="api_key.revoked", object_type="api_key", object_id=row.id, name=row.name)

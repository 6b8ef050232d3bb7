"""Replacing an API key without an outage (ADM-02): a new key with the same name and scopes, and an old one that ends
after an overlap in which both work."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid
from cursive_app.services.accounts.api_keys import ROTATED, NewApiKey, create_api_key, rotated_keys
from cursive_app.services.accounts.audit import record_audit
from cursive_app.services.accounts.permissions import Permission, require
from db.models.accounts import ApiKey
from db.scope import Scope

OVERLAPS: tuple[int, ...] = (0, 1, 24, 168)
"""Hours an old key may go on working beside its successor; 0 revokes it at once."""
DEFAULT_OVERLAP = 24


def rotate_api_key(
    scope: Scope, *, key_id: UUID | str, overlap_hours: int = DEFAULT_OVERLAP, days: int | None = None
) -> NewApiKey:
    """Make a key that replaces another one; the old one ends after `overlap_hours`, never later than it would have.

    The new key has the rights of whoever rotates, narrowed to the same scopes, and lives `days` days (None: until it is
    revoked). Raises Forbidden, NotFound, Invalid (`overlap_hours`, `days`), Conflict (`not_active`, `rotated`,
    `too_many`, `not_a_person`).
    """
    require(scope, Permission.MANAGE_API_KEYS)
    if overlap_hours not in OVERLAPS:
        raise Invalid(fields={"overlap": f"Choose one of {', '.join(map(str, OVERLAPS))} hours."})
    old = scope.get(ApiKey, key_id, lock=True)
    moment = now()
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= moment):
        raise Conflict("This key has ended already. Make a new one instead.", reason="not_active")
    if rotated_keys(scope, [old.id]):
        raise Conflict("This key has a successor already. Rotate that one, or revoke this one.", reason="rotated")
    end = moment + timedelta(hours=overlap_hours)
    if overlap_hours == 0:
        old.revoked_at = moment
    elif old.expires_at is None or old.expires_at > end:
        old.expires_at = end
    scope.session.flush()
    made = create_api_key(scope, name=old.name, scopes=old.scopes, days=days)
    record_audit(
        scope,
        action=ROTATED,
        object_type="api_key",
        object_id=old.id,
        name=old.name,
        successor=str(made.id),
        overlap_hours=overlap_hours,
    )
    return made

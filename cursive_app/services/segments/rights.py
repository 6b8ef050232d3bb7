"""Who sees a segment and who changes it. Everything else in this room asks here."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, true

from cursive_app.errors import Conflict, Forbidden, NotFound
from cursive_app.services import accounts
from cursive_app.services.accounts import Permission, require
from cursive_app.services.segments.views import ACTIVE, SegmentView, segment_view
from db.models.segments import SavedSegment, SegmentRun
from db.roles import Role
from db.scope import Scope, Tenant


class StaleVersion(Conflict):
    """The segment was changed since. `who_changed` is the sentence that says so, without what to do about it."""

    def __init__(self, who_changed: str, what_to_do: str) -> None:
        self.who_changed = who_changed
        super().__init__(f"{who_changed} {what_to_do}", reason="stale_version")


def visible(scope: Scope, segment_id: UUID | str, *, lock: bool = False) -> SavedSegment:
    """The row, if it is alive and the tenant may see it. Raises NotFound."""
    row = scope.get(SavedSegment, segment_id, lock=lock)
    if row.deleted_at is not None or not (row.is_shared or _is_author_or_admin(scope.tenant, row)):
        raise NotFound
    return row


def may_see(tenant: Tenant) -> ColumnElement[bool]:
    """The segments this tenant may see, as SQL."""
    if tenant.role in (Role.OWNER, Role.ADMIN):
        return true()
    mine = SavedSegment.created_by == tenant.user_id if tenant.user_id else SavedSegment.is_shared
    return or_(SavedSegment.is_shared, mine)


def _is_author_or_admin(tenant: Tenant, row: SavedSegment) -> bool:
    return tenant.role in (Role.OWNER, Role.ADMIN) or _is_author(tenant, row)


def _is_author(tenant: Tenant, row: SavedSegment) -> bool:
    return tenant.user_id is not None and row.created_by == tenant.user_id


def require_may_edit(tenant: Tenant, row: SavedSegment) -> None:
    """Raises Forbidden."""
    if not _is_author_or_admin(tenant, row):
        raise Forbidden(
            "Only its author, an owner or an admin can change this segment. Save it as new to make your own."
        )


def editable(scope: Scope, segment_id: UUID | str) -> SavedSegment:
    """The row, locked, if the tenant may change it. Raises NotFound, Forbidden."""
    require(scope, Permission.EDIT_SEGMENTS)
    row = visible(scope, segment_id, lock=True)
    require_may_edit(scope.tenant, row)
    return row


def seen(scope: Scope, row: SavedSegment, running: Mapping[UUID, UUID] | None = None) -> SegmentView:
    """The view of a row for this reader. `running`: active runs by segment, when a list has looked them up already."""
    may_edit = accounts.allows(scope.tenant, Permission.EDIT_SEGMENTS) and _is_author_or_admin(scope.tenant, row)
    active = (active_runs(scope, [row.id]) if running is None else running).get(row.id)
    return segment_view(row, active_run_id=active, is_mine=_is_author(scope.tenant, row), may_edit=may_edit)


def active_runs(scope: Scope, ids: list[UUID]) -> dict[UUID, UUID]:
    """The run that works now, by segment."""
    if not ids:
        return {}
    rows = scope.session.execute(
        select(SegmentRun.segment_id, SegmentRun.id).where(
            scope.owned(SegmentRun), SegmentRun.segment_id.in_(ids), SegmentRun.status.in_(ACTIVE)
        )
    )
    return {row.segment_id: row.id for row in rows}


def changed_by(scope: Scope, row: SavedSegment) -> str:
    """Who changed the segment last, as the reader is told: "Bob changed this segment"."""
    if scope.tenant.user_id is not None and row.updated_by == scope.tenant.user_id:
        return "You changed this segment in another tab"
    return f"{row.updated_by_label} changed this segment"

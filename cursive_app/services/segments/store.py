"""Saving segments: create, list, change under a version, copy, pause, archive, delete and take back (SEG-09, 10, 15).

Everybody in the workspace sees shared segments; a private one is seen by its author, owners and admins, and these
change it. A write names the version it was based on; an older one is refused, never merged.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import exc, func, select

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid
from cursive_app.services import accounts
from cursive_app.services.accounts import Permission, require
from cursive_app.services.cursors import page_by_time
from cursive_app.services.segments.deletion import RESTORABLE, restorable_since
from cursive_app.services.segments.drafts import drop_draft, drop_saved
from cursive_app.services.segments.rights import (
    StaleVersion,
    active_runs,
    changed_by,
    editable,
    may_see,
    require_may_edit,
    seen,
    visible,
)
from cursive_app.services.segments.rules import (
    MAX_NAME,
    SETTERS,
    STATUSES,
    name_norm,
    read_ceiling,
    read_description,
    read_filters,
    read_max_leads,
    read_name,
)
from cursive_app.services.segments.views import SegmentPage, SegmentView, readable_filter
from db.models.segments import SavedSegment
from db.scope import Scope

MAX_SEGMENTS = 1_000  # alive, per workspace
DELETED = "deleted"  # in lists beside the statuses: what was deleted and can still be restored
NAME_TAKEN = "A segment with this name exists already. Choose another name."


def create_segment(
    scope: Scope,
    *,
    name: str,
    filters: object,
    description: str = "",
    is_shared: bool = True,
    max_leads: int | None = None,
    ceiling: Decimal | None = None,
) -> SegmentView:
    """Save a new segment. A draft it was made from is the caller's to drop: a copy of another segment leaves the one
    that somebody is still building alone. Raises Invalid, Conflict (`name_taken`, `too_many`), Forbidden."""
    require(scope, Permission.EDIT_SEGMENTS)
    read = read_filters(filters)
    alive = scope.session.scalar(
        select(func.count())
        .select_from(SavedSegment)
        .where(scope.owned(SavedSegment), SavedSegment.deleted_at.is_(None))
    )
    if (alive or 0) >= MAX_SEGMENTS:
        raise Conflict(f"A workspace can keep {MAX_SEGMENTS:,} segments. Delete some first.", reason="too_many")
    label = accounts.actor_label(scope)
    row = SavedSegment(
        name=read_name(name),
        name_norm=name_norm(name),
        description=read_description(description),
        scope=read.scope,
        filters=read.to_json(),
        is_shared=is_shared,
        max_leads=read_max_leads(max_leads),
        ceiling=read_ceiling(ceiling),
        created_by=scope.tenant.user_id,
        created_by_label=label,
        updated_by=scope.tenant.user_id,
        updated_by_label=label,
    )
    _named(scope, lambda: scope.add(row))
    return seen(scope, row)


def get_segment(scope: Scope, segment_id: UUID | str) -> SegmentView:
    """Raises NotFound (also for a private segment of somebody else), Forbidden."""
    require(scope, Permission.VIEW_SEGMENTS)
    return seen(scope, visible(scope, segment_id))


def list_segments(
    scope: Scope,
    *,
    status: str | None = None,
    query: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> SegmentPage:
    """Segments the reader may see, the last changed first. `status` None: all but archived ones; "deleted": those that
    can still be restored, the last deleted first.

    Raises Invalid for an unknown status, a bad cursor or a limit outside 1-200.
    """
    require(scope, Permission.VIEW_SEGMENTS)
    if status is not None and status not in (*STATUSES, DELETED):
        raise Invalid(fields={"status": f"Choose one of {', '.join((*STATUSES, DELETED))}."})
    if not 1 <= limit <= 200:
        raise Invalid(fields={"limit": "Ask for 1 to 200 segments."})
    seen_by_reader = scope.select(SavedSegment).where(may_see(scope.tenant))
    statement = seen_by_reader.where(SavedSegment.deleted_at.is_(None))
    counts: dict[str, int] = dict(
        scope.session.execute(
            statement.with_only_columns(SavedSegment.status, func.count()).group_by(SavedSegment.status)
        ).all()
    )
    order: Any = SavedSegment.updated_at
    if status == DELETED:
        order = SavedSegment.deleted_at
        statement = seen_by_reader.where(SavedSegment.deleted_at > restorable_since())
    else:
        statement = statement.where(SavedSegment.status == status if status else SavedSegment.status != "archived")
    words = name_norm(query)
    if words:
        statement = statement.where(SavedSegment.name_norm.contains(words, autoescape=True))
    binding = f"segments:{status}:{words}"
    page = page_by_time(scope, statement, by=order, cursor=cursor, binding=binding, limit=limit)
    running = active_runs(scope, [row.id for row in page.rows])
    return SegmentPage(
        segments=tuple(seen(scope, row, running) for row in page.rows),
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
        counts={name: counts.get(name, 0) for name in STATUSES},
    )


def update_segment(scope: Scope, segment_id: UUID | str, *, version: int, **changes: Any) -> SegmentView:
    """Change name, description, filters, is_shared, status, max_leads or ceiling, all or none of what is given.

    `version` is the one the change was based on. Raises Conflict (`stale_version`, `name_taken`), Invalid, NotFound,
    Forbidden.
    """
    row = editable(scope, segment_id)
    _check_version(scope, row, version)
    unknown = set(changes) - set(SETTERS)
    if unknown:
        raise Invalid(fields=dict.fromkeys(unknown, "This cannot be changed."))
    for name, value in changes.items():
        SETTERS[name](row, value)
    if changes:
        _touch(scope, row)
    drop_saved(scope, segment_id=row.id, fields=changes)
    return seen(scope, row)


def duplicate_segment(scope: Scope, segment_id: UUID | str) -> SegmentView:
    """A copy under the next free name ("… copy", "… copy 2"), owned by whoever copies. Raises NotFound, Forbidden."""
    require(scope, Permission.EDIT_SEGMENTS)
    row = visible(scope, segment_id)
    readable_filter(row)
    base = row.name.removesuffix(" copy")[: MAX_NAME - 12]
    taken = set(
        scope.session.scalars(
            select(SavedSegment.name_norm).where(
                scope.owned(SavedSegment),
                SavedSegment.deleted_at.is_(None),
                SavedSegment.name_norm.startswith(name_norm(f"{base} copy"), autoescape=True),
            )
        )
    )
    names = (f"{base} copy{'' if number == 1 else f' {number}'}" for number in range(1, MAX_SEGMENTS + 2))
    free = next(name for name in names if name_norm(name) not in taken)
    return create_segment(
        scope,
        name=free,
        filters=row.filters,
        description=row.description,
        is_shared=row.is_shared,
        max_leads=row.max_leads,
        ceiling=row.ceiling,
    )


def set_status(scope: Scope, segment_id: UUID | str, *, status: str) -> SegmentView:
    """Pause, archive or bring back. A paused or archived segment cannot be run. Raises Invalid, NotFound, Forbidden."""
    row = editable(scope, segment_id)
    if row.status != status:
        SETTERS["status"](row, status)
        _touch(scope, row)
    return seen(scope, row)


def delete_segment(scope: Scope, segment_id: UUID | str, *, version: int | None = None) -> None:
    """Delete the segment, never a lead (SEG-15). Its history stays; `restore_segment` takes it back for 30 days.

    Raises Conflict (`running`) while a run works, NotFound, Forbidden.
    """
    row = editable(scope, segment_id)
    if version is not None:
        _check_version(scope, row, version)
    if active_runs(scope, [row.id]):
        raise Conflict("A run of this segment is working. Stop it or wait for it to end.", reason="running")
    row.deleted_at = now()
    drop_draft(scope, segment_id=row.id)
    accounts.record_audit(scope, action="segment.deleted", object_type="segment", object_id=row.id, name=row.name)
    scope.session.flush()


def restore_segment(scope: Scope, segment_id: UUID | str) -> SegmentView:
    """Take a deletion back within 30 days.

    Raises Conflict (`name_taken` when the name was given away since, `too_late`), NotFound, Forbidden.
    """
    require(scope, Permission.EDIT_SEGMENTS)
    row = scope.get(SavedSegment, segment_id, lock=True)
    require_may_edit(scope.tenant, row)
    if row.deleted_at is None:
        return seen(scope, row)
    if row.deleted_at <= restorable_since():
        raise Conflict(f"A segment can be restored for {RESTORABLE.days} days after it was deleted.", reason="too_late")
    row.deleted_at, name = None, row.name
    try:
        _touch(scope, row)
    except Conflict:
        raise Conflict(
            f"Another segment is called “{name}” now. Give that one another name, then restore this one.",
            reason="name_taken",
        ) from None
    return seen(scope, row)


def _check_version(scope: Scope, row: SavedSegment, version: int) -> None:
    if row.version != version:
        raise StaleVersion(
            f"{changed_by(scope, row)} in the meantime.",
            "Reload to see the newest version, or save yours as a new segment.",
        )


def _touch(scope: Scope, row: SavedSegment) -> None:
    row.version += 1
    row.updated_at = now()
    row.updated_by = scope.tenant.user_id
    with scope.session.no_autoflush:  # the new name must reach the database inside the savepoint below
        row.updated_by_label = accounts.actor_label(scope)
    _named(scope, scope.session.flush)


def _named(scope: Scope, write: Callable[[], object]) -> None:
    """Run a write that may meet the unique name; the meeting is a Conflict and spoils nothing else."""
    try:
        with scope.session.begin_nested():
            write()
    except exc.IntegrityError as error:
        if "uq_saved_segments_name_norm" in str(error.orig):
            raise Conflict(NAME_TAKEN, reason="name_taken") from None
        raise

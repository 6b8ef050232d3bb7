"""One person's unsaved edits (SEG-10)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import exc

from cursive_app.errors import Invalid
from cursive_app.services.accounts import Permission, require
from cursive_app.services.segments.filters import Filters, parse
from cursive_app.services.segments.rights import visible
from db.models.segments import SegmentDraft
from db.scope import Scope, parse_id


def save_draft(scope: Scope, *, segment_id: UUID | str | None, filters: object, base_version: int | None) -> None:
    """Keep one person's unsaved edit; an API key has none. Raises Invalid, NotFound, Forbidden."""
    require(scope, Permission.EDIT_SEGMENTS)
    if scope.tenant.user_id is None:
        return
    read = parse(filters if not isinstance(filters, Filters) else filters.to_json(), lenient=True)
    draft = _draft(scope, segment_id)
    if draft is None:
        segment = visible(scope, segment_id).id if segment_id else None
        draft = SegmentDraft(user_id=scope.tenant.user_id, segment_id=segment, filters=read.to_json())
        try:
            with scope.session.begin_nested():
                scope.add(draft)
        except exc.IntegrityError:  # the same person's other tab was first
            draft = _draft(scope, segment_id)
            if draft is None:
                return
    draft.filters, draft.base_version = read.to_json(), base_version
    scope.session.flush()


def get_draft(scope: Scope, *, segment_id: UUID | str | None) -> tuple[Filters, int | None] | None:
    """The person's unsaved edit and the version it began from, or None."""
    require(scope, Permission.VIEW_SEGMENTS)
    draft = _draft(scope, segment_id)
    if draft is None:
        return None
    try:
        return parse(draft.filters, lenient=True), draft.base_version
    except Invalid:
        return None


def drop_draft(scope: Scope, *, segment_id: UUID | str | None) -> None:
    """Forget the person's unsaved edit."""
    draft = _draft(scope, segment_id)
    if draft is not None:
        scope.session.delete(draft)
        scope.session.flush()


def _draft(scope: Scope, segment_id: UUID | str | None) -> SegmentDraft | None:
    if scope.tenant.user_id is None:
        return None
    column = SegmentDraft.segment_id
    which = column.is_(None) if segment_id is None else column == parse_id(segment_id)
    return scope.session.scalar(scope.select(SegmentDraft).where(SegmentDraft.user_id == scope.tenant.user_id, which))

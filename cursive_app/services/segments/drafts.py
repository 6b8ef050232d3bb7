"""One person's unsaved edits (SEG-10)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exc

from cursive_app.errors import Invalid
from cursive_app.services.accounts import Permission, require
from cursive_app.services.segments.filters import Filters, parse
from cursive_app.services.segments.rights import visible
from db.models.segments import SegmentDraft
from db.scope import Scope, parse_id

MAX_TYPED = 20


@dataclass(frozen=True, slots=True)
class Draft:
    """An unsaved edit. `base_version` is the version it began from, None for a new segment; `limits` are the most leads
    and the spend ceiling of a run as they were typed, None where nobody typed."""

    filters: Filters
    base_version: int | None
    limits: tuple[str, str] | None


def save_draft(
    scope: Scope,
    *,
    segment_id: UUID | str | None,
    filters: object,
    base_version: int | None,
    limits: tuple[str, str] | None = None,
) -> None:
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
    draft.typed_max_leads, draft.typed_ceiling = map(_keepable, limits) if limits is not None else (None, None)
    scope.session.flush()


def get_draft(scope: Scope, *, segment_id: UUID | str | None) -> Draft | None:
    """The person's unsaved edit, or None."""
    require(scope, Permission.VIEW_SEGMENTS)
    draft = _draft(scope, segment_id)
    if draft is None:
        return None
    try:
        filters = parse(draft.filters, lenient=True)
    except Invalid:
        return None
    untouched = draft.typed_max_leads is None or draft.typed_ceiling is None
    limits = None if untouched else (draft.typed_max_leads or "", draft.typed_ceiling or "")
    return Draft(filters, draft.base_version, limits)


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


def _keepable(typed: str) -> str:
    """What was typed, as far as it can be stored and shown again."""
    return typed if len(typed) <= MAX_TYPED and typed.isprintable() else ""

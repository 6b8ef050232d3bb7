"""One person's unsaved edits (SEG-10)."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exc

from cursive_app.errors import Invalid
from cursive_app.services.accounts import Permission, require
from cursive_app.services.segments.filters import Filters, empty, parse
from cursive_app.services.segments.rights import visible
from db.models.segments import SegmentDraft
from db.scope import Scope, parse_id

MAX_TYPED = 20


@dataclass(frozen=True, slots=True)
class Draft:
    """An unsaved edit. `filters` is None where the filter was not edited; `base_version` is the version its edit began
    from, None for a new segment. `limits` are the most leads and the spend ceiling of a run as they were typed, None
    where nobody typed."""

    filters: Filters | None
    base_version: int | None
    limits: tuple[str, str] | None


def save_draft(scope: Scope, *, segment_id: UUID | str | None, filters: object, base_version: int | None) -> None:
    """Keep one person's edit of a filter, or, with None, forget it; typed limits stay. An API key has no draft.

    Raises Invalid, NotFound, Forbidden.
    """
    require(scope, Permission.EDIT_SEGMENTS)
    if filters is None:
        _forget(scope, segment_id, filters=True)
        return
    read = parse(filters if not isinstance(filters, Filters) else filters.to_json(), lenient=True)
    draft = _made(scope, segment_id)
    if draft is not None:
        draft.filters, draft.base_version = read.to_json(), base_version
        scope.session.flush()


def save_draft_limits(scope: Scope, *, segment_id: UUID | str | None, limits: tuple[str, str] | None) -> None:
    """Keep the limits one person typed, or, with None, forget them; an edited filter stays. An API key has no draft.

    Raises NotFound, Forbidden.
    """
    require(scope, Permission.EDIT_SEGMENTS)
    if limits is None:
        _forget(scope, segment_id, limits=True)
        return
    draft = _made(scope, segment_id)
    if draft is not None:
        draft.typed_max_leads, draft.typed_ceiling = map(_keepable, limits)
        scope.session.flush()


def get_draft(scope: Scope, *, segment_id: UUID | str | None) -> Draft | None:
    """The person's unsaved edit, or None."""
    require(scope, Permission.VIEW_SEGMENTS)
    draft = _draft(scope, segment_id)
    if draft is None:
        return None
    try:
        filters = parse(draft.filters, lenient=True) if _has_filter(draft) else None
    except Invalid:
        filters = None
    limits = (draft.typed_max_leads or "", draft.typed_ceiling or "") if _has_limits(draft) else None
    return Draft(filters, draft.base_version, limits) if filters is not None or limits is not None else None


def drop_draft(scope: Scope, *, segment_id: UUID | str | None) -> None:
    """Forget the person's unsaved edit."""
    draft = _draft(scope, segment_id)
    if draft is not None:
        scope.session.delete(draft)
        scope.session.flush()


def drop_saved(scope: Scope, *, segment_id: UUID | str | None, fields: Container[str]) -> None:
    """Forget what of the person's unsaved edit was saved just now: the filter, the limits. What was typed in another
    tab and is not among `fields` stays. None: the edit of a segment that had no name yet."""
    limits = "max_leads" in fields or "ceiling" in fields
    _forget(scope, segment_id, filters="filters" in fields, limits=limits)


def _forget(scope: Scope, segment_id: UUID | str | None, *, filters: bool = False, limits: bool = False) -> None:
    draft = _draft(scope, segment_id)
    if draft is None:
        return
    if filters:
        draft.filters, draft.base_version = empty("provider").to_json(), None
    if limits:
        draft.typed_max_leads = draft.typed_ceiling = None
    if not _has_filter(draft) and not _has_limits(draft):
        scope.session.delete(draft)
    scope.session.flush()


def _has_filter(draft: SegmentDraft) -> bool:
    """The edit of a saved filter began from a version; a new one's has something in it."""
    if draft.segment_id is not None:
        return draft.base_version is not None
    return draft.filters != empty("provider").to_json()


def _has_limits(draft: SegmentDraft) -> bool:
    return draft.typed_max_leads is not None and draft.typed_ceiling is not None


def _made(scope: Scope, segment_id: UUID | str | None) -> SegmentDraft | None:
    """The person's draft, made where there is none. Raises NotFound."""
    draft = _draft(scope, segment_id)
    if draft is not None or scope.tenant.user_id is None:
        return draft
    segment = visible(scope, segment_id).id if segment_id else None
    draft = SegmentDraft(user_id=scope.tenant.user_id, segment_id=segment, filters=empty("provider").to_json())
    try:
        with scope.session.begin_nested():
            return scope.add(draft)
    except exc.IntegrityError:  # the same person's other tab was first
        return _draft(scope, segment_id)


def _draft(scope: Scope, segment_id: UUID | str | None) -> SegmentDraft | None:
    if scope.tenant.user_id is None:
        return None
    column = SegmentDraft.segment_id
    which = column.is_(None) if segment_id is None else column == parse_id(segment_id)
    return scope.session.scalar(scope.select(SegmentDraft).where(SegmentDraft.user_id == scope.tenant.user_id, which))


def _keepable(typed: str) -> str:
    """What was typed, as far as it can be stored and shown again."""
    return typed if len(typed) <= MAX_TYPED and typed.isprintable() else ""

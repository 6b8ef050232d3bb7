"""Which leads belong to a segment, as the leads list asks it: a condition over leads, and a name for its chip."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, select

from cursive_app.errors import NotFound
from cursive_app.services.accounts import Permission, require
from cursive_app.services.segments.compile_leads import lead_predicate
from cursive_app.services.segments.filters import parse
from cursive_app.services.segments.rights import visible
from db.models.leads import Lead
from db.models.segments import SegmentLead, SegmentRun
from db.scope import Scope


def membership(scope: Scope, segment_id: UUID) -> ColumnElement[bool]:
    """The leads of a segment: over one's own leads those its filter matches now, over the provider's people those its
    runs met. Raises NotFound (also for a private segment of somebody else), Forbidden."""
    require(scope, Permission.VIEW_SEGMENTS)
    segment = visible(scope, segment_id)
    if segment.scope == "leads":
        return lead_predicate(parse(segment.filters, lenient=True))
    met = select(SegmentLead.lead_id).where(scope.owned(SegmentLead), SegmentLead.segment_id == segment.id)
    return Lead.id.in_(met)


def segment_name(scope: Scope, segment_id: UUID) -> str:
    """The segment's name. Raises NotFound, Forbidden."""
    require(scope, Permission.VIEW_SEGMENTS)
    return visible(scope, segment_id).name


def run_name(scope: Scope, run_id: UUID) -> str:
    """A run as people speak of it: "Texas VPs, 3 Mar 2026". Raises NotFound, Forbidden."""
    require(scope, Permission.VIEW_SEGMENTS)
    run = scope.get(SegmentRun, run_id)
    try:
        name = visible(scope, run.segment_id).name
    except NotFound:
        name = "a segment that is gone"
    return f"{name}, {run.created_at.day} {run.created_at:%b %Y}"

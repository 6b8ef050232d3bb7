"""What a deletion leaves, and how long it can be taken back (SEG-15). A segment is only ever marked as deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from cursive_app.clock import now
from cursive_app.services.accounts import Permission, require
from cursive_app.services.segments.rights import editable, may_see
from db.models.leads import Lead
from db.models.segments import SavedSegment, SegmentLead, SegmentRun
from db.scope import Scope

RESTORABLE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Attached:
    """What hangs on a segment: its runs, and the leads its runs met that are still owned. None of it goes with it."""

    scope: str
    runs: int
    leads: int


def attached(scope: Scope, segment_id: UUID | str) -> Attached:
    """What stays when this segment is deleted. Raises NotFound, Forbidden."""
    row = editable(scope, segment_id)
    runs = select(func.count()).select_from(SegmentRun)
    members = select(func.count()).select_from(SegmentLead).join(Lead, Lead.id == SegmentLead.lead_id)
    return Attached(
        scope=row.scope,
        runs=scope.session.scalar(runs.where(scope.owned(SegmentRun), SegmentRun.segment_id == row.id)) or 0,
        leads=scope.session.scalar(
            members.where(
                scope.owned(SegmentLead),
                SegmentLead.segment_id == row.id,
                scope.owned(Lead),
                Lead.deleted_at.is_(None),
            )
        )
        or 0,
    )


def restorable_since() -> datetime:
    """What was deleted before this moment stays deleted."""
    return now() - RESTORABLE


def segment_names(scope: Scope, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of segments, deleted ones included, as far as the reader may see them. Raises Forbidden."""
    require(scope, Permission.VIEW_SEGMENTS)
    wanted = list(set(ids))
    if not wanted:
        return {}
    rows = scope.session.execute(
        select(SavedSegment.id, SavedSegment.name).where(
            scope.owned(SavedSegment), SavedSegment.id.in_(wanted), may_see(scope.tenant)
        )
    )
    return {row.id: row.name for row in rows}


def openable(scope: Scope, ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of the segments whose page the reader can open: not deleted, and theirs to see. Raises Forbidden."""
    require(scope, Permission.VIEW_SEGMENTS)
    wanted = list(set(ids))
    if not wanted:
        return frozenset()
    alive = (SavedSegment.id.in_(wanted), SavedSegment.deleted_at.is_(None), may_see(scope.tenant))
    return frozenset(scope.session.scalars(select(SavedSegment.id).where(scope.owned(SavedSegment), *alive)))

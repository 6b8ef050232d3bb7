"""Taking up a failed run again (JOB-05): the same run, the same job; what was delivered stays delivered and paid.

The audience at the provider is used further while it is there; when it is gone a new one is read from its first page,
and people who were delivered before are recognized as owned and cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from cursive_app.errors import Conflict
from cursive_app.services.jobs.admin.retries import Again, RetryRule, refuse_unless_failed, register, reopen
from cursive_app.services.segments.runs import CENT, KIND
from cursive_app.services.segments.views import ACTIVE
from db.models.segments import SavedSegment, SegmentRun
from db.scope import Scope


def retry_run(scope: Scope, links: Mapping[str, Any], _arguments: Mapping[str, Any]) -> Again:
    """Open a failed run again and hold what the rest of it may cost.

    Raises NotFound, InsufficientCredits, and Conflict when the segment is deleted, not active or runs already.
    """
    run = scope.get(SegmentRun, links.get("run_id", ""), lock=True)
    segment = scope.get(SavedSegment, run.segment_id, lock=True)
    refuse_unless_failed(run)
    if segment.deleted_at is not None:  # it would deliver, and charge for, leads of a segment nobody sees
        raise Conflict("The segment was deleted; its runs cannot go on unless it is restored.", reason="not_active")
    if segment.status != "active":
        raise Conflict(f"The segment is {segment.status}; its runs cannot go on.", reason="not_active")
    others = scope.select(SegmentRun).where(SegmentRun.segment_id == segment.id, SegmentRun.status.in_(ACTIVE))
    if scope.session.scalar(select(others.exists())):
        raise Conflict("Another run of this segment is under way.", reason="running")
    if run.audience_deleted_at is not None or run.outcome == "filters_ignored":
        _read_from_the_start(run)
    return reopen(
        scope,
        run,
        left=_still_costs(run),
        key=f"run:{run.id}",
        description=f"Held again for a run of “{segment.name}”",
        job_id=run.job_id,
        reference=f"segment_run:{run.id}",
    )


def _still_costs(run: SegmentRun) -> Decimal:
    left = run.max_leads - run.new_leads
    return min(run.ceiling - run.credits_captured, left * run.price).quantize(CENT)


def _read_from_the_start(run: SegmentRun) -> None:
    run.next_page, run.fetched, run.matched, run.owned_leads, run.duplicates = 1, 0, 0, 0, 0
    if run.audience_deleted_at is not None:
        run.audience_id = run.audience_requested_at = run.audience_deleted_at = None


_ORDERED = (
    "How many leads of which segment, and at most at what cost, was ordered by the customer; a run has nothing else. "
    "An audience that was deleted is built again by itself."
)

register(KIND, RetryRule(again=retry_run, why_fixed=_ORDERED))

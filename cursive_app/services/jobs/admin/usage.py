"""What people make of the product, week by week: segments for each person, lists and their matches.

The numbers by which roadmap steps 1 and 2 want to be judged: average segments per user, uploads per week, match rate
and revenue of enrichment, which is counted in credits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, DateTime, SQLColumnExpression, func, select

from cursive_app.clock import now
from cursive_app.services.jobs.admin.health_views import UsageWeek
from cursive_app.services.jobs.admin.staff import require_staff
from cursive_app.services.jobs.admin.views import StaffActor
from db.models.accounts import User
from db.models.enrichment import Enrichment
from db.models.segments import SavedSegment
from db.system import SystemScope, system_scope

WEEKS = 12
_WEEK = timedelta(days=7)


def usage(actor: StaffActor) -> tuple[UsageWeek, ...]:
    """The last 12 weeks, newest first; the first of them is still going on. Weeks begin on Monday, 0:00 UTC.

    People are accounts with a confirmed address. People and segments are those there at a week's end (now, in the
    newest); a segment that was deleted counts until it was, and not at all once it is gone for good, 30 days later.
    Lists are those uploaded in the week, reruns are not; rows and credits are those of all runs of lists of the week,
    reruns too. Raises Forbidden.
    """
    require_staff(actor, "read_only", attempted="usage")
    today = now()
    newest = today.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=today.weekday())
    starts = [newest - _WEEK * number for number in range(WEEKS)]
    with system_scope() as scope:
        people = _there(scope, User.email_verified_at, User.deleted_at, starts)
        segments = _there(scope, SavedSegment.created_at, SavedSegment.deleted_at, starts)
        lists = _lists(scope, starts[-1])
    return tuple(
        _week(start, people[number], segments[number], lists.get(start)) for number, start in enumerate(starts)
    )


def _week(start: datetime, people: int, segments: int, lists: Any) -> UsageWeek:
    matched, answered = (lists.matched, lists.answered) if lists else (0, 0)
    return UsageWeek(
        starts=start,
        people=people,
        segments=segments,
        segments_per_person=segments / people if people else None,
        lists=lists.uploads if lists else 0,
        matched=matched,
        answered=answered,
        match_rate=matched / answered if answered else None,
        credits=lists.credits if lists else Decimal(0),
    )


def _there(
    scope: SystemScope, began: SQLColumnExpression[Any], ended: SQLColumnExpression[Any], starts: Sequence[datetime]
) -> list[int]:
    """How many had begun and not ended by the end of each week that begins at `starts`, newest first."""
    ends = [start + _WEEK for start in starts]
    there = (func.count().filter(began < end, (ended.is_(None)) | (ended >= end)) for end in ends)
    return list(scope.session.execute(select(*there).where(began.is_not(None))).one())


def _lists(scope: SystemScope, since: datetime) -> dict[datetime, Any]:
    week: ColumnElement[datetime] = func.date_trunc("week", Enrichment.created_at, "UTC", type_=DateTime(timezone=True))
    answered = Enrichment.matched_count + Enrichment.no_match_count + Enrichment.error_count
    found = scope.session.execute(
        select(
            week.label("starts"),
            func.count().filter(Enrichment.source != "rerun").label("uploads"),
            func.sum(Enrichment.matched_count).label("matched"),
            func.sum(answered).label("answered"),
            func.sum(Enrichment.credits_captured).label("credits"),
        )
        .where(Enrichment.created_at >= since)
        .group_by(week)
    )
    return {row.starts: row for row in found}

"""What people make of the product by week: segments for each person, uploads, match rate, credits (roadmap 1, 2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from itertools import pairwise

import pytest
from sqlalchemy import update

from cursive_app.clock import now
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import UsageWeek
from db.models.accounts import User
from db.models.enrichment import Enrichment
from db.models.segments import SavedSegment
from db.system import system_scope
from tests.factories import Cast, make_user
from tests.factories_admin import staff
from tests.factories_enrichment import make_list
from tests.factories_segments import make_segment

pytestmark = pytest.mark.usefixtures("database")
Figures = tuple[int, int, int, int, int, Decimal]


def week(number: int) -> datetime:
    """The Wednesday of a week that is so many weeks gone; other tests leave nothing there."""
    return admin.usage(staff())[number].starts + timedelta(days=2, hours=13)


def figures(weeks: Sequence[UsageWeek]) -> list[Figures]:
    return [(one.people, one.segments, one.lists, one.matched, one.answered, one.credits) for one in weeks]


def change(before: Sequence[UsageWeek], after: Sequence[UsageWeek]) -> list[list[int | Decimal]]:
    """What each whole week gained, newest first; the one that goes on belongs to every test."""
    pairs = zip(figures(before)[1:], figures(after)[1:], strict=True)
    return [[new - old for old, new in zip(*pair, strict=True)] for pair in pairs]


def test_weeks_begin_on_monday_and_the_newest_goes_on() -> None:
    weeks = admin.usage(staff("read_only"))
    assert len(weeks) == 12
    assert {(one.starts.weekday(), one.starts.hour, one.starts.minute) for one in weeks} == {(0, 0, 0)}
    assert {later.starts - earlier.starts for later, earlier in pairwise(weeks)} == {timedelta(days=7)}
    assert weeks[0].starts <= now() < weeks[0].starts + timedelta(days=7)


def test_people_and_segments_count_from_their_beginning_to_their_end(cast: Cast) -> None:
    before = admin.usage(staff())
    came, went = week(9), week(4)
    stays, leaves, unconfirmed = make_user("Una"), make_user("Vic"), make_user("Wes")
    kept, deleted = make_segment(cast.alice), make_segment(cast.alice)
    with system_scope() as scope:
        for id, confirmed, gone in ((stays, came, None), (leaves, came, went), (unconfirmed, None, None)):
            scope.session.execute(
                update(User).where(User.id == id).values(email_verified_at=confirmed, deleted_at=gone)
            )
        for id, gone in ((kept.id, None), (deleted.id, went)):
            scope.session.execute(
                update(SavedSegment).where(SavedSegment.id == id).values(created_at=came, deleted_at=gone)
            )
    gained = [line[:2] for line in change(before, admin.usage(staff()))]
    assert gained == [[1, 1]] * 4 + [[2, 2]] * 5 + [[0, 0]] * 2


def test_the_average_is_segments_by_people(cast: Cast) -> None:
    make_segment(cast.alice)
    newest = admin.usage(staff())[0]
    assert newest.people >= 1
    assert newest.segments_per_person == pytest.approx(newest.segments / newest.people)


def test_nothing_to_divide_by_is_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("cursive_app.services.jobs.admin.usage")
    monkeypatch.setattr(module, "now", lambda: datetime(2019, 5, 1, 12, tzinfo=UTC))
    for week in admin.usage(staff()):
        assert (week.people, week.segments_per_person) == (0, None)
        assert (week.answered, week.match_rate) == (0, None)


def test_lists_of_a_week_with_their_rows_and_credits(cast: Cast) -> None:
    before, at = admin.usage(staff()), week(6)
    ran = {"matched_count": 30, "no_match_count": 8, "error_count": 2, "credits_captured": Decimal("7.50")}
    lists = [
        make_list(cast.alice, [], **ran),
        make_list(cast.charlie, [], source="api", **ran),
        make_list(cast.alice, [], source="rerun", matched_count=5, credits_captured=Decimal("1.25")),
        make_list(cast.alice, []),  # never run
    ]
    with system_scope() as scope:
        scope.session.execute(update(Enrichment).where(Enrichment.id.in_(lists)).values(created_at=at))
    after = admin.usage(staff())
    gained = change(before, after)
    assert gained.pop(5)[2:] == [3, 65, 85, Decimal("16.25")]
    assert all(line[2:] == [0, 0, 0, 0] for line in gained)
    assert after[6].match_rate == pytest.approx(after[6].matched / after[6].answered)

"""How the use of the product reads: what nobody knows is a dash, one person keeps, two keep."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cursive_app.services.jobs.admin import UsageWeek
from state.admin_usage import UsageLine, usage_lines, usage_words


def week(people: int, segments: int, *, lists: int = 1_200, matched: int = 0, answered: int = 0) -> UsageWeek:
    return UsageWeek(
        starts=datetime(2026, 3, 2, tzinfo=UTC),
        people=people,
        segments=segments,
        segments_per_person=segments / people if people else None,
        lists=lists,
        matched=matched,
        answered=answered,
        match_rate=matched / answered if answered else None,
        credits=Decimal("1234.5"),
    )


@pytest.mark.parametrize(
    ("people", "segments", "words"),
    [
        (0, 0, "Nobody has confirmed an address yet."),
        (1, 1, "1 person keeps 1 saved segment."),
        (1, 0, "1 person keeps 0 saved segments."),
        (8, 12, "8 people keep 12 saved segments: 1.50 each."),
        (2_000, 1, "2,000 people keep 1 saved segment: 0.00 each."),
    ],
)
def test_segments_per_person_in_a_sentence(people: int, segments: int, words: str) -> None:
    assert usage_words(week(people, segments)) == words


def test_a_line_of_a_week() -> None:
    newest, before = usage_lines([week(8, 12, matched=1, answered=3), week(0, 0)])
    assert newest == UsageLine(
        week="Mar 2, 2026, so far",
        people="8",
        segments="12",
        per_person="1.50",
        lists="1,200",
        match_rate="33.3%",
        match_words="1 of 3 rows that were answered",
        credits="1,234.50",
    )
    assert (before.week, before.per_person, before.match_rate) == ("Mar 2, 2026", "–", "–")


def test_weeks_before_anybody_came_are_left_out() -> None:
    empty = week(0, 0, lists=0)
    assert [line.people for line in usage_lines([week(2, 0, lists=0), empty, week(1, 0, lists=0), empty, empty])] == [
        "2",
        "0",
        "1",
    ]
    assert len(usage_lines([empty, empty])) == 1  # the week that goes on is always told

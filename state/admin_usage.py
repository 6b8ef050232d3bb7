"""The words of what people make of the product, week by week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cursive_app.plurals import plural
from cursive_app.services.jobs.admin.views import UsageWeek
from state.times import day_words


@dataclass(frozen=True)
class UsageLine:
    """One week; its last day is still to come in the newest."""

    week: str = ""
    people: str = ""
    segments: str = ""
    per_person: str = ""
    lists: str = ""
    match_rate: str = ""
    match_words: str = ""
    credits: str = ""


def usage_lines(weeks: Sequence[UsageWeek]) -> list[UsageLine]:
    """The weeks, newest first, without those before anybody came."""
    began = max((number for number, week in enumerate(weeks) if week.people or week.segments or week.lists), default=0)
    return [_line(week, is_newest=number == 0) for number, week in enumerate(weeks[: began + 1])]


def usage_words(newest: UsageWeek) -> str:
    """Average segments per user as of now, in a sentence (roadmap step 1)."""
    if newest.segments_per_person is None:
        return "Nobody has confirmed an address yet."
    keep = "keeps" if newest.people == 1 else "keep"
    average = f": {newest.segments_per_person:.2f} each" if newest.people > 1 else ""
    people = plural(newest.people, "person", "people")
    return f"{people} {keep} {plural(newest.segments, 'saved segment')}{average}."


def _line(week: UsageWeek, *, is_newest: bool) -> UsageLine:
    from_day = day_words(week.starts.date())
    return UsageLine(
        week=f"{from_day}, so far" if is_newest else from_day,
        people=f"{week.people:,}",
        segments=f"{week.segments:,}",
        per_person=f"{week.segments_per_person:.2f}" if week.segments_per_person is not None else "–",
        lists=f"{week.lists:,}",
        match_rate=f"{week.match_rate:.1%}" if week.match_rate is not None else "–",
        match_words=f"{week.matched:,} of {plural(week.answered, 'row')} that were answered",
        credits=f"{week.credits:,.2f}",
    )

"""A cron line in words, and that the clock means the same days as the words say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cursive_app.jobs.schedule import Scheduled
from cursive_app.services.jobs.admin.cron import in_words

SATURDAY = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("17 2 * * *", "Every day at 02:17 UTC"),
        ("0 6,18 * * *", "Every day at 06:00 and 18:00 UTC"),
        ("*/10 * * * *", "Every 10 minutes"),
        ("*/15 9-17 * * *", "Every 15 minutes of hour 9 to 17 UTC"),
        ("* * * * *", "Every minute"),
        ("23 * * * *", "Every hour at minute 23"),
        ("5 */4 * * *", "Every 4 hours at minute 5"),
        ("0 */6 * * *", "Every 6 hours at minute 0"),
        ("30 8 * * 1-5", "At 08:30 UTC on Monday to Friday"),
        ("0 9 * * 1-5", "At 09:00 UTC on Monday to Friday"),
        ("0 9 1 * *", "At 09:00 UTC on day 1 of the month"),
        ("0 9 */2 * *", "At 09:00 UTC, every 2 days"),
    ],
)
def test_a_line_in_words(line: str, words: str) -> None:
    assert in_words(line, None) == (line, words)


@pytest.mark.parametrize(
    ("weekday", "days"),
    [
        ("1", ["Monday"]),
        ("0", ["Sunday"]),
        ("7", ["Sunday"]),
        ("mon", ["Monday"]),
        ("5-7", ["Friday", "Saturday", "Sunday"]),
        ("1,3", ["Monday", "Wednesday"]),
    ],
)
def test_the_clock_runs_on_the_days_that_the_words_name(weekday: str, days: list[str]) -> None:
    trigger = Scheduled("trial", cron=f"0 9 * * {weekday}").trigger()
    seen, moment = set(), SATURDAY
    while (fires := trigger.get_next_fire_time(None, moment)) and fires < SATURDAY + timedelta(days=7):
        seen.add(f"{fires:%A}")
        moment = fires + timedelta(seconds=1)
    assert seen == set(days)


@pytest.mark.parametrize(
    ("every", "words"), [(timedelta(seconds=30), "Every 30 seconds"), (timedelta(hours=1), "Every hour")]
)
def test_a_span_in_words(every: timedelta, words: str) -> None:
    assert in_words(None, every) == (words.lower(), words)

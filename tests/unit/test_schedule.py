"""Which ticks are due: none twice, none lost within the hour, and nothing depends on daylight saving time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cursive_app.jobs.schedule import CATCH_UP, SCHEDULE, Scheduled, due_ticks

NIGHTLY = Scheduled("t.nightly", cron="17 2 * * *")
EACH_TEN_MINUTES = Scheduled("t.often", cron="*/10 * * * *")
EACH_SECOND = Scheduled("t.second", every=timedelta(seconds=1))
MOMENTS = st.integers(0, 4 * 365 * 86_400).map(lambda seconds: at("2026-01-02") + timedelta(seconds=seconds))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_what_must_happen_by_itself_is_in_the_schedule() -> None:
    day = at("2026-03-10 00:00")
    ticks = {one.task: len(due_ticks(one, newest=day, moment=day + CATCH_UP)[0]) for one in SCHEDULE}
    assert ticks["credits.expire_holds"] >= 6, "what finished jobs still hold comes back within minutes"
    nightly = {one.task for one in SCHEDULE if one.cron is not None and one.cron.split()[1].isdigit()}
    assert nightly >= {"credits.reconcile", "provider.partitions"}


def test_a_new_schedule_runs_its_newest_tick_once() -> None:
    assert due_ticks(NIGHTLY, newest=None, moment=at("2026-03-10 12:00")) == ([at("2026-03-10 02:17")], 0)


def test_nothing_is_due_between_two_ticks() -> None:
    assert due_ticks(NIGHTLY, newest=at("2026-03-10 02:17"), moment=at("2026-03-11 02:16:59")) == ([], 0)


def test_a_tick_is_due_on_the_second() -> None:
    moment = at("2026-03-11 02:17")
    assert due_ticks(NIGHTLY, newest=at("2026-03-10 02:17"), moment=moment) == ([moment], 0)


def test_every_tick_of_the_last_hour_is_caught_up() -> None:
    due, skipped = due_ticks(EACH_TEN_MINUTES, newest=at("2026-03-10 12:00"), moment=at("2026-03-10 12:55"))
    assert [tick.minute for tick in due] == [10, 20, 30, 40, 50]
    assert skipped == 0


def test_of_older_ones_only_the_newest_runs_and_the_rest_is_counted() -> None:
    due, skipped = due_ticks(NIGHTLY, newest=at("2026-03-06 02:17"), moment=at("2026-03-10 12:00"))
    assert due == [at("2026-03-10 02:17")]
    assert skipped == 3


def test_a_clock_set_back_repeats_nothing() -> None:
    assert due_ticks(EACH_SECOND, newest=at("2026-03-10 12:00"), moment=at("2026-03-10 11:00")) == ([], 0)


def test_a_day_without_an_hour_and_a_day_with_one_twice_have_one_nightly_tick_each() -> None:
    for day in ("2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25"):  # changes in New York and Berlin
        start = at(f"{day} 00:00")
        due, _ = due_ticks(NIGHTLY, newest=start, moment=start + timedelta(days=1))
        assert len(due) == 1


@given(start=MOMENTS, steps=st.lists(st.integers(1, 3000), min_size=1, max_size=12))
def test_however_often_one_looks_each_tick_is_due_once(start: datetime, steps: list[int]) -> None:
    moment = newest = start
    seen: list[datetime] = []
    for step in steps:
        moment += timedelta(seconds=step)
        due, skipped = due_ticks(EACH_TEN_MINUTES, newest=newest, moment=moment)
        assert skipped == 0
        seen += due
        newest = seen[-1] if seen else newest
    expected, at_once = [], due_ticks(EACH_SECOND, newest=start, moment=start)[0]
    tick = start - timedelta(minutes=start.minute % 10, seconds=start.second) + timedelta(minutes=10)
    while tick <= moment:
        expected.append(tick)
        tick += timedelta(minutes=10)
    assert at_once == []
    assert seen == expected


def test_a_dense_schedule_after_a_long_rest_is_bounded_and_keeps_the_last_hour() -> None:
    moment = at("2026-03-10 12:00")
    due, _ = due_ticks(EACH_SECOND, newest=moment - timedelta(days=30), moment=moment)
    assert len(due) == CATCH_UP.total_seconds() + 1
    assert due[-1] == moment


def test_the_schedule_itself_is_sound() -> None:
    moment = at("2026-03-10 12:00")
    assert len({scheduled.name for scheduled in SCHEDULE}) == len(SCHEDULE)
    for scheduled in SCHEDULE:
        assert due_ticks(scheduled, newest=None, moment=moment)[0], scheduled.name

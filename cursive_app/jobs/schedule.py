"""What happens on time, and which tick times follow from it. All times are UTC, so no hour is ever missing or doubled.

A tick that nobody could record (no worker ran) is caught up: each one of the last hour, and of anything older only the
newest, so that a nightly task still runs once after a weekend off. A schedule that never ticked runs once at first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

CATCH_UP = timedelta(hours=1)
FIRST_LOOK_BACK = timedelta(days=1)
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)
_MOST_STEPS = 2000


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One task on time: by a five-field cron line, or every so often counted from a fixed day."""

    task: str
    cron: str | None = None
    every: timedelta | None = None
    queue: str = "default"

    @property
    def name(self) -> str:
        return self.task

    def trigger(self) -> BaseTrigger:
        if self.cron is not None:
            *times, weekdays = self.cron.split()
            return CronTrigger.from_crontab(" ".join([*times, _by_name(weekdays)]), timezone=UTC)
        assert self.every is not None
        return IntervalTrigger(seconds=int(self.every.total_seconds()), start_date=_EPOCH, timezone=UTC)


def _by_name(weekdays: str) -> str:
    """Weekday numbers as names. In a cron line 0 and 7 are Sunday; APScheduler counts from Monday and would be a day
    late."""
    if not any(letter.isdigit() for letter in weekdays) or "/" in weekdays:
        return weekdays
    days: list[str] = []
    for part in weekdays.split(","):
        first, _, last = part.partition("-")
        numbers = range(int(first), int(last or first) + 1) if first.isdigit() else ()
        days += [_WEEKDAYS[number % 7] for number in numbers] or [part]
    return ",".join(days)


SCHEDULE = (
    Scheduled("credits.expire_holds", cron="*/10 * * * *"),
    Scheduled("credits.reconcile", cron="17 2 * * *"),
    Scheduled("provider.partitions", cron="5 1 * * *"),
    Scheduled("segments.cleanup_audiences", cron="*/30 * * * *"),
    Scheduled("segments.sync_words", cron="47 1 * * *"),
    Scheduled("enrichment.purge", cron="23 * * * *"),
    Scheduled("accounts.prune", cron="41 3 * * *"),
    Scheduled("jobs.prune", cron="11 4 * * *"),
    Scheduled("jobs.prune_history", cron="31 4 * * *"),
)


def due_ticks(scheduled: Scheduled, *, newest: datetime | None, moment: datetime) -> tuple[list[datetime], int]:
    """The ticks to record now, oldest first, and how many older ones are skipped for good.

    `newest` is the newest tick recorded so far, `moment` the present; both aware.
    """
    if newest is None:
        return list(_between(scheduled, moment - FIRST_LOOK_BACK, moment))[-1:], 0
    missed = list(_between(scheduled, newest, moment))
    recent = [tick for tick in missed if tick >= moment - CATCH_UP]
    due = recent or missed[-1:]
    return due, len(missed) - len(due)


def _between(scheduled: Scheduled, after: datetime, until: datetime) -> Iterator[datetime]:
    trigger = scheduled.trigger()
    tick = trigger.get_next_fire_time(None, after + _INSTANT)
    steps = 0
    while tick is not None and tick <= until:
        yield tick.astimezone(UTC)
        steps += 1
        if steps == _MOST_STEPS and tick < until - CATCH_UP:  # a dense schedule after a long rest
            tick = trigger.get_next_fire_time(None, until - CATCH_UP)
        else:
            tick = trigger.get_next_fire_time(tick, tick + _INSTANT)

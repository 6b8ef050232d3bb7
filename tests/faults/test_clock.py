"""F25: three clocks, leaders killed and frozen. Every second has exactly one tick, every tick exactly one task."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from cursive_app.services.jobs.ticks import clock_seen
from db.models.jobs import ScheduleTick
from db.system import system_scope
from tests.faults.processes import Process, wait_until

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
CLOCK = "tests.faults.trial_clock"
SCHEDULES = 20  # each one tick a second
HASTY = "hasty"


def ticks(name: str) -> dict[str, list[datetime]]:
    """The ticks of every schedule of a trial, oldest first."""
    found: dict[str, list[datetime]] = defaultdict(list)
    with system_scope() as scope:
        rows = scope.session.execute(
            select(ScheduleTick.schedule, ScheduleTick.tick_at)
            .where(ScheduleTick.schedule.startswith(f"{name}."))
            .order_by(ScheduleTick.tick_at)
        )
        for schedule, tick_at in rows:
            found[schedule].append(tick_at)
    return found


def tick_count(name: str) -> int:
    with system_scope() as scope:
        counted = select(func.count()).where(ScheduleTick.schedule.startswith(f"{name}."))
        return scope.session.scalar(counted) or 0


def tasks(name: str) -> Counter[str]:
    """How many tasks each schedule of a trial has deferred; they are taken away, no worker knows them."""
    with system_scope() as scope:
        gone = text("DELETE FROM procrastinate_jobs WHERE task_name LIKE :name RETURNING task_name")
        return Counter(scope.session.scalars(gone, {"name": f"{name}.%"}))


def assert_one_task_per_second(name: str, clocks: list[Process]) -> int:
    """Every second of every schedule ticked once and deferred once; returns how many ticks there were."""
    for clock in clocks:
        clock.kill()
    found = ticks(name)
    assert set(found) == {f"{name}.{number}" for number in range(SCHEDULES)}
    for schedule, times in found.items():
        gaps = [pair for pair in pairwise(times) if pair[1] - pair[0] != timedelta(seconds=1)]
        assert gaps == [], f"{schedule}, {times[0]} to {times[-1]}"
    assert tasks(name) == Counter({schedule: len(times) for schedule, times in found.items()})
    return sum(map(len, found.values()))


def leader_of(clocks: list[Process]) -> Process | None:
    seen = clock_seen()
    if seen is None or seen.seconds_ago > 5:
        return None
    return next((clock for clock in clocks if seen.worker == f"clock-{clock.pid}" and clock.is_alive), None)


def test_a_killed_leader_is_replaced_within_thirty_seconds(spawn: Spawn, trials: Trials) -> None:
    """With the real pauses between two looks."""
    name = f"trial-{uuid4().hex[:8]}"
    clocks = [spawn(CLOCK, name, str(SCHEDULES)) for _ in range(3)]
    for _ in range(trials(1, 10)):
        clocks = kill_the_leader(clocks, name)
        clocks.append(spawn(CLOCK, name, str(SCHEDULES)))
    assert_one_task_per_second(name, clocks)


def test_no_tick_is_lost_or_doubled_however_often_the_leader_is_killed(
    spawn: Spawn, trials: Trials, tell: Callable[[str], None]
) -> None:
    """With shorter pauses between two looks."""
    name, kills = f"trial-{uuid4().hex[:8]}", trials(16, 160)
    chance = random.Random(20260101)
    clocks = [spawn(CLOCK, name, str(SCHEDULES), HASTY) for _ in range(3)]
    for _ in range(kills):
        wait_until(lambda: leader_of(clocks), seconds=30, what="a leader")  # noqa: B023
        time.sleep(chance.random())  # somewhere within a second, also in the middle of a tick
        clocks = kill_the_leader(clocks, name)
        clocks.append(spawn(CLOCK, name, str(SCHEDULES), HASTY))
    promised = trials(100, 10_000)
    wait_until(lambda: tick_count(name) >= promised, seconds=600, what=f"{promised:,} ticks")
    counted = assert_one_task_per_second(name, clocks)
    assert counted >= promised
    tell(f"{counted:,} ticks in {kills} kills of the leading clock, each once")


def kill_the_leader(clocks: list[Process], name: str) -> list[Process]:
    """Who is left, once another one leads and ticks."""
    leader = wait_until(lambda: leader_of(clocks), seconds=30, what="a leader")
    wait_until(lambda: len(ticks(name)) == SCHEDULES, seconds=60, what="every schedule to begin")
    leader.kill()
    killed_at = time.monotonic()
    left = [clock for clock in clocks if clock is not leader]
    next_leader = wait_until(lambda: leader_of(left), seconds=30, what="another leader")
    assert next_leader is not leader
    before = tick_count(name)
    wait_until(lambda: tick_count(name) > before, seconds=30, what="the next tick")
    assert time.monotonic() - killed_at <= 30
    return left


def test_a_frozen_leader_is_replaced_and_steps_down_when_it_wakes(spawn: Spawn, trials: Trials) -> None:
    """With the real silence that a leader is granted."""
    name = f"trial-{uuid4().hex[:8]}"
    clocks = [spawn(CLOCK, name, str(SCHEDULES)) for _ in range(2)]
    for _ in range(trials(1, 3)):
        freeze_the_leader(clocks, name)
    assert_one_task_per_second(name, clocks)


def test_leaders_frozen_again_and_again_leave_no_tick_out_and_none_twice(spawn: Spawn, trials: Trials) -> None:
    """With a shorter silence."""
    name = f"trial-{uuid4().hex[:8]}"
    clocks = [spawn(CLOCK, name, str(SCHEDULES), HASTY) for _ in range(2)]
    for _ in range(trials(3, 27)):
        freeze_the_leader(clocks, name)
    assert_one_task_per_second(name, clocks)


def freeze_the_leader(clocks: list[Process], name: str) -> None:
    """Freeze it until another one leads, wake it, and see it step down while the ticks go on."""
    frozen = wait_until(lambda: leader_of(clocks), seconds=30, what="a leader")
    wait_until(lambda: len(ticks(name)) == SCHEDULES, seconds=60, what="every schedule to begin")
    stood_down = frozen.output().count("clock.stands_down")
    frozen.freeze()
    others = [clock for clock in clocks if clock is not frozen]
    wait_until(lambda: leader_of(others), seconds=40, what="another leader")
    before = tick_count(name)
    frozen.thaw()
    wait_until(
        lambda: frozen.output().count("clock.stands_down") > stood_down, seconds=30, what="the late one to step down"
    )
    wait_until(lambda: tick_count(name) >= before + 3 * SCHEDULES, seconds=30, what="more ticks")
    assert frozen.is_alive

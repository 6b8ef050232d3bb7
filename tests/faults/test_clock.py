"""F25: three clocks, leaders killed and frozen. Every second has exactly one tick, every tick exactly one task."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from cursive_app.services.jobs.ticks import clock_seen
from db.models.jobs import ScheduleTick
from db.system import system_scope
from tests.faults.processes import Process, wait_until

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
CLOCK = "tests.faults.trial_clock"


def ticks(name: str) -> list[datetime]:
    with system_scope() as scope:
        found = select(ScheduleTick.tick_at).where(ScheduleTick.schedule == name).order_by(ScheduleTick.tick_at)
        return list(scope.session.scalars(found))


def tasks(name: str) -> int:
    with system_scope() as scope:
        count = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :name")
        return scope.session.scalar(count, {"name": name}) or 0


def assert_one_task_per_second(name: str, clocks: list[Process]) -> None:
    for clock in clocks:
        clock.kill()
    found = ticks(name)
    gaps = [later - earlier for earlier, later in pairwise(found) if later - earlier != timedelta(seconds=1)]
    assert gaps == []
    assert tasks(name) == len(found)


def leader_of(clocks: list[Process]) -> Process | None:
    seen = clock_seen()
    if seen is None or seen.seconds_ago > 5:
        return None
    return next((clock for clock in clocks if seen.worker == f"clock-{clock.pid}" and clock.is_alive), None)


def test_a_killed_leader_is_replaced_and_no_tick_is_lost_or_doubled(spawn: Spawn, trials: Trials) -> None:
    name = f"trial-{uuid4().hex[:8]}"
    chance = random.Random(20260101)
    clocks = [spawn(CLOCK, name) for _ in range(3)]
    for _ in range(trials(2, 200)):
        leader = wait_until(lambda: leader_of(clocks), seconds=30, what="a leader")  # noqa: B023
        wait_until(lambda: len(ticks(name)) >= 2, seconds=15, what="ticks")
        time.sleep(chance.random())  # somewhere within a second, also in the middle of a tick
        leader.kill()
        killed_at = time.monotonic()
        clocks = [clock for clock in clocks if clock is not leader]
        next_leader = wait_until(lambda: leader_of(clocks), seconds=30, what="another leader")  # noqa: B023
        assert next_leader is not leader
        before = len(ticks(name))
        wait_until(lambda: len(ticks(name)) > before, seconds=30, what="the next tick")  # noqa: B023
        assert time.monotonic() - killed_at <= 30
        clocks.append(spawn(CLOCK, name))
    assert_one_task_per_second(name, clocks)


def test_a_frozen_leader_is_replaced_and_steps_down_when_it_wakes(spawn: Spawn, trials: Trials) -> None:
    name = f"trial-{uuid4().hex[:8]}"
    clocks = [spawn(CLOCK, name) for _ in range(2)]
    for _ in range(trials(1, 20)):
        frozen = wait_until(lambda: leader_of(clocks), seconds=30, what="a leader")
        wait_until(lambda: len(ticks(name)) >= 2, seconds=15, what="ticks")
        frozen.freeze()
        others = [clock for clock in clocks if clock is not frozen]
        heir = wait_until(lambda: leader_of(others), seconds=40, what="another leader")  # noqa: B023
        frozen.thaw()
        before = len(ticks(name))
        wait_until(lambda: len(ticks(name)) >= before + 6, seconds=30, what="more ticks")  # noqa: B023
        assert leader_of(clocks) is heir
        assert frozen.is_alive
    assert_one_task_per_second(name, clocks)

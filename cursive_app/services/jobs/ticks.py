"""The clock's ticks: each is recorded and deferred in one transaction, once, whoever runs the clock (D-8, F25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.models.jobs import ClockLeader, SchedulePause, ScheduleTick
from db.system import SystemScope, system_scope

KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TickState:
    """The database's present moment (UTC) and the newest tick of each schedule that ever ticked."""

    moment: datetime
    newest: dict[str, datetime]


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """Who runs the clock, since when, and how many seconds ago it last said so."""

    worker: str
    since: datetime
    seconds_ago: int


def tick_state(schedules: Sequence[str]) -> TickState:
    """What has ticked so far. The database's clock decides, so that a wrong clock on one machine changes nothing."""
    with system_scope() as scope:
        moment = scope.session.execute(select(func.clock_timestamp())).scalar_one()
        rows = scope.session.execute(
            select(ScheduleTick.schedule, func.max(ScheduleTick.tick_at))
            .where(ScheduleTick.schedule.in_(schedules), ScheduleTick.by_label.is_(None))
            .group_by(ScheduleTick.schedule)
        )
        return TickState(moment=moment, newest={row[0]: row[1] for row in rows})


def record_tick(
    *, schedule: str, tick_at: datetime, task: str, queue: str, late_seconds: int, first: bool = False
) -> bool:
    """Record one tick and defer its task, or return False because somebody already has.

    `first`: the schedule had never ticked when the caller looked. If it has by now, nothing is recorded: its ticks
    follow from the newest one, and two beginnings would leave a gap between them. Tasks of one schedule run one after
    another. While the schedule is paused its ticks are recorded as skipped, so that resuming catches up nothing.
    """
    with system_scope() as scope:
        if first and _has_begun(scope, schedule):
            return False
        paused = scope.session.get(SchedulePause, schedule) is not None
        recorded = scope.session.scalar(
            insert(ScheduleTick)
            .values(schedule=schedule, tick_at=tick_at, late_seconds=late_seconds, skipped=paused)
            .on_conflict_do_nothing()
            .returning(ScheduleTick.schedule)
        )
        if recorded is None:
            return False
        if not paused:
            _defer(scope, schedule=schedule, tick_at=tick_at, task=task, queue=queue)
        return True


def record_run_by_hand(scope: SystemScope, *, schedule: str, task: str, queue: str, by: str) -> None:
    """Defer a scheduled task now, because a person asked for it; the clock's own ticks stay as they are."""
    moment = scope.session.execute(select(func.clock_timestamp())).scalar_one()
    scope.add(ScheduleTick(schedule=schedule, tick_at=moment, by_label=by))
    _defer(scope, schedule=schedule, tick_at=moment, task=task, queue=queue)


def _defer(scope: SystemScope, *, schedule: str, tick_at: datetime, task: str, queue: str) -> None:
    task_id = scope.defer(task, queue=queue, lock=f"schedule:{schedule}")
    scope.session.execute(
        update(ScheduleTick)
        .where(ScheduleTick.schedule == schedule, ScheduleTick.tick_at == tick_at)
        .values(task_id=task_id)
    )


def _has_begun(scope: SystemScope, schedule: str) -> bool:
    """Whether the schedule has ticked; until the transaction ends nobody else may begin it."""
    scope.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"schedule:{schedule}", 0))))
    begun = exists().where(ScheduleTick.schedule == schedule, ScheduleTick.by_label.is_(None))
    return bool(scope.session.scalar(select(begun)))


def clock_seen() -> ClockSeen | None:
    """Who runs the clock; None when no worker ever has."""
    with system_scope() as scope:
        row = scope.session.execute(
            select(ClockLeader.worker, ClockLeader.since, func.now() - ClockLeader.seen_at).where(
                ClockLeader.name == "clock"
            )
        ).first()
        if row is None:
            return None
        worker, since, age = row
        return ClockSeen(worker=worker, since=since, seconds_ago=max(int(age.total_seconds()), 0))


def prune_ticks() -> int:
    """Forget ticks older than KEPT, but never the newest of a schedule. Returns how many went."""
    newest = (
        select(ScheduleTick.schedule, func.max(ScheduleTick.tick_at).label("at"))
        .where(ScheduleTick.by_label.is_(None))
        .group_by(ScheduleTick.schedule)
        .subquery()
    )
    with system_scope() as scope:
        gone = scope.session.scalars(
            delete(ScheduleTick)
            .where(
                ScheduleTick.tick_at < func.now() - KEPT,
                ScheduleTick.schedule == newest.c.schedule,
                ScheduleTick.tick_at < newest.c.at,
            )
            .returning(ScheduleTick.tick_at)
        )
        return len(gone.all())

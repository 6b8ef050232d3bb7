"""Scheduled tasks: when, how it went, run now, pause (JOB-09).

The list of schedules belongs to the workers, above this room; callers pass it in
(`declared=cursive_app.jobs.schedule.SCHEDULE`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from cursive_app.clock import now
from cursive_app.errors import Conflict, NotFound
from cursive_app.services.jobs.admin.cron import in_words
from cursive_app.services.jobs.admin.staff import read_reason, record_action, require_staff
from cursive_app.services.jobs.admin.views import PauseView, ScheduleView, StaffActor, TaskResult, TickView
from cursive_app.services.jobs.ticks import record_run_by_hand
from db.models.jobs import SchedulePause, ScheduleTick
from db.system import SystemScope, system_scope

LAST_SHOWN = 10
_TASKS = text("SELECT id, status::text AS status FROM procrastinate_jobs WHERE id = ANY(:ids)")
_RESULTS: dict[str, TaskResult] = {
    "todo": "waiting",
    "doing": "running",
    "failed": "failed",
    "succeeded": "succeeded",
}


class Trigger(Protocol):
    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None: ...


class Declared(Protocol):
    """One schedule as the workers declare it."""

    @property
    def name(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def cron(self) -> str | None: ...
    @property
    def every(self) -> timedelta | None: ...
    def trigger(self) -> Any: ...


def schedules(actor: StaffActor, *, declared: Sequence[Declared]) -> tuple[ScheduleView, ...]:
    """Every scheduled task, the next to run first. Raises Forbidden."""
    require_staff(actor, "read_only", attempted="schedules", object_type="schedule")
    names = [one.name for one in declared]
    with system_scope() as scope:
        pauses = {row.schedule: row for row in scope.session.scalars(select(SchedulePause))}
        ticks = _last_ticks(scope, names)
    views = [_view(one, ticks[one.name], pauses.get(one.name)) for one in declared]
    return tuple(sorted(views, key=lambda view: (view.next_run is None, view.next_run, view.name)))


def run_schedule(actor: StaffActor, name: str, *, declared: Sequence[Declared]) -> None:
    """Run a scheduled task now, also while it is paused; its own times stay. Raises Forbidden, NotFound."""
    require_staff(actor, "operate", attempted="schedule.run", object_type="schedule", object_id=name)
    one = _find(name, declared)
    with system_scope() as scope:
        record_run_by_hand(scope, schedule=one.name, task=one.task, queue=one.queue, by=actor.label)
        record_action(scope, actor, action="schedule.run", object_type="schedule", object_id=name)


def pause_schedule(actor: StaffActor, name: str, *, reason: str, declared: Sequence[Declared]) -> None:
    """Skip its ticks until it is resumed. Raises Forbidden, NotFound, Invalid, Conflict (reason "paused")."""
    require_staff(actor, "operate", attempted="schedule.pause", object_type="schedule", object_id=name)
    said, one = read_reason(reason), _find(name, declared)
    with system_scope() as scope:
        pause = insert(SchedulePause).values(schedule=one.name, reason=said, paused_by_label=actor.label)
        if scope.session.scalar(pause.on_conflict_do_nothing().returning(SchedulePause.schedule)) is None:
            raise Conflict("This schedule is paused already.", reason="paused")
        record_action(scope, actor, action="schedule.pause", object_type="schedule", object_id=name, reason=said)


def resume_schedule(actor: StaffActor, name: str, *, reason: str, declared: Sequence[Declared]) -> None:
    """Let it run again from its next time on; nothing is caught up.

    Raises Forbidden, NotFound, Invalid, Conflict (reason "not_paused").
    """
    require_staff(actor, "operate", attempted="schedule.resume", object_type="schedule", object_id=name)
    said, one = read_reason(reason), _find(name, declared)
    with system_scope() as scope:
        pause = scope.session.get(SchedulePause, one.name, with_for_update=True)
        if pause is None:
            raise Conflict("This schedule is not paused.", reason="not_paused")
        scope.session.delete(pause)
        record_action(scope, actor, action="schedule.resume", object_type="schedule", object_id=name, reason=said)


def _find(name: str, declared: Sequence[Declared]) -> Declared:
    found = next((one for one in declared if one.name == name), None)
    if found is None:
        raise NotFound(f"There is no schedule {name[:60]}.")
    return found


def _view(one: Declared, ticks: list[TickView], pause: SchedulePause | None) -> ScheduleView:
    following = None if pause else one.trigger().get_next_fire_time(None, now())
    line, words = in_words(one.cron, one.every)
    return ScheduleView(
        name=one.name,
        queue=one.queue,
        cron=line,
        words=words,
        next_run=following.astimezone(UTC) if following is not None else None,
        last=tuple(ticks),
        paused=PauseView(reason=pause.reason, by=pause.paused_by_label, at=pause.paused_at) if pause else None,
    )


def _last_ticks(scope: SystemScope, names: Sequence[str]) -> dict[str, list[TickView]]:
    place = func.row_number().over(partition_by=ScheduleTick.schedule, order_by=ScheduleTick.tick_at.desc())
    ranked = select(ScheduleTick, place.label("place")).where(ScheduleTick.schedule.in_(names)).subquery()
    rows = scope.session.execute(
        select(ranked).where(ranked.c.place <= LAST_SHOWN).order_by(ranked.c.tick_at.desc())
    ).all()
    ids = [row.task_id for row in rows if row.task_id is not None]
    statuses = {row.id: row.status for row in scope.session.execute(_TASKS, {"ids": ids})}
    found: dict[str, list[TickView]] = defaultdict(list)
    for row in rows:
        result = _result(row.task_id, skipped=row.skipped, statuses=statuses)
        found[row.schedule].append(
            TickView(at=row.tick_at, late_seconds=row.late_seconds, result=result, by=row.by_label)
        )
    return found


def _result(task_id: int | None, *, skipped: bool, statuses: dict[int, str]) -> TaskResult:
    """The queue forgets tasks that succeeded and keeps those that failed (for 14 days, longer than ten ticks)."""
    if skipped:
        return "skipped"
    if task_id is None:
        return "unknown"
    return _RESULTS.get(statuses[task_id], "failed") if task_id in statuses else "succeeded"

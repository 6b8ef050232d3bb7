"""The clock: in one worker at a time, APScheduler says when, and each tick is deferred exactly once (F25).

It only defers. It also runs the rescue of stalled work, which must not be a job of the queue it rescues (D-5).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from cursive_app.errors import CursiveError
from cursive_app.jobs.schedule import SCHEDULE, Scheduled, due_ticks
from cursive_app.services.jobs.leadership import Leadership
from cursive_app.services.jobs.rescue import rescue_stalled
from cursive_app.services.jobs.ticks import record_tick, tick_state
from cursive_app.settings import Settings

log = structlog.get_logger(__name__)

CONFIRM_SECONDS = 2.0
FOLLOW_SECONDS = 5.0
RESCUE_SECONDS = 5.0
CATCH_UP_SECONDS = 5.0  # how soon a tick is tried again that met a database out of reach or a clock behind ours


class Clock:
    """The clock of one worker process; leads when no other worker does."""

    def __init__(self, config: Settings, *, worker: str, schedule: Sequence[Scheduled] = SCHEDULE) -> None:
        self._leadership = Leadership(config, worker=worker)
        self._schedule = schedule
        self._scheduler: BackgroundScheduler | None = None
        self._next_rescue = self._next_catch_up = 0.0

    def run(self, stop: threading.Event) -> None:
        """Lead or follow until `stop`; never raises."""
        while not stop.is_set():
            leads = self._leadership.lead()
            try:
                self._work() if leads else self._stand_down()
            except CursiveError as error:
                log.warning("clock.database_out_of_reach", error=error.code)
            except Exception:
                log.exception("clock.defect")
            stop.wait(CONFIRM_SECONDS if leads else FOLLOW_SECONDS)
        self._stand_down()
        self._leadership.resign()

    def _work(self) -> None:
        if self._scheduler is None:
            self._scheduler = self._start_scheduler()
            self._next_rescue = self._next_catch_up = 0.0
            log.info("clock.leads")
        moment = time.monotonic()
        if moment >= self._next_rescue:
            self._next_rescue = moment + RESCUE_SECONDS
            rescued = rescue_stalled()
            if rescued.jobs or rescued.tasks or rescued.given_up:
                log.warning("clock.rescued", jobs=rescued.jobs, tasks=rescued.tasks, given_up=rescued.given_up)
        if moment >= self._next_catch_up:
            emit_due(self._schedule)
            self._next_catch_up = moment + CATCH_UP_SECONDS

    def _start_scheduler(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for scheduled in self._schedule:
            scheduler.add_job(_tick, scheduled.trigger(), args=[scheduled], id=scheduled.name)
        scheduler.start()
        return scheduler

    def _stand_down(self) -> None:
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=False)
            log.info("clock.stands_down")


def _tick(scheduled: Scheduled) -> None:
    try:
        emit_due([scheduled])
    except CursiveError as error:  # the catch-up of the loop tries again
        log.warning("clock.tick_delayed", schedule=scheduled.name, error=error.code)


def emit_due(schedule: Sequence[Scheduled]) -> int:
    """Record and defer every tick that is due and not recorded yet; returns how many this call recorded.

    Any number of processes may do this at once. Raises Unavailable.
    """
    state = tick_state([scheduled.name for scheduled in schedule])
    recorded = 0
    for scheduled in schedule:
        newest = state.newest.get(scheduled.name)
        due, skipped = due_ticks(scheduled, newest=newest, moment=state.moment)
        if skipped:
            log.warning("clock.ticks_skipped", schedule=scheduled.name, count=skipped)
        for tick_at in due:
            late = int((state.moment - tick_at).total_seconds())
            recorded += record_tick(
                schedule=scheduled.name,
                tick_at=tick_at,
                task=scheduled.task,
                queue=scheduled.queue,
                late_seconds=late,
                first=newest is None,
            )
    return recorded

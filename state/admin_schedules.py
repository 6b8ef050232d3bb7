"""What happens on time: when next, how it went, run now, pause with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import reflex as rx

from cursive_app.jobs.schedule import SCHEDULE
from cursive_app.plurals import plural
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import HistoryTerm, ScheduleView, StaffActor
from cursive_app.services.jobs.admin.views import TickView
from state.admin_base import Question, as_staff, pruned_words
from state.admin_reasons import ReasonPart, reason_of
from state.base import allow, person
from state.catching_up import catches_up
from state.times import ago, clock_span, exact

RESULTS: dict[str, tuple[str, str]] = {
    "succeeded": ("Succeeded", "good"),
    "failed": ("Failed", "bad"),
    "running": ("Running", "info"),
    "waiting": ("Waiting", "neutral"),
    "skipped": ("Skipped, it was paused", "warn"),
    "unknown": ("Not known", "neutral"),
}


@dataclass(frozen=True)
class TickLine:
    """One run, newest first."""

    key: str = ""
    tone: str = ""
    words: str = ""


@dataclass(frozen=True)
class ScheduleLine:
    """One scheduled task."""

    name: str = ""
    queue: str = ""
    cron: str = ""
    words: str = ""
    next: str = ""
    next_exact: str = ""
    ticks: list[TickLine] = field(default_factory=list)
    last: str = ""
    last_tone: str = "neutral"
    last_when: str = ""
    last_exact: str = ""
    paused: bool = False
    reason: str = ""
    paused_by: str = ""
    paused_at: str = ""


class AdminSchedulesState(ReasonPart, rx.State):
    """All schedules, and the dialog that pauses or resumes one."""

    schedules: list[ScheduleLine] = []
    timezone: str = "UTC"
    kept: str = ""
    pruned: str = ""

    running: str = ""

    @rx.event
    @allow("staff")
    @catches_up
    async def run_now(self, name: str):
        """Run it once now; its own times stay."""
        self.running = name
        yield
        try:
            await as_staff(lambda actor: admin.run_schedule(actor, name, declared=SCHEDULE))
        finally:
            self.running = ""
        yield rx.toast.success(f"{name} is queued to run now.")
        await self._look()

    def _change(self, wanted: str, name: str, form: dict[str, Any]) -> Question:
        act = admin.pause_schedule if wanted == "pause" else admin.resume_schedule
        return lambda actor: act(actor, name, reason=reason_of(form), declared=SCHEDULE)

    def _told(self, wanted: str, name: str) -> str:
        return f"{name} {'is paused' if wanted == 'pause' else 'runs on time again'}."

    def _question(self) -> Question:
        def look(actor: StaffActor) -> tuple[tuple[ScheduleView, ...], HistoryTerm]:
            return admin.schedules(actor, declared=SCHEDULE), admin.history_term(actor)

        return look

    def _show(self, found: tuple[tuple[ScheduleView, ...], HistoryTerm]) -> None:
        self.timezone = person().timezone
        schedules, term = found
        lines = [schedule_line(one, self.timezone) for one in schedules]
        kept = (
            "Jobs are kept until they are deleted by hand: JOBS_KEEP_DAYS is 0."
            if term.days is None
            else f"Jobs are kept for {plural(term.days, 'day')} after they end. Those that a run, a list or the ledger "
            "refers to stay for good, without their timelines."
        )
        pruned = f"Jobs: {pruned_words(term.jobs)}. Timelines: {pruned_words(term.logs)}." if term.days else ""
        if (kept, pruned) != (self.kept, self.pruned):
            self.kept, self.pruned = kept, pruned
        if lines != self.schedules:
            self.schedules = lines
        self.status = "ready" if lines else "empty"


def schedule_line(one: ScheduleView, timezone: str) -> ScheduleLine:
    """One task; times in the person's zone."""
    pause, last = one.paused, one.last[0] if one.last else None
    return ScheduleLine(
        name=one.name,
        queue=one.queue,
        cron=one.cron,
        words=one.words,
        next=ago(one.next_run) if one.next_run else "",
        next_exact=exact(one.next_run, timezone) if one.next_run else "",
        ticks=[_tick(tick, timezone) for tick in reversed(one.last)],
        last=RESULTS[last.result][0] if last else "Has not run yet",
        last_tone=RESULTS[last.result][1] if last else "neutral",
        last_when=ago(_began(last)) if last else "",
        last_exact=_tick(last, timezone).words if last else "",
        paused=pause is not None,
        reason=pause.reason if pause else "",
        paused_by=pause.by if pause else "",
        paused_at=ago(pause.at) if pause else "",
    )


def _began(tick: TickView) -> datetime:
    """When its task was really given to the queue: a missed tick is caught up later."""
    return tick.at + timedelta(seconds=tick.late_seconds)


def _tick(tick: TickView, timezone: str) -> TickLine:
    word, tone = RESULTS[tick.result]
    late = f", {clock_span(tick.late_seconds)} late" if tick.late_seconds > 1 else ""
    by = f", started by {tick.by}" if tick.by else ""
    return TickLine(key=tick.at.isoformat(), tone=tone, words=f"{exact(tick.at, timezone)}: {word}{late}{by}")

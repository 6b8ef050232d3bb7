"""What happens on time: when next, how it went, run now, pause with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field

import reflex as rx

from cursive_app.errors import Invalid
from cursive_app.jobs.schedule import SCHEDULE
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import ScheduleView
from cursive_app.services.jobs.admin.views import TickView
from state.admin_base import Question, StaffPart, as_staff, said
from state.base import allow, person
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


class AdminSchedulesState(StaffPart, rx.State):
    """All schedules, and the dialog that pauses or resumes one."""

    schedules: list[ScheduleLine] = []
    timezone: str = "UTC"

    asking: bool = False
    pausing: bool = True
    name: str = ""
    reason_error: str = ""
    pending: bool = False
    running: str = ""

    @rx.event
    @allow("staff")
    def ask(self, name: str, pause: bool):
        """Ask for the reason first."""
        self.name, self.pausing, self.asking, self.reason_error = name, pause, True, ""

    @rx.event
    @allow("staff")
    def set_asking(self, is_open: bool):
        self.asking = is_open

    @rx.event
    @allow("staff")
    async def change(self, form: dict[str, str]):
        """Pause or resume the schedule, with the reason that was given."""
        name, reason, pausing = self.name, str(form.get("reason", "")), self.pausing
        self.pending, self.reason_error = True, ""
        yield
        act = admin.pause_schedule if pausing else admin.resume_schedule
        try:
            await as_staff(lambda actor: act(actor, name, reason=reason, declared=SCHEDULE))
        except Invalid as error:
            self.reason_error = said(error)
            return
        finally:
            self.pending = False
        self.asking = False
        yield rx.toast.success(f"{name} {'is paused' if pausing else 'runs on time again'}.")
        await self._look()

    @rx.event
    @allow("staff")
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

    def _question(self) -> Question:
        return lambda actor: admin.schedules(actor, declared=SCHEDULE)

    def _show(self, found: tuple[ScheduleView, ...]) -> None:
        self.timezone = person().timezone
        lines = [_line(one, self.timezone) for one in found]
        if lines != self.schedules:
            self.schedules = lines
        self.status = "ready" if lines else "empty"


def _line(one: ScheduleView, timezone: str) -> ScheduleLine:
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
        last_when=ago(last.at) if last else "",
        last_exact=exact(last.at, timezone) if last else "",
        paused=pause is not None,
        reason=pause.reason if pause else "",
        paused_by=pause.by if pause else "",
        paused_at=ago(pause.at) if pause else "",
    )


def _tick(tick: TickView, timezone: str) -> TickLine:
    word, tone = RESULTS[tick.result]
    late = f", {clock_span(tick.late_seconds)} late" if tick.late_seconds > 1 else ""
    by = f", started by {tick.by}" if tick.by else ""
    return TickLine(key=tick.at.isoformat(), tone=tone, words=f"{exact(tick.at, timezone)}: {word}{late}{by}")

"""Queues and workers: how deep, how old, how fast; pausing and at most so many at once, with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from cursive_app.errors import Invalid
from cursive_app.plurals import plural
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import QueuesView
from cursive_app.services.jobs.admin.views import QueueView, WorkerView
from state.admin_base import Question
from state.admin_reasons import ReasonPart, reason_of
from state.base import allow, person
from state.times import ago, clock_span, exact

WIDTH, HEIGHT = 180, 36  # of a sparkline, in its own units


@dataclass(frozen=True)
class QueueLine:
    """One queue. `points` draw what ended in each of the last 60 minutes; `limit` is empty without one."""

    name: str = ""
    waiting: str = ""
    later: str = ""
    running: str = ""
    oldest: str = ""
    points: str = ""
    pace: str = ""
    busy: int = 0
    busy_text: str = ""
    knows_busy: bool = False
    paused: bool = False
    reason: str = ""
    paused_by: str = ""
    paused_at: str = ""
    paused_exact: str = ""
    limit: str = ""
    limit_number: str = ""
    limit_reason: str = ""
    limit_by: str = ""
    limit_at: str = ""
    limit_exact: str = ""


@dataclass(frozen=True)
class WorkerLine:
    """One worker process."""

    id: str = ""
    name: str = ""
    alive: bool = False
    heartbeat: str = ""
    running: str = ""


class AdminQueuesState(ReasonPart, rx.State):
    """All queues, and the dialog that pauses, resumes or limits one."""

    queues: list[QueueLine] = []
    workers: list[WorkerLine] = []
    slots: str = ""
    limit_number: str = ""

    @rx.event
    @allow("staff")
    def ask_limit(self, name: str, number: str):
        """Ask how many may run at once; `number` is the present limit, empty without one."""
        self.limit_number = number
        self._ask(name, "limit")

    def _change(self, wanted: str, name: str, form: dict[str, Any]) -> Question:
        if wanted == "limit":
            at_most = _at_most(str(form.get("at_most", "")))
            return lambda actor: admin.limit_queue(actor, name, at_most=at_most, reason=reason_of(form))
        act = admin.pause_queue if wanted == "pause" else admin.resume_queue
        return lambda actor: act(actor, name, reason=reason_of(form))

    def _told(self, wanted: str, name: str) -> str:
        if wanted == "limit":
            return f"The limit of the queue {name} is changed. Workers follow it with their next task."
        return f"The queue {name} {'is paused' if wanted == 'pause' else 'goes on'}."

    def _question(self) -> Question:
        return admin.queues

    def _show(self, found: QueuesView) -> None:
        timezone = person().timezone
        queues = [_queue(one, timezone) for one in found.queues]
        workers = [_worker(one) for one in found.workers]
        alive = sum(one.is_alive for one in found.workers)
        slots = f"{found.busy:,} of {plural(found.slots, 'slot')} busy in {plural(alive, 'living worker')}"
        if not alive:
            slots = "No worker is alive: nothing can run."
        if queues != self.queues:
            self.queues = queues
        if workers != self.workers:
            self.workers = workers
        self.slots, self.status = slots, "ready"


def sparkline(numbers: tuple[int, ...]) -> str:
    """SVG points of a line through the numbers, from left to right, the largest at the top."""
    if not numbers:
        return ""
    top = max(numbers) or 1
    step = WIDTH / max(len(numbers) - 1, 1)
    return " ".join(
        f"{place * step:.1f},{HEIGHT - 2 - (HEIGHT - 4) * value / top:.1f}" for place, value in enumerate(numbers)
    )


def _at_most(text: str) -> int | None:
    """A typed limit; None for nothing typed. Raises Invalid."""
    typed = text.strip()
    if not typed:
        return None
    if not typed.isdecimal() or len(typed) > 9:
        raise Invalid(fields={"at_most": "Write how many may run at once as a whole number, or nothing for no limit."})
    return int(typed)


def _queue(one: QueueView, timezone: str) -> QueueLine:
    ended, pause, limit = sum(one.per_minute), one.paused, one.limit
    return QueueLine(
        name=one.name,
        waiting=f"{one.waiting:,}",
        later=f"{one.later:,}",
        running=f"{one.running:,}",
        oldest=clock_span(one.oldest_seconds) if one.oldest_seconds is not None else "Nothing waits",
        points=sparkline(one.per_minute),
        pace=f"{ended:,} ended in the last hour, at most {max(one.per_minute):,} in a minute"
        if ended
        else "Nothing ended in the last hour",
        busy=round(one.utilization * 100) if one.utilization is not None else 0,
        busy_text=f"{one.utilization:.0%} of {plural(one.places, 'place')}"
        if one.utilization is not None
        else "Not known: no worker",
        knows_busy=one.utilization is not None,
        paused=pause is not None,
        reason=pause.reason if pause else "",
        paused_by=pause.by if pause else "",
        paused_at=ago(pause.at) if pause else "",
        paused_exact=exact(pause.at, timezone) if pause else "",
        limit=f"At most {limit.at_most:,} at once" if limit else "",
        limit_number=str(limit.at_most) if limit else "",
        limit_reason=limit.reason if limit else "",
        limit_by=limit.by if limit else "",
        limit_at=ago(limit.at) if limit else "",
        limit_exact=exact(limit.at, timezone) if limit else "",
    )


def _worker(one: WorkerView) -> WorkerLine:
    return WorkerLine(
        id=str(one.id),
        name=one.name or f"Worker {one.id}",
        alive=one.is_alive,
        heartbeat=f"{clock_span(one.heartbeat_seconds)} ago",
        running=f"{one.running:,}",
    )

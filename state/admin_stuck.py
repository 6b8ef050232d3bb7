"""Jobs that should move and do not, and taking them out of dead hands."""

from __future__ import annotations

from dataclasses import dataclass, field

import reflex as rx

from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import StuckView
from state.admin_base import Question
from state.admin_rescue import RescuePart
from state.admin_rows import AdminRow, admin_row
from state.base import allow, person
from state.times import clock_span

NOBODY_LOOKS = "Until a worker answers again, nothing scheduled begins and nothing is taken over by itself."


@dataclass(frozen=True)
class StuckLine:
    """One job, why it counts as stuck, and for how long it has been so."""

    row: AdminRow = field(default_factory=AdminRow)
    id: str = ""
    why: str = ""
    still: str = ""


class AdminStuckState(RescuePart, rx.State):
    """The longest first."""

    lines: list[StuckLine] = []
    clock: str = ""
    clock_late: bool = False
    rule: str = ""

    _living: frozenset[str] = frozenset()

    @rx.event
    @allow("staff")
    def open(self, job_id: str):
        return rx.redirect(f"/admin/jobs?job={job_id}")

    def _question(self) -> Question:
        return admin.stuck

    def _is_living(self, job_id: str) -> bool:
        return job_id in self._living

    def _show(self, found: StuckView) -> None:
        self._living = frozenset(str(one.job.id) for one in found.jobs if one.how == "hanging")
        timezone = person().timezone
        lines = [
            StuckLine(
                row=admin_row(one.job, timezone=timezone),
                id=str(one.job.id),
                why=one.why,
                still=clock_span(one.still_seconds),
            )
            for one in found.jobs
        ]
        if lines != self.lines:
            self.lines = lines
        stale = found.stale_after_seconds
        self.rule = f"What has been silent for {clock_span(stale)} is taken over by itself as soon as the clock looks."
        if found.clock_seconds is None:
            self.clock, self.clock_late = "The clock has never been seen: no worker has run yet.", True
        else:
            self.clock_late = found.clock_seconds > stale
            seen = f"The clock was last seen {clock_span(found.clock_seconds)} ago, in {found.clock_worker}."
            self.clock = f"{seen} {NOBODY_LOOKS}" if self.clock_late else seen
        self.status = "ready" if lines else "empty"

"""The price before, the run that works, and the runs that were."""

from __future__ import annotations

import asyncio
from typing import Any

import reflex as rx

from cursive_app.errors import CursiveError, NotFound, Unauthenticated
from cursive_app.services import jobs, segments
from cursive_app.services.accounts import Permission, allows
from cursive_app.services.jobs import JobView
from db.scope import Scope
from state.base import allow, person, transact
from state.segment_filter import NEW
from state.segment_limits import LimitsPart
from state.segment_lines import RunLine, run_line
from state.segment_looking import LookPart

FOLLOW_SECONDS = 1.0


class RunPart(LookPart, LimitsPart, mixin=True):
    """Progress and history of runs."""

    starting: bool = False
    run: RunLine = RunLine()
    has_run: bool = False
    stopping: bool = False
    runs: list[RunLine] = []
    has_newer_runs: bool = False
    has_older_runs: bool = False

    _runs_cursor: str = ""  # of the page of the history that is shown, "" the newest
    _newer: str = ""
    _older: str = ""

    @rx.event(background=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def follow(self):
        """Follow the run that works; ends with the page."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            async with self:
                watched = self.run.id if self.has_run and self.run.is_active else ""
                short = self.priced and not self.quote.enough
            if short:
                await self._look_for_credits()
            if not watched:
                continue
            try:
                found = await transact(_run_now, watched)
            except Unauthenticated:
                return
            except CursiveError:
                continue  # the reconnect banner, or the end of the session, is told elsewhere
            async with self:
                if self.run.id == watched:
                    self._show_run(found)
            if not found[0].is_active:
                async with self:
                    await self._read_history()

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def cancel(self):
        """Stop after the page the run works on."""
        self.stopping = True
        yield
        try:
            await transact(segments.cancel_run, self.run.id)
            yield rx.toast.success("Stopping after this page. What is still held comes back.")
        finally:
            self.stopping = False
        await self._refresh_run()

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def open_run(self, run_id: str):
        """Show another run of the history in the panel."""
        self._run_id = run_id
        return self._address()

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def older_runs(self):
        """The page of the history before this one in time."""
        await self._turn_history(self._older)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def newer_runs(self):
        """The page of the history after this one in time."""
        await self._turn_history(self._newer)

    async def _turn_history(self, cursor: str) -> None:
        if cursor:
            self._show_runs(await transact(segments.list_runs, self.segment_id, cursor=cursor))
            self._runs_cursor = cursor

    def _after_typing(self) -> list[Any]:
        """Limits are part of the unsaved edit."""
        self._edits += 1
        return [type(self).settle]

    def _typed_limits(self) -> tuple[str, str] | None:
        return (self.max_leads, self.ceiling) if self.limits_changed else None

    def _forget_runs(self) -> None:
        """Another segment: it has runs of its own."""
        self._runs_cursor, self.has_run = "", False
        self._show_runs(segments.RunPage(runs=(), next_cursor=None, previous_cursor=None))

    async def _look_for_credits(self) -> None:
        """Credits may come while somebody waits for them; then the run can start."""
        try:
            async with self:
                await self._price()
        except CursiveError:
            return  # the reconnect banner, or the end of the session, is told elsewhere

    def _show_runs(self, page: segments.RunPage) -> None:
        self.runs = [run_line(run, person().timezone) for run in page.runs]
        self._newer, self._older = page.previous_cursor or "", page.next_cursor or ""
        self.has_newer_runs, self.has_older_runs = bool(self._newer), bool(self._older)

    def _show_run(self, found: tuple[segments.RunView, JobView | None]) -> None:
        run, job = found
        self.run, self.has_run = run_line(run, person().timezone, job=job), True
        if run.new_leads and self._sampled_at and (run.finished_at is None or run.finished_at > self._sampled_at):
            self._delivered_since = True  # people who were new in the sample are owned now
            self._judge_sample()

    async def _refresh_run(self) -> None:
        if not self._run_id:
            self.has_run = False
            return
        try:
            found = await transact(_run_now, self._run_id)
        except NotFound:
            self.has_run = False
            return
        if str(found[0].segment_id) != self.segment_id:  # an address that was made by hand
            self.has_run = False
            return
        self._show_run(found)
        if all((one.id, one.is_active) != (self.run.id, self.run.is_active) for one in self.runs):
            await self._read_history()  # it started or ended since the history was read

    async def _read_history(self) -> None:
        """The runs, and what is there to spend now that one of them has started or ended."""
        if self.segment_id != NEW:
            self._show_runs(await transact(segments.list_runs, self.segment_id, cursor=self._runs_cursor or None))
            await self._price()


def _run_now(scope: Scope, run_id: str) -> tuple[segments.RunView, JobView | None]:
    """A run with the job that moves it, when the person may see jobs."""
    run = segments.get_run(scope, run_id)
    if run.job_id is None or not allows(scope.tenant, Permission.VIEW_JOBS):
        return run, None
    return run, jobs.get_job(scope, run.job_id).job

"""The customer's jobs: what runs, what ran, what it cost. The address holds filters, page and the open job."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import reflex as rx

from cursive_app.errors import CursiveError, Invalid, NotFound
from cursive_app.services import jobs
from cursive_app.services.accounts import Permission
from cursive_app.services.jobs import JobCounts, JobPage, JobRefresh
from db.scope import Scope
from state.base import allow, person, transact
from state.catching_up import catches_up
from state.job_rows import ACTIVE, JobDrawer, JobRow, job_drawer, job_row, kind_words

REFRESH_SECONDS = 2.0
IDLE_ROUNDS = 5  # while nothing runs, only every fifth round looks whether something has started
PAGE_SIZE = 50


class _Seen(NamedTuple):
    """What a page shows: the status of each job, and the newest job that fits its filters (None: not known yet)."""

    by_id: dict[str, str]
    newest: str | None


class _Again(NamedTuple):
    """What has become of it. `counts` only when something moved."""

    fresh: JobRefresh
    counts: JobCounts | None
    drawer: JobDrawer | None


class JobsState(rx.State):
    """One page of jobs, kept current while something runs."""

    status: str = "loading"
    error: str = ""
    bad_address: bool = False
    rows: list[JobRow] = []
    chosen_status: str = ""
    chosen_kind: str = ""
    kinds: list[dict[str, str]] = []
    counts: dict[str, str] = {}
    shown: str = ""
    has_next: bool = False
    has_previous: bool = False
    has_newer: bool = False
    live: bool = True
    open_id: str = ""
    drawer: JobDrawer = JobDrawer()
    drawer_missing: bool = False
    confirming: bool = False
    cancelling: bool = False

    _next: str = ""
    _previous: str = ""
    _cursor: str = ""
    _newest: str | None = None
    _hidden: bool = False

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_JOBS)
    async def load(self):
        """Show what the address asks for."""
        self._read_address()
        yield
        try:
            page, counts = await transact(_page, status=self.chosen_status, kind=self.chosen_kind, cursor=self._cursor)
        except CursiveError as error:
            self.bad_address = isinstance(error, Invalid)
            self.status, self.error = "error", _address_problem(error) if isinstance(error, Invalid) else error.message
            return
        self._show_page(page, counts)
        await self._load_drawer()
        if self.drawer_missing and person().is_staff:  # a customer's link, opened by staff
            yield rx.redirect(f"/admin/jobs?{urlencode({'job': self.open_id})}")

    @rx.event(background=True)
    @allow(Permission.VIEW_JOBS)
    async def follow(self):
        """Look again every two seconds while something runs and somebody watches; ends with the page."""
        rounds = 0
        while True:
            await _pause()
            rounds += 1
            async with self:
                watching = self.live and not self._hidden and self.status in ("ready", "empty")
                busy = self.drawer.row.status in ACTIVE or any(row.status in ACTIVE for row in self.rows)
                ids, open_id = [row.id for row in self.rows], self.open_id
                status, kind, seen = self.chosen_status, self.chosen_kind, self._seen()
            if not watching or (not busy and rounds % IDLE_ROUNDS):
                continue
            try:
                found = await transact(_again, ids=ids, status=status, kind=kind, open_id=open_id, seen=seen)
            except CursiveError:
                continue  # the reconnect banner, or the end of the session, is told elsewhere
            async with self:
                self._show_fresh(found, ids, open_id)

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def filter_status(self, value: str):
        return self._go(status=value, cursor="", job="")

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def filter_kind(self, value: str):
        return self._go(kind=value, cursor="", job="")

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def clear_filters(self):
        return rx.redirect("/jobs")

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def show_newest(self):
        return JobsState.load if not self._cursor else self._go(cursor="")

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def next_page(self):
        return self._go(cursor=self._next, job="") if self._next else None

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def previous_page(self):
        return self._go(cursor=self._previous, job="") if self._previous else None

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def open(self, job_id: str):
        return self._go(job=job_id)

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def set_open(self, is_open: bool):
        return None if is_open else self._go(job="")

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def toggle_live(self):
        self.live = not self.live

    @rx.event
    @allow(Permission.VIEW_JOBS)
    def set_hidden(self, hidden: bool):
        """The browser tab went to the background or came back."""
        self._hidden = hidden

    @rx.event
    @allow(Permission.CANCEL_JOBS)
    def set_confirming(self, is_open: bool):
        self.confirming = is_open

    @rx.event
    @allow(Permission.CANCEL_JOBS)
    @catches_up
    async def cancel(self):
        """Ask the open job to stop."""
        self.cancelling = True
        yield
        try:
            await transact(jobs.request_cancel, self.open_id)
            yield rx.toast.success("Stopping. What the job still holds will be released.")
        finally:
            self.cancelling = self.confirming = False
        await self._catch_up()

    @rx.event
    @allow(Permission.CANCEL_JOBS)
    @catches_up
    async def resume(self):
        """Let the open job, which is paused, go on."""
        await transact(jobs.resume, self.open_id)
        await self._catch_up()

    def _read_address(self) -> None:
        query = self.router.url.query_parameters
        before = (self.chosen_status, self.chosen_kind, self._cursor)
        self.chosen_status = query.get("status", "")
        self.chosen_kind = query.get("kind", "")
        self._cursor = query.get("cursor", "")
        if before != (self.chosen_status, self.chosen_kind, self._cursor) or self.status != "ready":
            self.status = "loading"
        if query.get("job", "") != self.open_id:
            self.open_id, self.drawer, self.drawer_missing = query.get("job", ""), JobDrawer(), False
            self.confirming = False

    def _show_page(self, page: JobPage, counts: JobCounts) -> None:
        self.rows = [job_row(job, timezone=person().timezone) for job in page.jobs]
        self._next, self._previous = page.next_cursor or "", page.previous_cursor or ""
        self.has_next, self.has_previous, self.has_newer = bool(self._next), bool(self._previous), False
        self._newest = None
        self._show_counts(counts)
        total = sum(counts.by_status.values())
        self.shown = f"{len(self.rows):,} {'job' if len(self.rows) == 1 else 'jobs'} on this page"
        filtered = bool(self.chosen_status or self.chosen_kind or self._cursor)
        self.status = "ready" if self.rows else "no_match" if filtered and total else "empty"

    def _show_counts(self, counts: JobCounts) -> None:
        by_status = {status: f"{count:,}" for status, count in counts.by_status.items()}
        self.counts = {**by_status, "all": f"{sum(counts.by_status.values()):,}"}
        self.kinds = [
            {"value": kind, "label": f"{kind_words(kind)} ({count:,})"}
            for kind, count in sorted(counts.by_kind.items())
        ]

    def _seen(self) -> _Seen:
        return _Seen({row.id: row.status for row in self.rows}, self._newest)

    def _show_fresh(self, found: _Again, ids: list[str], open_id: str) -> None:
        """Renew rows in their places; new ones are only announced, so that nothing moves under the pointer."""
        if [row.id for row in self.rows] != ids:
            return  # another page was loaded meanwhile
        timezone = person().timezone
        renewed = {str(job.id): job_row(job, timezone=timezone) for job in found.fresh.jobs}
        rows = [renewed.get(row.id, row) for row in self.rows]
        if rows != self.rows:
            self.rows = rows
        first = self.rows[0].id if self.rows else ""
        newest = self._newest = str(found.fresh.newest or "")
        newer = newest > first and not self._cursor
        if newer != self.has_newer:
            self.has_newer = newer
        if found.counts is not None:
            self._show_counts(found.counts)
        if found.drawer is not None and open_id == self.open_id and found.drawer != self.drawer:
            self.drawer = found.drawer

    async def _load_drawer(self) -> None:
        if not self.open_id:
            return
        try:
            detail = await transact(jobs.get_job, self.open_id)
        except NotFound:
            self.drawer, self.drawer_missing = JobDrawer(), True
        else:
            self.drawer, self.drawer_missing = job_drawer(detail, timezone=person().timezone), False

    async def _catch_up(self) -> list[Any]:
        """The open job as it is now, in its row, too."""
        await self._load_drawer()
        self.rows = [self.drawer.row if row.id == self.drawer.row.id else row for row in self.rows]
        return []

    def _go(self, **changes: str):
        now = {"status": self.chosen_status, "kind": self.chosen_kind, "cursor": self._cursor, "job": self.open_id}
        query = urlencode({name: value for name, value in {**now, **changes}.items() if value})
        return rx.redirect(f"/jobs?{query}" if query else "/jobs")


def _address_problem(error: Invalid) -> str:
    """What is wrong with an address that asks for something the list does not have, for a person."""
    known = {"status": "This address asks for a status that jobs do not have."}
    return next((known[name] for name in error.fields if name in known), error.message)


async def _pause() -> None:
    await asyncio.sleep(REFRESH_SECONDS)


def _page(scope: Scope, *, status: str, kind: str, cursor: str) -> tuple[JobPage, JobCounts]:
    page = jobs.list_jobs(
        scope,
        statuses=[status] if status else (),
        kinds=[kind] if kind else (),
        cursor=cursor or None,
        limit=PAGE_SIZE,
    )
    return page, jobs.count_jobs(scope)


def _again(scope: Scope, *, ids: list[str], status: str, kind: str, open_id: str, seen: _Seen) -> _Again:
    fresh = jobs.refresh_jobs(
        scope, ids=[UUID(id) for id in ids], statuses=[status] if status else (), kinds=[kind] if kind else ()
    )
    moved = str(fresh.newest or "") != seen.newest or any(job.status != seen.by_id[str(job.id)] for job in fresh.jobs)
    counts = jobs.count_jobs(scope) if moved else None
    if not open_id:
        return _Again(fresh, counts, None)
    try:
        return _Again(fresh, counts, job_drawer(jobs.get_job(scope, open_id), timezone=person().timezone))
    except NotFound:
        return _Again(fresh, counts, None)

"""The list of saved segments: find and run them; what else can be done with one is in `segment_actions`."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import reflex as rx

from cursive_app.errors import CursiveError, Invalid, Unauthenticated
from cursive_app.services import segments
from cursive_app.services.accounts import Permission, allows
from db.scope import Scope
from state.base import allow, current_path, person, tenant, transact
from state.search_box import SearchBox
from state.segment_actions import ActionsPart
from state.segment_limits import LimitsPart, amount, run_as_priced, whole
from state.segment_lines import SegmentLine, segment_line

REFRESH_SECONDS = 3.0
PAGE_SIZE = 50


class SegmentsState(ActionsPart, LimitsPart, SearchBox, rx.State):
    """One page of segments; the address holds status, words and page."""

    status: str = "loading"
    error: str = ""
    rows: list[SegmentLine] = []
    counts: dict[str, str] = {}
    chosen: str = ""
    query: str = ""
    has_next: bool = False
    has_previous: bool = False
    shown: str = ""
    nothing: str = ""  # why no row is shown although there are segments
    filtered: bool = False
    bad_address: bool = False

    running: bool = False
    pending: bool = False

    _next: str = ""
    _previous: str = ""

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def load(self):
        """Show what the address asks for."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(current_path()).query).items()}
        self.chosen, self.query = query.get("status", ""), query.get("q", "")[:100]
        self._addressed(self.query)
        cursor = query.get("cursor", "")
        if not self.rows:
            self.status = "loading"
        yield
        try:
            page = await transact(_page, status=self.chosen, query=self.query, cursor=cursor)
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.rows, self.status, self.error = [], "error", _address_problem(error)
            self.bad_address = isinstance(error, Invalid)
            return
        self._show(page)

    @rx.event(background=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def follow(self):
        """Keep "running" and "last run" current while something runs; ends with the page."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            async with self:
                busy = any(row.is_running for row in self.rows)
                chosen, query = self.chosen, self.query
                address = parse_qs(urlsplit(current_path()).query)
            if not busy:
                continue
            cursor = address.get("cursor", [""])[0]
            try:
                page = await transact(_page, status=chosen, query=query, cursor=cursor)
            except Unauthenticated:
                return
            except CursiveError:
                continue
            async with self:
                if (chosen, query) == (self.chosen, self.query):
                    self._show(page)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def filter_status(self, value: str):
        return self._go(status=value)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def search(self, text: str):
        words = " ".join(text.split())[:100]
        self._typed(words)
        return self._go(q=words)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def clear(self):
        return rx.redirect("/segments")

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def next_page(self):
        return self._go(cursor=self._next) if self._next else None

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def previous_page(self):
        return self._go(cursor=self._previous) if self._previous else None

    # Running

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def ask_run(self, segment_id: str):
        """Show the price before, with the segment's own limits."""
        row = self._line(segment_id)
        if row is None:
            return
        self.subject, self.running = row, True
        self._begin_limits(row.max_leads, row.ceiling)
        await self._price()

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    def set_running(self, is_open: bool):
        self.running = is_open

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def run(self):
        """Start the run that was priced, of the version that was seen."""
        self.pending = True
        yield
        try:
            started = await transact(
                run_as_priced,
                self.subject.id,
                max_leads=whole(self.max_leads),
                ceiling=amount(self.ceiling),
                version=self.subject.version,
            )
        except Unauthenticated:
            raise
        except CursiveError as error:
            await self._refused(error, error.message)
            return
        finally:
            self.pending = False
        self.running = False
        yield rx.redirect(f"/segments/{self.subject.id}?run={started.id}")

    def _line(self, segment_id: str) -> SegmentLine | None:
        return next((row for row in self.rows if row.id == segment_id), None)

    async def _changed(self, view: segments.SegmentView) -> list[Any]:
        del view  # the list is read anew as a whole
        return [SegmentsState.load]

    async def _catch_up(self) -> list[Any]:
        return [SegmentsState.load]

    def _copied(self, copy: segments.SegmentView) -> Any:
        del copy
        return SegmentsState.load

    def _gone(self) -> Any:
        return SegmentsState.load

    def _go(self, **changes: str):
        parts = {"status": self.chosen, "q": self.query, **changes}
        kept = {key: value for key, value in parts.items() if value}
        return rx.redirect(f"/segments?{urlencode(kept)}" if kept else "/segments", replace="q" in changes)

    def _show(self, page: segments.SegmentPage) -> None:
        may_run = allows(tenant(), Permission.RUN_SEGMENTS)
        self.rows = [segment_line(view, person().timezone, may_run=may_run) for view in page.segments]
        self._next, self._previous = page.next_cursor or "", page.previous_cursor or ""
        self.has_next, self.has_previous = bool(self._next), bool(self._previous)
        alive = page.counts["active"] + page.counts["paused"]
        self.counts = {"": f"{alive:,}", **{status: f"{count:,}" for status, count in page.counts.items()}}
        self.shown = f"{len(self.rows):,} {'segment' if len(self.rows) == 1 else 'segments'} on this page"
        self.filtered, self.nothing = bool(self.query or self.chosen), _nothing(self.chosen, self.query)
        nothing_yet = not sum(page.counts.values()) and self.chosen != segments.DELETED
        self.status = "ready" if self.rows else "empty" if nothing_yet else "no_match"


def _address_problem(error: CursiveError) -> str:
    """Why the list did not load; for a person where the address asks for something that there is not."""
    wrong_status = isinstance(error, Invalid) and "status" in error.fields
    return "This address asks for a status that segments do not have." if wrong_status else error.message


def _nothing(status: str, query: str) -> str:
    """Why a list is empty that is not empty altogether: about what was asked for, and nothing else."""
    if status == segments.DELETED:
        days = segments.RESTORABLE.days
        return (
            f"None that was deleted in the last {days} days has these words in its name."
            if query
            else (f"None was deleted in the last {days} days.")
        )
    if query:
        return f"No {status or 'active or paused'} segment has these words in its name."
    return f"None is {status}." if status else "All segments of this workspace are archived."


def _page(scope: Scope, *, status: str, query: str, cursor: str) -> segments.SegmentPage:
    return segments.list_segments(scope, status=status or None, query=query, cursor=cursor or None, limit=PAGE_SIZE)

"""The list of saved segments: find, run, rename, copy, pause, archive, delete and take back."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import reflex as rx
from reflex_components_sonner.toast import ToastAction

from cursive_app.errors import CursiveError, Unauthenticated
from cursive_app.services import segments
from cursive_app.services.accounts import Permission, allows
from db.scope import Scope
from state.base import allow, current_path, person, tenant, transact
from state.segment_limits import LimitsPart, amount, whole
from state.segment_lines import SegmentLine, segment_line

REFRESH_SECONDS = 3.0
PAGE_SIZE = 50


class SegmentsState(LimitsPart, rx.State):
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

    renaming: bool = False
    running: bool = False
    deleting: bool = False
    pending: bool = False
    subject: SegmentLine = SegmentLine()
    dialog_error: str = ""

    _next: str = ""

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def load(self):
        """Show what the address asks for."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(current_path()).query).items()}
        self.chosen, self.query = query.get("status", ""), query.get("q", "")[:100]
        cursor = query.get("cursor", "")
        if not self.rows:
            self.status = "loading"
        yield
        try:
            page = await transact(_page, status=self.chosen, query=self.query, cursor=cursor)
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.rows, self.status, self.error = [], "error", error.message
            return
        self._show(page, cursor)

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
                    self._show(page, cursor)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def filter_status(self, value: str):
        return self._go(status=value)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def search(self, text: str):
        return self._go(q=" ".join(text.split())[:100])

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
        return rx.call_script("history.back()")

    # Running

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def ask_run(self, segment_id: str):
        """Show the price before, with the segment's own limits."""
        row = self._row(segment_id)
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
                segments.start_run,
                self.subject.id,
                max_leads=whole(self.max_leads),
                ceiling=amount(self.ceiling),
                version=self.subject.version,
            )
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.quote_error = error.message
            return
        finally:
            self.pending = False
        self.running = False
        yield rx.redirect(f"/segments/{self.subject.id}?run={started.id}")

    # Changing

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def ask_rename(self, segment_id: str):
        row = self._row(segment_id)
        if row is not None:
            self.subject, self.dialog_error, self.renaming = row, "", True

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def set_renaming(self, is_open: bool):
        self.renaming = is_open

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def rename(self, form: dict[str, Any]):
        """Give the segment another name."""
        try:
            await transact(
                segments.update_segment, self.subject.id, version=self.subject.version, name=str(form.get("name", ""))
            )
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.dialog_error = error.message
            return
        self.renaming = False
        yield SegmentsState.load

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def duplicate(self, segment_id: str):
        """Make a copy of one's own."""
        copy = await transact(segments.duplicate_segment, segment_id)
        yield rx.toast.success(f"Copied as “{copy.name}”.")
        yield SegmentsState.load

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def set_status(self, segment_id: str, status: str):
        """Pause, archive or bring back."""
        row = self._row(segment_id)
        changed = await transact(segments.set_status, segment_id, status=status)
        words = {"active": "is active again", "paused": "is paused", "archived": "is archived"}
        undo = {"paused": "active", "archived": row.status if row else "active"}.get(status)
        message = f"“{changed.name}” {words[changed.status]}."
        yield _undo_toast(message, SegmentsState.set_status(segment_id, undo)) if undo else rx.toast.success(message)
        yield SegmentsState.load

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def share(self, segment_id: str, shared: bool):
        """Show the segment to everybody in the workspace, or to its author and admins only."""
        row = self._row(segment_id)
        if row is None:
            return
        await transact(segments.update_segment, segment_id, version=row.version, is_shared=shared)
        yield rx.toast.success("Shared with the workspace." if shared else "Private now.")
        yield SegmentsState.load

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def ask_delete(self, segment_id: str):
        row = self._row(segment_id)
        if row is not None:
            self.subject, self.deleting = row, True

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def set_deleting(self, is_open: bool):
        self.deleting = is_open

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def delete(self):
        """Delete the segment; its leads stay, and the toast takes it back."""
        subject, self.deleting = self.subject, False
        await transact(segments.delete_segment, subject.id)
        yield _undo_toast(f"“{subject.name}” was deleted. Its leads stay.", SegmentsState.restore(subject.id))
        yield SegmentsState.load

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def restore(self, segment_id: str):
        """Take a deletion back."""
        view = await transact(segments.restore_segment, segment_id)
        yield rx.toast.success(f"“{view.name}” is back.")
        yield SegmentsState.load

    def _row(self, segment_id: str) -> SegmentLine | None:
        return next((row for row in self.rows if row.id == segment_id), None)

    def _go(self, **changes: str):
        parts = {"status": self.chosen, "q": self.query, **changes}
        kept = {key: value for key, value in parts.items() if value}
        return rx.redirect(f"/segments?{urlencode(kept)}" if kept else "/segments", replace="q" in changes)

    def _show(self, page: segments.SegmentPage, cursor: str) -> None:
        may_run = allows(tenant(), Permission.RUN_SEGMENTS)
        self.rows = [segment_line(view, person().timezone, may_run=may_run) for view in page.segments]
        self._next = page.next_cursor or ""
        self.has_next, self.has_previous = bool(self._next), bool(cursor)
        alive = page.counts["active"] + page.counts["paused"]
        self.counts = {"": f"{alive:,}", **{status: f"{count:,}" for status, count in page.counts.items()}}
        self.shown = f"{len(self.rows):,} {'segment' if len(self.rows) == 1 else 'segments'} on this page"
        filtered = bool(self.query or self.chosen)
        self.status = "ready" if self.rows else "no_match" if filtered or page.counts["archived"] else "empty"


def _page(scope: Scope, *, status: str, query: str, cursor: str) -> segments.SegmentPage:
    return segments.list_segments(scope, status=status or None, query=query, cursor=cursor or None, limit=PAGE_SIZE)


def _undo_toast(message: str, undo: Any) -> Any:
    return rx.toast.success(message, duration=10_000, action=ToastAction(label="Undo", on_click=undo))

"""The segment builder: one filter, read from the address, edited row by row, counted or sampled, saved, run.

The address is the truth: `/segments/<id or "new">?f=<filter>&run=<run>`. The parts are mixins, each knowing only those
below it: the filter, what it finds, its runs, saving, and here opening.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import reflex as rx

from cursive_app.clock import now
from cursive_app.errors import CursiveError, Invalid, NotFound, Unauthenticated
from cursive_app.services import segments
from cursive_app.services.accounts import Permission
from db.scope import Scope
from state import filter_rows as edit
from state.base import allow, ask, current_path, transact
from state.segment_actions import ActionsPart
from state.segment_filter import NEW
from state.segment_lines import SegmentLine
from state.segment_saving import SavePart, limits_of

LONGEST_UNDERWAY = timedelta(seconds=30)  # from an edit to the load of its address, on the slowest of networks


@dataclass(frozen=True, slots=True)
class _Opened:
    """What one load needs, read in one transaction."""

    view: segments.SegmentView | None
    filters: segments.Filters
    base_version: int | None
    draft: segments.Draft | None
    runs: segments.RunPage | None
    quote: segments.Quote


def _open(scope: Scope, segment_id: str, packed: str, wanted_scope: str) -> _Opened:
    segments.learn_words(scope)
    saved = None if segment_id == NEW else segments.get_segment(scope, segment_id)
    draft = segments.get_draft(scope, segment_id=saved.id if saved else None)
    if packed:
        filters = segments.decode(packed)
    elif draft is not None and draft.filters is not None:
        filters = draft.filters
    elif saved is not None:
        filters = saved.filters or saved.readable or segments.empty()
    else:
        filters = segments.empty("leads" if wanted_scope == "leads" else "provider")
    # Also a filter from the address is an edit of mine where I have one, and began no later.
    based_on = draft.base_version if draft is not None else None
    return _Opened(
        view=saved,
        filters=filters,
        base_version=based_on or (saved.version if saved else None),
        draft=draft,
        runs=segments.list_runs(scope, saved.id) if saved else None,
        quote=segments.quote(
            scope, max_leads=saved.max_leads if saved else None, ceiling=saved.ceiling if saved else None
        ),
    )


class SegmentBuilderState(SavePart, ActionsPart, rx.State):
    """One segment on the workbench."""

    status: str = "loading"
    error: str = ""
    bad_link: bool = False
    loaded_id: str = ""  # which segment the last load was for; one that is saved as new has another id before its load

    _carried_limits: tuple[str, tuple[str, str]] | None = None  # of which segment

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def load(self):
        """Bring the workbench in line with the address."""
        parts = urlsplit(current_path())
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        segment_id = parts.path.rstrip("/").rsplit("/", 1)[-1]
        packed = query.get("f", "")
        self.loaded_id = segment_id
        arrival = self._arrival(segment_id, packed)
        if arrival == "overtaken":
            return
        self._run_id = query.get("run", "")
        shown = self.status == "ready" and (segment_id, packed) == (self.segment_id, self._packed)
        if arrival == "edited" and shown:
            await self._refresh_run()
            if not self.quote.enough:
                await self._price()  # credits may have come since
            yield self._tab_title()
            if self._settled != self._edits:  # this load ended the one that would have settled it
                yield SegmentBuilderState.settle
            return
        another = segment_id != self.segment_id or self.status != "ready"
        if another:
            self._clear(segment_id)
        yield
        try:
            await ask(segments.read_gazetteer)
            opened = await transact(_open, segment_id, packed, query.get("scope", "provider"))
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.status = "missing" if isinstance(error, NotFound) else "error"
            self.error = error.message
            self.bad_link = bool(packed) and isinstance(error, Invalid)
            return
        self._show_opened(opened, packed, goes_on=not another)
        if another:
            await self._open_limits(opened)
        else:
            await self._renew_limits(opened)
        if self._keeps_filter and not self.dirty:
            await self._keep_draft()  # Back has taken the edit back: at once, for the next step may leave the page
        await self._refresh_run()
        yield self._tab_title()
        yield SegmentBuilderState.settle
        if self.from_draft and self.dirty:
            yield self._address(replace=True)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def discard(self):
        """Forget the unsaved edit."""
        segment_id = None if self.segment_id == NEW else self.segment_id
        await transact(segments.drop_draft, segment_id=segment_id)
        return self._open_anew()

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def take_newest(self):
        """Show the newest version: an edit of the filter is dropped, limits that were typed stay in their boxes."""
        typed = self._typed_limits()
        self._carried_limits = (self.segment_id, typed) if typed is not None else None
        self.dirty, self._keeps_filter = False, True
        await self._keep_draft()
        return self._open_anew()

    def _open_anew(self) -> Any:
        self.status, self._packed, self.conflict = "loading", "", ""
        self._edits += 1
        saved = f"/segments/{self.segment_id}"
        # Without a new address no page load follows by itself; with one, a load from here would read the old address.
        return SegmentBuilderState.load if current_path() == saved else rx.redirect(saved)

    def _clear(self, segment_id: str) -> None:
        """Another segment: nothing of the one before stays."""
        if segment_id != self.segment_id:
            self.name = ""
        self.status, self.segment_id = "loading", segment_id
        self._drop_sample()
        self._drop_count()
        self._drop_explanation()
        self.excluding, self._keeps_filter, self._keeps_limits = [], False, False
        self._forget_runs()
        self.link_too_long = False

    async def _renew_limits(self, opened: _Opened) -> None:
        """What others have made of the limits since, unless some are typed here. Unchanged boxes keep the cursor."""
        if self.limits_changed:
            await self._price()
            return
        own = limits_of(opened.view)
        if own != self._own_limits:
            self._begin_limits(*own)
        self._show_quote(opened.quote)

    async def _open_limits(self, opened: _Opened) -> None:
        """The segment's own limits, and over them those that were typed before."""
        self._begin_limits(*limits_of(opened.view))
        self._show_quote(opened.quote)
        kept = opened.draft.limits if opened.draft is not None else None
        carried, self._carried_limits = self._carried_limits, None
        typed = carried[1] if carried is not None and carried[0] == self.segment_id else kept
        if typed is not None:
            self.max_leads, self.ceiling = typed
            await self._price()

    def _arrival(self, segment_id: str, packed: str) -> Literal["visited", "edited", "overtaken"]:
        """Whether the person went to this address (Back, a link, a reload), an edit led to it, or one before the last.

        Who visits a segment sees it as it is now, others may have changed it; an edit's page stands there already.
        """
        reached = f"{segment_id}?{packed}"
        is_old = self._sent_out_at is None or now() - self._sent_out_at > LONGEST_UNDERWAY
        if is_old or reached not in self._underway:
            self._underway = []
            return "visited"
        self._underway = self._underway[self._underway.index(reached) + 1 :]
        return "overtaken" if self._underway else "edited"

    def _show_opened(self, opened: _Opened, packed: str, *, goes_on: bool) -> None:
        """`goes_on`: the page showed this segment before, and its edits, Back and Forward among them, began there."""
        self.vocabulary = edit.vocabulary()
        self._packed, self.row_errors = packed, {}
        kept = opened.draft
        self.from_draft = kept is not None and (not packed or (kept.limits is not None and not goes_on))
        self._keeps_filter = self._keeps_filter or (kept is not None and kept.filters is not None)
        self._keeps_limits = self._keeps_limits or (kept is not None and kept.limits is not None and not goes_on)
        began = self._base_version if goes_on else None
        self.is_new = opened.view is None
        self._show_view(opened.view)
        self._edits += 1
        self._notes = {}
        self._show_filters(opened.filters)
        self._base_version = began if began is not None and self.dirty else opened.base_version
        if opened.runs is not None and not (goes_on and self._runs_cursor):
            self._runs_cursor = ""
            self._show_runs(opened.runs)
        if not self._run_id and opened.view is not None and opened.view.active_run_id:
            self._run_id = str(opened.view.active_run_id)
        self.status = "ready"

    # What the menu asks for

    def _line(self, segment_id: str) -> SegmentLine | None:
        return self.line if segment_id == self.line.id else None

    async def _changed(self, view: segments.SegmentView) -> list[Any]:
        """Show the change beside an unsaved edit, which goes on from the new version."""
        if str(view.id) != self.segment_id or self.status != "ready":
            return [rx.redirect(f"/segments/{view.id}")]
        if self._base_version == self.line.version:
            self._base_version = view.version
            if self.dirty or self.limits_changed:
                await self._keep_draft()
        self._show_view(view)
        return [self._tab_title()]

    def _gone(self) -> Any:
        self.status = "loading"  # so that the address of the deleted segment is read anew
        return rx.redirect("/segments")

    def _tab_title(self) -> Any:
        """The segment's name in the browser tab."""
        name = self.name or ("New segment" if self.is_new else "Segment")
        return rx.call_script(f"document.title = {json.dumps(f'{name} · Cursive')}")

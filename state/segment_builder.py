"""The segment builder: one filter, read from the address, edited row by row, counted or sampled, saved, run.

The address is the truth: `/segments/<id or "new">?f=<filter>&run=<run>`. The parts are mixins, each knowing only those
below it: the filter, what it finds, its runs, and here opening and saving.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import reflex as rx

from cursive_app.errors import Conflict, CursiveError, Invalid, NotFound, Unauthenticated
from cursive_app.services import segments
from cursive_app.services.accounts import Permission
from db.scope import Scope
from state import filter_rows as edit
from state.base import allow, current_path, transact
from state.segment_filter import NEW, packed_json
from state.segment_limits import amount, whole
from state.segment_lines import quote_card
from state.segment_running import RunPart


@dataclass(frozen=True, slots=True)
class _Opened:
    """What one load needs, read in one transaction."""

    view: segments.SegmentView | None
    filters: segments.Filters
    base_version: int | None
    from_draft: bool
    runs: segments.RunPage | None
    quote: segments.Quote


def _open(scope: Scope, segment_id: str, packed: str, wanted_scope: str) -> _Opened:
    segments.learn_words(scope)
    saved = None if segment_id == NEW else segments.get_segment(scope, segment_id)
    draft = None if packed else segments.get_draft(scope, segment_id=saved.id if saved else None)
    if packed:
        filters = segments.decode(packed)
    elif draft is not None:
        filters = draft[0]
    elif saved is not None:
        if saved.filters is None:
            raise Invalid(f"This segment's filter can no longer be read. {saved.problem}")
        filters = saved.filters
    else:
        filters = segments.empty("leads" if wanted_scope == "leads" else "provider")
    based_on = draft[1] if draft is not None and draft[1] else saved.version if saved else None
    return _Opened(
        view=saved,
        filters=filters,
        base_version=based_on,
        from_draft=draft is not None,
        runs=segments.list_runs(scope, saved.id) if saved else None,
        quote=segments.quote(
            scope, max_leads=saved.max_leads if saved else None, ceiling=saved.ceiling if saved else None
        ),
    )


def _own_limits(view: segments.SegmentView | None) -> tuple[str, str]:
    """The limits a segment was saved with, as people type them."""
    limits = (view.max_leads, view.ceiling) if view is not None else (None, None)
    return ("" if limits[0] is None else str(limits[0])), ("" if limits[1] is None else str(limits[1]))


class SegmentBuilderState(RunPart, rx.State):
    """One segment on the workbench."""

    status: str = "loading"
    error: str = ""
    name: str = ""
    segment_status: str = "active"
    author: str = ""
    is_shared: bool = True
    naming: bool = False
    naming_title: str = "Save segment"
    new_name: str = ""
    name_error: str = ""
    saving: bool = False
    conflict: str = ""

    _then_run: bool = False

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def load(self):
        """Bring the workbench in line with the address."""
        parts = urlsplit(current_path())
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        segment_id = parts.path.rstrip("/").rsplit("/", 1)[-1]
        packed = query.get("f", "")
        if self._overtaken(packed):
            return
        self._run_id = query.get("run", "")
        same = self.status == "ready" and segment_id == self.segment_id and packed == self._packed
        if same and not (segment_id == NEW and query.get("scope", self.scope) != self.scope and not packed):
            await self._refresh_run()
            return
        another = segment_id != self.segment_id or self.status != "ready"
        if another:
            self.status, self.segment_id = "loading", segment_id
            self.has_sample, self.has_run, self.runs, self.why_name = False, False, [], ""
        yield
        try:
            opened = await transact(_open, segment_id, packed, query.get("scope", "provider"))
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.status = "missing" if isinstance(error, NotFound) else "error"
            self.error = error.message
            return
        self._show_opened(opened, packed)
        if another:
            self._begin_limits(*_own_limits(opened.view))
            self.quote = quote_card(opened.quote)
        await self._refresh_run()
        yield SegmentBuilderState.settle
        if opened.from_draft and self.dirty:
            yield self._address(replace=True)

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def ask_save_as(self):
        """Ask for a name; the segment on the workbench stays as it was saved."""
        self._ask_name("Save as a new segment", then_run=False)
        self.new_name = f"{self.name} copy" if self.name else ""

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def set_naming(self, is_open: bool):
        self.naming = is_open
        if not is_open:
            self._then_run = False

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def set_conflict(self, is_open: bool):
        if not is_open:
            self.conflict = ""

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def save(self):
        """Save under the version the edit began from, or ask for a name."""
        if self.is_new or not self.may_edit:
            self._ask_name("Save segment", then_run=False)
            return
        self.saving = True
        yield
        try:
            view = await transact(
                segments.update_segment,
                self.segment_id,
                version=self._base_version or 0,
                filters=self._now().complete(),
            )
        except Conflict as error:
            self.conflict = error.message
            return
        finally:
            self.saving = False
        self._show_saved(view)
        yield rx.toast.success("Saved.")
        yield self._address(replace=True)

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def save_as(self, form: dict[str, Any]):
        """Save under a new name, then go on with the new segment."""
        self.saving, self.name_error = True, ""
        yield
        try:
            view = await transact(
                segments.create_segment,
                name=str(form.get("name", "")),
                description=str(form.get("description", "")),
                filters=self._now().complete(),
                is_shared=form.get("private") not in ("on", True),
            )
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.name_error = error.message
            return
        finally:
            self.saving = False
        if self.segment_id != NEW:
            await transact(segments.drop_draft, segment_id=self.segment_id)
        self.naming, self.segment_id, self.conflict = False, str(view.id), ""
        self._show_saved(view)
        yield rx.toast.success(f"Saved as “{view.name}”.")
        then_run, self._then_run = self._then_run, False
        yield SegmentBuilderState.start if then_run else self._address(replace=True)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def discard(self):
        """Forget the unsaved edit."""
        segment_id = None if self.segment_id == NEW else self.segment_id
        await transact(segments.drop_draft, segment_id=segment_id)
        self.status, self._packed, self.conflict = "loading", "", ""
        self._edits += 1
        saved = f"/segments/{self.segment_id}"
        # Without a new address no page load follows by itself; with one, a load from here would read the old address.
        yield SegmentBuilderState.load if current_path() == saved else rx.redirect(saved)

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def start(self):
        """Save what is unsaved, then run it within the limits on the screen."""
        if self.is_new or (self.dirty and not self.may_edit):
            self._ask_name("Name it, then it runs", then_run=True)
            return
        self.starting, self.quote_error = True, ""
        yield
        try:
            if self.dirty:
                view = await transact(
                    segments.update_segment,
                    self.segment_id,
                    version=self._base_version or 0,
                    filters=self._now().complete(),
                )
                self._show_saved(view)
            run = await transact(
                segments.start_run,
                self.segment_id,
                max_leads=whole(self.max_leads),
                ceiling=amount(self.ceiling),
                version=self._base_version,
            )
        except Unauthenticated:
            raise
        except Conflict as error:
            if error.reason == "stale_version":
                self.conflict = error.message
            else:
                self.quote_error = error.message
            return
        except CursiveError as error:
            self.quote_error = error.message
            return
        finally:
            self.starting = False
        self._run_id = str(run.id)
        self._show_run((run, "queued", False))
        await self._read_history()
        yield self._address()

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def resume(self):
        """Make a paused or archived segment active again."""
        await transact(segments.set_status, self.segment_id, status="active")
        self.status = "loading"
        yield SegmentBuilderState.load

    def _overtaken(self, packed: str) -> bool:
        """Whether this load belongs to an edit after which another one has already changed the address."""
        if packed not in self._underway:  # the person went there: Back, a link, a reload
            self._underway = []
            return False
        self._underway = self._underway[self._underway.index(packed) + 1 :]
        return bool(self._underway)

    def _show_opened(self, opened: _Opened, packed: str) -> None:
        self.vocabulary = edit.vocabulary()
        self._packed, self.from_draft, self.row_errors = packed, opened.from_draft, {}
        self._base_version = opened.base_version
        self.is_new = opened.view is None
        self._show_view(opened.view)
        self._edits += 1
        self._notes = {}
        self._show_filters(opened.filters)
        if opened.runs is not None:
            self._show_runs(opened.runs)
        if not self._run_id and opened.view is not None and opened.view.active_run_id:
            self._run_id = str(opened.view.active_run_id)
        self.status = "ready"

    def _show_view(self, view: segments.SegmentView | None) -> None:
        if view is None:
            self.name, self.may_edit, self.segment_status, self.author, self._saved = "", True, "active", "", ""
            return
        self.name, self.may_edit, self.segment_status = view.name, view.may_edit, view.status
        self.author, self.is_shared = view.author, view.is_shared
        self._saved = packed_json(view.filters) if view.filters else ""

    def _show_saved(self, view: segments.SegmentView) -> None:
        self.is_new, self.from_draft = False, False
        self._base_version = view.version
        self._show_view(view)
        self._show_filters(view.filters or self._now())

    def _ask_name(self, title: str, *, then_run: bool) -> None:
        self.naming_title, self.name_error, self.naming = title, "", True
        self.new_name = ""
        self._then_run = then_run

"""Saving what is on the workbench, and running it: the filter together with the limits that were typed beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import reflex as rx

from cursive_app.errors import Conflict, CursiveError, Invalid, Unauthenticated
from cursive_app.services import segments
from cursive_app.services.accounts import Permission, allows
from db.scope import Scope
from state.base import allow, person, tenant, transact
from state.segment_filter import NEW, packed_json
from state.segment_limits import amount, run_as_priced, whole
from state.segment_lines import SegmentLine, segment_line
from state.segment_running import RunPart

RENEWED = "The filter was changed in the meantime: this is the newest."


@dataclass(frozen=True, slots=True)
class Base:
    """What an edit began from: the version, its filter (None where it is not known any more) and its limits."""

    version: int
    filters: str | None
    limits: tuple[str, str]


class SavePart(RunPart, mixin=True):
    """Save, save as new, run. A segment keeps its limits as it keeps its filter."""

    line: SegmentLine = SegmentLine()
    name: str = ""
    segment_status: str = "active"
    author: str = ""
    gone: str = ""  # what of the saved filter does not exist any more
    naming: bool = False
    naming_title: str = "Save segment"
    new_name: str = ""
    new_description: str = ""
    name_error: str = ""
    saving: bool = False
    conflict: str = ""

    _then_run: bool = False

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def ask_save_as(self):
        """Ask for a name; the segment on the workbench stays as it was saved."""
        self.conflict = ""
        self._ask_name("Save as a new segment", then_run=False)
        self.new_name = f"{self.name} copy"[:100] if self.name else ""
        self.new_description = self.line.description

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
            is_renewed = await self._save_changes()
        except segments.StaleVersion as error:
            self.conflict = error.who_changed
            return
        except Invalid:
            await self._price()  # says at its box which limit is wrong
            if self.priced:
                raise
            return
        finally:
            self.saving = False
        yield rx.toast.success(f"Saved. {RENEWED}" if is_renewed else "Saved.")
        yield self._address(replace=True)

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def save_as(self, form: dict[str, Any]):
        """Save under a new name, then go on with the new segment."""
        self.saving, self.name_error = True, ""
        yield
        try:
            view = await transact(
                _saved_from,
                None if self.segment_id == NEW else self.segment_id,
                self._parts_changed(),
                name=str(form.get("name", "")),
                description=str(form.get("description", "")),
                filters=self._now().complete(),
                is_shared=form.get("private") not in ("on", True),
                **self._limits(),
            )
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.name_error = error.message
            return
        finally:
            self.saving = False
        self.naming, self.segment_id, self.conflict = False, str(view.id), ""
        self._forget_runs()
        self._run_id = ""
        self._show_saved(view)
        yield rx.toast.success(f"Saved as “{view.name}”.")
        then_run, self._then_run = self._then_run, False
        handlers: Any = type(self)
        yield self._address(replace=True)  # first: a run that is refused leaves the page of the new segment
        if then_run:
            yield handlers.start

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
            if self.may_edit and (self.dirty or self.limits_changed):
                await self._save_changes(as_shown=True)
            run = await transact(
                _run_as_shown,
                self.segment_id,
                self._base(),
                max_leads=whole(self.max_leads),
                ceiling=amount(self.ceiling),
            )
        except Unauthenticated:
            raise
        except segments.StaleVersion as error:
            self.conflict = error.who_changed
            return
        except Conflict as error:
            self.quote_error = error.message
            return
        except CursiveError as error:
            await self._refused(error, error.message)
            return
        finally:
            self.starting = False
        self._run_id, self._runs_cursor = str(run.id), ""
        self._show_run((run, None))
        await self._read_history()
        yield self._address()

    async def _save_changes(self, *, as_shown: bool = False) -> bool:
        """Write what was changed here, filter, limits or both, in one version. Whether somebody else's newer filter is
        shown now, which `as_shown` refuses. Raises Conflict, Invalid, Forbidden."""
        changes: dict[str, Any] = self._limits() if self.limits_changed else {}
        if self.dirty:
            changes["filters"] = self._now().complete()
        before = packed_json(self._now())
        view = await transact(_save_over, self.segment_id, self._base(), changes, as_shown=as_shown)
        self._show_saved(view)
        return packed_json(self._now()) != before

    def _parts_changed(self) -> set[str]:
        """The members of a segment that were edited in this tab."""
        filters = {"filters"} if self.dirty or self.is_new else set[str]()
        return filters | ({"max_leads"} if self.limits_changed else set[str]())

    def _base(self) -> Base:
        knows_filter = self._base_version == self.line.version
        return Base(self._base_version or 0, self._saved if knows_filter else None, self._own_limits)

    def _show_view(self, view: segments.SegmentView | None) -> None:
        if view is None:
            self.line, self._saved, self._left = SegmentLine(), "", ""
            self.name, self.may_edit, self.segment_status, self.author, self.gone = "", True, "active", "", ""
            return
        self.line = segment_line(view, person().timezone, may_run=allows(tenant(), Permission.RUN_SEGMENTS))
        self.name, self.may_edit, self.segment_status = view.name, view.may_edit, view.status
        self.author, self.gone = view.author, view.gone or ""
        self._saved = packed_json(view.filters) if view.filters else ""
        self._left = packed_json(view.readable) if view.readable and not view.filters else ""

    def _show_saved(self, view: segments.SegmentView) -> None:
        self.is_new, self.from_draft = False, False
        self._keeps_filter = self._keeps_limits = False
        self._base_version = view.version
        self._show_view(view)
        self._begin_limits(*limits_of(view))
        self._show_filters(view.filters or self._now())

    def _ask_name(self, title: str, *, then_run: bool) -> None:
        self.naming_title, self.name_error, self.naming = title, "", True
        self.new_name = self.new_description = ""
        self._then_run = then_run


def _save_over(
    scope: Scope, segment_id: str, base: Base, changes: Mapping[str, Any], *, as_shown: bool
) -> segments.SegmentView:
    """Save beside the changes of others; only what both changed is a conflict. Raises Conflict, Invalid, Forbidden."""
    newest = segments.get_segment(scope, segment_id)
    version = _version_for(newest, base, filters=as_shown or "filters" in changes, limits="max_leads" in changes)
    return segments.update_segment(scope, segment_id, version=version, **changes)


def _run_as_shown(
    scope: Scope, segment_id: str, base: Base, *, max_leads: int | None, ceiling: Decimal | None
) -> segments.RunView:
    """Run the filter on the screen. Raises what `segments.start_run` raises; Conflict when the segment has another."""
    newest = segments.get_segment(scope, segment_id)
    version = _version_for(newest, base, filters=True, limits=False)
    return run_as_priced(scope, segment_id, max_leads=max_leads, ceiling=ceiling, version=version)


def _version_for(newest: segments.SegmentView, base: Base, *, filters: bool, limits: bool) -> int:
    """The version to act on: the newest, unless the parts that are asked for were changed since the edit began."""
    is_same_filter = newest.filters is not None and packed_json(newest.filters) == base.filters
    changed = (filters and not is_same_filter) or (limits and limits_of(newest) != base.limits)
    return base.version if changed else newest.version


def limits_of(view: segments.SegmentView | None) -> tuple[str, str]:
    """The limits a segment was saved with, as people type them."""
    limits = (view.max_leads, view.ceiling) if view is not None else (None, None)
    return ("" if limits[0] is None else str(limits[0])), ("" if limits[1] is None else str(limits[1]))


def _saved_from(scope: Scope, segment_id: str | None, parts: set[str], **values: Any) -> segments.SegmentView:
    """A new segment, and the parts that were unsaved where it was made (None: a segment that had no name yet) are
    saved; what another tab has unsaved there stays."""
    view = segments.create_segment(scope, **values)
    segments.drop_saved(scope, segment_id=segment_id, fields=parts)
    return view

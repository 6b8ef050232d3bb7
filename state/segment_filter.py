"""The filter on the workbench: every edit makes another filter and another address, so that Back undoes it (SEG-11)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services import segments
from cursive_app.services.accounts import Permission
from state import filter_rows as edit
from state.base import allow, ask, transact
from state.filter_rows import FilterItem

NEW = "new"


class FilterPart(rx.State, mixin=True):
    """The filter, its rows and the edits they offer. Backend vars hold what the rows were made from."""

    segment_id: str = NEW
    is_new: bool = True
    may_edit: bool = True
    dirty: bool = False
    scope: str = "provider"
    root_op: str = "all"
    items: list[FilterItem] = []
    sentence: str = ""
    is_empty: bool = True
    problem: str = ""
    row_errors: dict[str, str] = {}
    vocabulary: dict[str, list[dict[str, str]]] = {}
    options: list[dict[str, str]] = []
    typing: str = ""
    excluding: list[str] = []  # rows whose next value is excluded
    link_too_long: bool = False

    _filters: segments.Filters | None = None
    _saved: str = ""
    _left: str = ""  # what is left of a saved filter that can no longer be read: nobody's edit
    _packed: str = ""
    _underway: list[str] = []  # segments and filters whose addresses were sent out and have not come back as loads
    _sent_out_at: datetime | None = None  # the last of them; who leaves the page in that moment never loads it
    _edits: int = 0
    _settled: int = 0  # which of them is kept and counted
    _notes: dict[str, str] = {}
    _run_id: str = ""

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def set_op(self, path: str, op: str):
        return self._try(path, edit.set_op, path, op)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def add_row(self, group: str, field: str):
        """A new condition, with the cursor in it."""
        edited = self._try(group, edit.add_condition, group, field)
        row = edit.last_row(self._now(), group) if edited else ""
        return [*edited, rx.call_script(f"window.cursive.enter({json.dumps(row)})")] if row else edited

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def add_group(self):
        return self._try("", edit.add_group)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def remove_row(self, path: str):
        self.row_errors, self.excluding = {}, []  # the rows below move up
        return self._try(path, edit.remove, path)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def set_side(self, path: str, side: str):
        """Whether the next value of a row is one that people must have, or must not have."""
        others = [one for one in self.excluding if one != path][-100:]
        self.excluding = [*others, path[:40]] if side == "exclude" else others

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def add_value(self, path: str, value: str):
        self.options, self.typing = [], ""
        return self._try(path, edit.add_value, path, value, "exclude" if path in self.excluding else "include")

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def remove_value(self, path: str, value: str):
        return self._try(path, edit.remove_value, path, value)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def toggle_value(self, path: str, value: str):
        return self._try(path, edit.toggle_value, path, value)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def set_bound(self, path: str, end: str, text: str):
        return self._try(path, edit.set_bound, path, end, text)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def set_flag(self, path: str, answer: str):
        return self._try(path, edit.set_flag, path, answer)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def suggest(self, path: str, field: str, text: str):
        """Values for what is being typed; what was typed itself comes first where free text is allowed."""
        self.typing = path
        typed = " ".join(text.split())[:100]
        await ask(segments.read_gazetteer)
        found = await transact(segments.suggest, field, typed)
        known = [{"value": one.value, "label": one.label, "note": ""} for one in found]
        if typed and all(one["label"].lower() != typed.lower() for one in known):
            as_typed = {"value": typed, "label": typed, "note": "as typed"}
            known = [*known, as_typed] if field == "city" else [as_typed, *known]
        self.options = known

    def _now(self) -> segments.Filters:
        return self._filters or segments.empty("leads" if self.scope == "leads" else "provider")

    def _try(self, path: str, change: Any, *arguments: str):
        """Apply an edit; what it refuses is said beside its row and changes nothing."""
        try:
            filters = change(self._now(), *arguments)
        except Invalid as error:
            said = next(iter(error.fields.values()), error.message)
            self.row_errors = {**self.row_errors, path: said}
            return []
        self.row_errors = {key: text for key, text in self.row_errors.items() if key != path}
        return self._edited(filters)

    def _edited(self, filters: segments.Filters):
        before = [] if self._packed else self._spell_out()
        self._edits += 1
        self._notes = {}
        self._show_filters(filters)
        self._run_id = ""
        return [*before, self._address(), *self._after_edit()]

    def _spell_out(self) -> list[Any]:
        """Before the first edit, write the filter into the address that Back will lead to.

        An address without a filter stands for the unsaved edit where there is one, so Back would not undo anything.
        """
        packed = segments.encode(self._now())
        if packed is None:
            return []
        return [rx.call_script(f"window.cursive.spellOut('/segments/{self.segment_id}', '{packed}')")]

    def _after_edit(self) -> list[Any]:
        """What else an edit sets in motion."""
        return []

    def _address(self, *, replace: bool = False):
        packed = segments.encode(self._now()) if self.dirty or self.is_new else ""
        self.link_too_long = packed is None
        self._packed = packed or ""
        self._underway = [*self._underway[-20:], f"{self.segment_id}?{self._packed}"]
        self._sent_out_at = now()
        query = {key: value for key, value in (("f", self._packed), ("run", self._run_id)) if value}
        url = f"/segments/{self.segment_id}" + (f"?{urlencode(query)}" if query else "")
        return rx.redirect(url, replace=replace)

    def _show_filters(self, filters: segments.Filters) -> None:
        self._filters = filters
        self.scope, self.root_op = filters.scope, filters.where.op
        self.items = edit.lines(filters, self._notes)
        self.sentence, self.is_empty = segments.sentence(filters), filters.is_empty
        self.dirty = not filters.is_empty if self.is_new else packed_json(filters) != self._saved
        self.problem = _run_problem(filters)


def packed_json(filters: segments.Filters) -> str:
    return json.dumps(filters.complete().to_json(), sort_keys=True)


def meaning(filters: segments.Filters) -> str:
    """What a filter asks for: two that differ in the order of rows or values alone mean the same."""
    return json.dumps(_unordered(filters.complete().to_json()), sort_keys=True)


def _unordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unordered(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return sorted((_unordered(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
    return value


def _run_problem(filters: segments.Filters) -> str:
    """Why this filter cannot be run yet; empty when it can."""
    if filters.scope != "provider":
        return ""
    try:
        segments.require_runnable(filters)
        segments.narrowing(filters.complete())
    except Invalid as error:
        return next(iter(error.fields.values()), error.message)
    return ""

"""The rows of the open list: paged, by verdict before a run and by outcome after it, mended in place."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import reflex as rx

from cursive_app.errors import Conflict, Invalid
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment import CellChanged
from cursive_app.services.enrichment.views import EnrichmentView, RowPage
from db.scope import Scope
from state.base import allow, transact
from state.enrichment_grid import GridLine, HeadLine, grid_line, heads, hidden_told
from state.enrichment_replace import ReplacePart

ROW_PAGE = 50
BEFORE = ("all", "valid", "invalid", "duplicate", "owned", "problems")
AFTER = ("all", "matched", "no_match", "skipped", "error", "at_provider", "not_sent")


class RowsPart(ReplacePart, mixin=True):
    """The grid with its tabs and the cell that is edited."""

    tab: str = "all"
    heads: list[HeadLine] = []
    rows: list[GridLine] = []
    rows_status: str = "loading"
    hidden_columns: str = ""
    shown: str = ""
    shows_found: bool = False
    has_next: bool = False
    has_previous: bool = False
    editing: str = ""  # key of the cell that is edited: "<row>-<column>"
    edit_value: str = ""
    edit_error: str = ""

    _next: str = ""
    _previous: str = ""
    _edited: tuple[int, int] = (0, 0)
    _edited_of: UUID | None = None  # the reading of the list whose cell it is
    _cells: dict[int, tuple[str, ...]] = {}

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def show_tab(self, tab: str):
        return self._address(step=self._step_in_address(), view="" if tab == "all" else tab)

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def next_page(self):
        return self._page_address(self._next)

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def previous_page(self):
        return self._page_address(self._previous)

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    def start_edit(self, number: int, column: int):
        """Open one cell for editing."""
        cells = self._cells.get(number)
        if cells is None or not self.card.may_edit or self.card.phase != "preparing":
            return None
        self._edited, self.editing, self.edit_error = (number, column), f"{number}-{column}", ""
        self._edited_of = self._opened().read_job_id
        self.edit_value = cells[column] if 0 <= column < len(cells) else ""
        return _focus("cell-input")

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    def stop_edit(self):
        """Leave the cell as it was."""
        cell, self.editing, self.edit_error = self.editing, "", ""
        return _focus(f"cell-{cell}") if cell else None

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def save_cell(self, form: dict[str, Any]):
        """Write the cell, check its row again, and offer to take it back. Over what somebody else has written there
        meanwhile only with a second press."""
        if not self.editing:
            return
        number, column = self._edited
        value, cell = str(form.get("value", "")), self.editing
        if value != self.edit_value:
            try:
                await self._write(number, column, value)
            except Invalid as error:
                self.edit_error = error.message
                return
            except CellChanged as error:
                self.edit_value, self.edit_error = error.said, f"{error.message} Save again to put yours in its place."
                yield self._reload()
                return
            except Conflict as error:
                yield self._overtaken(error)
                return
            yield self._told_with_undo(f"Row {number:,} was changed.", revision=self.card.revision)
        self.editing = ""
        yield self._reload()
        yield _focus(f"cell-{cell}")

    async def _write(self, number: int, column: int, value: str) -> None:
        view = await transact(
            _edit,
            self.enrichment_id,
            revision=self.card.revision,
            number=number,
            column=column,
            value=value,
            seen=self.edit_value,
        )
        self._show_list(view)

    def _show_rows(self, page: RowPage) -> None:
        columns = self._opened().columns
        self.heads = heads(columns, page.rows)
        names = {column.position: column.name for column in columns}
        self.rows = [grid_line(row, self.heads, names) for row in page.rows]
        self.shows_found = any(row.found is not None for row in page.rows)
        self._cells = {row.number: row.cells for row in page.rows}
        if self.editing and (self._edited[0] not in self._cells or self._edited_of != self._opened().read_job_id):
            self.editing = self.edit_error = ""
        self.hidden_columns = hidden_told(columns, self.heads, may_edit=self.card.may_edit)
        self._offer_columns([*names.items()])
        self._next, self._previous = page.next_cursor or "", page.previous_cursor or ""
        self.has_next, self.has_previous = bool(self._next), bool(self._previous)
        self.shown = _range(page)
        self.rows_status = "ready" if page.rows else "no_match" if self.tab != "all" else "empty"

    def _page_address(self, cursor: str):
        if not cursor:
            return None
        return self._address(step=self._step_in_address(), view="" if self.tab == "all" else self.tab, cursor=cursor)

    def _step_in_address(self) -> str:
        return "rows" if self.step == "rows" else ""


def _edit(scope: Scope, id: str, **change: Any) -> EnrichmentView:
    """The list as the edit has left it: nobody else's change comes between the two."""
    enrichment.edit_cell(scope, id, **change)
    return enrichment.get_enrichment(scope, id)


def _focus(id: str):
    """Put the focus on an element once it is drawn, with all of its form in sight; it may have gone with its row."""
    shown = "found?.closest('form')?.scrollIntoView({block: 'nearest', inline: 'nearest'})"
    find = f"const found = document.getElementById({id!r}); found?.focus(); {shown}"
    return rx.call_script(f"setTimeout(() => {{ {find} }}, 60)")


def _range(page: RowPage) -> str:
    if not page.rows:
        return ""
    first, last = page.rows[0].number, page.rows[-1].number
    return f"Rows {first:,} to {last:,} · {page.total:,} in all"

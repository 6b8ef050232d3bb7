"""How the file was understood and what its columns mean: header, sheet, delimiter, encoding, mapping.

The mapping is a draft until it is applied: the rows are then checked again, which can take seconds for a large list.
"""

from __future__ import annotations

from typing import Any, cast

import reflex as rx

from cursive_app.errors import Conflict
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment.fields import identifies
from cursive_app.services.enrichment.views import EnrichmentView
from state.base import allow, transact
from state.enrichment_grid import FIELD_WORDS, WIDE, ColumnLine, ColumnsShown, RawRow, column_counts, column_lines
from state.enrichment_open import OpenPart

RAW_ROWS = 20
RAW_CELLS = 12
LONGEST_RAW = 80


class MappingPart(OpenPart, mixin=True):
    """The steps “file” and “columns”."""

    raw_rows: list[RawRow] = []
    columns: list[ColumnLine] = []
    column_search: str = ""
    columns_shown: str = ""  # what was chosen; "" follows the file: a wide one begins with what is looked up
    column_view: str = "all"
    column_counts: dict[str, str] = {}
    more_columns: str = ""
    field_options: list[dict[str, str]] = []
    mapping_dirty: bool = False
    mapping_conflict: bool = False
    identifies: bool = True
    applying: bool = False

    _chosen: dict[int, str] = {}  # what was chosen here and is not applied, by position

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def choose_header(self, row: int):
        """The row (from 1) whose cells are the names; 0: the file has none."""
        return await self._lay_out(header_row=row or None)

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def choose_sheet(self, sheet: str):
        return await self._lay_out(sheet=sheet)

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def choose_delimiter(self, delimiter: str):
        return await self._lay_out(delimiter="\t" if delimiter == "tab" else delimiter)

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def choose_encoding(self, encoding: str):
        return await self._lay_out(encoding=encoding)

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def find_column(self, words: str):
        self.column_search = words.strip()[:100]
        self._show_columns()

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def show_columns(self, view: str):
        """Those that are looked up (mapped), those that are kept as they are (kept), or all."""
        self.columns_shown = view if view in ("mapped", "kept", "all") else ""
        self._show_columns()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    def set_field(self, position: int, field: str):
        """Say what a column is; empty: it only travels through to the output."""
        if field and field not in FIELD_WORDS:
            return
        self._chosen = {**self._chosen, position: field}
        self._show_columns()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    def reset_mapping(self):
        """Back to the mapping that is applied."""
        self._chosen = {}
        self._show_columns()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def apply_mapping(self):
        """Map the columns and check every row again."""
        self.applying = True
        yield
        try:
            wanted: dict[int, str | None] = {position: field or None for position, field in self._draft().items()}
            view = await transact(
                enrichment.map_columns, self.enrichment_id, revision=self.card.revision, mapping=wanted
            )
            self._show_list(view)
            self._chosen = {}
            self._show_columns()
        except Conflict as error:
            yield self._overtaken(error)
            return
        finally:
            self.applying = False
        yield self._reload()

    async def _lay_out(self, **choice: Any) -> Any:
        try:
            view = await transact(enrichment.choose_layout, self.enrichment_id, revision=self.card.revision, **choice)
        except Conflict as error:
            return self._overtaken(error)
        self._show_list(view)
        return self._reload()

    def _draft(self) -> dict[int, str]:
        """What each column would hold if what was chosen were applied; "" for one that is kept as it is."""
        return self._applied() | self._chosen

    def _applied(self) -> dict[int, str]:
        return {column.position: column.field or "" for column in self._opened().columns}

    def _show_mapping(self, before: EnrichmentView | None) -> None:
        """Show the columns of the list that has just been read. What was chosen stays, also over what somebody else
        has applied meanwhile, as long as the columns are those for which it was chosen."""
        if before is not None and _names(before) != _names(self._opened()):
            self._chosen = {}
        self._show_columns()

    def _show_columns(self) -> None:
        columns, draft, applied = self._opened().columns, self._draft(), self._applied()
        taken = [field for field in draft.values() if field]
        self.identifies = identifies(set(taken))
        view = self.columns_shown or ("mapped" if len(columns) > WIDE and self.identifies else "all")
        counts = column_counts(columns)
        self.column_view, self.column_counts = view, {name: f"{count:,}" for name, count in counts.items()}
        self.columns = column_lines(columns, draft, search=self.column_search, view=cast("ColumnsShown", view))
        left = 0 if self.column_search else counts[view] - len(self.columns)
        self.more_columns = f"{left:,} more columns are not shown. Search for them by name." if left > 0 else ""
        self.mapping_dirty = draft != applied
        self.mapping_conflict = len(taken) != len(set(taken))
        if not self.field_options:
            self.field_options = [{"value": name, "label": words} for name, words in FIELD_WORDS.items()]

    def _show_raw(self, rows: Any) -> None:
        self.raw_rows = [
            RawRow(number, [str(cell)[:LONGEST_RAW] for cell in cells[:RAW_CELLS]])
            for number, cells in enumerate(rows[:RAW_ROWS], start=1)
        ]


def _names(view: EnrichmentView) -> list[str]:
    return [column.name for column in view.columns]

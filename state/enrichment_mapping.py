"""How the file was understood and what its columns mean: header, sheet, delimiter, encoding, mapping.

The mapping is a draft until it is applied: the rows are then checked again, which can take seconds for a large list.
"""

from __future__ import annotations

from typing import Any

import reflex as rx

from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment.fields import identifies
from state.base import allow, transact
from state.enrichment_grid import FIELD_WORDS, ColumnLine, RawRow, column_lines
from state.enrichment_open import OpenPart

RAW_ROWS = 20
RAW_CELLS = 12
LONGEST_RAW = 80


class MappingPart(OpenPart, mixin=True):
    """The steps “file” and “columns”."""

    raw_rows: list[RawRow] = []
    columns: list[ColumnLine] = []
    column_search: str = ""
    more_columns: str = ""
    field_options: list[dict[str, str]] = []
    mapping_dirty: bool = False
    mapping_conflict: bool = False
    identifies: bool = True
    applying: bool = False

    _draft: dict[int, str] = {}

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def choose_header(self, row: int):
        """The row (from 1) whose cells are the names; 0: the file has none."""
        await self._lay_out(header_row=row or None)
        yield self._reload()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def choose_sheet(self, sheet: str):
        await self._lay_out(sheet=sheet)
        yield self._reload()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def choose_delimiter(self, delimiter: str):
        await self._lay_out(delimiter="\t" if delimiter == "tab" else delimiter)
        yield self._reload()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def choose_encoding(self, encoding: str):
        await self._lay_out(encoding=encoding)
        yield self._reload()

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def find_column(self, words: str):
        self.column_search = words.strip()[:100]
        self._show_columns()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    def set_field(self, position: int, field: str):
        """Say what a column is; empty: it only travels through to the output."""
        if field and field not in FIELD_WORDS:
            return
        self._draft = {**self._draft, position: field}
        self._show_columns()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    def reset_mapping(self):
        """Back to the mapping that is applied."""
        self._take_mapping()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def apply_mapping(self):
        """Map the columns and check every row again."""
        self.applying = True
        yield
        try:
            wanted: dict[int, str | None] = {position: field or None for position, field in self._draft.items()}
            view = await transact(
                enrichment.map_columns, self.enrichment_id, revision=self.card.revision, mapping=wanted
            )
            self._show_list(view)
            self._take_mapping()
        finally:
            self.applying = False
        yield self._reload()

    async def _lay_out(self, **choice: Any) -> None:
        view = await transact(enrichment.choose_layout, self.enrichment_id, revision=self.card.revision, **choice)
        self._show_list(view)

    def _take_mapping(self) -> None:
        self._draft = {column.position: column.field or "" for column in self._opened().columns}
        self._show_columns()

    def _show_columns(self) -> None:
        columns = self._opened().columns
        self.columns = column_lines(columns, self._draft, self.column_search)
        left = len(columns) - len(self.columns)
        self.more_columns = f"{left:,} more columns are not shown. Search for them by name." if left else ""
        applied = {column.position: column.field or "" for column in columns}
        self.mapping_dirty = any(self._draft.get(position, "") != field for position, field in applied.items())
        taken = [field for field in self._draft.values() if field]
        self.mapping_conflict = len(taken) != len(set(taken))
        self.identifies = identifies(set(taken))
        if not self.field_options:
            self.field_options = [{"value": name, "label": words} for name, words in FIELD_WORDS.items()]

    def _show_raw(self, rows: Any) -> None:
        self.raw_rows = [
            RawRow(number, [str(cell)[:LONGEST_RAW] for cell in cells[:RAW_CELLS]])
            for number, cells in enumerate(rows[:RAW_ROWS], start=1)
        ]

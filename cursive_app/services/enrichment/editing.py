"""Correcting cells in place (ENR-05), and undoing what was corrected or replaced last.

Rows are checked again, and what they repeated or were repeated by with them, in the same transaction.
"""

from __future__ import annotations

from uuid import UUID

import polars as pl

from cursive_app.errors import Conflict, Invalid, NotFound
from cursive_app.printable import shortened
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.changes import record_change, take_change
from cursive_app.services.enrichment.layouts import changeable
from cursive_app.services.enrichment.rewriting import rewrite_column
from cursive_app.services.enrichment.rows import row_view
from cursive_app.services.enrichment.views import RowView
from db.models.enrichment import Enrichment, EnrichmentRow
from db.models.jobs import Job
from db.scope import Scope

LONGEST_CELL = 20_000
_LONGEST_TOLD = 80


class CellChanged(Conflict):
    """Somebody wrote another text into the cell meanwhile. `said`: what it says now."""

    def __init__(self, said: str) -> None:
        self.said = said
        now = f"it says “{shortened(said, _LONGEST_TOLD)}” now" if said.strip() else "it is empty now"
        super().__init__(f"Somebody changed this cell meanwhile: {now}.", reason="stale_cell")


def edit_cell(
    scope: Scope, id: UUID | str, *, revision: int, number: int, column: int, value: str, seen: str | None = None
) -> RowView:
    """Write one cell of row `number` (from 1) and check the row again; the list's revision grows by one, `undo` takes
    it back.

    `column` is its position, also of a cell beyond the columns, which an empty value removes. With `seen`, what the
    cell said to whoever edits it, changes of other cells since `revision` do not matter: two people can mend one list.
    Raises CellChanged, Conflict (`stale_version`, `started`, `reading`, `purged`), Invalid, NotFound, Forbidden.
    """
    parent = _with_these_rows(scope, id, revision) if seen is not None else editable(scope, id, revision=revision)
    row = _row(scope, parent, number)
    check_text("value", value)
    if isinstance(column, bool) or not isinstance(column, int) or column not in _places(row):
        raise Invalid(fields={"column": "The row has no such cell."})
    said = row.cells[column] if column < len(row.cells) else ""
    if seen is not None and said != seen:
        raise CellChanged(said)
    flaws = rewrite_column(scope, parent, column, _cells([number], [value]))
    record_change(scope, parent, column=column, before=_cells([number], [said]), flaws=flaws)
    scope.session.refresh(row)
    return row_view(row)


def undo(scope: Scope, id: UUID | str, *, revision: int) -> int:
    """Take the last edit or replacement back: exactly its cells say again what they said, their rows are checked as
    they are now, and the list's revision grows by one. How many cells that were.

    Undone again, it takes back the change before, as long as nothing else came between. Raises Conflict
    (`nothing_to_undo`: it was undone already, or there was none; `stale_version`, `started`, `reading`, `purged`),
    NotFound, Forbidden.
    """
    parent = editable(scope, id, revision=revision)
    change = take_change(scope, parent)
    if change is None:
        raise Conflict(
            "There is nothing to undo: the last change was undone already, or none was made since the list was read.",
            reason="nothing_to_undo",
        )
    before = change.before
    flaws = {int(number): code for number, code in before["flaws"].items()}
    rewrite_column(scope, parent, change.place, _cells(before["numbers"], before["texts"]), flaws=flaws)
    return change.cell_count


def _cells(numbers: list[int], texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"number": numbers, "text": texts}, schema={"number": pl.Int64, "text": pl.String})


def _with_these_rows(scope: Scope, id: UUID | str, revision: int) -> Enrichment:
    """The list, locked, as long as its rows are those of this revision: cells may have changed since, but nothing was
    read or mapped anew. Raises as `edit_cell`."""
    require(scope, Permission.EDIT_ENRICHMENTS)
    found = scope.get(Enrichment, id, lock=True)
    reading = scope.get(Job, found.read_job_id) if found.read_job_id is not None else None
    same_rows = reading is not None and reading.arguments["revision"] <= revision <= found.revision
    return editable(scope, id, revision=found.revision if same_rows else revision)


def editable(scope: Scope, id: UUID | str, *, revision: int) -> Enrichment:
    """The row of a list whose cells may be changed, locked. Raises as `edit_cell`."""
    parent = changeable(scope, id, revision=revision)
    if parent.status != "ready":
        raise Conflict("The file is still being read. Try again in a moment.", reason="reading")
    return parent


def _row(scope: Scope, parent: Enrichment, number: int) -> EnrichmentRow:
    row = None
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**31:
        row = scope.session.scalar(
            scope.select(EnrichmentRow).where(EnrichmentRow.enrichment_id == parent.id, EnrichmentRow.number == number)
        )
    if row is None:
        raise NotFound("The list has no such row.")
    return row


def check_text(name: str, value: str) -> None:
    """Raises Invalid for what no cell may hold."""
    if not isinstance(value, str) or "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Invalid(fields={name: "Type a text without control characters."})
    if len(value) > LONGEST_CELL:
        raise Invalid(fields={name: f"Type at most {LONGEST_CELL:,} characters."})


def _places(row: EnrichmentRow) -> range:
    """Where the row has cells, also those that an edit has removed from its end."""
    return range(max([len(row.cells), *(int(place) + 1 for place in row.originals or ())]))

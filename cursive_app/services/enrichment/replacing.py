"""Find and replace in a column (ENR-05), over all rows of a list in one transaction.

The cells of the column are read at once and compared as a column; only rows that change are read whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import polars as pl
from sqlalchemy import select

from cursive_app.errors import Invalid
from cursive_app.services.enrichment.changes import record_change
from cursive_app.services.enrichment.editing import LONGEST_CELL, check_text, editable
from cursive_app.services.enrichment.rewriting import rewrite_column
from db.models.enrichment import Enrichment, EnrichmentRow
from db.scope import Scope

LONGEST_FIND = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Words:
    """What is looked for and what takes its place. Without `match_case` upper and lower case are the same."""

    find: str
    replace: str
    match_case: bool

    def __post_init__(self) -> None:
        """Raises Invalid."""
        check_text("find", self.find)
        check_text("replace", self.replace)
        if not self.find:
            raise Invalid(fields={"find": "Say what is to be replaced."})
        if len(self.find) > LONGEST_FIND:
            raise Invalid(fields={"find": f"Type at most {LONGEST_FIND:,} characters."})

    def replaced(self, cells: pl.Series) -> pl.Series:
        """The cells as they would be."""
        if self.match_case:
            return cells.str.replace_all(self.find, self.replace, literal=True)
        return cells.str.replace_all(f"(?i){pl.escape_regex(self.find)}", self.replace.replace("$", "$$"))


def count_in_column(
    scope: Scope, id: UUID | str, *, revision: int, column: int, find: str, replace: str, match_case: bool = True
) -> int:
    """How many cells `replace_in_column` would change now; nothing is written. Raises the same."""
    parent = editable(scope, id, revision=revision)
    return _meant(scope, parent, column, Words(find, replace, match_case)).height


def replace_in_column(
    scope: Scope, id: UUID | str, *, revision: int, column: int, find: str, replace: str, match_case: bool = True
) -> int:
    """Replace a text wherever it occurs in a column, in all rows; how many cells changed. Their rows are checked again
    and the list's revision grows by one, `undo` takes it back; nothing is written when nothing changes.

    Raises Conflict (`stale_version`, `started`, `reading`, `purged`), Invalid, NotFound, Forbidden.
    """
    parent = editable(scope, id, revision=revision)
    meant = _meant(scope, parent, column, Words(find, replace, match_case))
    if not meant.height:
        return 0
    flaws = rewrite_column(scope, parent, column, meant.select("number", "text"))
    record_change(scope, parent, column=column, before=meant.select("number", text="before"), flaws=flaws)
    return meant.height


def _meant(scope: Scope, parent: Enrichment, column: int, words: Words) -> pl.DataFrame:
    """`number` of each row whose cell would change, what it says `before`, and the new `text`. Raises Invalid."""
    if isinstance(column, bool) or not isinstance(column, int) or not 0 <= column < len(parent.columns):
        raise Invalid(fields={"column": "The file has no such column."})
    rows = scope.session.execute(
        select(EnrichmentRow.number, EnrichmentRow.cells[column].astext)
        .where(scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == parent.id)
        .order_by(EnrichmentRow.number)
    ).all()
    before = pl.Series("before", [text for _, text in rows], dtype=pl.String).fill_null("")
    numbers = pl.Series("number", [number for number, _ in rows], dtype=pl.Int64)
    meant = pl.DataFrame([numbers, before, words.replaced(before).alias("text")]).filter(
        pl.col("text") != pl.col("before")
    )
    if (meant["text"].str.len_chars() > LONGEST_CELL).any():
        raise Invalid(fields={"replace": f"A cell would be longer than {LONGEST_CELL:,} characters."})
    return meant

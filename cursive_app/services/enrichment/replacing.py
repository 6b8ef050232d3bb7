"""Find and replace in a column (ENR-05), over all rows of a list in one transaction.

The cells of the column are read at once and compared as a column; only rows that change are read whole, in blocks, and
are checked and written as a file's rows are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import Text, any_, bindparam, cast, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Integer

from cursive_app.errors import Invalid
from cursive_app.services.enrichment.checking import check
from cursive_app.services.enrichment.editing import LONGEST_CELL, check_text, count_verdicts, editable
from cursive_app.services.enrichment.stored import StoredRow, frame_of
from cursive_app.services.enrichment.storing import judge_alone, regroup, update_rows
from db.models.enrichment import Enrichment, EnrichmentRow
from db.scope import Scope

BLOCK = 5_000
LONGEST_FIND = 1_000  # characters
_FEW = 1_000  # identities that are looked for one by one; beyond, the whole list is gone through once


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
    and the list's revision grows by one; nothing is written when nothing changes.

    Raises Conflict (`stale_version`, `started`, `reading`, `purged`), Invalid, NotFound, Forbidden.
    """
    parent = editable(scope, id, revision=revision)
    meant = _meant(scope, parent, column, Words(find, replace, match_case))
    if not meant.height:
        return 0
    touched: set[str] = set()
    for block in meant.iter_slices(BLOCK):
        touched |= _rewrite(scope, parent, column, block)
    regroup(scope, parent.id, sorted(touched) if len(touched) <= _FEW else None)
    count_verdicts(scope, parent)
    return meant.height


def _meant(scope: Scope, parent: Enrichment, column: int, words: Words) -> pl.DataFrame:
    """`number` of each row whose cell would change, and the new `text`. Raises Invalid."""
    if isinstance(column, bool) or not isinstance(column, int) or not 0 <= column < len(parent.columns):
        raise Invalid(fields={"column": "The file has no such column."})
    rows = scope.session.execute(
        select(EnrichmentRow.number, EnrichmentRow.cells[column].astext)
        .where(scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == parent.id)
        .order_by(EnrichmentRow.number)
    ).all()
    before = pl.Series("before", [text for _, text in rows], dtype=pl.String).fill_null("")
    frame = pl.DataFrame(
        {"number": pl.Series([number for number, _ in rows], dtype=pl.Int64), "text": words.replaced(before)}
    )
    meant = frame.filter(frame["text"] != before)
    if (meant["text"].str.len_chars() > LONGEST_CELL).any():
        raise Invalid(fields={"replace": f"A cell would be longer than {LONGEST_CELL:,} characters."})
    return meant


def _rewrite(scope: Scope, parent: Enrichment, column: int, new: pl.DataFrame) -> set[str]:
    """Write the new cells of a block of rows (`number`, `text`) and check these rows; the identities they had and have
    now."""
    rows = scope.session.execute(
        select(
            EnrichmentRow.number,
            EnrichmentRow.line,
            cast(EnrichmentRow.cells, Text),
            cast(EnrichmentRow.problems, Text),
            EnrichmentRow.identity,
        )
        .where(
            scope.owned(EnrichmentRow),
            EnrichmentRow.enrichment_id == parent.id,
            EnrichmentRow.number == any_(bindparam("numbers", new["number"].to_list(), ARRAY(Integer))),
        )
        .order_by(EnrichmentRow.number)
    ).all()
    frame = _frame(rows, column=column, new=new["text"], width=len(parent.columns))
    mapping = {int(place): name for place, name in parent.mapping.items()}
    judged = judge_alone(scope, check(frame, mapping))
    update_rows(scope, parent.id, judged, edited=column)
    before = {identity for *_, identity in rows if identity is not None}
    return before | set(judged["identity"].drop_nulls().to_list())


def _frame(rows: Sequence[Any], *, column: int, new: pl.Series, width: int) -> pl.DataFrame:
    """Rows (number, line, cells and problems as JSON, …) with their new cells, as `check` takes them."""
    numbers, lines, cells, problems, _ = zip(*rows, strict=True)
    texts = pl.Series("cells", cells, dtype=pl.String).str.json_decode(pl.List(pl.String))
    told = pl.Series("problems", problems, dtype=pl.String)
    plain = (texts.list.len() == width) & told.is_null()  # nothing about their structure has to be thought over
    frame = pl.DataFrame({"number": pl.Series(numbers, dtype=pl.Int64), "line": pl.Series(lines, dtype=pl.Int64)})
    nothing = pl.lit(None, dtype=pl.String)
    easy = frame.with_columns(texts).filter(plain).select(
        "number", "line", flaw=nothing, extra=nothing, **{f"c{n}": pl.col("cells").list.get(n) for n in range(width)}
    )  # fmt: skip
    easy = easy.with_columns(new.filter(plain).alias(f"c{column}"))
    if easy.height == len(rows):
        return easy
    others = [
        StoredRow(number, line, before, json.loads(problem) if problem else None)
        for (number, line, _, problem, _), before, is_plain in zip(rows, texts.to_list(), plain, strict=True)
        if not is_plain
    ]
    changed = {
        row.number: [*row.cells[:column], text, *row.cells[column + 1 :]]
        for row, text in zip(others, new.filter(~plain), strict=True)
    }
    return pl.concat([easy, frame_of(others, width=width, changed=changed)]).sort("number")

"""New texts in one column of a list's rows, checked again as those of a file are, and who repeats them (ENR-05).

Rows are read whole in blocks, all in the caller's transaction. What the file said of an edited cell stays known beside
the row, so a cell that says it again counts as unedited.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from sqlalchemy import Text, any_, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Integer

from cursive_app.services.enrichment.checking import check
from cursive_app.services.enrichment.stored import MENDABLE_FLAWS, StoredRow, frame_of
from cursive_app.services.enrichment.storing import judge_alone, regroup, update_rows
from db.models.enrichment import Enrichment, EnrichmentRow
from db.scope import Scope

BLOCK = 5_000
_FEW = 1_000  # identities that are looked for one by one; beyond, the whole list is gone through once


def rewrite_column(
    scope: Scope, parent: Enrichment, column: int, new: pl.DataFrame, *, flaws: Mapping[int, str] | None = None
) -> dict[int, str]:
    """Write `text` into the column's cell of each row `number` of a locked list, judge rows and whoever shares their
    identity anew, count the verdicts and raise the list's revision by one.

    `column` may lie beyond the file's columns, where an empty text removes the cell. An edit may mend what was wrong
    with a row's structure: the flaws that the rows had, by number, are returned, and come back as `flaws`.
    """
    touched: set[str] = set()
    had: dict[int, str] = {}
    for block in new.iter_slices(BLOCK):
        touched |= _rewrite(scope, parent, column, block, flaws=flaws or {}, had=had)
    regroup(scope, parent.id, sorted(touched) if len(touched) <= _FEW else None)
    _count_verdicts(scope, parent)
    return had


def _rewrite(
    scope: Scope, parent: Enrichment, column: int, new: pl.DataFrame, *, flaws: Mapping[int, str], had: dict[int, str]
) -> set[str]:
    """One block; the identities its rows had and have now."""
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
    had |= {number: code for number, _, _, problems, _ in rows if (code := _flaw(problems))}
    frame = _frame(rows, column=column, new=new["text"], width=len(parent.columns))
    if flaws:
        again = pl.col("number").replace_strict(dict(flaws), default=None, return_dtype=pl.String)
        frame = frame.with_columns(flaw=pl.coalesce(again, "flaw"))
    mapping = {int(place): name for place, name in parent.mapping.items()}
    judged = judge_alone(scope, check(frame, mapping))
    update_rows(scope, parent.id, judged, edited=column)
    before = {identity for *_, identity in rows if identity is not None}
    return before | set(judged["identity"].drop_nulls().to_list())


def _flaw(problems: str | None) -> str | None:
    """What is wrong with a row's structure, of the things that an edit mends."""
    if problems is None or not any(code in problems for code in MENDABLE_FLAWS):
        return None
    return next((one["code"] for one in json.loads(problems) if one["code"] in MENDABLE_FLAWS), None)


def _frame(rows: Sequence[Any], *, column: int, new: pl.Series, width: int) -> pl.DataFrame:
    """Rows (number, line, cells and problems as JSON, …) with their new cells, as `check` takes them."""
    numbers, lines, cells, problems, _ = zip(*rows, strict=True)
    texts = pl.Series("cells", cells, dtype=pl.String).str.json_decode(pl.List(pl.String))
    told = pl.Series("problems", problems, dtype=pl.String)
    plain = (texts.list.len() == width) & told.is_null()  # nothing about their structure has to be thought over
    if column >= width:
        plain = pl.repeat(False, len(rows), dtype=pl.Boolean, eager=True)
    frame = pl.DataFrame({"number": pl.Series(numbers, dtype=pl.Int64), "line": pl.Series(lines, dtype=pl.Int64)})
    nothing = pl.lit(None, dtype=pl.String)
    easy = frame.with_columns(texts).filter(plain).select(
        "number", "line", flaw=nothing, extra=nothing, **{f"c{n}": pl.col("cells").list.get(n) for n in range(width)}
    )  # fmt: skip
    if easy.height:
        easy = easy.with_columns(new.filter(plain).alias(f"c{column}"))
    if easy.height == len(rows):
        return easy
    others = [
        StoredRow(number, line, before, json.loads(problem) if problem else None)
        for (number, line, _, problem, _), before, is_plain in zip(rows, texts.to_list(), plain, strict=True)
        if not is_plain
    ]
    changed = {row.number: _with(row.cells, column, text) for row, text in zip(others, new.filter(~plain), strict=True)}
    return pl.concat([easy, frame_of(others, width=width, changed=changed)]).sort("number")


def _with(cells: Sequence[str], column: int, text: str) -> list[str]:
    padded = [*cells, *[""] * (column + 1 - len(cells))]
    return [*padded[:column], text, *padded[column + 1 :]]


def _count_verdicts(scope: Scope, parent: Enrichment) -> None:
    """Count the verdicts anew and raise the revision: what was seen before is not what is there now."""
    counts: dict[str, int] = dict(
        scope.session.execute(
            select(EnrichmentRow.verdict, func.count())
            .where(scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == parent.id)
            .group_by(EnrichmentRow.verdict)
        ).all()
    )
    parent.valid_count = counts.get("valid", 0)
    parent.invalid_count = counts.get("invalid", 0)
    parent.duplicate_count = counts.get("duplicate", 0)
    parent.owned_count = counts.get("owned", 0)
    parent.revision += 1
    scope.session.flush()

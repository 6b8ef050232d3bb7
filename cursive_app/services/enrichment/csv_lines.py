"""The output as a table, a batch of rows at a time and column by column, and its lines as CSV. Pure.

In the CSV, text that a spreadsheet would run as a formula gets an apostrophe in front (ASVS 1.2.10), except phone
numbers in strict E.164. Known values stand in quotes, and nothing stands for what is not known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from cursive_app.services.csv_cells import FORMULA_LETTERS
from cursive_app.services.enrichment.filling import Fill, filled, needed
from cursive_app.services.enrichment.stored_found import NAMES, packed

_FORMULA = rf"^ *[{re.escape(FORMULA_LETTERS)}]"  # as `plain_cell` says it; blanks in front hide nothing
_E164 = r"^\+[1-9][0-9]{6,14}$"
_CELL = "cell "  # and the place of an original column
_OUTCOME = ("outcome", "reason", "matched_by", "source", "fetched_at")


def output_table(
    rows: Sequence[Sequence[Any]], *, width: int, fields: Sequence[str], fills: Sequence[Fill] = ()
) -> pl.DataFrame:
    """Some rows as texts, null where there is nothing to say.

    A row is (cells as a JSON list, what was found as it is stored or None, then what became of it). Its line has
    `width` cells, whatever its list says, then the found columns that are `fields`, then what became of it.
    """
    cells, found, *outcome = zip(*rows, strict=True)
    read = [*fields, *(name for name in dict.fromkeys(needed(fills)) if name not in fields)]
    columns = [
        *_listed(cells, width),
        *_named(found, read),
        *(pl.Series(name, values, dtype=pl.String) for name, values in zip(_OUTCOME, outcome, strict=True)),
    ]
    table = pl.DataFrame(columns)
    if not fills:
        return table
    return table.with_columns(filled(fills, prefix=_CELL)).drop(read[len(fields) :])


def csv_lines(table: pl.DataFrame) -> bytes:
    """The lines of a table, safe to open."""
    return _safe(table).write_csv(
        include_header=False, line_terminator="\r\n", quote_style="non_numeric"
    ).encode()  # fmt: skip


def header_line(names: Sequence[str]) -> bytes:
    """The first line of the file."""
    frame = pl.DataFrame([pl.Series(str(place), [name], dtype=pl.String) for place, name in enumerate(names)])
    return _safe(frame).write_csv(include_header=False, line_terminator="\r\n", quote_style="always").encode()


def _listed(cells: Sequence[str], width: int) -> list[pl.Series]:
    lists = pl.Series("cells", cells, dtype=pl.String).str.json_decode(pl.List(pl.String)).to_frame()
    places = (pl.col("cells").list.get(n, null_on_oob=True).alias(f"{_CELL}{n}") for n in range(width))
    return lists.select(places).get_columns()


def _named(found: Sequence[str | None], fields: Sequence[str]) -> list[pl.Series]:
    if not fields:
        return []
    lists = pl.Series("found", [_by_position(each) for each in found], dtype=pl.String)
    read = lists.str.json_decode(pl.List(pl.String)).to_frame()
    places = ((name, NAMES.index(name)) for name in fields)
    return read.select(pl.col("found").list.get(n, null_on_oob=True).alias(name) for name, n in places).get_columns()


def _by_position(stored: str | None) -> str | None:
    return stored if stored is None or stored.startswith("[") else packed(json.loads(stored) or {})


def _safe(frame: pl.DataFrame) -> pl.DataFrame:
    risky = frame.select(pl.all().str.contains(_FORMULA).any()).row(0, named=True)
    return frame.with_columns(_defused(pl.col(name)).alias(name) for name, found in risky.items() if found)


def _defused(text: pl.Expr) -> pl.Expr:
    runs = text.str.contains(_FORMULA) & ~text.str.contains(_E164)
    return pl.when(runs).then(pl.concat_str(pl.lit("'"), text)).otherwise(text)

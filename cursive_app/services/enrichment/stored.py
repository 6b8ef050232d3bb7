"""Stored rows as frames again, to be checked under another mapping or after an edit, or to be sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import polars as pl
from sqlalchemy import ColumnElement, Text, cast, select

from cursive_app.services.enrichment.checking import records
from cursive_app.services.enrichment.csv_rows import UNCLOSED
from db.models.enrichment import Enrichment, EnrichmentRow
from db.scope import Scope, Tenant

PAGE_ROWS = 5_000
MENDABLE_FLAWS = (UNCLOSED, "too_few_cells")
"""What is wrong with a row's structure until one of its cells is edited; what else is wrong stands in the cells."""


def stored_frames(tenant: Tenant, enrichment_id: UUID, *, width: int) -> Iterator[pl.DataFrame]:
    """All rows in their order, a page per transaction: `number`, `line`, `flaw`, `extra`, `c0`…"""
    last = 0
    while True:
        with tenant.begin() as scope:
            rows = rows_after(scope, enrichment_id, last)
        if not rows:
            return
        yield frame_of(rows, width=width)
        last = rows[-1].number


def rows_after(scope: Scope, enrichment_id: UUID, number: int, *, limit: int = PAGE_ROWS) -> Sequence[EnrichmentRow]:
    return scope.session.scalars(
        scope.select(EnrichmentRow)
        .where(EnrichmentRow.enrichment_id == enrichment_id, EnrichmentRow.number > number)
        .order_by(EnrichmentRow.number)
        .limit(limit)
    ).all()


class StoredRow(NamedTuple):
    """What is read of a row to check it again."""

    number: int
    line: int
    cells: list[str]
    problems: list[Any] | None


def frame_of(
    rows: Sequence[EnrichmentRow | StoredRow], *, width: int, changed: dict[int, list[str]] | None = None
) -> pl.DataFrame:
    """The frame that `checking.check` takes. `changed` holds new cells of edited rows by number."""
    changed = changed or {}
    cells = [_trimmed(changed.get(row.number, row.cells), width) for row in rows]
    extras = [each[width:] for each in cells]
    return pl.DataFrame(
        [
            pl.Series("number", [row.number for row in rows], dtype=pl.Int64),
            pl.Series("line", [row.line for row in rows], dtype=pl.Int64),
            pl.Series(
                "flaw",
                [
                    _flaw(row.problems, each, width=width, is_changed=row.number in changed)
                    for row, each in zip(rows, cells, strict=True)
                ],
                dtype=pl.String,
            ),
            pl.Series("extra", [json.dumps(extra) if extra else None for extra in extras], dtype=pl.String),
            *(pl.Series(f"c{n}", [each[n] for each in cells], dtype=pl.String) for n in range(width)),
        ]
    )


def sent_records(scope: Scope, row: Enrichment, wanted: ColumnElement[bool]) -> list[tuple[int, dict[str, str]]]:
    """Number of every wanted row of a list and what is sent of it, in file order.

    It is read from the cells under the list's mapping as it was when they were checked, and stored nowhere.
    """
    found = scope.session.execute(
        select(EnrichmentRow.number, cast(EnrichmentRow.cells, Text)).where(wanted).order_by(EnrichmentRow.number)
    ).all()
    if not found:
        return []
    mapping = {int(place): name for place, name in row.mapping.items()}
    cells = pl.Series("cells", [each[1] for each in found]).str.json_decode(pl.List(pl.String)).to_frame()
    place = pl.col("cells").list.get
    frame = cells.select(place(n, null_on_oob=True).fill_null("").alias(f"c{n}") for n in mapping)
    return list(zip((each[0] for each in found), records(frame, mapping), strict=True))


def _trimmed(cells: Sequence[str], width: int) -> list[str]:
    """At least `width` cells, and no empty ones beyond."""
    found = [*cells, *[""] * (width - len(cells))]
    while len(found) > width and not found[-1].strip():
        found.pop()
    return found


def _flaw(problems: list[dict[str, Any]] | None, cells: Sequence[str], *, width: int, is_changed: bool) -> str | None:
    """What was and still is wrong with the row's structure: an edit mends what it can."""
    told = {each["code"] for each in problems or ()}
    if UNCLOSED in told and not (is_changed and not any(cell.startswith('"') for cell in cells)):
        return UNCLOSED
    if len(cells) > width:
        return "too_many_cells"
    return "too_few_cells" if "too_few_cells" in told and not is_changed else None

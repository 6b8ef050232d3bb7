"""The rows of a download, in batches of file order, each in its own short transaction: a slow reader holds nothing.

While one batch is written the next is asked for, so that Postgres and this process work at the same time; one that a
slow reader has not come to yet waits in memory.

Postgres hands the JSON of a row out as it is. A CSV of all columns as they are needs no more than other marks in it
(`stored_lines`); for everything else what it says is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import polars as pl
from sqlalchemy import text

from cursive_app.errors import Unavailable
from cursive_app.services.enrichment.csv_lines import csv_lines, header_line, output_table
from cursive_app.services.enrichment.filling import Fill
from cursive_app.services.enrichment.finds import ANSWERED, PROVIDER
from cursive_app.services.enrichment.stored_found import NAMES
from cursive_app.services.enrichment.stored_lines import NOTHING_FOUND, lines_of
from db.scope import Tenant

T = TypeVar("T")
FIRST_BATCH = 200  # small, so that the download starts at once
BATCH = 5_000
TIMEOUT = text("SET LOCAL statement_timeout = '60s'")
ONLY = {
    "all": "true",
    "matched": "row.outcome = 'matched'",
    "problems": "(row.outcome <> 'matched' OR (row.outcome IS NULL AND row.verdict <> 'valid'))",
}
_FETCHED = "to_char(row.fetched_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
_SOURCE = f"CASE WHEN row.outcome IN {ANSWERED} THEN '{PROVIDER}' END"
_REASON = (
    "CASE WHEN row.reason IS NULL AND row.problems IS NOT NULL THEN (SELECT string_agg(problem ->> 'message', '; ') "
    "FROM json_array_elements(row.problems) AS problem) ELSE row.reason END"
)
_FROM = """
  FROM enrichment_rows AS row
 WHERE row.workspace_id = %(workspace)s AND row.enrichment_id = %(enrichment)s AND row.number > %(after)s AND {only}
 ORDER BY row.number LIMIT %(size)s
"""
_ROWS = f"""
SELECT row.number, row.cells::text, row.found::text, coalesce(row.outcome, row.verdict), {_REASON}, row.matched_by,
       {_SOURCE}, {_FETCHED} {_FROM}
"""
_WORDS = ", ',', ".join(
    rf"""coalesce('"' || {each} || '"', E'\tnull')""" for each in ("row.matched_by", _SOURCE, _FETCHED)
)
_TEXTS = rf"""
SELECT max(number), count(*), bool_and(is_plain), string_agg(line, '' ORDER BY number) FROM (
    SELECT row.number,
           json_array_length(row.cells) = %(width)s
               AND CASE left(row.found::text, 1) WHEN '[' THEN json_array_length(row.found) = %(known)s
                   ELSE row.found IS NULL END AS is_plain,
           concat(E'\x1e', row.cells::text, E'\x1d', coalesce(row.found::text, %(nothing)s), E'\x1d', '"',
                  coalesce(row.outcome, row.verdict), '",', coalesce(to_json({_REASON})::text, E'\tnull'), ',',
                  {_WORDS}) AS line {_FROM}
) AS taken
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows and columns of which list. `total` rows were there when the download was asked for."""

    enrichment_id: UUID
    originals: tuple[str, ...]
    header: tuple[str, ...]
    fields: tuple[str, ...]
    fills: tuple[Fill, ...]
    only: str
    total: int


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some rows as Postgres gave them: the numbers they come after and end with, how many, and what it said of them."""

    after: int
    last: int
    count: int
    said: Any


_Ask = Callable[[Tenant, Selection, int, int], _Batch]
_Write = Callable[[Tenant, Selection, _Batch], T]


def csv_chunks(tenant: Tenant, selection: Selection) -> Iterator[bytes]:
    """The file, header first. Raises Unavailable rather than end too early."""
    yield header_line(selection.header)
    if selection.fields == NAMES and not selection.fills:
        yield from _walk(tenant, selection, _texts, _lines)
    else:
        yield from _walk(tenant, selection, _rows, _parsed_lines)


def tables(tenant: Tenant, selection: Selection) -> Iterator[pl.DataFrame]:
    """The rows as texts, a batch at a time. Raises Unavailable rather than end too early."""
    yield from _walk(tenant, selection, _rows, _table)


def _walk(tenant: Tenant, selection: Selection, ask: _Ask, write: _Write[T]) -> Iterator[T]:
    batch = ask(tenant, selection, 0, FIRST_BATCH)
    sent = batch.count
    if batch.count:
        yield write(tenant, selection, batch)  # before anything else is asked for, so that it leaves at once
    with ThreadPoolExecutor(1, thread_name_prefix="download") as pool:

        def ask_ahead() -> Future[_Batch]:
            return pool.submit(ask, tenant, selection, batch.last, BATCH)

        coming = ask_ahead() if batch.count == FIRST_BATCH else None
        while coming is not None:
            batch = coming.result()
            sent += batch.count
            coming = ask_ahead() if batch.count == BATCH else None
            if batch.count:
                yield write(tenant, selection, batch)
    if sent != selection.total:  # a file whose rows were deleted while it was sent must not look complete
        raise Unavailable("The rows of this list were deleted while they were being downloaded.")


def _texts(tenant: Tenant, selection: Selection, after: int, size: int) -> _Batch:
    """The texts of the rows; the rows themselves where Postgres sees that the texts will not do."""
    shape = {"width": len(selection.originals), "known": len(NAMES), "nothing": NOTHING_FOUND}
    (found,) = _asked(tenant, selection, _TEXTS, after=after, size=size, **shape)
    last, count, is_plain, texts = found
    if not count:
        return _Batch(after, after, 0, "")
    return _Batch(after, last, count, texts) if is_plain else _rows(tenant, selection, after, count)


def _rows(tenant: Tenant, selection: Selection, after: int, size: int) -> _Batch:
    rows = _asked(tenant, selection, _ROWS, after=after, size=size)
    return _Batch(after, rows[-1][0] if rows else after, len(rows), rows)


def _lines(tenant: Tenant, selection: Selection, batch: _Batch) -> bytes:
    if isinstance(batch.said, str):
        lines = lines_of(batch.said)
        if lines is not None:
            return lines
        batch = _rows(tenant, selection, batch.after, batch.count)
    return _parsed_lines(tenant, selection, batch)


def _parsed_lines(tenant: Tenant, selection: Selection, batch: _Batch) -> bytes:
    return csv_lines(_table(tenant, selection, batch))


def _table(tenant: Tenant, selection: Selection, batch: _Batch) -> pl.DataFrame:
    del tenant
    width, fields, fills = len(selection.originals), selection.fields, selection.fills
    return output_table([row[1:] for row in batch.said], width=width, fields=fields, fills=fills)


def _asked(tenant: Tenant, selection: Selection, statement: str, **values: Any) -> list[Any]:
    with tenant.begin() as scope:
        scope.session.execute(TIMEOUT)
        values |= {"workspace": scope.workspace_id, "enrichment": selection.enrichment_id}
        connection = scope.session.connection()
        return list(connection.exec_driver_sql(statement.format(only=ONLY[selection.only]), values).all())

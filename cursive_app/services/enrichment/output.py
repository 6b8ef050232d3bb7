"""The list with what was found: original columns first, in their order, then the chosen ones and the row's outcome.

Nothing of it is stored. Rows are read in batches of file order, each in its own short transaction, so a slow reader
holds no connection, and written while they are sent. Postgres hands the JSON of a row out as it is; what it says is
read here. In the CSV, text that a spreadsheet would run gets an apostrophe in front; a workbook's cells are typed as
text and need none. Original columns are filled from what was found where it is asked for (`filling`); the stored rows
never change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal
from uuid import UUID

import polars as pl
from sqlalchemy import func, select, text

from cursive_app.errors import Conflict, Invalid, Unavailable
from cursive_app.services import accounts
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.columns import OUTCOME_COLUMNS, chosen_columns
from cursive_app.services.enrichment.csv_lines import csv_lines, header_line, output_table
from cursive_app.services.enrichment.filling import Fill, chosen_fills
from cursive_app.services.enrichment.finds import ANSWERED, PROVIDER
from cursive_app.services.enrichment.workbook import LARGEST_SHEET, write_workbook
from db.models.enrichment import Enrichment
from db.scope import Scope, Tenant

FIRST_BATCH = 200  # small, so that the download starts at once
BATCH = 5_000
TIMEOUT = "60s"
ENDED = ("completed", "failed", "cancelled")
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_ONLY = {
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
_ROWS = f"""
SELECT row.number, row.cells::text, row.found::text, coalesce(row.outcome, row.verdict), {_REASON}, row.matched_by,
       {_SOURCE}, {_FETCHED}
  FROM enrichment_rows AS row
 WHERE row.workspace_id = %(workspace)s AND row.enrichment_id = %(enrichment)s AND row.number > %(after)s AND {{only}}
 ORDER BY row.number LIMIT %(size)s
"""


@dataclass(frozen=True, slots=True)
class Output:
    """A file to send: its name, its media type and its bytes, in order."""

    filename: str
    media_type: str
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class _Selection:
    """Which rows and columns of which list. `total` rows were there when the download was asked for."""

    enrichment_id: UUID
    originals: tuple[str, ...]
    fields: tuple[str, ...]
    fills: tuple[Fill, ...]
    only: str
    total: int

    @property
    def header(self) -> list[str]:
        return unique_header([*self.originals], [*self.fields, *(column.name for column in OUTCOME_COLUMNS)])


def output(
    tenant: Tenant,
    id: UUID | str,
    *,
    kind: Literal["csv", "xlsx"] = "csv",
    only: Literal["all", "matched", "problems"] = "all",
    fields: Sequence[str] | None = None,
    fill: Sequence[str] = (),
    overwrite: Sequence[str] = (),
) -> Output:
    """The file of a run that has ended, or the problems of a list that was only checked. `fields`: output columns.

    `fill`, `overwrite`: fields whose original column takes what was found, where it is blank or in any case (ENR-16).
    `only`: "problems" are all rows that were not matched (`no_match`, `skipped`, `error`), before a run all that are
    not valid; with "matched" they make up "all" (ENR-15).
    Permission is asked and the audit entry written before the first byte. Raises Conflict (`not_ended`, `purged`),
    Invalid (kind, only, fields, fill, overwrite), NotFound, Forbidden; the chunks raise Unavailable rather than end
    too early.
    """
    _check(kind, only)
    names = chosen_columns(fields)
    with tenant.begin() as scope:
        require(scope, Permission.DOWNLOAD_ENRICHMENTS)
        row = scope.get(Enrichment, id)
        _check_state(row, only)
        scope.session.execute(text(f"SET LOCAL statement_timeout = '{TIMEOUT}'"))
        selection = _Selection(
            enrichment_id=row.id,
            originals=tuple(str(column.get("header") or column.get("name") or "") for column in row.columns),
            fields=names,
            fills=chosen_fills(row.mapping, fill=fill, overwrite=overwrite),
            only=only,
            total=_count(scope, row, only),
        )
        accounts.record_audit(
            scope,
            action="enrichment.downloaded",
            object_type="enrichments",
            object_id=row.id,
            kind=kind,
            only=only,
            rows=selection.total,
        )
        filename = _filename(row.filename, kind=kind, only=only)
    if kind == "csv":
        return Output(filename, MEDIA_TYPES[kind], _csv(tenant, selection))
    if selection.total > LARGEST_SHEET:
        raise Invalid(fields={"format": f"A sheet holds {LARGEST_SHEET:,} rows; download this list as CSV."})
    sheet = (table.iter_rows() for table in _tables(tenant, selection))
    return Output(filename, MEDIA_TYPES[kind], write_workbook(selection.header, sheet))


def check_output(
    tenant: Tenant,
    id: UUID | str,
    *,
    kind: str = "csv",
    only: str = "all",
    fields: Sequence[str] | None = None,
    fill: Sequence[str] = (),
    overwrite: Sequence[str] = (),
) -> None:
    """Whether `output` would give a file now, without making it: before somebody is handed a link. Raises the same."""
    _check(kind, only)
    chosen_columns(fields)
    with tenant.begin() as scope:
        require(scope, Permission.DOWNLOAD_ENRICHMENTS)
        row = scope.get(Enrichment, id)
        _check_state(row, only)
        chosen_fills(row.mapping, fill=fill, overwrite=overwrite)


def unique_header(originals: list[str], ours: list[str]) -> list[str]:
    """The header line: originals as they are, ours with a number behind where a name is taken already."""
    taken = {name.casefold() for name in originals}
    header = list(originals)
    for name in ours:
        candidate, number = name, 2
        while candidate.casefold() in taken:
            candidate, number = f"{name}_{number}", number + 1
        taken.add(candidate.casefold())
        header.append(candidate)
    return header


def _check(kind: str, only: str) -> None:
    if kind not in MEDIA_TYPES:
        raise Invalid(fields={"format": "Choose csv or xlsx."})
    if only not in _ONLY:
        raise Invalid(fields={"only": "Choose all, matched or problems."})


def _check_state(row: Enrichment, only: str) -> None:
    if row.purged_at is not None:
        raise Conflict("The rows of this list have been deleted.", reason="purged")
    if row.status in ENDED or (only == "problems" and row.status == "ready"):
        return
    raise Conflict("There is nothing to download before the run has ended.", reason="not_ended")


def _count(scope: Scope, row: Enrichment, only: str) -> int:
    statement = (
        select(func.count())
        .select_from(text("enrichment_rows AS row"))
        .where(text(f"row.workspace_id = :workspace AND row.enrichment_id = :enrichment AND {_ONLY[only]}"))
    )
    return scope.session.scalar(statement, {"workspace": row.workspace_id, "enrichment": row.id}) or 0


def _filename(original: str, *, kind: str, only: str) -> str:
    stem = PurePath(original).name
    stem = re.sub(r"(\.(csv|tsv|txt|xlsx|json|gz))+$", "", stem, flags=re.IGNORECASE) or "list"
    return f"{stem[:150]}-{'enriched' if only == 'all' else only}.{kind}"


def _csv(tenant: Tenant, selection: _Selection) -> Iterator[bytes]:
    yield header_line(selection.header)
    for table in _tables(tenant, selection):
        yield csv_lines(table)


def _tables(tenant: Tenant, selection: _Selection) -> Iterator[pl.DataFrame]:
    width, fields, fills = len(selection.originals), selection.fields, selection.fills
    for rows in _batches(tenant, selection):
        yield output_table(rows, width=width, fields=fields, fills=fills)


def _complete(sent: int, selection: _Selection) -> None:
    """A file whose rows were deleted while it was sent must break off, not look complete. Raises Unavailable."""
    if sent != selection.total:
        raise Unavailable("The rows of this list were deleted while they were being downloaded.")


def _batches(tenant: Tenant, selection: _Selection) -> Iterator[list[Any]]:
    """Batches of (cells, found, outcome, reason, matched_by, source, fetched_at) in file order; the first two: JSON."""
    statement = _ROWS.format(only=_ONLY[selection.only])
    after, size, sent = 0, FIRST_BATCH, 0
    while True:
        with tenant.begin() as scope:
            scope.session.execute(text(f"SET LOCAL statement_timeout = '{TIMEOUT}'"))
            values = {"workspace": scope.workspace_id, "enrichment": selection.enrichment_id}
            rows = scope.session.connection().exec_driver_sql(statement, {**values, "after": after, "size": size}).all()
        if rows:
            after, sent = rows[-1][0], sent + len(rows)
            yield [row[1:] for row in rows]
        if len(rows) < size:
            break
        size = BATCH
    _complete(sent, selection)

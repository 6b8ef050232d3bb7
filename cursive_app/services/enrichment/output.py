"""The list with what was found: original columns first, in their order, then the chosen ones and the row's outcome.

Nothing of it is stored; it is written while it is sent (`output_batches`). In the CSV, text that a spreadsheet would
run gets an apostrophe in front; a workbook's cells are typed as text and need none. Original columns are filled from
what was found where it is asked for (`filling`); the stored rows never change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select, text

from cursive_app.errors import Conflict, Invalid
from cursive_app.services import accounts
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.columns import OUTCOME_COLUMNS, chosen_columns
from cursive_app.services.enrichment.filling import chosen_fills
from cursive_app.services.enrichment.output_batches import ONLY, TIMEOUT, Selection, csv_chunks, tables
from cursive_app.services.enrichment.workbook import LARGEST_SHEET, write_workbook
from db.models.enrichment import Enrichment
from db.scope import Scope, Tenant

ENDED = ("completed", "failed", "cancelled")
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Output:
    """A file to send: its name, its media type and its bytes, in order."""

    filename: str
    media_type: str
    chunks: Iterator[bytes]


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
        scope.session.execute(TIMEOUT)
        originals = tuple(str(column.get("header") or column.get("name") or "") for column in row.columns)
        selection = Selection(
            enrichment_id=row.id,
            originals=originals,
            header=tuple(unique_header([*originals], [*names, *(column.name for column in OUTCOME_COLUMNS)])),
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
        return Output(filename, MEDIA_TYPES[kind], csv_chunks(tenant, selection))
    if selection.total > LARGEST_SHEET:
        raise Invalid(fields={"format": f"A sheet holds {LARGEST_SHEET:,} rows; download this list as CSV."})
    sheet = (table.iter_rows() for table in tables(tenant, selection))
    return Output(filename, MEDIA_TYPES[kind], write_workbook([*selection.header], sheet))


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
    if only not in ONLY:
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
        .where(text(f"row.workspace_id = :workspace AND row.enrichment_id = :enrichment AND {ONLY[only]}"))
    )
    return scope.session.scalar(statement, {"workspace": row.workspace_id, "enrichment": row.id}) or 0


def _filename(original: str, *, kind: str, only: str) -> str:
    stem = PurePath(original).name
    stem = re.sub(r"(\.(csv|tsv|txt|xlsx|json|gz))+$", "", stem, flags=re.IGNORECASE) or "list"
    return f"{stem[:150]}-{'enriched' if only == 'all' else only}.{kind}"

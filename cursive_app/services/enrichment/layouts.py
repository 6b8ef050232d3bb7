"""What a customer says about a list: how its file is to be read, and what its columns hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.changes import forget_changes
from cursive_app.services.enrichment.encodings import ENCODINGS
from cursive_app.services.enrichment.headers import HEAD_ROWS
from cursive_app.services.enrichment.lists import seen
from cursive_app.services.enrichment.mapping import check_mapping
from cursive_app.services.enrichment.opening import queue_reading
from cursive_app.services.enrichment.pricing import DELETED
from cursive_app.services.enrichment.seen import UNSTARTED
from cursive_app.services.enrichment.sniffing import DELIMITERS
from cursive_app.services.enrichment.views import EnrichmentView, can_be_laid_out
from db.models.enrichment import ColumnMapping, Enrichment
from db.models.jobs import Job
from db.scope import Scope


class _Keep:
    """Not given: what was chosen or found before stays."""


KEEP: Final = _Keep()
_MENDABLE = (
    "too_many_rows",
    "too_many_columns",
    "no_rows",
    "row_too_long",
    "empty",
    "cancelled",
    "read_failed",
    "invalid",
)


def choose_layout(
    scope: Scope,
    id: UUID | str,
    *,
    revision: int,
    header_row: int | _Keep | None = KEEP,
    sheet: str | _Keep = KEEP,
    delimiter: str | _Keep = KEEP,
    encoding: str | _Keep = KEEP,
) -> EnrichmentView:
    """Read the file again, in another way; edits of cells are lost with the rows they were made in.

    `header_row`: a row of `head_rows`, from 1, or None for a file without column names. `delimiter`: "," ";" tab "|",
    or "" for one column. Raises Conflict (`stale_version`, `started`, `no_file`), Invalid, NotFound, Forbidden.
    """
    row = changeable(scope, id, revision=revision)
    kind = row.layout.get("kind")
    if not can_be_laid_out(source=row.source, kind=kind):
        raise Conflict(
            "These rows were not read from a file of their own, so there is no other way to read them. Map their "
            "columns instead.",
            reason="no_file",
        )
    choices: dict[str, Any] = {
        name: value
        for name, value in (
            ("header_row", header_row), ("sheet", sheet), ("delimiter", delimiter), ("encoding", encoding)
        )
        if not isinstance(value, _Keep)
    }  # fmt: skip
    _check_choices(choices, kind=kind or "csv", sheets=row.layout.get("sheets") or [])
    before = dict(row.layout.get("chosen") or {})
    if {"sheet", "delimiter", "encoding"} & choices.keys() and "header_row" not in choices:
        before.pop("header_row", None)  # of other rows
    row.layout = {"kind": kind, "compression": row.layout.get("compression"), "chosen": {**before, **choices}}
    row.columns, row.mapping = [], {}
    row.revision += 1
    row.status, row.refusal_code, row.refusal_message = "received", None, None
    _forget_counts(row)
    forget_changes(scope, row.id)
    queue_reading(scope, row, origin="file")
    return seen(scope, row)


def _check_choices(choices: Mapping[str, Any], *, kind: str, sheets: list[str]) -> None:
    problems: dict[str, str] = {}
    if not choices:
        problems["layout"] = "Choose a header row, sheet, separator or encoding."
    row = choices.get("header_row")
    if row is not None and (isinstance(row, bool) or not isinstance(row, int) or not 1 <= row <= HEAD_ROWS):
        problems["header_row"] = f"Choose one of the first {HEAD_ROWS} rows, or none."
    if "sheet" in choices and (kind != "xlsx" or (sheets and choices["sheet"] not in sheets)):
        problems["sheet"] = "The file has no such sheet."
    if "delimiter" in choices and (kind == "xlsx" or choices["delimiter"] not in (*DELIMITERS, "")):
        problems["delimiter"] = "Choose comma, semicolon, tab, pipe or one column."
    if "encoding" in choices and (kind != "csv" or choices["encoding"] not in ENCODINGS):
        problems["encoding"] = f"Choose one of {', '.join(ENCODINGS)}."
    if problems:
        raise Invalid(fields=problems)


def map_columns(scope: Scope, id: UUID | str, *, revision: int, mapping: Mapping[int, str | None]) -> EnrichmentView:
    """Say what the columns hold; columns that are not named stay unmapped. The rows are checked again, edits stay, and
    the next file with this header is mapped the same way (ENR-04).

    Raises Conflict (`stale_version`, `started`, `reading`), Invalid (a field taken twice, no such column), NotFound,
    Forbidden.
    """
    row = changeable(scope, id, revision=revision)
    if not row.columns:
        raise Conflict("The file is still being read. Try again in a moment.", reason="reading")
    chosen = check_mapping(mapping, width=len(row.columns))
    before = row.mapping
    row.mapping = {str(place): field for place, field in sorted(chosen.items())}
    row.columns = [
        column | {"guess": _guess_after(column.get("guess"), before.get(str(place)), chosen.get(place))}
        for place, column in enumerate(row.columns)
    ]
    origin = _origin(scope, row)
    row.revision += 1
    row.status, row.refusal_code, row.refusal_message = "received", None, None
    forget_changes(scope, row.id)
    if row.fingerprint:
        _remember(scope, row.fingerprint, row.mapping)
    queue_reading(scope, row, origin=origin)
    _forget_counts(row)
    return seen(scope, row)


def _origin(scope: Scope, row: Enrichment) -> Literal["file", "rows"]:
    """Where rows to be checked come from. All of them are stored once a list was ready, and stay while they are checked
    under another mapping: reading the file again would lose what was edited, and a list without a file altogether."""
    if row.status == "ready" and row.row_count is not None:
        return "rows"
    if row.status == "refused" or row.read_job_id is None:
        return "file"
    return "rows" if scope.get(Job, row.read_job_id).arguments.get("from") == "rows" else "file"


def _guess_after(guess: str | None, before: str | None, after: str | None) -> str | None:
    if after is None:
        return None
    return guess if before == after and guess else "chosen"


def _remember(scope: Scope, fingerprint: str, mapping: dict[str, str]) -> None:
    values = {"mapping": mapping, "used_at": now()}
    scope.session.execute(
        insert(ColumnMapping)
        .values(workspace_id=scope.workspace_id, fingerprint=fingerprint, **values)
        .on_conflict_do_update(index_elements=["workspace_id", "fingerprint"], set_=values)
    )


def head_rows(scope: Scope, id: UUID | str) -> tuple[tuple[str, ...], ...]:
    """The first rows of the file as they stand (up to 20, up to 60 cells of 120 characters each), to pick the header
    from; empty before the file was understood. Raises NotFound, Forbidden."""
    require(scope, Permission.VIEW_ENRICHMENTS)
    row = scope.get(Enrichment, id)
    return tuple(tuple(cells) for cells in row.layout.get("head") or ())


def changeable(scope: Scope, id: UUID | str, *, revision: int) -> Enrichment:
    """The row of a list that may be changed, locked. Raises Conflict (`stale_version`, `started`, `purged`), NotFound,
    Forbidden."""
    require(scope, Permission.EDIT_ENRICHMENTS)
    row = scope.get(Enrichment, id, lock=True)
    if row.purged_at is not None and row.status in UNSTARTED:
        raise Conflict(DELETED, reason="purged")
    if row.status not in UNSTARTED:
        raise Conflict("This list has been started already, so it cannot be changed.", reason="started")
    if row.status == "refused" and row.refusal_code not in _MENDABLE:
        raise Conflict("This file cannot be read in any way. Upload another one.", reason="refused")
    if row.revision != revision:
        raise Conflict(
            "This list was changed meanwhile, perhaps in another tab. Look at the newest version first.",
            reason="stale_version",
        )
    return row


def _forget_counts(row: Enrichment) -> None:
    row.row_count = row.valid_count = row.invalid_count = row.duplicate_count = row.owned_count = None

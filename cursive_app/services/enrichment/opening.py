"""A new list: the file is looked at, kept, and its reading queued, all or nothing."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import update

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services import accounts, jobs
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.files import clean_filename, pieces_of, sha256_of, store_file
from cursive_app.services.enrichment.links import job_links
from cursive_app.services.enrichment.lists import seen
from cursive_app.services.enrichment.looking import kind_and_packing, look_at_text
from cursive_app.services.enrichment.refusals import MAX_COLUMNS, Refused, too_many_columns, too_many_rows
from cursive_app.services.enrichment.spreadsheet import check_workbook
from cursive_app.services.enrichment.understanding import Understood
from cursive_app.services.enrichment.views import EnrichmentView
from cursive_app.settings import settings
from db.models.enrichment import ColumnMapping, Enrichment
from db.scope import Scope, Tenant

KIND = "csv_upload"
TASK = "enrichment.read"


def open_upload(
    tenant: Tenant, *, path: Path, filename: str, source: Literal["upload", "api", "rerun"] = "upload"
) -> EnrichmentView:
    """Keep an uploaded file and queue its reading. The file at `path` may be deleted afterwards.

    Raises Refused (an Invalid; `fields["code"]` is its machine code) for a file that no reading can mend: empty, too
    large, a picture or program, damaged, a bomb, too many columns, a header without rows. Raises Forbidden.
    """
    require(tenant, Permission.EDIT_ENRICHMENTS)
    size = path.stat().st_size
    if not size:
        raise Refused("empty", "The file is empty. Choose the file with your list.")
    limit = settings().enrichment_maximum_bytes
    if size > limit:
        raise Refused(
            "too_large",
            f"The file has {size / 1_048_576:,.1f} MB; up to {limit / 1_048_576:,.0f} MB can be uploaded. Split it, or "
            "pack it with gzip.",
        )
    kind, compression = kind_and_packing(lambda: pieces_of(path))
    understood: Understood | None = None
    layout: dict[str, Any] = {"kind": kind, "compression": compression, "chosen": {}}
    if kind == "csv":
        understood = look_at_text(lambda: pieces_of(path), compression=compression, chosen={})
    elif compression is None:
        check_workbook(path)
    return _keep(tenant, path, filename=clean_filename(filename), source=source, layout=layout, understood=understood)


def open_records(tenant: Tenant, *, records: Sequence[Mapping[str, Any]], filename: str = "records") -> EnrichmentView:
    """A list of JSON objects as a list: their keys are the columns, in the order in which they first occur.

    Values are texts, numbers, true, false or null. Raises Invalid, Refused, Forbidden.
    """
    require(tenant, Permission.EDIT_ENRICHMENTS)
    names = _names_of(records)
    folder = settings().spool_dir
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix="records-", suffix=".tmp")
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            for record in records:
                writer.writerow([_json_cell(record.get(key)) for key in names])
        chosen = {"delimiter": ",", "header_row": 1, "encoding": "utf-8"}
        understood = look_at_text(lambda: pieces_of(path), kind="json", compression=None, chosen=chosen)
        clean = clean_filename(filename, default="records")
        return _keep(tenant, path, filename=clean, source="api", layout={}, understood=understood)
    finally:
        path.unlink(missing_ok=True)


def _names_of(records: Sequence[Mapping[str, Any]]) -> list[str]:
    if not records:
        raise Refused("no_rows", "There are no records. Send the people to be looked up.")
    if len(records) > settings().enrichment_maximum_rows:
        raise too_many_rows()
    names: dict[str, None] = {}
    for number, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise Invalid(fields={f"records.{number}": "Each record is an object of column names and values."})
        for key, value in record.items():
            if isinstance(value, Mapping | list | tuple):
                raise Invalid(fields={f"records.{number}.{key}"[:200]: "Send a text, a number or null."})
            names.setdefault(str(key), None)
        if len(names) > MAX_COLUMNS:
            raise too_many_columns(len(names))
    if not any(name.strip() for name in names):
        raise Invalid(fields={"records": "None of the records names a column. Give each value a name such as email."})
    return list(names)


def _json_cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _keep(
    tenant: Tenant, path: Path, *, filename: str, source: str, layout: dict[str, Any], understood: Understood | None
) -> EnrichmentView:
    size, digest = path.stat().st_size, sha256_of(path)
    with tenant.begin() as scope:
        row = Enrichment(
            filename=filename,
            source=source,
            byte_size=size,
            sha256=digest,
            layout=layout,
            price=settings().enrichment_price,
            expires_at=now() + timedelta(days=settings().enrichment_keep_days),
            created_by=tenant.user_id,
            created_by_label=accounts.actor_label(scope),
        )
        if understood is not None:
            take_over(scope, row, understood)
        scope.add(row)
        store_file(scope, row.id, path)
        queue_reading(scope, row, origin="file")
        return seen(scope, row)


def take_over(scope: Scope, row: Enrichment, understood: Understood) -> None:
    """Write what was understood, with the mapping this workspace chose for the same header before (ENR-04); of a file
    without a header nothing is remembered."""
    row.layout, row.fingerprint = understood.layout, understood.fingerprint
    row.columns, row.mapping = understood.columns, understood.mapping
    if understood.fingerprint is None:
        return
    remembered = scope.session.scalar(
        scope.select(ColumnMapping).where(ColumnMapping.fingerprint == understood.fingerprint)
    )
    if remembered is None:
        return
    row.mapping = {place: name for place, name in remembered.mapping.items() if int(place) < understood.width}
    row.columns = [
        column | {"guess": "remembered" if str(place) in row.mapping else None}
        for place, column in enumerate(understood.columns)
    ]
    scope.session.execute(
        update(ColumnMapping)
        .where(scope.owned(ColumnMapping), ColumnMapping.fingerprint == understood.fingerprint)
        .values(used_at=now())
    )


def queue_reading(scope: Scope, row: Enrichment, *, origin: Literal["file", "rows"]) -> None:
    """Open the job that reads the file, or checks the stored rows again, under the row's present revision."""
    job = jobs.open_job(
        scope,
        kind=KIND,
        title=f"Read {row.filename}",
        task=TASK,
        total=row.row_count if origin == "rows" else None,
        arguments={"file": row.filename, "revision": row.revision, "from": origin},
        links=job_links(row),
        idempotency_key=f"{row.id}:{row.revision}",
    )
    row.read_job_id = job.id
    scope.session.flush()

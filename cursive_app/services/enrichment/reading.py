"""The reading of a list, from the stored file (or the stored rows, after a change of mapping) to checked rows.

Batch by batch, each in one transaction with its progress, under the job's token and the list's revision: a reading that
was overtaken by a newer layout writes nothing more, and one whose worker died begins again. Nobody sees rows before the
last transaction has set the counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import text

from cursive_app.errors import Invalid
from cursive_app.services import jobs
from cursive_app.services.enrichment.checking import check
from cursive_app.services.enrichment.csv_blocks import frames, row_frames
from cursive_app.services.enrichment.csv_rows import NO_DELIMITER, Dialect
from cursive_app.services.enrichment.encodings import as_utf8
from cursive_app.services.enrichment.files import stored_pieces
from cursive_app.services.enrichment.looking import look_at_text, look_at_workbook, on_disk
from cursive_app.services.enrichment.opening import take_over
from cursive_app.services.enrichment.refusals import Refused, no_rows, too_many_rows
from cursive_app.services.enrichment.spreadsheet import open_workbook, sheet_rows
from cursive_app.services.enrichment.stored import stored_frames
from cursive_app.services.enrichment.storing import Tally, drop_rows, insert_rows, judge, update_rows
from cursive_app.services.enrichment.turns import give_memory_back, turn_to_read
from cursive_app.services.enrichment.understanding import Understood
from cursive_app.services.enrichment.unpacking import unpacked
from cursive_app.services.jobs import ClaimedJob
from cursive_app.settings import settings
from db.models.enrichment import Enrichment
from db.scope import Scope, Tenant

BATCH_ROWS = 20_000
SHEET_CELLS = 100_000  # of a workbook in one batch: its cells are Python's own texts, which take several times the room
_CANCELED = "The reading was stopped. Upload the file again, or choose how it is read."
_GONE_WRONG = "The file could not be read because of a fault on our side. Upload it again, or tell us about it."


class _Ended(Exception):
    """The job has been ended: a newer version is read, somebody canceled, or the actor lost access."""


@dataclass(frozen=True, slots=True)
class _Plan:
    enrichment_id: UUID
    revision: int
    origin: str
    layout: dict[str, Any]
    mapping: dict[int, str]
    width: int
    byte_size: int

    @property
    def is_understood(self) -> bool:
        return "header_line" in self.layout


def read_list(claimed: ClaimedJob) -> None:
    """One attempt at reading; ends the job. Raises what `jobs.work` translates: Unavailable, LostClaim, Interrupted."""
    try:
        plan = _begin(claimed)
        kind, size = plan.layout["kind"], plan.byte_size
        with turn_to_read(kind=kind, byte_size=size, waiting=lambda: _is_wanted(claimed)):
            if not plan.is_understood:
                plan = _understand(claimed, plan)
            tally = Tally()
            for checked in _one_ahead(_checked(claimed.tenant, plan)):
                jobs.heartbeat(claimed)
                _settle(claimed, plan, checked, tally)
        _complete(claimed, tally)
    except _Ended:
        return
    except Refused as error:
        _refuse(claimed, code=error.reason, message=error.message)
    except Invalid as error:
        _refuse(claimed, code=error.code, message=error.message)


def bury_read(scope: Scope, claimed: ClaimedJob) -> None:
    """Called in the transaction that fails the job for good."""
    row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
    if _is_current(row, claimed):
        drop_rows(scope, row.id)
        _end_refused(row, code="read_failed", message=_GONE_WRONG)


def _begin(claimed: ClaimedJob) -> _Plan:
    with _step(claimed) as (scope, row):
        origin = claimed.arguments.get("from", "file")
        row.status = "reading"
        row.refusal_code = row.refusal_message = None
        row.row_count = row.valid_count = row.invalid_count = row.duplicate_count = row.owned_count = None
        if origin == "file":
            drop_rows(scope, row.id)
        jobs.advance(scope, claimed, stage="reading")
        return _plan(row, origin)


def _plan(row: Enrichment, origin: str) -> _Plan:
    mapping = {int(place): name for place, name in row.mapping.items()}
    return _Plan(row.id, row.revision, origin, dict(row.layout), mapping, len(row.columns), row.byte_size)


def _understand(claimed: ClaimedJob, plan: _Plan) -> _Plan:
    """Look at the file first: an XLSX that has just arrived, or a layout that was chosen."""
    layout = plan.layout
    compression, chosen = layout.get("compression"), layout.get("chosen") or {}

    def pieces() -> Iterator[bytes]:
        return stored_pieces(claimed.tenant, plan.enrichment_id)

    understood: Understood
    if layout["kind"] == "xlsx":
        with on_disk(unpacked(pieces(), compression=compression)) as path:
            understood = look_at_workbook(path, compression=compression, chosen=chosen)
        give_memory_back()
    else:
        understood = look_at_text(pieces, kind=layout["kind"], compression=compression, chosen=chosen)
    with _step(claimed) as (scope, row):
        take_over(scope, row, understood)
        jobs.advance(scope, claimed, stage="reading")
        return _plan(row, plan.origin)


def _source(tenant: Tenant, plan: _Plan) -> Iterator[pl.DataFrame]:
    """The data rows: `number` (from 1), `line`, `flaw`, `extra`, `c0`…"""
    if plan.origin == "rows":
        yield from stored_frames(tenant, plan.enrichment_id, width=plan.width)
        return
    total, limit = 0, settings().enrichment_maximum_rows
    for frame in _file_frames(tenant, plan):
        rows = frame.filter(pl.col("line") > plan.layout["header_line"])
        if not rows.height:
            continue
        if total + rows.height > limit:
            raise too_many_rows()
        yield rows.with_columns(number=pl.int_range(total + 1, total + 1 + rows.height, dtype=pl.Int64))
        total += rows.height
    if not total:
        raise no_rows()


def _file_frames(tenant: Tenant, plan: _Plan) -> Iterator[pl.DataFrame]:
    layout = plan.layout
    pieces = unpacked(stored_pieces(tenant, plan.enrichment_id), compression=layout.get("compression"))
    if layout["kind"] == "xlsx":
        with on_disk(pieces) as path:
            book = open_workbook(path)
            rows = ((row.line, row.cells) for row in sheet_rows(book, layout["sheet"]))
            size = min(BATCH_ROWS, SHEET_CELLS // max(plan.width, 1))
            yield from row_frames(rows, width=plan.width, size=size)
        return
    dialect = Dialect(layout.get("delimiter") or NO_DELIMITER, layout["quote"], layout["eol"])
    yield from frames(as_utf8(pieces, encoding=layout["encoding"]), dialect, width=plan.width)


def _checked(tenant: Tenant, plan: _Plan) -> Iterator[pl.DataFrame]:
    for frame in _source(tenant, plan):
        for start in range(0, frame.height, BATCH_ROWS):
            yield check(frame.slice(start, BATCH_ROWS), plan.mapping)


def _one_ahead(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same batches, the next one being made while the database takes the last one."""
    with ThreadPoolExecutor(1, thread_name_prefix="reading") as worker:
        upcoming = worker.submit(next, batches, None)
        while (batch := upcoming.result()) is not None:
            upcoming = worker.submit(next, batches, None)
            yield batch


def _settle(claimed: ClaimedJob, plan: _Plan, checked: pl.DataFrame, tally: Tally) -> None:
    """Commit a batch with its progress. The disk need not have it yet: the last transaction waits for all before it,
    and a reading that does not get there begins again."""
    with _step(claimed) as (scope, _):
        scope.session.execute(text("SET LOCAL synchronous_commit = off"))
        judged = judge(scope, plan.enrichment_id, checked, tally)
        (update_rows if plan.origin == "rows" else insert_rows)(scope, plan.enrichment_id, judged)
        jobs.advance(scope, claimed, stage="checking", processed=tally.total, failed=tally.by_verdict["invalid"])


def _complete(claimed: ClaimedJob, tally: Tally) -> None:
    with _step(claimed) as (scope, row):
        counts = tally.by_verdict
        row.row_count = tally.total
        row.valid_count, row.invalid_count = counts["valid"], counts["invalid"]
        row.duplicate_count, row.owned_count = counts["duplicate"], counts["owned"]
        row.status = "ready"
        jobs.advance(scope, claimed, total=tally.total)
        jobs.finish(scope, claimed, message=f"{tally.total:,} rows read, {counts['valid']:,} can be looked up")


def _is_wanted(claimed: ClaimedJob) -> None:
    """Raises _Ended when the list is not read any more, and what `heartbeat` raises."""
    jobs.heartbeat(claimed)
    with _step(claimed):
        pass


def _is_current(row: Enrichment, claimed: ClaimedJob) -> bool:
    return row.revision == claimed.arguments["revision"] and row.status in ("received", "reading")


@contextmanager
def _step(claimed: ClaimedJob) -> Iterator[tuple[Scope, Enrichment]]:
    """One transaction of the reading with its list locked. Raises _Ended, after ending the job, when there is nothing
    to read any more."""
    with claimed.tenant.begin() as scope:
        row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
        if not _ends_here(scope, claimed, row):
            yield scope, row
            return
    raise _Ended


def _ends_here(scope: Scope, claimed: ClaimedJob, row: Enrichment) -> bool:
    if not _is_current(row, claimed) or row.purged_at is not None:
        jobs.finish(scope, claimed, message="The list has changed meanwhile; this reading is not needed any more")
        return True
    if claimed.access_lost:
        message = f"Stopped: {claimed.access_lost}"
        drop_rows(scope, row.id)
        _end_refused(row, code="access_lost", message=message)
        jobs.fail(scope, claimed, code="access_lost", message=message)
        return True
    if jobs.cancel_requested(scope, claimed):
        drop_rows(scope, row.id)
        _end_refused(row, code="cancelled", message=_CANCELED)
        jobs.cancelled(scope, claimed)
        return True
    return False


def _refuse(claimed: ClaimedJob, *, code: str, message: str) -> None:
    """The file cannot be used: say why, keep no row of it."""
    with claimed.tenant.begin() as scope:
        row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
        if _is_current(row, claimed):
            drop_rows(scope, row.id)
            _end_refused(row, code=code, message=message)
        jobs.fail(scope, claimed, code=code, message=message)


def _end_refused(row: Enrichment, *, code: str, message: str) -> None:
    row.status, row.refusal_code, row.refusal_message = "refused", code, message

"""The history of jobs as a CSV file (JOB-16)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import tuple_

from cursive_app.services.csv_cells import plain_cell
from cursive_app.services.jobs.admin.listing import EVERY_JOB, open_search
from cursive_app.services.jobs.admin.rows import read_rows, rows_statement
from cursive_app.services.jobs.admin.staff import record_action, require_staff
from cursive_app.services.jobs.admin.views import SEARCHED_JOBS, AdminJobRow, JobSearch, StaffActor
from db.models.jobs import Job
from db.system import system_scope

BATCH = 1_000
HEADER = (
    "id", "kind", "title", "workspace", "workspace_id", "state", "stage", "queue", "tries", "created_at", "started_at",
    "finished_at", "waited_seconds", "duration_seconds", "total", "processed", "failed", "credits_held",
    "credits_captured", "credits_released", "credits_refunded", "actor", "error_code", "error_message", "fingerprint",
    "tags",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """The file, to be read once, and the creation time at which its search ended (None: it looked at everything)."""

    lines: Iterator[bytes]
    searched_back_to: datetime | None

    def __iter__(self) -> Iterator[bytes]:
        return self.lines


def history_csv(actor: StaffActor, search: JobSearch = EVERY_JOB) -> HistoryFile:
    """The jobs that match, newest first, as UTF-8 with a header, in batches read in short transactions. When there are
    more jobs than a query looks at, a last line says so in its first cell.

    Text that a spreadsheet would run gets an apostrophe in front. Raises Forbidden and Invalid before the first byte.
    """
    require_staff(actor, "read_only", attempted="jobs.export", object_type="history")
    with system_scope() as scope:
        opened = open_search(scope, actor, search)
        record_action(scope, actor, action="jobs.export", object_type="history", query=search.query)

    def lines() -> Iterator[bytes]:
        yield _csv([HEADER])
        position: tuple[datetime, object] | None = None
        while True:
            statement = rows_statement().where(*opened.conditions())
            if position is not None:
                statement = statement.where(tuple_(Job.created_at, Job.id) < tuple_(*position))
            with system_scope() as scope:
                rows = read_rows(scope, statement.order_by(Job.created_at.desc(), Job.id.desc()).limit(BATCH))
            if rows:
                yield _csv([_values(row) for row in rows])
                position = (rows[-1].created_at, rows[-1].id)
            if len(rows) < BATCH:
                break
        if opened.edge is not None:
            yield _csv([(_bounded(opened.edge[0]), *[""] * (len(HEADER) - 1))])

    return HistoryFile(lines=lines(), searched_back_to=opened.edge[0] if opened.edge is not None else None)


def _bounded(edge: datetime) -> str:
    searched = f"Only the newest {SEARCHED_JOBS:,} jobs were searched, back to {_plain(edge)}."
    return f"{searched} Choose dates to go further back."


def _values(row: AdminJobRow) -> tuple[str, ...]:
    return tuple(
        _plain(value)
        for value in (
            row.id, row.kind, row.title, row.workspace_name, row.workspace_id, row.status, row.stage, row.queue,
            row.tries, row.created_at, row.started_at, row.finished_at, row.waited_seconds, row.duration_seconds,
            row.total, row.processed, row.failed, row.credits_held, row.credits_captured, row.credits_released,
            row.credits_refunded, row.actor_label, row.error_code, row.error_message, row.fingerprint,
            " ".join(row.tags),
        )
    )  # fmt: skip


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return plain_cell(value) if isinstance(value, str) else str(value)


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()

"""The statement as CSV: every line of a filter, streamed, and nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC

from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.credits.posting import LedgerLine, line_of
from cursive_app.services.credits.statement import StatementFilter, conditions
from cursive_app.services.csv_cells import plain_cell
from db.models.credits import CreditLine
from db.scope import Tenant

CSV_BATCH = 2000


def export_csv(tenant: Tenant, *, filter: StatementFilter | None = None) -> Iterator[bytes]:
    """The filtered statement as CSV, oldest line first, a batch at a time (each batch is one short transaction).

    Text that a spreadsheet would run as a formula gets a leading apostrophe. Raises Forbidden before the first byte.
    """
    require(tenant, Permission.VIEW_CREDITS)
    return _csv(tenant, filter or StatementFilter())


def _csv(tenant: Tenant, chosen: StatementFilter) -> Iterator[bytes]:
    yield _rows(
        ["number", "time_utc", "kind", "description", "change", "held_change", "balance_after", "held_after", "by",
         "reference", "job_id", "answers_line_id", "line_id"]
    )  # fmt: skip
    last = 0
    while True:
        with tenant.begin() as scope:
            wanted = conditions(scope, chosen)
            batch = scope.select(CreditLine).where(*wanted, CreditLine.seq > last).order_by(CreditLine.seq)
            lines = [line_of(row) for row in scope.session.scalars(batch.limit(CSV_BATCH))]
        if not lines:
            return
        yield b"".join(_rows(_cells(line)) for line in lines)
        last = lines[-1].seq


def _cells(line: LedgerLine) -> list[str]:
    return [
        str(line.seq),
        line.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        line.kind,
        plain_cell(line.description),
        f"{line.change:.2f}",
        f"{line.held_change:.2f}",
        f"{line.balance_after:.2f}",
        f"{line.held_after:.2f}",
        plain_cell(line.actor_label),
        plain_cell(line.reference or ""),
        str(line.job_id or ""),
        str(line.answers_id or ""),
        str(line.id),
    ]


def _rows(cells: list[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue().encode()

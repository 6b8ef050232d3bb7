"""F27: a worker of the default size that reads the largest lists there may be, four at once, stays within 512 MB."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
import xlsxwriter

from cursive_app.services import enrichment
from cursive_app.services.enrichment.spreadsheet import MAX_CELLS
from cursive_app.settings import settings
from db.scope import Tenant
from tests.factories import make_cast
from tests.factories_enrichment import list_row
from tests.faults.processes import Process, wait_until
from tests.faults.test_enrichment_memory import MOST_MEGABYTES

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
WORDS = random.Random(20260404).sample(range(10**9, 10**10), 1_000)
ROWS = 49_999
WIDE, SHEET_WIDTH = 90, 50  # 50,000 rows of 50 cells are just under what a sheet may have


def person(number: int, width: int) -> list[str]:
    """A row of a list: an address of its own, and cells of nine or ten characters that do not repeat side by side."""
    return [f"person{number}@acme.example", *(str(WORDS[(number + place * 7) % 1_000]) for place in range(width - 1))]


def long_text() -> bytes:
    """As long as a list may be: 50,000 rows in just under 25 MB."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["E-mail", *(f"Note {place}" for place in range(1, 45))])
    writer.writerows(person(number, 44) for number in range(ROWS))
    return out.getvalue().encode()[: settings().enrichment_maximum_bytes]


def wide_packed_text() -> bytes:
    """Some 50 MB in a gzip of less than 25."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["E-mail", *(f"Note {place}" for place in range(1, WIDE))])
    writer.writerows(person(number, WIDE) for number in range(ROWS))
    return gzip.compress(out.getvalue().encode(), compresslevel=1)


def full_workbook() -> bytes:
    """Nearly as many cells as a sheet may have, all of them texts."""
    assert MAX_CELLS * 0.98 < (ROWS + 1) * SHEET_WIDTH <= MAX_CELLS
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["E-mail", *(f"Note {place}" for place in range(1, SHEET_WIDTH))])
    for number in range(ROWS):
        sheet.write_row(number + 1, 0, [f"n{cell}" for cell in person(number, SHEET_WIDTH)])
    book.close()
    return out.getvalue()


def peak_megabytes(process: Process) -> int:
    """The most memory the process has had, by the kernel's own mark."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def upload(tenant: Tenant, content: bytes, name: str, folder: Path) -> UUID:
    path = folder / name
    path.write_bytes(content)
    return enrichment.open_upload(tenant, path=path, filename=name).id


def test_a_worker_reads_the_largest_lists_at_once_within_its_memory(
    spawn: Spawn, tmp_path: Path, trials: Trials, tell: Callable[[str], None]
) -> None:
    book = full_workbook()
    files = {"full.xlsx": book, "again.xlsx": book}
    if trials(0, 1):
        files |= {"long.csv": long_text(), "wide.csv.gz": wide_packed_text()}
    for _ in range(trials(1, 4)):
        tenant = make_cast().alice
        ids = [upload(tenant, content, name, tmp_path) for name, content in files.items()]
        worker = spawn("cursive_app.jobs.worker")

        def all_read(ids: list[UUID] = ids, worker: Process = worker) -> bool:
            assert worker.is_alive, worker.output()[-2_000:]
            return all(list_row(id).status in ("ready", "refused") for id in ids)

        wait_until(all_read, seconds=240, what="every list to be read")
        assert [list_row(id).status for id in ids] == ["ready"] * len(ids), [list_row(id).refusal_message for id in ids]
        peak = peak_megabytes(worker)
        assert peak < MOST_MEGABYTES
        tell(f"{len(ids)} of the largest lists at once in a worker of at most {peak} MB")
        assert worker.stop() == 0

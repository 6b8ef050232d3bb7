"""A table as XLSX, through a spool file whose size is on disk and not in memory."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from cursive_app.errors import Unavailable
from cursive_app.settings import settings

LARGEST_SHEET = 1_048_575  # rows beside the header
LONGEST_CELL = 32_767  # characters
BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Table:
    """The header line, how many cells of a row are original, and the output columns behind them."""

    header: Sequence[str]
    width: int
    fields: Sequence[str]


def write_workbook(table: Table, batches: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Write the whole workbook and hand out its bytes. Every cell is text, so no cell is a formula or a link.

    Raises Unavailable when the spool's disk is full, and what `batches` raises.
    """
    folder = settings().spool_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # handed on; has no name, so it goes with its handle
        try:
            _write(file, table, batches, folder=str(folder))
            file.seek(0)
        except BaseException:
            file.close()
            raise
    except (OSError, FileCreateError) as error:
        cause = error if isinstance(error, OSError) else error.args[0]
        if getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable("There is no room to write the workbook right now. Download the list as CSV.") from error
        raise
    return _blocks(file)


def _write(file: IO[bytes], table: Table, batches: Iterable[Sequence[Any]], *, folder: str) -> None:
    options = {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet("Enriched")
        bold = book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(table.header):
            sheet.write_string(0, column, name[:LONGEST_CELL], bold)
        line = 0
        for batch in batches:
            for cells, found, *outcome in batch:
                line += 1
                values = [*cells[: table.width], *[""] * (table.width - len(cells))]
                values += [(found or {}).get(name) for name in table.fields]
                for column, value in enumerate([*values, *outcome]):
                    if value:
                        sheet.write_string(line, column, value[:LONGEST_CELL])


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block

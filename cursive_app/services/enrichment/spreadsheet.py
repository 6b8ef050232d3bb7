"""XLSX files: looked through before they are opened, then their cells as text (bad inputs 18, 19).

The workbook reader unpacks whole parts and makes a table as large as the outermost cell, so both are measured first: a
few kilobytes could otherwise ask for gigabytes. Formulas are never evaluated and links never followed; a cell's stored
value is what counts.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from cursive_app.services.enrichment.refusals import (
    MAX_COLUMNS,
    MAX_ROW_BYTES,
    Refused,
    check_unpacked,
    too_many_columns,
    too_many_rows,
)
from cursive_app.settings import settings

MAX_CELLS = 2_500_000  # a table of them is some 250 MB when they are texts; a worker may take 512 in all (F27)
_PREAMBLE = 1_000  # rows above and between the data
_MAX_PARTS = 10_000
_PIECE = 256 * 1024
_NOT_A_WORKBOOK = "This is a ZIP archive, not a list. Unpack it and upload the CSV or XLSX file inside."
_CELL = re.compile(rb"<(?:\w+:)?c\s(?:[^<>]*?\s)?r\s*=\s*[\"']([A-Za-z]{1,4})([0-9]{1,8})[\"'][^<>]*(?<!/)>")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row of a sheet. `line` is its number there."""

    line: int
    cells: list[str]


def check_workbook(path: Path) -> None:
    """Raises Refused unless the file is a workbook that can be opened within bounds."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > _MAX_PARTS:
                raise Refused("bomb", "This workbook has too many parts to be a list. Save it as CSV.")
            names = {part.filename for part in parts}
            if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
                raise _no_workbook(names)
            _measure(path, parts)
    except (zipfile.BadZipFile, struct.error, zlib.error, OSError, ValueError):
        raise Refused("damaged_workbook", "The XLSX file is damaged. Save it again and upload it.") from None


def _no_workbook(names: set[str]) -> Refused:
    """What a ZIP archive without a workbook in it is, as far as its parts tell."""
    if "content.xml" in names and "mimetype" in names:
        return Refused("open_document", "This is an OpenDocument file (.ods). Save it as XLSX or CSV.")
    if any(name.startswith("Index/") and name.endswith(".iwa") for name in names):
        return Refused("numbers", "This is a document of Apple Numbers. Export it as CSV or Excel.")
    if any(name.startswith(("word/", "ppt/")) for name in names):
        return Refused("document", "This is a text document or a presentation. Save the list as CSV or XLSX.")
    return Refused("not_a_workbook", _NOT_A_WORKBOOK)


def _measure(path: Path, parts: list[zipfile.ZipInfo]) -> None:
    """Unpack every part once, counting: what a directory says of sizes may be a lie."""
    packed = unpacked = 0
    with path.open("rb") as file:
        for part in parts:
            if part.flag_bits & 1:
                raise Refused("encrypted", "The file is protected by a password. Save it without one.")
            packed += part.compress_size
            before = packed
            is_sheet = part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml")
            table = _Table()
            for piece in _inflated(file, part):
                unpacked += len(piece)
                check_unpacked(packed=before, unpacked=unpacked)
                if is_sheet:
                    table.look(piece)


class _Table:
    """How far the cells of a sheet reach, seen while its XML goes by."""

    def __init__(self) -> None:
        self._rest = b""
        self.rows = self.columns = 0

    def look(self, piece: bytes) -> None:
        if not self._rest and not self.rows and b"\x00" in piece[:4]:
            raise Refused("damaged_workbook", "The XLSX file is written in an unusual way. Save it as CSV.")
        text = self._rest + piece
        self._rest = text[-512:]
        for column, row in _CELL.findall(text):
            self.rows = max(self.rows, int(row))
            self.columns = max(self.columns, _column_number(column))
        if self.rows > settings().enrichment_maximum_rows + _PREAMBLE:
            raise too_many_rows()
        if self.columns > MAX_COLUMNS:
            raise too_many_columns(self.columns)
        if self.rows * self.columns > MAX_CELLS:
            raise Refused("too_many_cells", f"The sheet has more than {MAX_CELLS:,} cells. Save it as CSV.")


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _inflated(file: Any, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The unpacked bytes of a part, read past what its directory entry claims."""
    file.seek(part.header_offset)
    header = file.read(30)
    if header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile
    name, extra = struct.unpack("<HH", header[26:30])
    file.seek(name + extra, 1)
    left = part.compress_size
    if part.compress_type == zipfile.ZIP_STORED:
        while left and (piece := file.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece
        return
    if part.compress_type != zipfile.ZIP_DEFLATED:
        raise zipfile.BadZipFile(f"compression method {part.compress_type}")
    stream = zlib.decompressobj(-15)
    while left and (packed := file.read(min(_PIECE, left))):
        left -= len(packed)
        while packed:
            yield stream.decompress(packed, _PIECE)
            packed = stream.unconsumed_tail


def open_workbook(path: Path) -> CalamineWorkbook:
    """Raises Refused for what is damaged or locked."""
    try:
        return CalamineWorkbook.from_path(path)
    except PasswordError:
        raise Refused("encrypted", "The file is protected by a password. Save it without one.") from None
    except CalamineError:
        raise Refused("damaged_workbook", "The XLSX file is damaged. Save it again and upload it.") from None


def sheet_names(book: CalamineWorkbook) -> tuple[str, ...]:
    """The visible sheets that hold cells. Raises Refused when there is none."""
    found = tuple(
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    )
    if not found:
        raise Refused("no_sheet", "The workbook has no visible sheet with cells.")
    return found


def sheet_rows(book: CalamineWorkbook, name: str) -> Iterator[SheetRow]:
    """The rows of a sheet that hold anything, as text."""
    try:
        sheet = book.get_sheet_by_name(name)
        for line, row in enumerate(sheet.iter_rows(), start=1):
            cells = [cell_text(value) for value in row]
            if not any(cell.strip() for cell in cells):
                continue
            if sum(map(len, cells)) > MAX_ROW_BYTES:
                raise Refused("row_too_long", f"Row {line:,} is longer than {MAX_ROW_BYTES // 1024:,} KB.")
            yield SheetRow(line, cells)
    except CalamineError:
        raise Refused("damaged_workbook", "The XLSX file is damaged. Save it again and upload it.") from None


def cell_text(value: object) -> str:
    """A cell as a CSV of it would say: whole numbers without ".0", ISO dates, TRUE and FALSE."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e18:
            return str(int(value))
        return repr(value)
    if isinstance(value, dt.datetime):
        plain = value.time() == dt.time(0)
        return value.date().isoformat() if plain else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return "" if value is None else str(value)

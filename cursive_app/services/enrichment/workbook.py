"""A table as XLSX, written while it is sent: the first bytes leave at once, and neither disk nor memory holds the file.

Every cell is typed as text, so none is a formula or a link, whatever it begins with.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

LARGEST_SHEET = 1_048_575  # rows beside the header
LONGEST_CELL = 32_767  # characters
BLOCK = 64 * 1024

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET_TYPE, _STYLES_TYPE = f"{_TYPE}.worksheet+xml", f"{_TYPE}.styles+xml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEET_TYPE}"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_STYLES_TYPE}"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Enriched" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill '
    'patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border>'
    '<left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" '
    'fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="2"><xf numFmtId="49" fontId="0" fillId="0" borderId="0" '
    'xfId="0" applyNumberFormat="1"/><xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" '
    'applyNumberFormat="1" applyFont="1"/></cellXfs></styleSheet>',
}
_SHEET_START = (
    f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
    'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
_SPECIAL = re.compile(r"[&<>\x00-\x1f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
_ILLEGAL = re.compile(r"[\ud800-\udfff\ufffe\uffff]")


def write_workbook(header: Sequence[str], batches: Iterable[Iterable[Sequence[str | None]]]) -> Iterator[bytes]:
    """The bytes of the workbook, as its rows come, each as wide as the header. Raises what `batches` raises: the file
    then breaks off."""
    sink, columns = _Sink(), [_letters(position) for position in range(len(header))]
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=zlib.Z_BEST_SPEED) as book:
        for name, body in _PARTS.items():
            book.writestr(name, _HEAD + body)
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write((_HEAD + _SHEET_START + _row(1, header, columns, style=1)).encode())
            yield sink.take()
            for rows in _rows(columns, batches):
                sheet.write(rows.encode())
                if sink.size > BLOCK:
                    yield sink.take()
            sheet.write(b"</sheetData></worksheet>")
    yield sink.take()


class _Sink(io.RawIOBase):
    """Where the archive is written: what has not been taken yet. It cannot go back, so sizes follow the data."""

    def __init__(self) -> None:
        self._written: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written.append(bytes(data))
        self.size += len(self._written[-1])
        return len(self._written[-1])

    def take(self) -> bytes:
        taken = b"".join(self._written)
        self._written, self.size = [], 0
        return taken


def _rows(columns: Sequence[str], batches: Iterable[Iterable[Sequence[str | None]]]) -> Iterator[str]:
    """The XML of some rows at a time."""
    number = 1
    for batch in batches:
        text: list[str] = []
        for values in batch:
            number += 1
            text.append(_row(number, values, columns))
            if len(text) == 200:
                yield "".join(text)
                text = []
        yield "".join(text)


def _row(number: int, values: Sequence[str | None], columns: Sequence[str], *, style: int = 0) -> str:
    cells = [
        f'<c r="{column}{number}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{_text(value)}</t></is></c>'
        for column, value in zip(columns, values, strict=True)
        if value
    ]
    return f'<row r="{number}">{"".join(cells)}</row>'


def _text(value: str) -> str:
    """XML text; control characters in the form that spreadsheets read (`_x000D_`), and what looks like it escaped."""
    if len(value) > LONGEST_CELL:
        value = value[:LONGEST_CELL]
    if not _SPECIAL.search(value):
        return value
    value = _ILLEGAL.sub("\ufffd", _ESCAPED.sub("_x005F_", value))
    return escape(_CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", value))


def _letters(position: int) -> str:
    """A, B … Z, AA, AB …"""
    letters, rest = "", position + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(65 + letter) + letters
    return letters

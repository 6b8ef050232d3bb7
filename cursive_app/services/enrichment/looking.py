"""Looking at a file before its rows are read: kind, packing, encoding, layout. Nothing is held but its first rows."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

from cursive_app.errors import Invalid, Unavailable
from cursive_app.services.enrichment.encodings import ENCODINGS, Encoding, as_utf8, detect
from cursive_app.services.enrichment.fields import identifies
from cursive_app.services.enrichment.refusals import Refused
from cursive_app.services.enrichment.spreadsheet import (
    check_workbook,
    open_workbook,
    sheet_names,
    sheet_rows,
)
from cursive_app.services.enrichment.understanding import Source, Understood, understand_csv, understand_rows
from cursive_app.services.enrichment.unpacking import GZIP, HEAD_BYTES, head_of, kind_of, unpacked
from cursive_app.settings import settings

Pieces = Callable[[], Iterator[bytes]]
_SHEET_HEAD = 200
_SHEETS_LOOKED_AT = 12


def compression_of(pieces: Pieces) -> str | None:
    return "gzip" if head_of(pieces(), size=2) == GZIP else None


def kind_and_packing(pieces: Pieces) -> tuple[str, str | None]:
    """('csv' or 'xlsx', 'gzip' or None). Raises Refused for anything else."""
    compression = compression_of(pieces)
    return kind_of(head_of(unpacked(pieces(), compression=compression))), compression


def look_at_text(
    pieces: Pieces, *, kind: str = "csv", compression: str | None, chosen: Mapping[str, Any]
) -> Understood:
    """What a CSV file is understood to be; its encoding is looked for over the whole file. Raises Refused, Invalid."""
    encoding = _chosen_encoding(chosen) or detect(unpacked(pieces(), compression=compression))
    text = as_utf8(unpacked(pieces(), compression=compression), encoding=encoding.name)
    head = head_of(text, size=HEAD_BYTES + 1)
    source = Source(kind=kind, compression=compression, encoding=encoding, chosen=chosen)
    return understand_csv(source, head=head[:HEAD_BYTES], is_whole=len(head) <= HEAD_BYTES)


def _chosen_encoding(chosen: Mapping[str, Any]) -> Encoding | None:
    name = chosen.get("encoding")
    if name is None:
        return None
    if name not in ENCODINGS:
        raise Invalid(fields={"encoding": f"Choose one of {', '.join(ENCODINGS)}."})
    return Encoding(name, has_mark=False, note=None)


def look_at_workbook(path: Path, *, compression: str | None, chosen: Mapping[str, Any]) -> Understood:
    """What an XLSX file is understood to be. Raises Refused, Invalid."""
    check_workbook(path)
    book = open_workbook(path)
    names = sheet_names(book)
    sheet = _chosen_sheet(names, chosen) or _sheet_of_people(book, names)
    return _understand_sheet(book, sheet, Source("xlsx", compression, sheet=sheet, sheets=names, chosen=chosen))


def _chosen_sheet(names: tuple[str, ...], chosen: Mapping[str, Any]) -> str | None:
    name = chosen.get("sheet")
    if name is not None and name not in names:
        raise Invalid(fields={"sheet": f"Choose one of {', '.join(names)}."})
    return name


def _sheet_of_people(book: CalamineWorkbook, names: tuple[str, ...]) -> str:
    """The first sheet with a column that identifies people; workbooks begin with covers and instructions. Where there
    is none, the first with more than one row, else the first."""
    longer = None
    for name in names[:_SHEETS_LOOKED_AT]:
        try:
            found = _understand_sheet(book, name, Source("xlsx", sheet=name, sheets=names))
        except Refused:
            continue
        if identifies(set(found.mapping.values())):
            return name
        longer = longer or (name if len(found.layout["head"]) > 1 else None)
    return longer or names[0]


def _understand_sheet(book: CalamineWorkbook, name: str, source: Source) -> Understood:
    head = list(islice(sheet_rows(book, name), _SHEET_HEAD + 1))
    if not head:
        raise Refused("empty", f"The sheet “{name}” is empty.")
    rows, lines = [row.cells for row in head[:_SHEET_HEAD]], [row.line for row in head[:_SHEET_HEAD]]
    return understand_rows(source, rows, lines, extra={"delimiter": None}, is_whole=len(head) <= _SHEET_HEAD)


@contextmanager
def on_disk(pieces: Iterable[bytes]) -> Iterator[Path]:
    """The bytes as a file for as long as the block lasts. Raises Unavailable when the disk is full (F9)."""
    folder = settings().spool_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix="list-", suffix=".tmp")
    except OSError as error:
        raise _disk(error) from error
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                for piece in pieces:
                    file.write(piece)
                file.flush()
            except OSError as error:
                raise _disk(error) from error
        yield path
    finally:
        path.unlink(missing_ok=True)


def _disk(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("There is no room to read files at the moment. Nothing is lost; it is tried again.")
    return error

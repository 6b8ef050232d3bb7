"""One CSV row after the other, exactly: the reference that the fast reader (`csv_blocks`) has to agree with.

RFC 4180 with the leniency of real files: a quote inside an unquoted cell is a letter, a lone CR in a file of LF lines
too, and a quote that is never closed spoils its own line only, instead of swallowing the rest (bad input 10).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cursive_app.services.enrichment.refusals import MAX_ROW_BYTES

NO_DELIMITER = "\x1f"  # for a file of one column: no comma in it separates anything
UNCLOSED = "unclosed_quote"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells and rows are told apart. `eol` is the last character of a line end: LF also for CRLF, CR where no LF
    occurs (bad input 13)."""

    delimiter: str
    quote: str
    eol: str


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands. `lines` is how many lines of the file it covers, `end` where the next one starts."""

    cells: list[str]
    lines: int
    end: int
    flaw: str | None


@lru_cache(maxsize=64)
def _patterns(dialect: Dialect) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """A quoted cell, an open quote as far as it goes, and a plain cell."""
    d, q, e = (re.escape(each) for each in (dialect.delimiter, dialect.quote, dialect.eol))
    after = rf"(?={d}|{e}|\r\n|\r?\Z)" if dialect.eol == "\n" else rf"(?={d}|{e}|\Z)"
    inside = rf"{q}((?:[^{q}]++|{q}{q})*+)"
    return re.compile(rf"{inside}{q}{after}"), re.compile(inside), re.compile(rf"[^{d}{e}]*+")


def scan(text: str, dialect: Dialect, *, final: bool) -> Iterator[RawRow]:
    """The complete rows at the start of a text, empty lines as rows without cells. What follows the last one needs
    more text (`final` says there is none, so everything is a row)."""
    position, end = 0, len(text)
    while position < end:
        row = _row(text, position, dialect, final=final)
        if row is None:
            return
        yield row
        position = row.end


def _row(text: str, start: int, dialect: Dialect, *, final: bool) -> RawRow | None:
    quoted, opened, plain = _patterns(dialect)
    cells: list[str] = []
    position = start
    while True:
        found = quoted.match(text, position) if text.startswith(dialect.quote, position) else None
        if found is not None and not final and found.end() >= len(text) - 1:
            return None  # what follows the quote decides, and it is not there yet
        if found is not None:
            cells.append(found[1].replace(dialect.quote * 2, dialect.quote))
            position = found.end()
            if dialect.eol == "\n" and text.startswith("\r", position):
                position += 1
        else:
            if (open_quote := opened.match(text, position)) is not None:
                undecided = not final and open_quote.end() >= len(text) - 1
                if undecided and (len(text) - start < MAX_ROW_BYTES or text.find(dialect.eol, start) < 0):
                    return None
                if _never_closes(text, position, dialect):
                    return _broken(text, start, dialect)
            cell = plain.match(text, position)
            assert cell is not None
            position = cell.end()
            cells.append(cell[0])
        if position >= len(text):
            if not final:
                return None
            return _ended(text, start, position, cells, dialect, quoted=found is not None)
        if text[position] == dialect.delimiter:
            position += 1
            continue
        return _ended(text, start, position + 1, cells, dialect, quoted=found is not None)


def _never_closes(text: str, position: int, dialect: Dialect) -> bool:
    """Whether the line ends inside this quote: a second quote in the same line makes the first one a letter."""
    line_end = text.find(dialect.eol, position)
    line_end = len(text) if line_end < 0 else line_end
    return text.find(dialect.quote, position + 1, line_end) < 0


def _ended(text: str, start: int, end: int, cells: list[str], dialect: Dialect, *, quoted: bool) -> RawRow:
    if dialect.eol == "\n" and not quoted:
        cells[-1] = cells[-1].removesuffix("\r")
    lines = max(text.count(dialect.eol, start, end), 1)
    return RawRow(cells=[] if cells == [""] and not quoted else cells, lines=lines, end=end, flaw=None)


def _broken(text: str, start: int, dialect: Dialect) -> RawRow:
    """The line alone, its quotes taken as letters."""
    found = text.find(dialect.eol, start)
    end = len(text) if found < 0 else found + 1
    line = text[start:end].removesuffix(dialect.eol)
    if dialect.eol == "\n":
        line = line.removesuffix("\r")
    return RawRow(cells=line.split(dialect.delimiter), lines=1, end=end, flaw=UNCLOSED)

"""How a CSV file is written: its delimiter, quote and line ends, from its first rows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from cursive_app.errors import Invalid
from cursive_app.services.enrichment.csv_rows import NO_DELIMITER, Dialect, RawRow, scan
from cursive_app.services.enrichment.headers import looks_like_data

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_ROWS = 200
_SPLIT_SHARE = 0.8  # of the rows have more than one cell, where their number differs


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of a file under one dialect. `lines` says in which line each starts (from 1)."""

    dialect: Dialect
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def delimiter(self) -> str | None:
        """None for a file of one column."""
        return None if self.dialect.delimiter == NO_DELIMITER else self.dialect.delimiter


def sniff(text: str, *, is_whole: bool, delimiter: str | None = None) -> Head:
    """The dialect and the first rows of a text, which is the file's beginning (or, `is_whole`, all of it).

    `delimiter` is the customer's choice (a key of DELIMITERS, or "" for one column); None: found by how evenly it
    splits the rows. Raises Invalid for another choice.
    """
    eol = line_end(text)
    quote = _quote(text, eol)
    if delimiter is not None:
        if delimiter not in DELIMITERS and delimiter != "":
            raise Invalid(fields={"delimiter": "Choose comma, semicolon, tab, pipe or one column."})
        return head_of(text, Dialect(delimiter or NO_DELIMITER, quote, eol), is_whole=is_whole)
    said = _said_by_excel(text)
    if said is not None:
        return head_of(text, Dialect(said, quote, eol), is_whole=is_whole)
    heads = [head_of(text, Dialect(each, quote, eol), is_whole=is_whole) for each in DELIMITERS]
    scores = [_evenness(head.rows) for head in heads]
    best = max(range(len(heads)), key=lambda n: scores[n])
    if scores[best] == (0, 0):
        return _ragged(heads) or head_of(text, Dialect(NO_DELIMITER, quote, eol), is_whole=is_whole)
    rivals = [n for n in range(len(heads)) if n != best and scores[n][0] >= 0.9 * scores[best][0] > 0]
    notes: tuple[str, ...] = ()
    if rivals:
        name = DELIMITERS[heads[best].dialect.delimiter]
        notes = (f"Cells were taken to be separated by {name}s. If the columns look wrong, choose another separator.",)
    return Head(heads[best].dialect, heads[best].rows, heads[best].lines, notes)


def _ragged(heads: Sequence[Head]) -> Head | None:
    """The head whose first row is a row of names and whose other rows are split as well, though no two alike: rows of
    too many and too few cells are problems of these rows, and no reason to take the file for one column."""
    named = [head for head in heads if _is_split(head.rows)]
    best = max(named, key=lambda head: len(head.rows[0]), default=None)
    if best is None:
        return None
    name = DELIMITERS[best.dialect.delimiter]
    note = (
        f"Rows have different numbers of cells. Cells were taken to be separated by {name}s. If the columns look "
        "wrong, choose another separator."
    )
    return Head(best.dialect, best.rows, best.lines, (note,))


def _is_split(rows: Sequence[Sequence[str]]) -> bool:
    if len(rows) < 2:
        return False
    header = [cell.strip() for cell in rows[0]]
    is_named = len(set(header)) == len(header) > 1 and all(cell and not looks_like_data(cell) for cell in header)
    return is_named and sum(len(row) > 1 for row in rows[1:]) >= _SPLIT_SHARE * (len(rows) - 1)


def line_end(text: str) -> str:
    """CR where it alone ends lines (old Mac files), else LF, also for CRLF."""
    return "\r" if "\r" in text and "\n" not in text else "\n"


def head_of(text: str, dialect: Dialect, *, is_whole: bool) -> Head:
    """The first rows that are not empty, and the lines they start in."""
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    line = 1
    found: list[RawRow] = list(islice(scan(text, dialect, final=is_whole), _ROWS))
    if not found:  # one row longer than what was looked at
        found = list(islice(scan(text, dialect, final=True), 1))
    for row in found:
        if any(cell.strip() for cell in row.cells):
            rows.append(tuple(row.cells))
            lines.append(line)
        line += row.lines
    return Head(dialect, tuple(rows), tuple(lines))


def _said_by_excel(text: str) -> str | None:
    """The delimiter of a first line "sep=;"."""
    first = text[:8].splitlines()[0].strip() if text[:8].strip() else ""
    named = first[4:5] if first.lower().startswith("sep=") and len(first) <= 5 else ""
    return named if named in DELIMITERS else "\t" if text.lower().startswith("sep=\t") else None


def _quote(text: str, eol: str) -> str:
    """Double quotes, unless cells are plainly wrapped in single ones."""
    if '"' in text[:65536]:
        return '"'
    lines = [line.strip() for line in text[:65536].split(eol)[:50] if line.strip()]
    wrapped = sum(line.startswith("'") and line.endswith("'") and line.count("'") % 2 == 0 for line in lines)
    return "'" if len(lines) >= 2 and wrapped >= 0.8 * len(lines) else '"'


def _evenness(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """How many rows agree on their number of cells, and that number; (0, 0) where it splits nothing."""
    counts = Counter(len(row) for row in rows)
    split = {width: seen for width, seen in counts.items() if width > 1}
    if not split:
        return (0, 0)
    width, seen = max(split.items(), key=lambda item: (item[1], item[0]))
    share = seen / len(rows)
    return (round(share, 2), width) if share >= 0.4 else (0, 0)

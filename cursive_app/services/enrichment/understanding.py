"""What a file is understood to be, from its first rows: layout, columns with samples, and a mapping (ENR-01, 02, 03).

The result is what `enrichments.layout`, `.columns`, `.mapping` and `.fingerprint` hold. What a customer chose instead
of what was found stands in `layout["chosen"]` and wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cursive_app.errors import Invalid
from cursive_app.services.enrichment.encodings import Encoding
from cursive_app.services.enrichment.headers import HEAD_ROWS, column_names, find_header, fingerprint
from cursive_app.services.enrichment.mapping import guess_mapping
from cursive_app.services.enrichment.refusals import MAX_COLUMNS, Refused, no_rows, too_many_columns
from cursive_app.services.enrichment.sniffing import sniff
from cursive_app.services.enrichment.unpacking import HEAD_BYTES

SHOWN_SAMPLES = 3
_SHOWN_CELL = 120
_LONGEST_HEADER = 1_000
_SHOWN_COLUMNS = 60  # of the header picker's rows


@dataclass(frozen=True, slots=True)
class Understood:
    """JSON values as they are stored. `mapping`: position as text to field name. `fingerprint`: what a mapping is
    remembered by, None where nothing tells that another file is of the same kind."""

    layout: dict[str, Any]
    columns: list[dict[str, Any]]
    mapping: dict[str, str]
    fingerprint: str | None

    @property
    def width(self) -> int:
        return len(self.columns)


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of a file before its rows are looked at."""

    kind: str
    compression: str | None = None
    encoding: Encoding | None = None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    chosen: Mapping[str, Any] = field(default_factory=dict)


def understand_csv(source: Source, *, head: bytes, is_whole: bool) -> Understood:
    """`head` is the beginning of the file in UTF-8, without its byte order mark. Raises Refused, Invalid."""
    text = _whole_lines(head, is_whole=is_whole).decode("utf-8", "replace").replace("\x00", "␀")
    found = sniff(text, is_whole=is_whole, delimiter=source.chosen.get("delimiter"))
    if not found.rows:
        raise Refused("empty", "The file is empty. Choose the file with your list.")
    dialect = found.dialect
    extra = {"delimiter": found.delimiter, "quote": dialect.quote, "eol": dialect.eol}
    return understand_rows(source, found.rows, found.lines, extra=extra, notes=found.notes, is_whole=is_whole)


def _whole_lines(head: bytes, *, is_whole: bool) -> bytes:
    """Without a line cut in the middle, so that no half row is counted."""
    if is_whole or len(head) < HEAD_BYTES:
        return head
    cut = max(head.rfind(b"\n"), head.rfind(b"\r"))
    return head[: cut + 1] if cut > 0 else head


def understand_rows(
    source: Source,
    rows: Sequence[Sequence[str]],
    lines: Sequence[int],
    *,
    extra: Mapping[str, Any],
    notes: Sequence[str] = (),
    is_whole: bool,
) -> Understood:
    """`rows` are the first rows that are not empty, `lines` where each starts. Raises Refused, Invalid."""
    widest = max(len(row) for row in rows)
    if widest > MAX_COLUMNS:
        raise too_many_columns(widest)
    header_row = _header_row(source.chosen, rows)
    body = rows[header_row:] if header_row else rows
    if not body and is_whole:
        raise no_rows()
    header = rows[header_row - 1] if header_row else None
    width = _width(header, body)
    names, renamed = column_names(header, width=width)
    samples = [values_of(body, position) for position in range(width)]
    guesses = guess_mapping(names, samples)
    layout = {
        "kind": source.kind,
        "compression": source.compression,
        "encoding": source.encoding.name if source.encoding else None,
        "sheet": source.sheet,
        "sheets": list(source.sheets),
        "header_row": header_row,
        "header_line": lines[header_row - 1] if header_row else 0,
        "notes": [*_notes(source, header_row), *notes, *renamed],
        "head": [[cell[:_SHOWN_CELL] for cell in row[:_SHOWN_COLUMNS]] for row in rows[:HEAD_ROWS]],
        "chosen": dict(source.chosen),
        **extra,
    }
    columns = [
        {
            "name": name,
            **_said_header(header, position, name),
            "samples": shown_samples(values),
            "guess": guesses[position].how if position in guesses else None,
        }
        for position, (name, values) in enumerate(zip(names, samples, strict=True))
    ]
    return Understood(
        layout=layout,
        columns=columns,
        mapping={str(position): guess.field for position, guess in guesses.items()},
        fingerprint=fingerprint(names, has_header=header is not None),
    )


def _said_header(header: Sequence[str] | None, position: int, name: str) -> dict[str, str]:
    """The cell of the header as it stands, for the output, where the column has another name here: that one is cleaned,
    shortened, and given once."""
    said = header[position] if header is not None and position < len(header) else ""
    return {"header": said[:_LONGEST_HEADER]} if said.strip() and said != name else {}


def _header_row(chosen: Mapping[str, Any], rows: Sequence[Sequence[str]]) -> int | None:
    if "header_row" not in chosen:
        return find_header(rows)
    row = chosen["header_row"]
    if row is not None and not 1 <= row <= min(len(rows), HEAD_ROWS):
        raise Invalid(fields={"header_row": f"Choose one of the first {min(len(rows), HEAD_ROWS)} rows."})
    return row


def _width(header: Sequence[str] | None, body: Sequence[Sequence[str]]) -> int:
    """As many columns as the header has, or more when most rows have more; without a header, as many as most rows
    have, or the widest when no number is usual. Empty cells at the end are not counted."""
    counts = Counter(_filled(row) for row in body)
    usual, seen = max(counts.items(), key=lambda each: (each[1], each[0])) if counts else (0, 0)
    is_usual = 2 * seen > len(body)
    if header is None:
        return max(usual if is_usual else max(counts, default=1), 1)
    return max(_filled(header), usual if is_usual else 0, 1)


def _filled(row: Sequence[str]) -> int:
    return max((n for n, cell in enumerate(row, start=1) if cell.strip()), default=0)


def values_of(rows: Sequence[Sequence[str]], position: int) -> list[str]:
    """What stands in a column, blanks left out."""
    return [row[position] for row in rows if position < len(row) and row[position].strip()]


def shown_samples(values: Sequence[str]) -> list[str]:
    """The values of a column that are shown with its name."""
    return [value[:_SHOWN_CELL] for value in dict.fromkeys(values)][:SHOWN_SAMPLES]


def _notes(source: Source, header_row: int | None) -> list[str]:
    notes = [source.encoding.note] if source.encoding is not None and source.encoding.note else []
    if header_row is None:
        notes.append("The first row looks like data, so the columns have no names. If it holds names, choose it below.")
    elif header_row == 2:
        notes.append("The row above the column names is left out.")
    elif header_row > 2:
        notes.append(f"The {header_row - 1} rows above the column names are left out.")
    if source.kind == "xlsx" and len(source.sheets) > 1:
        others = len(source.sheets) - 1
        more = "another sheet" if others == 1 else f"{others} other sheets"
        notes.append(f"Only the sheet “{source.sheet}” is read; {more} can be chosen.")
    return notes

"""A CSV of any length as frames, some megabytes at a time: columns `line`, `flaw`, `extra`, `c0`…`cN`.

Structure is found in columns of bytes (numpy): where quotes are balanced and stand where they may, polars reads all
rows that have the right number of cells at once. Everything else, a block with stray quotes or a row with too many
cells, goes through `csv_rows`, row by row. Both give the same rows, which a property test holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from cursive_app.services.enrichment.csv_rows import Dialect, RawRow, scan
from cursive_app.services.enrichment.refusals import MAX_ROW_BYTES, Refused

BLOCK_BYTES = 1024 * 1024  # some ten thousand rows, so that one block is read while the last one is written
NUL, NUL_SHOWN = "\x00", "␀"  # the database refuses NUL; its picture is kept in its place
_LF, _CR = 10, 13
REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where the rows of a block are: byte offsets, line counts, and how many cells each has."""

    starts: np.ndarray
    ends: np.ndarray  # behind the line end
    cells: np.ndarray
    lines: np.ndarray  # lines of the block before the row


def frames(chunks: Iterable[bytes], dialect: Dialect, *, width: int, first_line: int = 1) -> Iterator[pl.DataFrame]:
    """Frames of the rows of UTF-8 text that starts at a row. Rows without any text are left out.

    `extra` holds what a row has beyond `width` cells (a JSON list), `flaw` the code of what is wrong with its
    structure. Raises Refused for a row longer than MAX_ROW_BYTES.
    """
    line = first_line
    rest = b""
    for block, final in _blocks(chunks):
        data = rest + block
        if not data:
            continue
        frame, used, lines = _read(data, dialect, width=width, line=line, final=final)
        rest = data[used:]
        line += lines
        if len(rest) > MAX_ROW_BYTES:
            raise _too_long(line)
        if frame.height:
            yield frame


def _too_long(line: int) -> Refused:
    return Refused(
        "row_too_long",
        f"The row that starts in line {line:,} is longer than {MAX_ROW_BYTES // 1024:,} KB. "
        "Perhaps the file has other line ends than it seems, or is no list.",
    )


def _blocks(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Pieces of about BLOCK_BYTES, and whether it is the last one."""
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        if len(gathered) >= BLOCK_BYTES:
            yield bytes(gathered), False
            gathered.clear()
    yield bytes(gathered), True


def _read(data: bytes, dialect: Dialect, *, width: int, line: int, final: bool) -> tuple[pl.DataFrame, int, int]:
    """The frame of the complete rows, how many bytes and how many lines they take."""
    if final and not data.endswith(dialect.eol.encode()):
        data += dialect.eol.encode()
    rows = _index(np.frombuffer(data, dtype=np.uint8), dialect)
    if rows is None:
        return _read_slowly(data, dialect, width=width, line=line, final=final)
    if not len(rows.starts):
        stuck = final or len(data) > MAX_ROW_BYTES
        if stuck:  # a quote that does not close
            return _read_slowly(data, dialect, width=width, line=line, final=final)
        return _empty(width), 0, 0
    used = int(rows.ends[-1])
    if (final and used < len(data)) or len(data) - used > MAX_ROW_BYTES:
        return _read_slowly(data, dialect, width=width, line=line, final=final)
    longest = int(np.argmax(rows.ends - rows.starts))
    if rows.ends[longest] - rows.starts[longest] > MAX_ROW_BYTES:
        raise _too_long(line + int(rows.lines[longest]))
    frame = _read_quickly(data, rows, dialect, width=width, line=line)
    if frame is None:
        return _read_slowly(data, dialect, width=width, line=line, final=final)
    lines = data.count(dialect.eol.encode(), 0, used)
    return _marked(frame, width), used, lines


def _index(data: np.ndarray, dialect: Dialect) -> _Rows | None:
    """Where rows and cells end, or None when some quote or lone CR stands where only a letter could."""
    eol, separator, quote = (ord(each) for each in (dialect.eol, dialect.delimiter, dialect.quote))
    if eol == _LF:
        returns = np.flatnonzero(data[:-1] == _CR)
        if len(returns) and not (data[returns + 1] == _LF).all():
            return None  # polars drops some of them
    ends = np.flatnonzero(data == eol)
    separators = np.flatnonzero(data == separator)
    all_ends = ends
    quotes = np.flatnonzero(data == quote)
    if len(quotes):
        if not _well_placed(data, quotes, eol=eol, separator=separator, quote=quote):
            return None
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else np.array([], dtype=np.int64)
    cells = np.diff(np.searchsorted(separators, ends), prepend=0) + 1
    return _Rows(starts=starts, ends=ends + 1, cells=cells, lines=np.searchsorted(all_ends, starts))


def _well_placed(data: np.ndarray, quotes: np.ndarray, *, eol: int, separator: int, quote: int) -> bool:
    """Opening quotes follow a separator, a line end or a quote; closing ones are followed by one of these."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = data[opening[opening > 0] - 1]
    if not np.isin(before, (separator, eol, quote)).all():
        return False
    closing = closing[closing < len(data) - 1]
    after = data[closing + 1]
    good = np.isin(after, (separator, eol, quote))
    if eol == _LF:
        good |= after == _CR  # which LF follows
    return bool(good.all())


def _read_quickly(data: bytes, rows: _Rows, dialect: Dialect, *, width: int, line: int) -> pl.DataFrame | None:
    """The rows of a well-formed block, or None when polars sees other rows than the index."""
    size = rows.ends - rows.starts
    blank = size == 1
    if dialect.eol == "\n":
        first = np.frombuffer(data, dtype=np.uint8)[rows.starts]
        blank |= (size == 2) & (first == _CR)
    regular = (rows.cells == width) & ~blank
    odd = np.flatnonzero(~regular & ~blank)
    try:
        text = data[: rows.ends[-1]] if regular.all() else _joined(data, rows, regular)
        text.decode("utf-8")
    except UnicodeDecodeError:
        return None
    frame = _empty(width)
    if regular.any():
        parsed = _parsed(text, dialect, width)
        if parsed is None or parsed.height != int(regular.sum()):
            return None
        frame = _numbered(parsed, rows.lines[regular] + line, width)
    if len(odd):
        frame = pl.concat([frame, _odd(data, rows, odd, dialect, width=width, line=line)]).sort("line")
    return frame


def _joined(data: bytes, rows: _Rows, wanted: np.ndarray) -> bytes:
    """The text of some rows: runs of neighbors in one slice each."""
    edges = np.diff(np.concatenate(([0], wanted.astype(np.int8), [0])))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return b"".join(data[rows.starts[a] : rows.ends[b]] for a, b in zip(first, last, strict=True))


def _parsed(text: bytes, dialect: Dialect, width: int) -> pl.DataFrame | None:
    try:
        return pl.read_csv(
            text,
            has_header=False,
            schema={f"c{n}": pl.String for n in range(width)},
            separator=dialect.delimiter,
            quote_char=dialect.quote,
            eol_char=dialect.eol,
            empty_string_is_null=False,
            extra_columns="raise",
            missing_columns="raise",
        )
    except pl.exceptions.PolarsError:
        return None


def _numbered(frame: pl.DataFrame, lines: np.ndarray, width: int) -> pl.DataFrame:
    nothing = pl.lit(None, dtype=pl.String)
    cells = [f"c{n}" for n in range(width)]
    return frame.select(pl.Series("line", lines, dtype=pl.Int64), nothing.alias("flaw"), nothing.alias("extra"), *cells)


def _odd(data: bytes, rows: _Rows, odd: np.ndarray, dialect: Dialect, *, width: int, line: int) -> pl.DataFrame:
    found: list[tuple[int, RawRow]] = []
    for at in odd.tolist():
        text = data[rows.starts[at] : rows.ends[at]].decode("utf-8", "replace")
        found.extend((int(rows.lines[at]) + line, row) for row in scan(text, dialect, final=True))
    return rows_frame(found, width)


def _read_slowly(data: bytes, dialect: Dialect, *, width: int, line: int, final: bool) -> tuple[pl.DataFrame, int, int]:
    """Row by row, up to the last complete character of the block."""
    text = _whole_characters(data, final=final).decode("utf-8", "replace")
    found: list[tuple[int, RawRow]] = []
    lines, end = 0, 0
    for row in scan(text, dialect, final=final):
        if row.end - end > MAX_ROW_BYTES:
            raise _too_long(line + lines)
        if row.cells:
            found.append((line + lines, row))
        lines += row.lines
        end = row.end
    used = len(data) if final else len(data) - _bytes_behind(data, text, end, dialect)
    return _marked(rows_frame(found, width), width), used, lines


def _whole_characters(data: bytes, *, final: bool) -> bytes:
    """The block without a character that the next block completes."""
    if final:
        return data
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        if byte >= 0xC0:
            return data[:-back]
        break
    return data


def _bytes_behind(data: bytes, text: str, end: int, dialect: Dialect) -> int:
    """How many bytes of the block stand behind the last complete row. Broken bytes have changed their number, so the
    line ends, which never change, are counted from behind."""
    behind = text.count(dialect.eol, end)
    eol = dialect.eol.encode()
    at = len(data)
    for _ in range(behind):
        at = data.rfind(eol, 0, at)
    return len(data) - (data.rfind(eol, 0, at) + 1)


def row_frames(rows: Iterable[tuple[int, list[str]]], *, width: int, size: int) -> Iterator[pl.DataFrame]:
    """The same frames of rows that are read already: (line, cells), `size` rows at a time."""
    gathered: list[tuple[int, RawRow]] = []
    for line, cells in rows:
        gathered.append((line, RawRow([*cells, *[""] * (width - len(cells))], 1, 0, None)))
        if len(gathered) >= size:
            yield _marked(rows_frame(gathered, width), width)
            gathered = []
    if gathered:
        yield _marked(rows_frame(gathered, width), width)


def rows_frame(rows: list[tuple[int, RawRow]], width: int) -> pl.DataFrame:
    """The frame of rows of any length: padded, and what is beyond the columns in `extra`."""
    if not rows:
        return _empty(width)
    columns: list[list[str | None]] = [[] for _ in range(width)]
    flaws: list[str | None] = []
    extras: list[str | None] = []
    for _, row in rows:
        cells = row.cells
        for n in range(width):
            columns[n].append(cells[n] if n < len(cells) else "")
        beyond = list(cells[width:])
        while beyond and not beyond[-1].strip():
            beyond.pop()
        extras.append(json.dumps(beyond) if beyond else None)
        flaws.append(row.flaw or ("too_many_cells" if beyond else "too_few_cells" if len(cells) < width else None))
    return pl.DataFrame(
        [
            pl.Series("line", [line for line, _ in rows], dtype=pl.Int64),
            pl.Series("flaw", flaws, dtype=pl.String),
            pl.Series("extra", extras, dtype=pl.String),
            *(pl.Series(f"c{n}", values, dtype=pl.String) for n, values in enumerate(columns)),
        ]
    )


def _empty(width: int) -> pl.DataFrame:
    text = dict.fromkeys(("flaw", "extra", *(f"c{n}" for n in range(width))), pl.String)
    return pl.DataFrame(schema={"line": pl.Int64, **text})


def _marked(frame: pl.DataFrame, width: int) -> pl.DataFrame:
    """Without the rows that are empty, and with the picture of NUL in the place of NUL."""
    cells = [f"c{n}" for n in range(width)]
    filled = pl.any_horizontal(*(pl.col(name).str.strip_chars() != "" for name in cells), pl.col("extra").is_not_null())
    marked = frame.filter(filled)
    nuls = marked.select(pl.col(*cells, "extra").str.contains(NUL, literal=True).any()).row(0, named=True)
    wrong = [name for name, found in nuls.items() if found]
    return marked.with_columns(pl.col(*wrong).str.replace_all(NUL, NUL_SHOWN, literal=True)) if wrong else marked

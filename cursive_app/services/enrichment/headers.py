"""Which row holds the names of the columns, and what the columns are called (bad inputs 2, 3, 4)."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

HEAD_ROWS = 20
_LONGEST_NAME = 100
_DATA = re.compile(
    r"\s*(?:[^\s@]+@[^\s@]+\.[^\s@]+|https?://\S+|(?:www\.)?linkedin\.com/\S+|[-+]?[$€£]?[0-9][0-9.,:/%\s()+-]*"
    r"|\+?[0-9(][0-9 ().-]{6,}|[0-9a-fA-F]{32,64}|[0-9a-f]{8}-[0-9a-f-]{27})\s*"
)


def looks_like_data(cell: str) -> bool:
    """Whether a cell is an address, number, date or link: a thing that no column is called by."""
    return is_prose(cell) or bool(_DATA.fullmatch(cell))


def is_prose(cell: str) -> bool:
    """Whether a cell is longer than names are. It may be data, or the question of a survey."""
    return len(cell) > _LONGEST_NAME or "\n" in cell.strip()


def find_header(rows: Sequence[Sequence[str]]) -> int | None:
    """The row (from 1) that holds the names: the first one about as wide as the data, without data in it. None when
    data comes first. Lines above it (titles, "sep=;") are narrower. A cell of prose says nothing of its row as long as
    other cells do: exports of surveys have whole questions as names. Several names right above the first row of data
    are its header, too, though they are few: one may stand over many columns, merged, or columns have none."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:HEAD_ROWS]]
    if not any(filled):
        return None
    usual = Counter(count for count in filled if count).most_common()
    most = max(count for count, seen in usual if seen == usual[0][1])
    for number, (row, count) in enumerate(zip(rows, filled, strict=False), start=1):
        if count < max(1, 0.6 * most):
            continue
        filled_in = [cell for cell in row if cell.strip()]
        named = [cell for cell in filled_in if not is_prose(cell)] or filled_in
        if any(looks_like_data(cell) for cell in named) and not _year_headed(named):
            return number - 1 if number > 1 and _are_few_names(rows[number - 2]) else None
        return number
    return None


def _are_few_names(row: Sequence[str]) -> bool:
    """Whether a row that is narrower than the data below it holds names rather than a title, which is one cell."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return len(set(cells)) == len(cells) > 1 and not any(looks_like_data(cell) for cell in cells)


def _year_headed(cells: Sequence[str]) -> bool:
    """Names may be years or short numbers as long as most cells are words."""
    data = [cell for cell in cells if looks_like_data(cell)]
    return len(data) * 3 <= len(cells) and all(re.fullmatch(r"\s*[0-9]{1,4}\s*", cell) for cell in data)


def column_names(row: Sequence[str] | None, *, width: int) -> tuple[list[str], list[str]]:
    """A name for each column, each once: empty ones become "Column 3", repeated ones "Email (2)". And sentences about
    what was changed."""
    cells = [_clean(cell) for cell in (row or ())[:width]] + [""] * (width - len(row or ()))
    taken = {cell.casefold() for cell in cells if cell}
    names: list[str] = []
    used: set[str] = set()
    repeated: dict[str, None] = {}
    for position, cell in enumerate(cells, start=1):
        name = cell or f"Column {position}"
        if name.casefold() in used or (not cell and name.casefold() in taken):
            if cell:
                repeated[cell] = None
            number = 2
            while f"{name} ({number})".casefold() in used | taken:
                number += 1
            name = f"{name} ({number})"
        used.add(name.casefold())
        names.append(name)
    notes = []
    if repeated:
        shown = ", ".join(f"“{name}”" for name in list(repeated)[:3])
        notes.append(f"Several columns are called {shown}; they are numbered here.")
    return names, notes


def _clean(cell: str) -> str:
    shown = "".join(" " if unicodedata.category(letter) in {"Cc", "Cf", "Cs"} else letter for letter in cell)
    return " ".join(shown.split())[:_LONGEST_NAME]


def fingerprint(names: Sequence[str], *, has_header: bool) -> str | None:
    """Equal for files whose columns have the same names in the same order; None without a header: as many columns may
    hold anything."""
    if not has_header:
        return None
    text = "\x1f".join(name.casefold() for name in names)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

"""Lines of the CSV straight from stored texts: a JSON array of texts is a line of CSV with other marks. Pure.

Postgres puts the texts of a batch together and one pass over all of them sets the marks: brackets, separators, escapes,
and the apostrophe in front of what a spreadsheet would run. Nothing is taken apart, which is why it is several times as
fast as `csv_lines`; a property test holds both to the same bytes. What the pass cannot be sure of it leaves to
`csv_lines`: rare escapes, and arrays with a blank or a plain null between texts. It knows how `checking` and
`stored_found` write; whoever writes otherwise must look here first.

Looking at texts alone is enough because quotes and control characters never stand unescaped inside a JSON text: `,"` is
the beginning of one, or its end followed by a separator, and the marks below stand between texts only.
"""

from __future__ import annotations

import polars as pl

from cursive_app.services.csv_cells import FORMULA_LETTERS
from cursive_app.services.enrichment.stored_found import NAMES, UNKNOWN

ROW, PART = "\x1e", "\x1d"  # before each row, and between its cells, what was found and what became of it
NOTHING_FOUND = "," * (len(NAMES) - 1)

_PLUS, _UNSURE, _BLANK = "\x01", "\x02", "\x03"
_END = "\r\n"
_E164 = rf'{_PLUS}(\+[1-9][0-9]{{6,14}}"(?:,|{_END}|$))'  # a quote alone may be half of a doubled one
_AFTER_BLANKS = rf"{_BLANK}( +[{FORMULA_LETTERS}])".replace("-", r"\-")
_BEGINNINGS = ((f'{ROW}["', f'{_END}"'), (f']{PART}["', ',"'), (',"', ',"'))  # of a text
_ESCAPES = {"\\t": "\t", "\\r": "\r", "\\n": "\n", "\\\\": "\\", '\\"': '""'}
_ODD = ("\\u", "\\b", "\\f", "\\/", '", "', ",null", f"{ROW}[null", f"]{PART}[null")


def _marks() -> dict[str, str]:
    """What is put for what; of two that begin at the same place the earlier one counts."""
    found: dict[str, str] = {}
    written = {letter: escaped for escaped, letter in _ESCAPES.items()}
    for before, after in _BEGINNINGS:
        for letter in FORMULA_LETTERS:
            found[f"{before}{written.get(letter, letter)}"] = f"{after}{_PLUS if letter == '+' else chr(39)}{letter}"
        found[f"{before} "] = f"{after}{_BLANK} "
    found |= dict.fromkeys(_ODD, _UNSURE)
    found |= {f"{ROW}[": _END, f"]{PART}[": ",", f"]{PART}": ",", PART: ",", UNKNOWN: ""}
    return found | _ESCAPES


_MARKS = _marks()
_PUT_FOR, _PUT = list(_MARKS), list(_MARKS.values())


def lines_of(texts: str) -> bytes | None:
    """The lines of some rows; None where a look at the texts alone does not tell.

    Each row is `ROW`, its cells as a JSON array, `PART`, what was found (as `stored_found` has it, or NOTHING_FOUND),
    `PART`, and the rest as texts in quotes or UNKNOWN, separated by commas.
    """
    series = pl.Series([texts]).str.replace_many(_PUT_FOR, _PUT, leftmost=True)
    lines: str = series.item()
    if _UNSURE in lines:
        return None
    if _PLUS in lines:
        lines = series.str.replace_all(_E164, "$1").item().replace(_PLUS, "'")
    if _BLANK in lines:
        lines = pl.Series([lines]).str.replace_all(_AFTER_BLANKS, "'$1").item().replace(_BLANK, "")
    return lines[len(_END) :].encode() + _END.encode()

"""A cell of a CSV file as a spreadsheet must read it: as text, whatever it begins with.

The leads say the same in SQL (`leads.export`), because Postgres writes their lines; a property test compares the two.
"""

from __future__ import annotations

FORMULA_LETTERS = "=+-@\t\r\n＝＋－＠"  # also full-width: some programs fold them


def plain_cell(text: str) -> str:
    """The text, with an apostrophe in front when a spreadsheet would run it. Blanks in front do not hide a formula."""
    return f"'{text}" if text.lstrip(" ")[:1] in tuple(FORMULA_LETTERS) else text

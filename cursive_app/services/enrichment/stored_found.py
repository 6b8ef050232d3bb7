"""How what was found of a row is stored: the texts of the documented columns, in their order, as a JSON array.

Without the names a full record is half as long, and a downloaded line is the stored text with other separators
(`stored_lines`). What is not known is written as a null with a tab in front: JSON takes no notice of it, and no text
inside quotes can hold one, so every such null is found without reading the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic_core import to_json

from cursive_app.services.enrichment.columns import OUTPUT_COLUMNS

UNKNOWN = "\tnull"
NAMES = tuple(column.name for column in OUTPUT_COLUMNS)
"""Rows are read by position: a column is added at the end and never moved."""

_NO_TEXT = "\0"  # stands in no text that Postgres keeps
_NOTHING = dict.fromkeys(NAMES, _NO_TEXT)


def packed(found: dict[str, str]) -> str:
    """The stored text of documented columns that say something. Pure."""
    texts = to_json([*(_NOTHING | found).values()]).decode()  # in the order of NAMES: a union keeps the left side's
    return texts.replace('"\\u0000"', UNKNOWN)


def unpacked(stored: Sequence[str | None] | Mapping[str, str] | None) -> dict[str, str] | None:
    """The columns that say something, by name; None for a row that was not matched. Lists that ran before rows were
    stored by position hold names and are read as well until they expire. Pure."""
    if stored is None:
        return None
    if isinstance(stored, Mapping):
        return dict(stored)
    return {name: value for name, value in zip(NAMES, stored, strict=False) if value is not None}

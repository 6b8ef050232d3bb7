"""Which text may stand in a name or a note that other people read."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset(("Cc", "Cs", "Zl", "Zp"))
# Embeddings, overrides and isolates: text behind them reads backwards and can pass for another name or for our words.
# Joiners and the marks U+200E and U+200F stay: emoji and many scripts need them.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_printable(text: str) -> bool:
    """Whether the text is one line without control characters, halves of surrogate pairs and direction overrides."""
    return not any(letter in _TURNING or unicodedata.category(letter) in _UNSEEN for letter in text)

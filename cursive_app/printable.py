"""Which text may stand in a name or a note that other people read, and how much of it."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset(("Cc", "Cs", "Zl", "Zp"))
# Embeddings, overrides and isolates: text behind them reads backwards and can pass for another name or for our words.
# Joiners and the marks U+200E and U+200F stay: emoji and many scripts need them.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_printable(text: str) -> bool:
    """Whether the text is one line without control characters, halves of surrogate pairs and direction overrides."""
    return not any(letter in _TURNING or unicodedata.category(letter) in _UNSEEN for letter in text)


# Letters and signs by their category that are drawn as nothing: fillers of Hangul, the empty Braille pattern, the
# musical null note, the stand-in for an object.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159\ufffc")


def is_seen(text: str) -> bool:
    """Whether the text shows a letter, digit, sign or emoji; a name of spaces, joiners and marks alone is a blank."""
    return any(unicodedata.category(letter)[0] in "LNPS" and letter not in _BLANK for letter in text)


def shortened(text: str, longest: int) -> str:
    """The text in at most `longest` characters; the last one of a text that was cut is an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

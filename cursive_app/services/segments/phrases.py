"""How a phrase of ours is asked for at a provider that finds text anywhere in a value.

We take whole words with anything but letters and digits between them, so "co-founder" is also in "Co Founder"; the
provider takes the very characters. What is sent must find at least what we accept: each mark that stands between words
of titles and names is spelled out. Nothing is excluded there: its "cto" is also in "Director", and whoever it leaves
out cannot be looked at any more.
"""

from __future__ import annotations

import re
from itertools import pairwise

_BETWEEN = (
    " ", "-", ", ", "/", " & ", " - ", " / ", ",", "&", ".", ". ", "'", "’", " (", ") ", ": ", " | ", "–", " – ",
    " — ", "_", " + ", "+", "; ",
)  # fmt: skip


def askable(phrase: str) -> str:
    """The part of a phrase to ask for: itself up to two words, else its two longest neighbours, for every mark between
    three words and more would be spelled in hundreds of ways."""
    words = _words(phrase)
    if len(words) < 3:
        return phrase
    pairs = [f"{one} {other}" for one, other in pairwise(words)]
    return max(pairs, key=len)


def longest_word(phrase: str) -> str:
    """What is asked for of each phrase where a list of them would be too long to spell."""
    return max(_words(phrase), key=len)


def spellings(phrase: str) -> tuple[str, ...]:
    """The texts one of which stands in every value that holds this phrase of one or two words."""
    words = _words(phrase)
    typed = phrase[phrase.index(words[0]) : phrase.rindex(words[-1]) + len(words[-1])]
    return tuple(dict.fromkeys([typed, *(mark.join(words) for mark in _BETWEEN)])) if len(words) > 1 else (words[0],)


def _words(phrase: str) -> list[str]:
    return re.findall(r"[^\W_]+", phrase)

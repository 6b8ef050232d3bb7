"""Whether a header is a known name with a slip of the keyboard in it (ENR-03). Pure.

Headers are short, so likeness of the whole text says little: "List name" is as near to "Last name" as "Frist name" is
to "First name". Words are compared one by one instead, and what counts as a slip grows with the length of the word. Two
neighbors that changed places are the one slip that hardly ever makes another word.
"""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz.distance import OSA

SWAPPED_FROM = 3  # letters of a known word in which two neighbors may have changed places
ALONE_FROM = 5  # the same, of a name of one word
MISSED_FROM = 6  # in which a letter may be missing or too many
MISTYPED_FROM = 7  # in which a letter that is not the first may be another one
JOINED_FROM = 8  # of a name that is written as one word
PLURAL_FROM = 4
OTHER_WORDS = frozenset({"contract", "employee", "frist", "industrial", "officer", "persona"})
"""Words of their own, one letter from a known one ("Frist" is German for a deadline)."""


def slips(given: str, known: str) -> int | None:
    """How many words of `given` differ from those of `known` by a slip; None when they are not the same name.

    Both as `mapping.normal` writes them: lower case, words apart. Order, plurals and a possessive s are no slips.
    """
    words, names = [word for word in given.split() if word != "s"], known.split()
    if _digits(given) != _digits(known):
        return None  # a second address is not the first one
    if len(words) == len(names):
        if sorted(map(_singular, words)) == sorted(map(_singular, names)):
            return 0
        alone = len(names) == 1
        return _sum(_word_slips(word, name, alone=alone) for word, name in zip(words, names, strict=True))
    joined = known.replace(" ", "")
    if len(words) == 1 and len(joined) >= JOINED_FROM and (_swapped(words[0], joined) or _missed(words[0], joined)):
        return 1
    return None


def _sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _word_slips(word: str, known: str, *, alone: bool) -> int | None:
    """0: the same word, 1: with a slip in it, None: another word."""
    if _singular(word) == _singular(known):
        return 0
    long = len(known)
    if not alone and long >= SWAPPED_FROM and _swapped(word, known):
        return 1
    if _singular(word) in OTHER_WORDS:
        return None
    if long >= ALONE_FROM and _swapped(word, known):
        return 1
    if long >= MISSED_FROM and _missed(word, known):
        return 1
    if long >= MISTYPED_FROM and len(word) == long and word[0] == known[0] and OSA.distance(word, known) == 1:
        return 1
    return None


def _swapped(word: str, known: str) -> bool:
    """Two neighbors have changed places."""
    return len(word) == len(known) and sorted(word) == sorted(known) and OSA.distance(word, known) == 1


def _missed(word: str, known: str) -> bool:
    """One letter is missing, or one is too many."""
    return abs(len(word) - len(known)) == 1 and OSA.distance(word, known) == 1


def _singular(word: str) -> str:
    for ending in ("ses", "s"):
        if word.endswith(ending) and len(word) - 1 >= PLURAL_FROM and not word.endswith("ss"):
            return word[: -2 if ending == "ses" else -1]
    return word


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())

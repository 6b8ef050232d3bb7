"""What stands around a value in real lists and is no part of it: quotes, remarks, certificates, emoji. Pure.

Each takes a cell that `values.clean` has seen and gives it back without. What is left is still to be checked.
"""

from __future__ import annotations

import re
import unicodedata

SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md", "mba", "esq", "cpa"})
_QUOTES = ("'", '"', "`")
_REMARK = re.compile(r"\s*[(\[][^()\[\]@]*[^\W\d_][^()\[\]@]*[)\]]\Z")  # "(work)"; it has a letter in it
_SAID = re.compile(r"(?:e-?mail|mail|e)\s*:\s*", re.IGNORECASE)
_LATER = re.compile(r"\s*\||\s[-\u2013\u2014\u2022\u00b7/]\s")  # "Dana Testperson | Speaker", "… - CEO"
_BRACKETS = re.compile(r"[(\[][^()\[\]]*[)\]]|[\"\u201c\u201d]")
_LONGEST_LETTERS = 6  # of a certificate


def plain_email(text: str) -> str:
    """ "'dana@acme.example'", "dana@acme.example (work)", "mailto:dana@acme.example?subject=x" as bare addresses."""
    bare = _REMARK.sub("", _unquoted(text))
    if bare[:7].lower() == "mailto:":
        bare = bare[7:].partition("?")[0]
    said = _SAID.match(bare)
    return (bare[said.end() :] if said else bare).removeprefix("'")


def plain_phone(text: str) -> str:
    """ "(512) 555-0101 (mobile)" without its remark; "0044 20 …" with the + that 00 stands for."""
    bare = _REMARK.sub("", text.removeprefix("tel:")).strip()
    return re.sub(r"\A00\s*(?=[1-9])", "+", bare)


def plain_name(text: str) -> str:
    """ "Dana (Dee) Testperson, MBA, PMP 🚀 | Speaker" -> "Dana Testperson". A name of nothing else stays as it is."""
    bare = _LATER.split(_BRACKETS.sub(" ", text))[0]
    bare = "".join(letter for letter in bare if not _is_symbol(letter))
    return " ".join(_without_certificates(" ".join(bare.split())).split()) or text


def _is_symbol(letter: str) -> bool:
    return unicodedata.category(letter) in {"So", "Sk", "Sm"} or letter in "\ufe0f\u200d"


def _without_certificates(name: str) -> str:
    """Without what follows commas, when all of it is certificates. "Testperson, Dana" and "TESTPERSON, DANA" stay: a
    single word, or capitals everywhere, may be a last name."""
    head, *rest = [part.strip() for part in name.split(",")]
    words = [word for part in rest for word in part.split()]
    if not head or not words:
        return head or name
    by_case = " " in head and not head.isupper()
    return head if all(_is_certificate(word, by_case=by_case) for word in words) else name


def _is_certificate(word: str, *, by_case: bool) -> bool:
    letters = word.replace(".", "").replace("-", "")
    if letters.lower() in SUFFIXES:
        return True
    return by_case and letters.isalnum() and letters.isupper() and 2 <= len(letters) <= _LONGEST_LETTERS


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 2 and text[0] in _QUOTES and text[-1] == text[0] and text[0] not in text[1:-1]
    return text[1:-1].strip() if is_quoted else text

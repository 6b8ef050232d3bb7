"""Which column holds what: by name, synonym, similar name, and by what stands in it (ENR-03). Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cursive_app.errors import Invalid
from cursive_app.services.enrichment.companies import are_companies
from cursive_app.services.enrichment.fields import EMAIL_FIELDS, FIELDS
from cursive_app.services.enrichment.spelling import slips
from cursive_app.services.enrichment.values import clean, read_value

_TELL_OF_PEOPLE = {
    *EMAIL_FIELDS, "email_sha256", "phone", "linkedin_url", "first_name", "last_name", "job_title", "up_id"
}  # fmt: skip
_CHECKED_KINDS = {"email", "phone", "linkedin", "sha256", "domain"}  # what stands in a column can confirm or refute
_FROM_CONTENT = {"email": "email", "linkedin": "linkedin_url", "sha256": "email_sha256", "phone": "phone"}
SHORTEST = 5  # letters of a name that may be misspelled
_LONGEST = 300  # of an address or a link
_SHARE = 0.6  # of the values seen
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PHONE = re.compile(r"(?:\+|\(|1[-. ]|[0-9]{3}[-. ])[0-9 ().-]{7,}")


class Guess(NamedTuple):
    """`how`: 'name', 'synonym', 'similar', 'content', 'remembered' or 'chosen'."""

    field: str
    how: str


def normal(header: str) -> str:
    """A header as words: "E-Mail_Address (work)" -> "e mail address work"; "firstName" -> "first name"."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", unicodedata.normalize("NFKD", header))
    text = "".join(letter for letter in text if not unicodedata.combining(letter)).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", text).split())


def _squashed(words: str) -> str:
    return words.replace(" ", "")


_NAMES = {_squashed(normal(each)): field.name for field in FIELDS.values() for each in (field.name, field.label)}
_NAMES |= {_squashed(field.key.replace("_", " ")): field.name for field in FIELDS.values() if field.key}
_SYNONYMS = {_squashed(each): field.name for field in FIELDS.values() for each in field.synonyms}
_WORDS = {
    each: field.name
    for field in FIELDS.values()
    for each in (normal(field.label), normal(field.name), *field.synonyms)
    if len(each) >= SHORTEST
}


def guess_mapping(names: Sequence[str], samples: Sequence[Sequence[str]]) -> dict[int, Guess]:
    """The likely field of each column, at most one column per field; columns without one are left out.

    `samples` are values of each column; a column called "E-mail" in which no address stands is not taken for one.
    """
    found: list[tuple[int, int, Guess]] = []  # strength, minus position
    for position, (name, values) in enumerate(zip(names, samples, strict=True)):
        strength, guess = _by_name(name)
        if guess is not None and _refuted(guess.field, values):
            strength, guess = 0, None
        unsure = guess is None or (guess.how != "name" and FIELDS[guess.field].kind not in _CHECKED_KINDS)
        if unsure and (field := _by_content(values)):  # a column "Contact" may hold names, or addresses
            strength, guess = 50, Guess(field, "content")
        if guess is not None:
            found.append((strength, -position, guess))
    mapping: dict[int, Guess] = {}
    taken: set[str] = set()
    for _, position, guess in sorted(found, key=lambda each: each[:2], reverse=True):
        if guess.field not in taken:
            mapping[-position] = guess
            taken.add(guess.field)
    if {"first_name", "last_name"} <= taken:
        mapping = {position: guess for position, guess in mapping.items() if guess.field != "full_name"}
    return dict(sorted(_without_companies(mapping, samples).items()))


def _without_companies(mapping: dict[int, Guess], samples: Sequence[Sequence[str]]) -> dict[int, Guess]:
    """A column "Name" in a list of companies is the company's name: with a website beside it every company would be
    looked up as a person. Only where no other column tells of people."""
    fields = {guess.field for guess in mapping.values()}
    place = next((position for position, guess in mapping.items() if guess.field == "full_name"), None)
    if place is None or fields & _TELL_OF_PEOPLE or not are_companies(samples[place]):
        return mapping
    others = {position: guess for position, guess in mapping.items() if position != place}
    return others if "company_name" in fields else {**others, place: Guess("company_name", "content")}


def _by_name(name: str) -> tuple[int, Guess | None]:
    words = normal(name)
    squashed = _squashed(words)
    if not squashed or re.fullmatch(r"column\s*[0-9]+", words):
        return 0, None
    if field := _NAMES.get(squashed):
        return 100, Guess(field, "name")
    if field := _SYNONYMS.get(squashed):
        return 90, Guess(field, "synonym")
    found = [(count, field) for known, field in _WORDS.items() if (count := slips(words, known)) is not None]
    if not found:
        return 0, None
    count, field = min(found, key=lambda each: each[0])
    return max(80 - 5 * count, 55), Guess(field, "similar")


def _refuted(field: str, values: Sequence[str]) -> bool:
    """Whether what stands in the column cannot be what its name says."""
    kind = FIELDS[field].kind
    if kind not in _CHECKED_KINDS:
        return False
    seen = [cleaned for value in values if (cleaned := clean(value))]
    return len(seen) >= 3 and not any(read_value(kind, value).value for value in seen)


def _by_content(values: Sequence[str]) -> str | None:
    """Addresses, profiles, hashes and phone numbers are recognized by themselves."""
    seen = [cleaned for value in values if (cleaned := clean(value))]
    if len(seen) < 1:
        return None
    for kind, field in _FROM_CONTENT.items():
        if sum(_is(kind, value) for value in seen) >= _SHARE * len(seen):
            return field
    return None


def _is(kind: str, value: str) -> bool:
    if len(value) > _LONGEST:
        return False
    if kind == "email" and not _EMAIL.fullmatch(value):
        return False
    if kind == "phone" and not _PHONE.fullmatch(value):  # not every long number is one
        return False
    return read_value(kind, value).value is not None


def check_mapping(mapping: Mapping[int, str | None], *, width: int) -> dict[int, str]:
    """A mapping a customer chose, without the columns that stay unmapped. Raises Invalid for unknown fields or columns
    and for two columns of one field."""
    chosen: dict[int, str] = {}
    problems: dict[str, str] = {}
    for position, field in mapping.items():
        if isinstance(position, bool) or not isinstance(position, int) or not 0 <= position < width:
            problems[f"mapping.{position}"] = "The file has no such column."
        elif not field:
            continue
        elif field not in FIELDS:
            problems[f"mapping.{position}"] = f"Choose one of {', '.join(FIELDS)}."
        elif field in chosen.values():
            problems[f"mapping.{position}"] = (
                f"Another column is already mapped to {FIELDS[field].label}. Only one can be; leave the other unmapped."
            )
        else:
            chosen[position] = field
    if problems:
        raise Invalid(fields=problems)
    return chosen

"""Which column holds what: by name, synonym, similar name, and by what stands in it (ENR-03). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cursive_app.errors import Invalid
from cursive_app.services.enrichment.companies import are_companies
from cursive_app.services.enrichment.fields import EMAIL_FIELDS, FIELDS
from cursive_app.services.enrichment.header_words import is_named, named, normal
from cursive_app.services.enrichment.values import SALUTATIONS, clean, read_value

_TELL_OF_PEOPLE = {
    *EMAIL_FIELDS, "email_sha256", "phone", "linkedin_url", "first_name", "last_name", "job_title", "up_id"
}  # fmt: skip
_CHECKED_KINDS = {"email", "phone", "linkedin", "sha256", "domain"}  # what stands in a column can confirm or refute
_FROM_CONTENT = {"email": "email", "linkedin": "linkedin_url", "sha256": "email_sha256", "phone": "phone"}
_LONGEST = 300  # of an address or a link
_SHARE = 0.6  # of the values seen
_HARDLY_FILLED = 0.2  # of what the fullest column for the same field holds
_HARDLY = 55  # what a column that is hardly filled counts at most: less than any name, more than a guess from content
_FROM_VALUES = 50
_TOLD_APART = 4  # values from which on those of people differ
_FEW = 8  # so many times as many values as different ones: the same few colleagues, not people with several orders
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PHONE = re.compile(r"(?:\+|\(|1[-. ]|[0-9]{3}[-. ])[0-9 ().-]{7,}")
_OURS = re.compile(
    r"\b(?:owner|rep|representative|assigned|assignee|created by|modified by|updated by|account manager|sender|host"
    r"|salesperson|referred by)\b"
)
"""Headers of columns in which colleagues of the list's owner stand, whose addresses must not be taken for the people's
of the list."""


class Guess(NamedTuple):
    """`how`: 'name', 'synonym', 'similar', 'content', 'remembered' or 'chosen'."""

    field: str
    how: str


class _Candidate(NamedTuple):
    strength: int
    filled: int
    position: int
    guess: Guess


def guess_mapping(names: Sequence[str], samples: Sequence[Sequence[str]]) -> dict[int, Guess]:
    """The likely field of each column, at most one column per field; columns without one are left out.

    `samples` are values of each column; a column called "E-mail" in which no address stands is not taken for one, and
    of several columns for one field a filled one is.
    """
    found = [
        candidate
        for position, (name, values) in enumerate(zip(names, samples, strict=True))
        if (candidate := _candidate(position, name, values)) is not None
    ]
    mapping: dict[int, Guess] = {}
    taken: set[str] = set()
    for each in sorted(_weighed(found), key=lambda each: (-each.strength, -each.filled, each.position)):
        if each.guess.field not in taken:
            mapping[each.position] = each.guess
            taken.add(each.guess.field)
    mapping = _whole_names(mapping, samples)
    if {"first_name", "last_name"} <= {guess.field for guess in mapping.values()}:
        mapping = {position: guess for position, guess in mapping.items() if guess.field != "full_name"}
    return dict(sorted(_without_companies(mapping, samples).items()))


def _candidate(position: int, name: str, values: Sequence[str]) -> _Candidate | None:
    """What a column may hold, by its name first."""
    seen = [cleaned for value in values if (cleaned := clean(value))]
    said = named(name)
    strength, guess = (said.strength, Guess(said.field, said.how)) if said is not None else (0, None)
    if guess is not None and _refuted(guess.field, seen):
        guess = None
    unsure = guess is None or (guess.how != "name" and FIELDS[guess.field].kind not in _CHECKED_KINDS)
    if unsure and (field := _by_content(name, seen)):  # a column "Contact" may hold names, or addresses
        strength, guess = _FROM_VALUES, Guess(field, "content")
    return _Candidate(strength, len(seen), position, guess) if guess is not None else None


def _weighed(found: Sequence[_Candidate]) -> list[_Candidate]:
    """Columns that are empty next to others for the same field step back: contact lists have a column for each kind of
    phone, most of them empty."""
    fullest: dict[str, int] = {}
    for each in found:
        fullest[each.guess.field] = max(fullest.get(each.guess.field, 0), each.filled)
    return [
        each._replace(strength=min(each.strength, _HARDLY))
        if each.filled < _HARDLY_FILLED * fullest[each.guess.field]
        else each
        for each in found
    ]


def _whole_names(mapping: dict[int, Guess], samples: Sequence[Sequence[str]]) -> dict[int, Guess]:
    """Which half of a name a column holds, where its header may mean the whole: "Nom" or "Nome" alone hold whole names,
    "Name" beside "Surname" the first one."""
    fields = {guess.field: position for position, guess in mapping.items()}
    halves = {"first_name", "last_name"} & fields.keys()
    if len(halves) != 1:
        return mapping
    half = halves.pop()
    if "full_name" not in fields:
        place, becomes = fields[half], "full_name"
        fits = _of_several_words(samples[place])
    else:
        place, becomes = fields["full_name"], "first_name"
        fits = half == "last_name" and _of_one_word(samples[place])
    return {**mapping, place: Guess(becomes, "content")} if fits else mapping


def _of_several_words(values: Sequence[str]) -> bool:
    words = [len(clean(value, kind="name").split()) for value in values]
    return len(words) >= 3 and sum(count > 1 for count in words) > 0.8 * len(words)


def _of_one_word(values: Sequence[str]) -> bool:
    words = [len(clean(value, kind="name").split()) for value in values]
    return len(words) >= 3 and sum(count == 1 for count in words) > _SHARE * len(words)


def _without_companies(mapping: dict[int, Guess], samples: Sequence[Sequence[str]]) -> dict[int, Guess]:
    """A column "Name" in a list of companies is the company's name: with a website beside it every company would be
    looked up as a person. Only where no other column tells of people."""
    fields = {guess.field for guess in mapping.values()}
    place = next((position for position, guess in mapping.items() if guess.field == "full_name"), None)
    if place is None or fields & _TELL_OF_PEOPLE or not are_companies(samples[place]):
        return mapping
    others = {position: guess for position, guess in mapping.items() if position != place}
    return others if "company_name" in fields else {**others, place: Guess("company_name", "content")}


def _refuted(field: str, seen: Sequence[str]) -> bool:
    """Whether what stands in the column cannot be what its name says."""
    if len(seen) < 3:
        return False
    if field == "job_title":  # "Title" before a name
        return sum(value.lower().rstrip(".") in SALUTATIONS for value in seen) >= _SHARE * len(seen)
    kind = FIELDS[field].kind
    return kind in _CHECKED_KINDS and not any(read_value(kind, value).value for value in seen)


def _by_content(name: str, seen: Sequence[str]) -> str | None:
    """Addresses, profiles, hashes and phone numbers are recognized by themselves, if they can be those of the people of
    the list: not the same few again and again under a name of its own, nor under "Account owner"."""
    if not seen or _OURS.search(normal(name)):
        return None
    if len(seen) >= _TOLD_APART and is_named(name) and len(set(seen)) <= max(1, len(seen) // _FEW):
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

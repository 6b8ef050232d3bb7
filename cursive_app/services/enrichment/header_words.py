"""What a header says its column holds: by its name, a known word, or one with a slip in it (ENR-03). Pure.

Programs say whose value it is, or which of several, around the word that counts: "Invitee Email", "Mailing Zip/Postal
Code", "E-mail 1 - Value", "Person - Phone - Work". That is taken away when the header as it stands says nothing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from cursive_app.services.enrichment.fields import FIELDS
from cursive_app.services.enrichment.header_languages import WORDS as ABROAD
from cursive_app.services.enrichment.spelling import slips

SHORTEST = 5  # letters of a name that may be misspelled
_FIRST_OF_SEVERAL = {"1", "value"}
_WHOSE = (
    "person", "contact", "lead", "customer", "prospect", "candidate", "invitee", "attendee", "registrant",
    "participant", "guest", "member", "subscriber", "respondent", "recipient", "buyer", "employee", "executive",
    "decision maker", "primary contact", "main contact", "primary", "main", "default address",
)  # fmt: skip
_PLACES = ("mailing", "home", "residential", "address")
_PLACE_FIELDS = {"address", "city", "state", "zip"}
_AROUND = sorted((*_WHOSE, *_PLACES), key=len, reverse=True)
_LESS_SURE = {
    "home phone": (88, "phone"),
    "business phone": (87, "phone"),  # often the company's, for all its people
    "work phone": (87, "phone"),
    "user email": (60, "email"),  # of who made the entry, where the entry has an address of its own
    "email domain": (60, "company_domain"),  # a mail provider's, for private addresses
    "url": (60, "company_domain"),
    "web": (60, "company_domain"),
    "site": (60, "company_domain"),
}


class Named(NamedTuple):
    """`strength`: 100 for the field's own name, less the less sure it is. `how`: 'name', 'synonym' or 'similar'."""

    strength: int
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
_SYNONYMS |= {_squashed(each): field for field, words in ABROAD.items() for each in words}
_LESS_SURE_NAMES = {_squashed(words): weighed for words, weighed in _LESS_SURE.items()}
_MISSPELLED = {
    each: field.name
    for field in FIELDS.values()
    for each in (normal(field.label), normal(field.name), *field.synonyms)
    if len(each) >= SHORTEST
}


def named(header: str) -> Named | None:
    """What a header says; None when it says nothing of what can be looked up."""
    if not is_named(header):
        return None
    words = normal(header)
    return _known(words) or _misspelled(words) or _bare(words)


def is_named(header: str) -> bool:
    """Whether a column has a name of its own, not the one that it gets without ("Column 3")."""
    words = normal(header)
    return bool(words) and not re.fullmatch(r"column\s*[0-9]+", words)


def _known(words: str) -> Named | None:
    squashed = _squashed(words)
    if weighed := _LESS_SURE_NAMES.get(squashed):
        return Named(*weighed, "synonym")
    if field := _NAMES.get(squashed):
        return Named(100, field, "name")
    if field := _SYNONYMS.get(squashed):
        return Named(90, field, "synonym")
    return None


def _misspelled(words: str) -> Named | None:
    found = [(count, field) for known, field in _MISSPELLED.items() if (count := slips(words, known)) is not None]
    if not found:
        return None
    count, field = min(found, key=lambda each: each[0])
    return Named(max(80 - 5 * count, 55), field, "similar")


def _bare(words: str) -> Named | None:
    """Without whose it is and which of several. Places belong to addresses: a "home website" is no company's."""
    rest = " ".join(word for word in words.split() if word not in _FIRST_OF_SEVERAL)
    is_place = False
    for _ in range(2):  # "Contact mailing city"
        around = next((each for each in _AROUND if rest.startswith(f"{each} ")), "")
        rest = rest.removeprefix(around).strip()
        is_place = is_place or around in _PLACES
    found = (_known(rest) or _misspelled(rest)) if rest != words else None
    if found is None or (is_place and found.field not in _PLACE_FIELDS):
        return None
    return Named(min(found.strength, 85), found.field, "synonym")

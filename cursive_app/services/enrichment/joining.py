"""Bringing the provider's answer back to the rows that asked (contract §4.1). Pure.

The provider takes no row ids, so a result finds its row by what both say about the person: e-mail, SHA-256 of an
e-mail, phone, LinkedIn profile, name with company domain, provider id; in this order of strength. The provider is not
believed: a result that agrees only with a weak identifier, or contradicts the row's name, is not a match, and nothing
ever matches on what is empty. Which result a row gets does not depend on the order they come in.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cursive_app.integrations.audiencelab.values import domain, emails, items, person_name, phone, profile_url
from cursive_app.services.enrichment.columns import NOTHING, cell, documented

Key = tuple[str, str]  # one of KINDS, and the normalized value
KINDS = ("email", "email_sha256", "phone", "linkedin", "name_company", "up_id")
_CLASS = {"email": 0, "email_sha256": 0, "phone": 1, "linkedin": 2, "name_company": 3, "up_id": 4}
_SHARED = 1  # the class of identifiers that households and offices share

_EMAIL_FIELDS = (
    "PERSONAL_EMAILS", "PERSONAL_EMAIL", "PERSONAL_VERIFIED_EMAILS", "BUSINESS_EMAIL", "BUSINESS_EMAILS",
    "BUSINESS_VERIFIED_EMAILS", "EMAIL", "EMAILS", "DEEP_VERIFIED_EMAILS", "B2B_EMAIL",
)  # fmt: skip
_HASH_FIELDS = ("SHA256_PERSONAL_EMAIL", "SHA256_BUSINESS_EMAIL", "HEM_SHA256", "SHA256")
_PHONE_FIELDS = (
    "DIRECT_NUMBER", "MOBILE_PHONE", "ALL_MOBILES", "PERSONAL_PHONE", "ALL_LANDLINES", "B2B_PHONE", "PHONE",
    "VALID_PHONES", "SKIPTRACE_WIRELESS_NUMBERS", "SKIPTRACE_LANDLINE_NUMBERS", "SKIPTRACE_B2B_PHONE",
)  # fmt: skip
_SENT_EMAILS = ("email", "business_email", "personal_email")
_PLAIN_ADDRESS = re.compile(r"[a-z0-9._+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Sent:
    """What a row said about its person: the keys it may be found by and the parts of its name, normalized.

    `asks_by_hash`: it gave a hash of its own, not only an address from which one follows.
    """

    number: int
    keys: tuple[Key, ...]
    first: str
    last: str
    asks_by_hash: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """What a row got. `person` is the provider's id of who it is, None when the record has none."""

    number: int
    matched_by: str
    person: str | None
    found: dict[str, str]


def sent_row(number: int, record: Mapping[str, str]) -> Sent:
    """The keys of a row from what is sent of it (the provider's lower-case names)."""
    given = record.get
    addresses = [found for name in _SENT_EMAILS if (value := given(name)) for found in _addresses(value)]
    asked_hashes = _hashes(given("sha256_personal_email"))
    keys: list[Key] = [("email", address) for address in addresses]
    keys += [("email_sha256", _sha256(address)) for address in addresses]
    keys += [("email_sha256", value) for value in asked_hashes]
    if (value := given("phone")) and (number_of := phone(value)):
        keys.append(("phone", number_of))
    if link := _profile(given("linkedin_url")):
        keys.append(("linkedin", link))
    first, last = name_part(given("first_name")), name_part(given("last_name"))
    if first and last and (value := given("company_domain")) and (host := domain(value)):
        keys.append(("name_company", f"{first} {last} {host}"))
    if provider_id := cell(given("up_id")):
        keys.append(("up_id", provider_id.casefold()))
    return Sent(number, tuple(dict.fromkeys(keys)), first, last, bool(asked_hashes))


class Joiner:
    """Takes the results of one chunk one by one and keeps the best one for each row; memory stays at one per row."""

    def __init__(self, rows: Sequence[Sent], *, strict: bool) -> None:
        self._strict = strict
        self._rows = {row.number: row for row in rows}
        self._index: dict[Key, list[int]] = {}
        for row in rows:
            for key in row.keys:
                self._index.setdefault(key, []).append(row.number)
        self._kinds = frozenset(kind for kind, _ in self._index)
        self._hashes_addresses = any(row.asks_by_hash for row in rows)
        self._best: dict[int, tuple[tuple[Any, ...], Match]] = {}
        self.read = 0
        self.strangers = 0  # results that fit no row we sent
        self.refused: set[int] = set()  # rows for which somebody came who is not the person asked for

    def offer(self, record: Mapping[str, Any]) -> None:
        """Consider one result row."""
        self.read += 1
        places = _places(tuple(record))
        first, last = name_part(_first(record, places.first)), name_part(_first(record, places.last))
        keys = self._keys(record, places, first, last)
        agreeing: dict[int, set[str]] = {}
        for key in keys:
            for number in self._index.get(key, ()):
                agreeing.setdefault(number, set()).add(key[0])
        known = {_CLASS[kind] for kind, value in keys if value not in NOTHING}
        taken = False
        found: dict[str, str] | None = None
        for number, kinds in agreeing.items():
            row = self._rows[number]
            name = _name_agreement(row, first, last)
            if not self._is_same(row, kinds, known, name):
                self.refused.add(number)
                continue
            taken = True
            found = found if found is not None else documented(record)
            self._keep(row, kinds, name, found, _person(found, keys))
        self.strangers += not taken

    def matches(self) -> dict[int, Match]:
        """The best result of each row that has one, by row number."""
        return {number: match for number, (_, match) in sorted(self._best.items())}

    def _is_same(self, row: Sent, kinds: set[str], known: set[int], name: tuple[int, int]) -> bool:
        classes = {_CLASS[kind] for kind in kinds}
        asked = {_CLASS[kind] for kind, _ in row.keys}
        differing = name.count(-1)
        if self._strict:
            return min(asked) in classes and not (asked & known) - classes and not differing
        if differing == 2 or (differing and min(classes) == _SHARED):
            return False
        return min(asked) in classes or name == (1, 1)

    def _keep(
        self, row: Sent, kinds: set[str], name: tuple[int, int], found: dict[str, str], person: str | None
    ) -> None:
        ranks = tuple(kind in kinds for kind in KINDS)
        score = (ranks, name, len(found))
        best = self._best.get(row.number)
        if best is None or score > best[0] or (score == best[0] and _text(found) > _text(best[1].found)):
            matched_by = next(kind for kind in KINDS if kind in kinds)
            self._best[row.number] = score, Match(row.number, matched_by, person, found)

    def _keys(self, record: Mapping[str, Any], places: _Places, first: str, last: str) -> list[Key]:
        """The keys of a result, of the kinds that any row asked by."""
        keys: list[Key] = []
        if self._kinds & {"email", "email_sha256"}:
            addresses = [part for value in _all(record, places.emails) for part in _parts(value) if "@" in part]
            keys += [("email", address) for address in addresses]
            keys += [("email_sha256", part) for value in _all(record, places.hashes) for part in _parts(value)]
            if self._hashes_addresses:
                keys += [("email_sha256", _sha256(address)) for address in addresses]
        if "phone" in self._kinds:
            numbers = (phone(part) for value in _all(record, places.phones) for part in _parts(value))
            keys += [("phone", number) for number in numbers if number]
        if "linkedin" in self._kinds:
            links = map(_profile, _all(record, places.links))
            keys += [("linkedin", link) for link in links if link]
        if "name_company" in self._kinds and first and last and (host := domain(_first(record, places.domain))):
            keys.append(("name_company", f"{first} {last} {host}"))
        if "up_id" in self._kinds:
            ids = map(cell, _all(record, places.ids))
            keys += [("up_id", value.casefold()) for value in ids if value]
        return keys


def _parts(value: object) -> list[str]:
    """The values of a list as they are looked up: no case, no space around. What is malformed finds nobody."""
    if not isinstance(value, str):
        return [part.casefold() for part in items(value)]
    if value[:1] == "[" or ";" in value:
        return [part.casefold() for part in items(value)]
    lowered = value.casefold()
    if "," in lowered:
        return [part for piece in lowered.split(",") if (part := piece.strip())]
    return [part] if (part := lowered.strip()) else []


def _addresses(given: str) -> list[str]:
    """`values.emails`, at once for a plain address, which is what `checking` leaves of nearly every cell."""
    if _PLAIN_ADDRESS.fullmatch(given) and len(given) <= 254 and ".." not in given:
        return [given]
    return emails(given)


def _text(found: Mapping[str, str]) -> str:
    """Two equally good results of one row are told apart by what they say, never by when they came."""
    return json.dumps(found, sort_keys=True)


def name_part(value: object) -> str:
    """A name as it is compared: letters only, no case, no accents; "" for none."""
    return _letters(value) if isinstance(value, str) else ""


@lru_cache(maxsize=20_000)
def _letters(value: str) -> str:
    cleaned = person_name(value)
    if cleaned is None:
        return ""
    plain = unicodedata.normalize("NFKD", cleaned).casefold()
    return "".join(letter for letter in plain if letter.isalpha())


def _name_agreement(row: Sent, first: str, last: str) -> tuple[int, int]:
    """For the last and the first name: 1 agrees, 0 not known on both sides, -1 differs."""
    return _compared(row.last, last, short=False), _compared(row.first, first, short=True)


def _compared(mine: str, theirs: str, *, short: bool) -> int:
    """`short`: an initial or a short form ("D", "Rob") agrees with the longer name; double names agree with a half."""
    if not mine or not theirs:
        return 0
    if mine == theirs or (short and (mine.startswith(theirs) or theirs.startswith(mine))):
        return 1
    shorter, longer = sorted((mine, theirs), key=len)
    return 1 if not short and len(shorter) >= 4 and (longer.startswith(shorter) or longer.endswith(shorter)) else -1


def _person(found: Mapping[str, str], keys: Sequence[Key]) -> str | None:
    """Who a result is: the provider's id, else the strongest thing that names them."""
    if "UUID" in found:
        return found["UUID"].casefold()[:200]
    best = next((key for kind in KINDS for key in sorted(keys) if key[0] == kind and cell(key[1])), None)
    return ":".join(best)[:200] if best else None


@dataclass(frozen=True, slots=True)
class _Places:
    """The keys of records of one shape, as they are spelled, that hold what results are found by."""

    emails: tuple[str, ...]
    hashes: tuple[str, ...]
    phones: tuple[str, ...]
    links: tuple[str, ...]
    ids: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]
    domain: tuple[str, ...]


@lru_cache(maxsize=64)
def _places(keys: tuple[str, ...]) -> _Places:
    def of(*wanted: str) -> tuple[str, ...]:
        return tuple(key for name in wanted for key in keys if key.strip().upper() == name)

    return _Places(
        emails=of(*_EMAIL_FIELDS),
        hashes=of(*_HASH_FIELDS),
        phones=of(*_PHONE_FIELDS),
        links=of("LINKEDIN_URL", "INDIVIDUAL_LINKEDIN_URL"),
        ids=of("UP_ID", "UUID"),
        first=of("FIRST_NAME"),
        last=of("LAST_NAME"),
        domain=of("COMPANY_DOMAIN"),
    )


def _all(record: Mapping[str, Any], keys: tuple[str, ...]) -> list[Any]:
    return [value for key in keys if (value := record[key])]


def _first(record: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((value for key in keys if (value := record[key])), None)


def _profile(value: object) -> str | None:
    link = profile_url(value, site="linkedin.com") if value else None
    return link if link and "/in/" in link else None  # a company's page is nobody's profile


def _hashes(value: object) -> list[str]:
    return [part for part in _parts(value) if _HASH.fullmatch(part)] if value else []


def _sha256(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()

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

from cursive_app.integrations.audiencelab.values import domain, emails, items, phone, profile_url, text
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
    keys: dict[Key, None] = {}
    for name in ("email", "business_email", "personal_email"):
        if given := record.get(name):
            keys |= dict.fromkeys(("email", address) for address in _addresses(given))
    keys |= dict.fromkeys(("email_sha256", _sha256(address)) for _, address in list(keys))
    asked_hashes = tuple(_hashes(record.get("sha256_personal_email")))
    keys |= dict.fromkeys(("email_sha256", value) for value in asked_hashes)
    if number_of := phone(record.get("phone")):
        keys["phone", number_of] = None
    if link := _profile(record.get("linkedin_url")):
        keys["linkedin", link] = None
    first, last = name_part(record.get("first_name")), name_part(record.get("last_name"))
    if first and last and (host := domain(record.get("company_domain"))):
        keys["name_company", f"{first} {last} {host}"] = None
    if provider_id := cell(record.get("up_id")):
        keys["up_id", provider_id.casefold()] = None
    return Sent(number, tuple(keys), first, last, bool(asked_hashes))


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
        keys = self._keys(record)
        agreeing: dict[int, set[str]] = {}
        for key in keys:
            for number in self._index.get(key, ()):
                agreeing.setdefault(number, set()).add(key[0])
        first, last = name_part(_first(record, "FIRST_NAME")), name_part(_first(record, "LAST_NAME"))
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

    def _keys(self, record: Mapping[str, Any]) -> list[Key]:
        """The keys of a result, of the kinds that any row asked by."""
        keys: list[Key] = []
        if self._kinds & {"email", "email_sha256"}:
            addresses = [part for value in _all(record, _EMAIL_FIELDS) for part in _parts(value) if "@" in part]
            keys += [("email", address) for address in addresses]
            keys += [("email_sha256", part) for value in _all(record, _HASH_FIELDS) for part in _parts(value)]
            if self._hashes_addresses:
                keys += [("email_sha256", _sha256(address)) for address in addresses]
        if "phone" in self._kinds:
            numbers = (phone(part) for value in _all(record, _PHONE_FIELDS) for part in _parts(value))
            keys += [("phone", number) for number in numbers if number]
        if "linkedin" in self._kinds:
            links = map(_profile, _all(record, ("LINKEDIN_URL", "INDIVIDUAL_LINKEDIN_URL")))
            keys += [("linkedin", link) for link in links if link]
        if "name_company" in self._kinds:
            first, last = name_part(_first(record, "FIRST_NAME")), name_part(_first(record, "LAST_NAME"))
            host = domain(_first(record, "COMPANY_DOMAIN"))
            if first and last and host:
                keys.append(("name_company", f"{first} {last} {host}"))
        if "up_id" in self._kinds:
            ids = map(cell, _all(record, ("UP_ID", "UUID")))
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
    cleaned = text(value)
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


@lru_cache(maxsize=256)
def _spellings(keys: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of such a record, as they are spelled, that stand for the wanted upper-case names."""
    return tuple(key for name in wanted for key in keys if key.strip().upper() == name)


def _all(record: Mapping[str, Any], names: tuple[str, ...]) -> list[Any]:
    return [value for key in _spellings(tuple(record), names) if (value := record[key])]


def _first(record: Mapping[str, Any], name: str) -> Any:
    return next(iter(_all(record, (name,))), None)


def _profile(value: object) -> str | None:
    link = profile_url(value, site="linkedin.com") if value else None
    return link if link and "/in/" in link else None  # a company's page is nobody's profile


def _hashes(value: object) -> list[str]:
    return [part for part in _parts(value) if _HASH.fullmatch(part)] if value else []


def _sha256(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()

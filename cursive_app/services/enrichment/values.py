"""One cell at a time: the value that is compared and sent, or what is wrong with it.

These are the rules. `checking` applies them to whole columns and asks here only for cells its patterns cannot decide.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

from cursive_app.integrations.audiencelab import values as provider_values
from cursive_app.services.enrichment.csv_blocks import NUL_SHOWN, REPLACEMENT
from cursive_app.services.enrichment.hosts import MAILBOXES, network_of
from cursive_app.services.enrichment.wrapping import SUFFIXES, plain_email, plain_name, plain_phone
from cursive_app.services.leads.identity import email_norm, linkedin_norm

SPACES = r"[ \t\n\r\x0b\x0c\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
UNSEEN = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
MISSING = ("", "null", "none", "n/a", "na", "nan", "[]", "{}", "undefined", "-", "#n/a")
MISSING_NAMES = (*sorted(provider_values.AS_PROGRAMS_WRITE_NOTHING), "#n/a", "#N/A")
LONGEST_TEXT = 200
LONGEST_READ = 2_000  # beyond it nothing is looked for in a cell
LONGEST_EMAIL = 254
_SPACES, _UNSEEN = re.compile(SPACES), re.compile(UNSEEN)
_SEPARATORS = re.compile(r"\s*(?:[,;|\n]|:::)\s*|\s+/\s+|\s+or\s+")
_PATH_ALONE = re.compile(r"/?in/[^\s/]")
_ANGLED = re.compile(r"[^<>]*<\s*([^<>\s]+@[^<>\s]+)\s*>\s*")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "sir", "mx", "herr", "frau"})
SALUTATIONS = _TITLES | {"m", "mme", "mlle", "sr", "sra", "srta", "sig", "sig.ra", "dott", "dhr", "mevr", "hr", "fr"}
"""What stands before a name, without its last full stop; "Title" may be such a column."""


class Read(NamedTuple):
    """`value` None: nothing usable. `code` says what is to be told, `detail` more of it in words."""

    value: str | None
    code: str | None = None
    detail: str = ""


NOTHING = Read(None)


def clean(text: str, *, kind: str = "text") -> str:
    """Composed (NFC), without invisible characters, single spaces, trimmed; "" for the usual words for nothing. Of a
    person's name only the spellings of programs are such words: Nan, Na and Null are names."""
    cleaned = _SPACES.sub(" ", _UNSEEN.sub("", unicodedata.normalize("NFC", text))).strip(" ")
    is_nothing = cleaned in MISSING_NAMES if kind == "name" else cleaned.lower() in MISSING
    return "" if is_nothing else cleaned


def read_value(kind: str, cleaned: str) -> Read:
    """The rule of a field's kind for a cell that `clean` has seen."""
    if not cleaned:
        return NOTHING
    if REPLACEMENT in cleaned or NUL_SHOWN in cleaned:
        return Read(None, "unreadable")
    if len(cleaned) > LONGEST_READ:
        return Read(None, "too_long")
    return _RULES[kind](cleaned)


@lru_cache(maxsize=4096)
def read_email(cleaned: str) -> Read:
    """ "Dana <Dana@Acme.Example>" -> "dana@acme.example"; the first usable one of several."""
    angled = _ANGLED.fullmatch(cleaned)
    parts = [part for part in _SEPARATORS.split(angled[1] if angled else cleaned) if part]
    if len(parts) > 1:
        found = next((read.value for part in parts[:20] if (read := _one_email(plain_email(part))).value), None)
        return Read(found, "several") if found else Read(None, "email_malformed", "none of the addresses is complete")
    return _one_email(plain_email(parts[0] if parts else cleaned))


def _one_email(candidate: str) -> Read:
    if len(candidate) > LONGEST_EMAIL:
        return Read(None, "email_malformed", f"it is longer than {LONGEST_EMAIL} characters")
    if "@" not in candidate:
        return Read(None, "email_malformed", "the @ is missing")
    try:
        found = validate_email(
            candidate, check_deliverability=False, globally_deliverable=False, test_environment=True
        ).normalized
    except EmailNotValidError as error:
        return Read(None, "email_malformed", _reason(str(error)))
    host = found.rpartition("@")[2]
    if "." not in host:
        return Read(None, "email_malformed", "the part after the @ has no ending such as .com")
    if not re.search(r"[^\W\d_][^.]*\Z", host) or len(host.rpartition(".")[2]) < 2:
        return Read(None, "email_malformed", "the part after the @ has no known ending")
    address = email_norm(found)
    return Read(address) if address else Read(None, "email_malformed", "it is too long")


def _reason(said: str) -> str:
    said = said.removesuffix(".").removeprefix("An email address ").removeprefix("The email address ")
    return said[:1].lower() + said[1:160]


@lru_cache(maxsize=4096)
def read_phone(cleaned: str) -> Read:
    """ "(512) 555-0101 ext. 4" -> "+15125550101"; numbers without a country are North American."""
    candidate = plain_phone(cleaned)
    if re.fullmatch(r"\+?[0-9]{10,15}\.0", candidate):
        candidate = candidate[:-2]  # a number column of a spreadsheet
    if _SCIENTIFIC.fullmatch(candidate):
        return Read(None, "phone_scientific")
    parts = [part for part in _SEPARATORS.split(candidate) if part]
    if len(parts) > 1:
        found = next((number for part in parts[:20] if (number := provider_values.phone(plain_phone(part)))), None)
        if found:
            return Read(found, "several")
    number = provider_values.phone(candidate)
    return Read(number) if number else Read(None, "phone_malformed")


def read_linkedin(cleaned: str) -> Read:
    """A person's profile as "linkedin.com/in/…", lower case."""
    found = linkedin_norm(f"linkedin.com/{cleaned.lstrip('/')}" if _PATH_ALONE.match(cleaned) else cleaned)
    if found and " " not in found:
        return Read(f"linkedin.com/{found}")
    if "linkedin." in cleaned.lower():
        return Read(None, "linkedin_no_profile")
    return Read(None, "linkedin_malformed")


def read_domain(cleaned: str) -> Read:
    """The host of a website, or what follows the @ of an address, without "www."; none of a mail provider, and no page
    of a network."""
    whole = _one_domain(cleaned)
    parts = [part for part in _SEPARATORS.split(cleaned) if part] if whole.code == "domain_malformed" else []
    if len(parts) < 2:
        return whole
    found = next((read.value for part in parts[:20] if (read := _one_domain(part)).value), None)
    return Read(found, "several") if found else _one_domain(parts[0])


def _one_domain(address: str) -> Read:
    text = address.rpartition("@")[2] if re.fullmatch(r"[^\s/@]+@[^\s/@]+", address) else address
    found = provider_values.domain(text)
    if found is None:
        return Read(None, "domain_malformed")
    if found in MAILBOXES:
        return Read(None, "domain_mailbox")
    network = network_of(found, text)
    return Read(None, "domain_network", network) if network else Read(found)


def read_sha256(cleaned: str) -> Read:
    lowered = cleaned.lower()
    return Read(lowered) if re.fullmatch(r"[0-9a-f]{64}", lowered) else Read(None, "sha256_malformed")


def read_text(cleaned: str) -> Read:
    return Read(cleaned) if len(cleaned) <= LONGEST_TEXT else Read(None, "too_long")


def read_name(cleaned: str) -> Read:
    """A name without certificates, remarks and symbols (`wrapping.plain_name`)."""
    return read_text(plain_name(cleaned)) if len(cleaned) <= LONGEST_TEXT else Read(None, "too_long")


def split_name(full: str) -> tuple[str | None, str | None]:
    """First and last name of "Dana Testperson", "Testperson, Dana" or "Dr. Dana van Testperson Jr.", MBA."""
    last, comma, first = full.partition(",")
    if comma and first.strip() and first.strip().lower().strip(". ") not in SUFFIXES:
        return _words(first)[0] if _words(first) else None, " ".join(_words(last)) or None
    words = _words(full.replace(",", " "))
    if len(words) < 2:
        return (words[0] if words else None), None
    return words[0], " ".join(words[1:])


def _words(text: str) -> list[str]:
    words = text.split()
    while len(words) > 1 and words[0].lower().rstrip(".") in _TITLES:
        words = words[1:]
    while len(words) > 1 and words[-1].lower().replace(".", "") in SUFFIXES:
        words = words[:-1]
    return words


_RULES = {
    "email": read_email,
    "phone": read_phone,
    "linkedin": read_linkedin,
    "domain": read_domain,
    "sha256": read_sha256,
    "name": read_name,
    "text": read_text,
}

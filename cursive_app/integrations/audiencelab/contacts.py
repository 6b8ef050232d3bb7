"""The e-mail addresses and phone numbers of one provider record (contract §9.1-9.2).

Two rules keep customers out of trouble: an address is "verified" only when the provider says so for this very address,
and a phone whose do-not-call flag is missing is unknown, never callable by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import structlog

from cursive_app.integrations.audiencelab.values import emails, phone, slots, text
from cursive_app.integrations.audiencelab.vocabulary import yes_no

Verification = Literal["verified", "catch_all", "unknown", "invalid", "none"]
EmailKind = Literal["business", "personal"]
PhoneKind = Literal[
    "direct", "mobile", "personal", "landline", "skiptrace_wireless", "skiptrace_landline", "skiptrace_b2b", "other"
]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PersonEmail:
    """One address, lower-case. `verification` "unknown" means the provider said nothing about it."""

    address: str
    kind: EmailKind
    verification: Verification


@dataclass(frozen=True, slots=True)
class PersonPhone:
    """One number as E.164. `do_not_call` None means unknown and must be treated as "do not call" in call lists."""

    e164: str
    kind: PhoneKind
    do_not_call: bool | None
    verified: bool = False


class RecordFields(Protocol):
    """What this module needs of a record: values by upper-case name."""

    def all(self, *names: str) -> list[Any]: ...


# status words, compared without case or punctuation; the last three are assumed, the vendor documents none
_STATUSES: dict[str, Verification] = {
    "valid": "verified",
    "valid esp": "verified",
    "verified": "verified",
    "catch all": "catch_all",
    "catchall": "catch_all",
    "unknown": "unknown",
    "invalid": "invalid",
    "risky": "unknown",
    "bounce": "invalid",
    "disposable": "invalid",
}

# list field, flag field, kind; the first field that holds a number decides its kind
_PHONE_FIELDS: tuple[tuple[str, str | None, PhoneKind], ...] = (
    ("DIRECT_NUMBER", "DIRECT_NUMBER_DNC", "direct"),
    ("MOBILE_PHONE", "MOBILE_PHONE_DNC", "mobile"),
    ("ALL_MOBILES", "MOBILE_DNC", "mobile"),
    ("PERSONAL_PHONE", "PERSONAL_PHONE_DNC", "personal"),
    ("ALL_LANDLINES", "LANDLINE_DNC", "landline"),
    ("B2B_PHONE", None, "direct"),
    ("PHONE", None, "other"),
    ("SKIPTRACE_WIRELESS_NUMBERS", "SKIPTRACE_DNC", "skiptrace_wireless"),
    ("SKIPTRACE_LANDLINE_NUMBERS", "SKIPTRACE_DNC", "skiptrace_landline"),
    ("SKIPTRACE_B2B_WIRELESS", None, "skiptrace_b2b"),
    ("SKIPTRACE_B2B_LANDLINE", None, "skiptrace_b2b"),
    ("SKIPTRACE_B2B_PHONE", None, "skiptrace_b2b"),
)


def verification_status(value: object) -> Verification:
    """A validation status word as ours. A word nobody has seen yet counts as unknown and is reported in the log."""
    word = text(value)
    if word is None:
        return "unknown"
    status = _STATUSES.get(" ".join(re.sub(r"[^a-z]+", " ", word.casefold()).split()))
    if status is None:
        log.info("provider_status_unknown", field="email_validation_status", length=len(word))
        return "unknown"
    return status


def read_emails(fields: RecordFields, *, company_domain: str | None) -> tuple[PersonEmail, ...]:
    """All addresses, business before personal, in the order given, each once.

    A status field speaks of its list by position, unreadable and repeated addresses included: what stands first of an
    address counts, and a single status speaks of the first place only. An address that appears only in a verified list
    is taken too. The neutral fields of look-ups (`EMAIL`) count as business when the
    domain is the employer's.
    """
    deep = {address for value in fields.all("DEEP_VERIFIED_EMAILS") for address in emails(value)}
    found = _one_kind(fields, "business", ("BUSINESS_EMAIL", "BUSINESS_EMAILS", "B2B_EMAIL"), deep)
    found |= {
        address: email
        for address, email in _one_kind(fields, "personal", ("PERSONAL_EMAILS", "PERSONAL_EMAIL"), deep).items()
        if address not in found
    }
    for value in fields.all("EMAIL", "EMAILS"):
        for address in emails(value):
            kind: EmailKind = "business" if company_domain and address.endswith(f"@{company_domain}") else "personal"
            found.setdefault(address, PersonEmail(address, kind, "verified" if address in deep else "unknown"))
    return tuple(sorted(found.values(), key=lambda email: email.kind))


def _one_kind(fields: RecordFields, kind: EmailKind, names: tuple[str, ...], deep: set[str]) -> dict[str, PersonEmail]:
    prefix = kind.upper()
    verified_list = [address for value in fields.all(f"{prefix}_VERIFIED_EMAILS") for address in emails(value)]
    statuses = [status for value in fields.all(f"{prefix}_EMAIL_VALIDATION_STATUS") for status in slots(value)]
    found: dict[str, PersonEmail] = {}
    for position, address in enumerate(_places(fields.all(*names))):
        if address is not None and address not in found:
            said = verification_status(statuses[position]) if position < len(statuses) else "unknown"
            found[address] = PersonEmail(address, kind, said)
    for address in dict.fromkeys([*verified_list, *(known for known in found if known in deep)]):
        found[address] = PersonEmail(address, kind, "verified")
    return found


def _places(values: Iterable[Any]) -> Iterator[str | None]:
    """What stands at each place of a list of addresses; None where it is no address. Statuses answer places."""
    for value in values:
        for slot in slots(value):
            yield from emails(slot) or (None,)


def choose_primary(found: tuple[PersonEmail, ...]) -> PersonEmail | None:
    """Verified business, verified personal, other business, other personal; an invalid address is never chosen."""
    rank: dict[Verification, int] = {"verified": 0, "catch_all": 1, "unknown": 2}

    def order(email: PersonEmail) -> tuple[bool, bool, int]:
        return email.verification != "verified", email.kind != "business", rank[email.verification]

    return min((email for email in found if email.verification in rank), key=order, default=None)


def read_phones(fields: RecordFields) -> tuple[PersonPhone, ...]:
    """All numbers, each once, in a fixed order of kinds. Flags answer numbers by position (`"N, Y"`).

    Where two fields speak of one number, "do not call" wins over "may call", and either over "unknown".
    """
    valid = {e164 for value in fields.all("VALID_PHONES") for slot in slots(value) if (e164 := phone(slot))}
    found: dict[str, PersonPhone] = {}
    for list_name, flag_name, kind in _PHONE_FIELDS:
        flags = [flag for value in (fields.all(flag_name) if flag_name else []) for flag in slots(value)]
        numbers = [slot for value in fields.all(list_name) for slot in slots(value)]
        for position, slot in enumerate(numbers):
            e164 = phone(slot)
            if e164 is None:
                continue
            flag = yes_no(flags[position]) if position < len(flags) else None
            known = found.get(e164)
            if known is None:
                found[e164] = PersonPhone(e164, kind, flag, e164 in valid)
            else:
                found[e164] = PersonPhone(e164, known.kind, _stricter(known.do_not_call, flag), known.verified)
    for e164 in sorted(valid - found.keys()):
        found[e164] = PersonPhone(e164, "other", None, True)
    return tuple(found.values())


def _stricter(one: bool | None, other: bool | None) -> bool | None:
    if one is None or other is None:
        return other if one is None else one
    return one or other

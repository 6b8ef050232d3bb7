"""When two records are the same person (ADR 0010). Pure.

The provider's id, any e-mail address and the LinkedIn profile decide, each alone. A phone number decides only for a
person of whom nothing else is known: offices, families and switchboards share numbers. Nothing equals nothing: a
person without any key is never the same as another (lessons.md row 1).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from cursive_app.integrations.audiencelab.contacts import PersonEmail, PersonPhone
from cursive_app.integrations.audiencelab.records import Person

KeyKind = Literal["provider", "email", "linkedin", "phone"]
Key = tuple[KeyKind, str]

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{3,189}")
_PROFILE = re.compile(r"/in/\s*([^/\s][^/]{0,198}[^/\s])\s*(?:/.*)?", re.DOTALL)
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class IdentityKeys:
    """The compared forms of everything that identifies a person; the first e-mail and phone are the primary ones."""

    email_norms: tuple[str, ...]
    linkedin_norm: str | None
    phone_norms: tuple[str, ...]
    provider_uuid: str | None

    @property
    def is_phone_only(self) -> bool:
        """Whether the primary phone is all there is to know this person by."""
        return bool(self.phone_norms) and not (self.email_norms or self.linkedin_norm or self.provider_uuid)

    def __iter__(self) -> Iterator[Key]:
        """The keys that decide, strongest first."""
        if self.provider_uuid:
            yield "provider", self.provider_uuid
        for address in self.email_norms:
            yield "email", address
        if self.linkedin_norm:
            yield "linkedin", self.linkedin_norm
        if self.is_phone_only:
            yield "phone", self.phone_norms[0]

    def __bool__(self) -> bool:
        return bool(self.provider_uuid or self.email_norms or self.linkedin_norm or self.phone_norms)


def identity_keys(person: Person) -> IdentityKeys:
    """The keys of a person; what is malformed is left out, so it can never identify anybody."""
    addresses = [normalized for email in emails_primary_first(person) if (normalized := email_norm(email.address))]
    numbers = [normalized for phone in phones_primary_first(person) if (normalized := phone_norm(phone.e164))]
    return IdentityKeys(
        email_norms=tuple(dict.fromkeys(addresses)),
        linkedin_norm=linkedin_norm(person.linkedin_url),
        phone_norms=tuple(dict.fromkeys(numbers)),
        provider_uuid=_provider_uuid(person.provider_uuid),
    )


def emails_primary_first(person: Person) -> tuple[PersonEmail, ...]:
    """The addresses, the primary one first; an address known to be invalid is never put before another."""
    return tuple(
        sorted(
            person.emails,
            key=lambda email: (email.address != person.primary_email, email.verification == "invalid"),
        )
    )


def phones_primary_first(person: Person) -> tuple[PersonPhone, ...]:
    """The numbers, those that may be called first, then the unknown ones, then "do not call"."""
    rank: dict[bool | None, int] = {False: 0, None: 1, True: 2}
    return tuple(sorted(person.phones, key=lambda phone: rank[phone.do_not_call]))


def email_norm(address: str | None) -> str | None:
    """ "  Dana@Acme.Example " -> "dana@acme.example"; None for what is no address."""
    normalized = unicodedata.normalize("NFC", (address or "").strip()).lower()
    if _UNSTORABLE.search(normalized) or not _EMAIL.fullmatch(normalized):
        return None
    return normalized


def phone_norm(number: str | None) -> str | None:
    """A number in strict E.164 as it is; None for everything else."""
    return number if number and _E164.fullmatch(number) else None


def linkedin_norm(url: str | None) -> str | None:
    """ "https://www.linkedin.com/in/Dana-Test/?x=1" -> "in/dana-test"; None for company pages and other sites."""
    if not url or len(url) > 2_000:
        return None
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if host != "linkedin.com" and not host.endswith(".linkedin.com"):
        return None
    found = _PROFILE.fullmatch(unicodedata.normalize("NFC", unquote(parts.path)).lower())
    return f"in/{found[1]}" if found and not _UNSTORABLE.search(found[1]) else None


def _provider_uuid(value: str | None) -> str | None:
    cleaned = (value or "").strip().lower()
    return cleaned if cleaned and len(cleaned) <= 64 and not _UNSTORABLE.search(cleaned) else None


def first_of_each(batch: Sequence[IdentityKeys]) -> list[int | None]:
    """For each person of a batch the position of the first one who is the same person (itself, when it is the first);
    None for a person without any key."""
    seen: dict[Key, int] = {}
    firsts: list[int | None] = []
    for position, keys in enumerate(batch):
        if not keys:
            firsts.append(None)
            continue
        first = next((seen[key] for key in keys if key in seen), position)
        for key in keys:
            seen.setdefault(key, first)
        firsts.append(first)
    return firsts

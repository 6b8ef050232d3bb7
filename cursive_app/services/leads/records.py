"""From a person as a provider knows them to the rows we keep. Pure.

Text is cut to lengths that every index can hold, and characters the database refuses are removed. Restricted facts
(ethnicity, credit, language, exact age, IP addresses; audiencelab.md §9.3) are dropped here, so nothing later can show
or export them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cursive_app.integrations.audiencelab.records import Person
from cursive_app.integrations.audiencelab.values import storable
from cursive_app.services.leads.identity import (
    IdentityKeys,
    email_norm,
    emails_primary_first,
    phone_norm,
    phones_primary_first,
)

MAX_CONTACTS = 50  # of each kind per lead
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_RESTRICTED = re.compile(
    r"ETHNIC|(^|_)RACE(_|$)|RELIGION|CREDIT_RATING|CREDIT_SCORE|LANGUAGE_CODE|EXACT_AGE|^AGE$|(^|_)IP(_ADDRESS)?$"
)
_LIMITS = {
    "first_name": 100, "last_name": 100, "job_title": 300, "headline": 500, "department": 100, "seniority": 50,
    "company_name": 300, "company_domain": 253, "company_description": 20_000, "company_linkedin_url": 500,
    "company_phone": 40, "company_address": 300, "company_city": 100, "company_state": 50, "company_postal_code": 20,
    "industry": 200, "company_size": 50, "company_revenue": 50, "sic": 100, "naics": 100, "address": 300, "city": 100,
    "state": 50, "postal_code": 20, "age_range": 30, "gender": 20, "linkedin_url": 500, "twitter_url": 500,
    "facebook_url": 500,
}  # fmt: skip


def lead_values(person: Person, keys: IdentityKeys) -> dict[str, Any]:
    """The columns of `leads` that follow from a person; all keys are always present."""
    values: dict[str, Any] = {name: clean(getattr(person, name), limit) for name, limit in _LIMITS.items()}
    addresses = emails_primary_first(person)
    primary = next((email for email in addresses if email_norm(email.address)), None)
    phone = next((phone for phone in phones_primary_first(person) if phone_norm(phone.e164)), None)
    years = person.years_experience
    return values | {
        "provider_uuid": keys.provider_uuid,
        "email": clean(primary.address.strip(), 254) if primary else None,
        "email_norm": keys.email_norms[0] if keys.email_norms else None,
        "email_verification": primary.verification if primary else "none",
        "phone": phone.e164 if phone else None,
        "phone_norm": phone.e164 if phone else None,
        "phone_do_not_call": phone.do_not_call if phone else None,
        "linkedin_norm": keys.linkedin_norm,
        "job_title_norm": _norm(values["job_title"]),
        "company_norm": _norm(values["company_name"]),
        "city_norm": _norm(values["city"]),
        "years_experience": years if years is not None and 0 <= years <= 99 else None,
        "state_from_company": person.state_from_company,
        "is_homeowner": person.is_homeowner,
        "is_married": person.is_married,
        "has_children": person.has_children,
        "demographics": without_restricted(storable(person.demographics)),
        "has_email": any(email.verification != "invalid" and email_norm(email.address) for email in addresses),
        "has_verified_email": any(
            email.verification == "verified" and email_norm(email.address) for email in addresses
        ),
        "has_phone": phone is not None,
        "has_linkedin": keys.linkedin_norm is not None,
    }


def email_rows(person: Person, lead_id: UUID) -> list[dict[str, Any]]:
    """The rows of `lead_emails`, the primary address at position 0."""
    rows: dict[str, dict[str, Any]] = {}
    for email in emails_primary_first(person):
        normalized = email_norm(email.address)
        if normalized is None or normalized in rows:
            continue
        rows[normalized] = {
            "lead_id": lead_id,
            "address": email.address.strip(),
            "address_norm": normalized,
            "kind": email.kind,
            "verification": email.verification,
        }
    return _numbered(rows)


def phone_rows(person: Person, lead_id: UUID) -> list[dict[str, Any]]:
    """The rows of `lead_phones`, the primary number at position 0."""
    rows: dict[str, dict[str, Any]] = {}
    for phone in phones_primary_first(person):
        if phone_norm(phone.e164) is None or phone.e164 in rows:
            continue
        rows[phone.e164] = {
            "lead_id": lead_id,
            "e164": phone.e164,
            "kind": phone.kind,
            "do_not_call": phone.do_not_call,
            "verified": phone.verified,
        }
    return _numbered(rows)


def without_restricted(record: Any) -> Any:
    """The same JSON value without restricted facts, at any depth."""
    if isinstance(record, Mapping):
        return {
            key: without_restricted(value) for key, value in record.items() if not _RESTRICTED.search(str(key).upper())
        }
    if isinstance(record, list):
        return [without_restricted(item) for item in record]
    return record


def raw_record(person: Person) -> dict[str, Any]:
    """What `lead_raw_records` keeps of a person."""
    return without_restricted(storable(person.raw))


def clean(value: object, limit: int) -> str | None:
    """Text the database and every index accept, cut to `limit` characters; None when nothing is left."""
    if value is None:
        return None
    return _UNSTORABLE.sub("", str(value))[:limit].strip() or None


def _norm(value: str | None) -> str | None:
    return " ".join(value.lower().split())[:300] or None if value else None


def _numbered(rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"position": position} for position, row in enumerate(list(rows.values())[:MAX_CONTACTS])]

"""One record of the provider, in whatever of its spellings, as one `Person` (contract §9).

Audience rows come with upper-case names, previews and enrichments with lower-case ones, older and newer feeds with
other names for the same thing. `normalize` reads all of them and never raises: what it cannot read stays in `raw`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cursive_app.integrations.audiencelab import vocabulary
from cursive_app.integrations.audiencelab.contacts import (
    PersonEmail,
    PersonPhone,
    Verification,
    choose_primary,
    read_emails,
    read_phones,
)
from cursive_app.integrations.audiencelab.values import (
    domain,
    flat,
    items,
    person_name,
    phone,
    postal_code,
    profile_url,
    storable,
    text,
    whole,
)

Seniority = Literal["cxo", "vp", "director", "manager", "staff"]


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the provider knows them. None and () mean "not known", never "no".

    `state` is a two-letter code, read from the person's own ZIP code where the record does not name it;
    `state_from_company` says that it is the employer's, because no place of the person's own is known.
    `company_size` and `company_revenue` are the provider's own buckets where the value is one of them.
    `demographics` holds income_range, net_worth and similar descriptive values that customers may see; restricted ones
    (credit, ethnicity, language, exact age) stay in `raw` alone.
    """

    provider_uuid: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    emails: tuple[PersonEmail, ...] = ()
    primary_email: str | None = None
    primary_email_verification: Verification = "none"
    phones: tuple[PersonPhone, ...] = ()
    linkedin_url: str | None = None
    twitter_url: str | None = None
    facebook_url: str | None = None
    job_title: str | None = None
    headline: str | None = None
    department: str | None = None
    seniority: str | None = None
    years_experience: int | None = None
    company_name: str | None = None
    company_domain: str | None = None
    company_description: str | None = None
    industry: str | None = None
    company_size: str | None = None
    company_revenue: str | None = None
    company_phone: str | None = None
    company_address: str | None = None
    company_city: str | None = None
    company_state: str | None = None
    company_postal_code: str | None = None
    company_linkedin_url: str | None = None
    sic: str | None = None
    naics: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    state_from_company: bool = False
    postal_code: str | None = None
    age_range: str | None = None
    gender: str | None = None
    is_homeowner: bool | None = None
    is_married: bool | None = None
    has_children: bool | None = None
    skiptrace_match_score: int | None = None
    demographics: dict[str, str] = field(default_factory=dict)
    email_sha256: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict)


class Fields:
    """A record's values under upper-case names. Where two spellings of one name occur, the upper-case one wins."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        for key in sorted(map(str, record), key=lambda name: (not name.isupper(), name)):
            self._values.setdefault(key.strip().upper(), record.get(key))

    def first(self, *names: str) -> Any:
        """The first of these fields that says something, else None."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, list | tuple | bool) and value not in ([], ()):
                return value
            if text(value) is not None:
                return value
        return None

    def all(self, *names: str) -> list[Any]:
        """The values of all these fields that are present, in order of the names."""
        return [self._values[name] for name in names if self._values.get(name) is not None]


def normalize(record: Mapping[str, Any]) -> Person:
    """Read one provider record. Never raises for a mapping; unknown fields are kept in `raw`."""
    fields = Fields(record)
    found_emails = read_emails(fields, company_domain=domain(fields.first("COMPANY_DOMAIN")))
    primary = choose_primary(found_emails)
    return Person(
        provider_uuid=_short(fields.first("UUID", "UP_ID", "ID"), 64),
        first_name=_name(fields.all("FIRST_NAME")),
        last_name=_name(fields.all("LAST_NAME")),
        emails=found_emails,
        primary_email=primary.address if primary else None,
        primary_email_verification=primary.verification if primary else "none",
        phones=read_phones(fields),
        linkedin_url=profile_url(fields.first("LINKEDIN_URL", "INDIVIDUAL_LINKEDIN_URL"), site="linkedin.com"),
        twitter_url=profile_url(
            fields.first("TWITTER_URL", "INDIVIDUAL_TWITTER_URL"), site="twitter.com", aliases=("x.com",)
        ),
        facebook_url=profile_url(fields.first("FACEBOOK_URL", "INDIVIDUAL_FACEBOOK_URL"), site="facebook.com"),
        skiptrace_match_score=whole(fields.first("SKIPTRACE_MATCH_SCORE")),
        email_sha256=_hashes(fields),
        raw=storable(record),
        **_work(fields),
        **_company(fields),
        **_place(fields),
        **_household(fields),
    )


def _work(fields: Fields) -> dict[str, Any]:
    department = _short(fields.first("DEPARTMENT"), 100)
    return {
        "job_title": _short(fields.first("JOB_TITLE"), 300),
        "headline": _short(fields.first("HEADLINE"), 500),
        "department": department.casefold() if department else None,
        "seniority": vocabulary.seniority(fields.first("SENIORITY_LEVEL", "SENIORITY")),
        "years_experience": _between(whole(fields.first("INFERRED_YEARS_EXPERIENCE")), 0, 99),
    }


def _company(fields: Fields) -> dict[str, Any]:
    size = flat(fields.first("COMPANY_EMPLOYEE_COUNT", "COMPANY_SIZE"))
    revenue = flat(fields.first("COMPANY_REVENUE"))
    return {
        "company_name": _short(fields.first("COMPANY_NAME", "COMPANY"), 300),
        "company_domain": domain(fields.first("COMPANY_DOMAIN")),
        "company_description": text(fields.first("COMPANY_DESCRIPTION")),
        "industry": _short(fields.first("COMPANY_INDUSTRY", "INDUSTRY"), 200),
        "company_size": (vocabulary.company_size(size) or size[:50]) if size else None,
        "company_revenue": (vocabulary.company_revenue(revenue) or revenue[:50]) if revenue else None,
        "company_phone": next((e164 for item in items(fields.first("COMPANY_PHONE")) if (e164 := phone(item))), None),
        "company_address": _short(fields.first("COMPANY_ADDRESS"), 300),
        "company_city": _short(fields.first("COMPANY_CITY"), 100),
        "company_state": vocabulary.state_code(fields.first("COMPANY_STATE")),
        "company_postal_code": postal_code(fields.first("COMPANY_ZIP")),
        "company_linkedin_url": profile_url(fields.first("COMPANY_LINKEDIN_URL"), site="linkedin.com"),
        "sic": _short(fields.first("COMPANY_SIC", "SIC"), 100),
        "naics": _short(fields.first("COMPANY_NAICS", "NAICS"), 100),
    }


def _place(fields: Fields) -> dict[str, Any]:
    """Where the person is. The employer's city and state stand in together, and only for a person of whom no place of
    their own is known: one city is never shown with another's state, nor somebody found where they do not live."""
    own_zip = postal_code(fields.first("PERSONAL_ZIP", "ZIP", "ZIP_CODE", "POSTAL_CODE"))
    city = _short(fields.first("PERSONAL_CITY", "CITY"), 100)
    state = vocabulary.state_code(fields.first("PERSONAL_STATE", "STATE")) or vocabulary.state_of_zip(own_zip)
    stands_in = not (state or city or own_zip)
    if stands_in:
        city = _short(fields.first("COMPANY_CITY"), 100)
        state = vocabulary.state_code(fields.first("COMPANY_STATE"))
    return {
        "address": _short(fields.first("PERSONAL_ADDRESS", "ADDRESS"), 300),
        "city": city,
        "state": state,
        "state_from_company": stands_in and state is not None,
        "postal_code": own_zip,
    }


def _household(fields: Fields) -> dict[str, Any]:
    return {
        "age_range": _short(fields.first("AGE_RANGE"), 30),
        "gender": {"Male": "male", "Female": "female"}.get(vocabulary.gender(fields.first("GENDER")) or ""),
        "is_homeowner": vocabulary.yes_no(fields.first("HOMEOWNER")),
        "is_married": vocabulary.yes_no(fields.first("MARRIED")),
        "has_children": vocabulary.yes_no(fields.first("CHILDREN")),
        "demographics": _demographics(fields),
    }


def _demographics(fields: Fields) -> dict[str, str]:
    """income_range, net_worth and education, in the provider's words where they are its words."""
    income, worth = _short(fields.first("INCOME_RANGE"), 100), _short(fields.first("NET_WORTH"), 100)
    found = {
        "income_range": vocabulary.income_range(income) or income,
        "net_worth": vocabulary.net_worth(worth) or worth,
        "education": vocabulary.education(fields.first("EDUCATION", "EDUCATION_HISTORY")),
    }
    return {name: value for name, value in found.items() if value}


def _hashes(fields: Fields) -> tuple[str, ...]:
    names = ("SHA256_PERSONAL_EMAIL", "SHA256_BUSINESS_EMAIL", "HEM_SHA256", "SHA256")
    found = [item.casefold() for value in fields.all(*names) for item in items(value)]
    return tuple(dict.fromkeys(item for item in found if re.fullmatch(r"[0-9a-f]{64}", item)))


def _name(said: list[Any]) -> str | None:
    """A part of a person's name on one line; "Null" may be one."""
    cleaned = next(filter(None, map(person_name, said)), None)
    return (" ".join(cleaned.split())[:100].rstrip() or None) if cleaned else None


def _short(value: object, limit: int) -> str | None:
    cleaned = flat(value)
    return cleaned[:limit].rstrip() if cleaned else None


def _between(value: int | None, low: int, high: int) -> int | None:
    return value if value is not None and low <= value <= high else None

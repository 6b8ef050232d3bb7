"""The provider's filters (contract §2.2) over the synthetic people, as vectorized masks.

Documented members are applied to what the provider *knows* of a person: an unknown value matches nothing. State filters
take full names, as documented; a postal code matches nobody. The undocumented schema that an older client used is
accepted and ignored, exactly as the vendor was seen to do (§2.2, "accepted is not applied").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cursive_app.integrations.audiencelab import vocabulary as words
from cursive_app.sandbox.population.people import Codes, Mask, People

if TYPE_CHECKING:
    from cursive_app.sandbox.population.population import Population

IGNORED_GROUPS = frozenset({"business", "location", "personal", "financial", "housing", "family"})
# accepted by the vendor, but our people have no such values
_NEVER_KNOWN = frozenset(
    {"credit_rating", "language_code", "dwelling_type", "marital_status", "occupation_type", "smoker", "ethnic_code"}
)
# seen only in the vendor's dashboard, refused by its API (with the quirk on)
REFUSED = {"businessProfile.sic": "SIC", "businessProfile.companyNaics": "NAICS"}

Column = Callable[[People], Codes]


class FilterRefused(Exception):
    """The vendor would answer 400 with this text."""


MALFORMED = "Malformed JSON/Unknown Field detected: <nil>"

# the provider's field names, for notNulls and nullOnly
KNOWN_FIELDS: dict[str, Callable[[People], Mask]] = {
    "FIRST_NAME": lambda people: np.ones(len(people.index), dtype=bool),
    "LAST_NAME": lambda people: np.ones(len(people.index), dtype=bool),
    "BUSINESS_EMAIL": lambda people: people.has_business_email,
    "BUSINESS_VERIFIED_EMAILS": lambda people: people.business_email_verified,
    "PERSONAL_EMAILS": lambda people: people.has_personal_email,
    "PERSONAL_EMAIL": lambda people: people.has_personal_email,
    "PERSONAL_VERIFIED_EMAILS": lambda people: people.personal_email_verified,
    "MOBILE_PHONE": lambda people: people.has_mobile,
    "DIRECT_NUMBER": lambda people: people.has_direct,
    "PERSONAL_PHONE": lambda people: people.has_personal_phone,
    "LINKEDIN_URL": lambda people: people.has_linkedin,
    "JOB_TITLE": lambda people: people.title > 0,
    "SENIORITY_LEVEL": lambda people: people.seniority > 0,
    "DEPARTMENT": lambda people: people.department > 0,
    "COMPANY_NAME": lambda people: people.has_employer,
    "COMPANY_DOMAIN": lambda people: people.has_domain,
    "COMPANY_INDUSTRY": lambda people: people.industry > 0,
    "COMPANY_EMPLOYEE_COUNT": lambda people: people.size > 0,
    "COMPANY_REVENUE": lambda people: people.revenue > 0,
    "COMPANY_STATE": lambda people: people.company_state > 0,
    "PERSONAL_STATE": lambda people: people.personal_state > 0,
    "PERSONAL_CITY": lambda people: people.personal_city > 0,
    "PERSONAL_ZIP": lambda people: people.zip > 0,
    "PERSONAL_ADDRESS": lambda people: people.has_address,
    "AGE_RANGE": lambda people: people.age > 0,
    "GENDER": lambda people: people.gender > 0,
    "INCOME_RANGE": lambda people: people.income > 0,
    "NET_WORTH": lambda people: people.net_worth > 0,
    "HOMEOWNER": lambda people: people.homeowner > 0,
    "MARRIED": lambda people: people.married > 0,
    "CHILDREN": lambda people: people.children > 0,
}

_VOCABULARIES: dict[str, tuple[str, Sequence[str]]] = {
    "gender": ("gender", words.GENDERS),
    "businessProfile.industry": ("industry", words.INDUSTRIES),
    "businessProfile.seniority": ("seniority", words.SENIORITIES),
    "businessProfile.department": ("department", words.DEPARTMENTS),
    "businessProfile.employeeCount": ("size", words.COMPANY_SIZES),
    "businessProfile.companyRevenue": ("revenue", words.COMPANY_REVENUES),
    "profile.incomeRange": ("income", words.INCOME_RANGES),
    "profile.netWorth": ("net_worth", words.NET_WORTHS),
    "profile.homeowner": ("homeowner", words.HOMEOWNER),
    "profile.married": ("married", words.MARRIED),
    "profile.children": ("children", words.CHILDREN),
    "attributes.education": ("education", words.EDUCATION),
}


def mask_of(population: Population, filters: Mapping[str, Any], *, strict: bool) -> Mask:
    """Who matches. Raises FilterRefused as the vendor would answer 400.

    `strict`: also refuse empty groups and the members its API was seen to refuse.
    """
    mask = np.ones(population.size, dtype=bool)
    for path, value in _members(filters, strict=strict):
        mask &= _member_mask(population, path, value, strict=strict)
    return mask


def _members(filters: Mapping[str, Any], *, strict: bool) -> list[tuple[str, Any]]:
    if not isinstance(filters, Mapping):
        raise FilterRefused(MALFORMED)
    found: list[tuple[str, Any]] = []
    for name, value in filters.items():
        if name in IGNORED_GROUPS:
            continue
        if strict and value in ({}, [], None):
            raise FilterRefused(MALFORMED)
        if name in ("businessProfile", "attributes", "profile"):
            if not isinstance(value, Mapping):
                raise FilterRefused(MALFORMED)
            found += [(f"{name}.{member}", inner) for member, inner in value.items()]
        else:
            found.append((name, value))
    return found


def _member_mask(population: Population, path: str, value: Any, *, strict: bool) -> Mask:
    if path == "age":
        return _age(population, value)
    if path == "attributes.home_year_built":
        return np.zeros(population.size, dtype=bool)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FilterRefused(MALFORMED)  # every multi-value field must be an array, even for one value
    if not value:
        if strict:
            raise FilterRefused(MALFORMED)
        return np.ones(population.size, dtype=bool)
    if strict and path in REFUSED:
        raise FilterRefused(f"invalid filter field: {REFUSED[path]}")
    if path in _VOCABULARIES:
        column, vocabulary = _VOCABULARIES[path]
        return _chosen(population.column(column), vocabulary, value)
    special = _SPECIAL.get(path)
    if special is not None:
        return special(population, value)
    if path in REFUSED or path.removeprefix("attributes.") in _NEVER_KNOWN:
        return np.zeros(population.size, dtype=bool)
    raise FilterRefused(MALFORMED)


def _chosen(codes: Codes, vocabulary: Sequence[str], values: list[str]) -> Mask:
    wanted = {value.strip().casefold() for value in values}
    table = np.array([False, *(word.casefold() in wanted for word in vocabulary)])
    return table[codes]


def _age(population: Population, value: Any) -> Mask:
    if not isinstance(value, Mapping) or set(value) - {"minAge", "maxAge"} or not value:
        raise FilterRefused(MALFORMED)
    low, high = value.get("minAge", 1), value.get("maxAge", 200)
    if not all(isinstance(bound, int) and not isinstance(bound, bool) for bound in (low, high)):
        raise FilterRefused(MALFORMED)
    ages = population.column("age")
    return (ages >= max(1, low)) & (ages <= high)


def _states(column: str) -> Callable[[Population, list[str]], Mask]:
    def mask(population: Population, values: list[str]) -> Mask:
        names = [words.states()[code] for code in population.reference.places.state_codes]
        return _chosen(population.column(column), names, values)

    return mask


def _cities(population: Population, values: list[str]) -> Mask:
    return _chosen(population.column("city"), population.reference.places.names, values)


def _zips(population: Population, values: list[str]) -> Mask:
    return _chosen(population.column("zip"), population.reference.places.zips, values)


def _containing(texts: Sequence[str], values: list[str]) -> np.ndarray:
    wanted = [value.strip().casefold() for value in values if value.strip()]
    return np.array([any(part in text for part in wanted) for text in map(str.casefold, texts)], dtype=bool)


def _titles(population: Population, values: list[str]) -> Mask:
    table = _containing(population.reference.titles.titles, values)
    return np.concatenate([[False], table])[population.column("title")]


def _not_titles(population: Population, values: list[str]) -> Mask:
    return ~_titles(population, values)


def _company_names(population: Population, values: list[str]) -> Mask:
    return _containing(population.company_names, values)[population.column("company")] & population.column(
        "has_employer"
    )


def _company_descriptions(population: Population, values: list[str]) -> Mask:
    table = _containing(population.company_descriptions, values)
    return table[population.column("company")] & population.column("has_employer")


def _company_domains(population: Population, values: list[str]) -> Mask:
    wanted = population.companies_of_domains(values)
    return np.isin(population.column("company"), wanted) & population.column("has_domain")


def _not_education(population: Population, values: list[str]) -> Mask:
    return ~_chosen(population.column("education"), words.EDUCATION, values)


def _fields(*, known: bool) -> Callable[[Population, list[str]], Mask]:
    def mask(population: Population, values: list[str]) -> Mask:
        result = np.ones(population.size, dtype=bool)
        for name in values:
            if name not in KNOWN_FIELDS:
                raise FilterRefused(f"invalid filter field: {name}")
            result &= population.known_field(name) == known
        return result

    return mask


_SPECIAL: dict[str, Callable[[Population, list[str]], Mask]] = {
    "state": _states("state"),
    "states": _states("state"),
    "personalState": _states("personal_state"),
    "city": _cities,
    "zip": _zips,
    "zip_code": _zips,
    "zipCode": _zips,
    "notNulls": _fields(known=True),
    "nullOnly": _fields(known=False),
    "businessProfile.jobTitle": _titles,
    "businessProfile.excludeJobTitle": _not_titles,
    "businessProfile.companyName": _company_names,
    "businessProfile.companyDescription": _company_descriptions,
    "businessProfile.companyDomain": _company_domains,
    "attributes.excludeEducation": _not_education,
}

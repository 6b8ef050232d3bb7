"""Employers by number: industry, size, revenue, place, name and domain, each following from (seed, number) alone."""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cursive_app.integrations.audiencelab.vocabulary import COMPANY_REVENUES, COMPANY_SIZES, INDUSTRIES
from cursive_app.sandbox.population.draws import bits, cumulate, uniform, weighted
from cursive_app.sandbox.population.reference import Reference

PEOPLE_PER_BLOCK = 1_024
COMPANIES_PER_BLOCK = 128
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

# A few industries employ most people; the rest share the remainder.
_INDUSTRY_WEIGHTS = {
    "Hospital and Health Care": 9, "Software Development": 8, "Construction": 7, "Retail": 7,
    "Financial Services": 6, "Information Technology and Services": 6, "Real Estate": 5, "Insurance": 4,
    "Marketing and Advertising": 4, "Higher Education": 4, "Legal Services": 4, "Restaurants": 4,
    "Transportation and Trucking": 3, "Management Consulting": 3, "Automotive": 3, "Government Administration": 3,
    "Telecommunications": 3, "Staffing and Recruiting": 3, "Accounting": 3, "Banking": 3,
}  # fmt: skip
_INDUSTRY_SHARES = cumulate([_INDUSTRY_WEIGHTS.get(name, 0.7) for name in INDUSTRIES])
# upper bound of a company's place within its block (0 has the most people) per size, largest first
_SIZE_BOUNDS = np.array([0.8, 2, 6, 11, 20, 35, 55, 75, 100])


def base36(number: int) -> str:
    """A number in the digits 0-9a-z."""
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits


class CompanySet:
    """The companies with these numbers; every attribute is an array as long as `number`."""

    def __init__(self, *, seed: int, number: npt.NDArray[np.int64], reference: Reference) -> None:
        self.seed = seed
        self.number = number
        self._reference = reference

    @cached_property
    def industry(self) -> npt.NDArray[np.uint8]:
        """1-based."""
        return (weighted(self.seed, "company:industry", self.number, _INDUSTRY_SHARES) + 1).astype(np.uint8)

    @cached_property
    def size(self) -> npt.NDArray[np.uint8]:
        """1-based; companies with more of our people are larger."""
        place = self.number % COMPANIES_PER_BLOCK + (uniform(self.seed, "company:size", self.number) - 0.3) * 12
        from_largest = np.searchsorted(_SIZE_BOUNDS, place, side="right")
        return (len(COMPANY_SIZES) - from_largest).astype(np.uint8)

    @cached_property
    def revenue(self) -> npt.NDArray[np.uint8]:
        """1-based; follows the size, give or take one bucket."""
        step = (uniform(self.seed, "company:revenue", self.number) * 3).astype(np.int64) - 1
        return np.clip(self.size.astype(np.int64) + step, 1, len(COMPANY_REVENUES)).astype(np.uint8)

    @cached_property
    def place(self) -> npt.NDArray[np.int64]:
        """0-based city."""
        return weighted(self.seed, "company:place", self.number, self._reference.places.cumulative)

    def names(self) -> list[str]:
        """Their names, e.g. "Garner Legal Services LLC", "Tacoma Construction", "Miller-Diaz", "Lee, Cruz and Ward"."""
        source = self._reference
        last = [weighted(self.seed, f"company:last{n}", self.number, source.last_cumulative).tolist() for n in range(3)]
        pattern = bits(self.seed, "company:pattern", self.number) % np.uint64(100)
        suffix = bits(self.seed, "company:suffix", self.number) % np.uint64(len(source.company_suffixes))
        rows = zip(pattern.tolist(), suffix.tolist(), self.industry.tolist(), self.place.tolist(), *last, strict=True)
        return [
            self._name(kind, source.company_suffixes[end], INDUSTRIES[field - 1], place, (one, two, three))
            for kind, end, field, place, one, two, three in rows
        ]

    def _name(self, kind: int, suffix: str, industry: str, place: int, last: tuple[int, int, int]) -> str:
        one, two, three = (self._reference.last_names[number] for number in last)
        trade = re.split(r",| and | or ", industry)[0]
        if kind < 40:
            return f"{one} {trade} {suffix}"
        if kind < 60:
            return f"{self._reference.places.names[place]} {trade}"
        if kind < 75:
            return f"{one}-{two}"
        if kind < 93:
            return f"{one} {suffix}"
        return f"{one}, {two} and {three}"  # a comma in a name, which splitting on commas would cut

    def domains(self, names: list[str]) -> list[str]:
        """Their domains under the reserved top-level domain. The number at the end makes them unique and readable
        back (`number_of`)."""
        return [
            f"{re.sub(r'[^a-z]', '', name.casefold())[:18]}-{base36(number)}.example"
            for name, number in zip(names, self.number.tolist(), strict=True)
        ]


def number_of(domain: str) -> int | None:
    """The number in one of our domains, or None for any other domain."""
    found = re.fullmatch(r"[a-z]+-([0-9a-z]{1,8})\.example", domain.casefold())
    return int(found[1], 36) if found else None

"""The synthetic people behind one seed: columns to filter on, records to hand out, look-ups by what identifies one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cursive_app.sandbox.population import identity
from cursive_app.sandbox.population.companies import COMPANIES_PER_BLOCK, PEOPLE_PER_BLOCK, CompanySet, number_of
from cursive_app.sandbox.population.draws import bits
from cursive_app.sandbox.population.filters import KNOWN_FIELDS, mask_of
from cursive_app.sandbox.population.people import Codes, Mask, People
from cursive_app.sandbox.population.reference import Reference, reference
from cursive_app.sandbox.population.rows import Row, RowWriter, descriptions

LARGEST = 10_000_000
_CHUNK = 1 << 18


class Population:
    """`size` people of one seed. Person i is the same in every population of the seed that is large enough.

    Nothing is computed before it is asked for: a column costs about a tenth of a second per million people once, a
    record microseconds. Thread-safe.
    """

    def __init__(self, *, seed: int, size: int, quirks: bool = True) -> None:
        if not 1 <= size <= LARGEST:
            raise ValueError(f"a population has 1 to {LARGEST:,} people, not {size:,}")
        self.seed = seed
        self.size = size
        self.quirks = quirks
        self.reference: Reference = reference()
        self._columns: dict[str, Codes] = {}
        self._lock = threading.Lock()

    def person(self, index: int) -> Row:
        """The record of one person as an audience row. Raises IndexError outside the population."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self.records(np.array([index]))[0]

    def records(self, indexes: npt.NDArray[np.integer]) -> list[Row]:
        """Audience rows of these people, in this order."""
        if len(indexes) == 0:
            return []
        people = self._people(indexes.astype(np.int64))
        return RowWriter(people, reference=self.reference, quirks=self.quirks).rows()

    def matching(self, filters: Mapping[str, Any], *, strict: bool = False) -> npt.NDArray[np.int64]:
        """The indexes of all people who match, ascending. Raises FilterRefused for what the vendor would refuse."""
        return np.flatnonzero(self.mask(filters, strict=strict))

    def mask(self, filters: Mapping[str, Any], *, strict: bool = False) -> Mask:
        """Who matches, as one flag per person."""
        return mask_of(self, filters, strict=strict)

    def column(self, name: str) -> Codes:
        """One attribute of everybody (a property of `People`), kept after the first use."""
        with self._lock:
            if name not in self._columns:
                self._columns[name] = self._compute(lambda people: getattr(people, name))
            return self._columns[name]

    def known_field(self, name: str) -> Mask:
        """Whether the provider knows this field (a name of KNOWN_FIELDS), for everybody."""
        key = f"known:{name}"
        with self._lock:
            if key not in self._columns:
                self._columns[key] = self._compute(KNOWN_FIELDS[name])
            return self._columns[key]

    def lines(self, purpose: str) -> Codes:
        """The last two digits of everybody's phone numbers of one purpose ("mobile", "direct", "personal")."""
        key = f"line:{purpose}"
        with self._lock:
            if key not in self._columns:
                self._columns[key] = self._compute(lambda people: people.line(purpose).astype(np.uint8))
            return self._columns[key]

    def random_bits(self, purpose: str) -> npt.NDArray[np.uint64]:
        """64 bits for everybody; not kept."""
        return bits(self.seed, purpose, np.arange(self.size))

    @cached_property
    def company_names(self) -> list[str]:
        """The names of all employers, by number."""
        return self._all_companies.names()

    @cached_property
    def company_descriptions(self) -> list[str]:
        return descriptions(self._all_companies, self.company_names, self.reference)

    def companies_of_domains(self, domains: list[str]) -> list[int]:
        """The numbers of the employers with these domains; unknown domains are left out."""
        found = []
        for domain in domains:
            number = number_of(domain.strip())
            if number is not None and number < self._company_count:
                company = CompanySet(seed=self.seed, number=np.array([number]), reference=self.reference)
                if company.domains(company.names()) == [domain.strip().casefold()]:
                    found.append(number)
        return found

    def find(self, *, email: str = "", link: str = "", uuid: str = "") -> int | None:
        """The index of the person with this address, profile link or provider id, or None."""
        for candidate, field, value in (
            (identity.index_of_email(email) if email else None, ("BUSINESS_EMAIL", "PERSONAL_EMAILS"), email),
            (identity.index_of_link(link) if link else None, ("LINKEDIN_URL",), link.rpartition("/in/")[2]),
            (identity.index_of_uuid(uuid) if uuid else None, ("UUID",), uuid),
        ):
            if candidate is None or candidate >= self.size:
                continue
            row = self.person(candidate)
            if any(value.strip().casefold().rstrip("/") in row[name].casefold() for name in field):
                return candidate
        return None

    @property
    def _company_count(self) -> int:
        return -(-self.size // PEOPLE_PER_BLOCK) * COMPANIES_PER_BLOCK

    @cached_property
    def _all_companies(self) -> CompanySet:
        return CompanySet(seed=self.seed, number=np.arange(self._company_count), reference=self.reference)

    def _people(self, indexes: npt.NDArray[np.int64]) -> People:
        return People(seed=self.seed, index=indexes, reference=self.reference)

    def _compute(self, read: Any) -> Codes:
        """In chunks, so that the temporary arrays stay small whatever the size."""
        parts = [
            read(self._people(np.arange(start, min(start + _CHUNK, self.size))))
            for start in range(0, self.size, _CHUNK)
        ]
        found = np.concatenate(parts)
        if found.dtype == np.int64:
            found = found.astype(np.uint32)  # positions and numbers of companies, cities, area codes
        return found

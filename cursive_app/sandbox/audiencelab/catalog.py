"""The segment catalog of the sandbox provider: 19,894 topics, business and consumer, and who belongs to each.

Names are composed of the provider's industries with Faker's product words, and of household facts with real cities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cursive_app.integrations.audiencelab.vocabulary import states
from cursive_app.sandbox.population import Population
from cursive_app.sandbox.population.people import Mask

SIZE = 19_894
_FIRST_ID = 100_001
_HOUSEHOLDS = (
    ("Homeowners", "homeowner", 1),
    ("Renters", "homeowner", 2),
    ("Married", "married", 1),
    ("Parents", "children", 1),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """`id` is bare, as the vocabulary lists it; audiences want it prefixed with "b2b_" or "b2c_" (§2.2)."""

    id: str
    name: str
    b2b: bool
    industry: int  # 1-based, business segments
    household: int  # position in _HOUSEHOLDS, consumer segments
    place: int  # 0-based city, consumer segments

    @property
    def prefixed(self) -> str:
        return f"{'b2b' if self.b2b else 'b2c'}_{self.id}"


class Catalog:
    """All segments of one population's provider."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self.segments = _segments(population)
        self._by_id = {segment.id: segment for segment in self.segments}

    def get(self, segment_id: str) -> Segment | None:
        """By bare or prefixed id; a prefix of the wrong kind finds nothing."""
        bare = segment_id.removeprefix("b2b_").removeprefix("b2c_")
        segment = self._by_id.get(bare)
        return segment if segment and segment_id in (bare, segment.prefixed) else None

    def mask(self, segments: list[Segment], *, days_back: int) -> Mask:
        """Who showed interest in any of these within the window; more days, more people."""
        mask = np.zeros(self._population.size, dtype=bool)
        for segment in segments:
            mask |= self._members(segment, share=min(1.0, 0.4 + 0.06 * days_back))
        return mask

    def _members(self, segment: Segment, *, share: float) -> Mask:
        drawn = self._population.random_bits(f"segment:{segment.id}") % np.uint64(1_000)
        if segment.b2b:
            close = self._population.column("industry") == segment.industry
            return np.where(close, drawn < 400 * share, drawn < 6 * share)
        _, column, code = _HOUSEHOLDS[segment.household]
        near = self._population.column("city") == segment.place + 1
        return near & (self._population.column(column) == code) & (drawn < 1_000 * share)


def _segments(population: Population) -> list[Segment]:
    source = population.reference
    products = [word for word in source.phrase_words[2] if word[0].isalpha()]
    found = [
        (f"{industry} > {word[0].upper()}{word[1:]}", True, number, 0, 0)
        for number, industry in enumerate(source.industries, start=1)
        for word in products
    ]
    names = states()
    for place, city in enumerate(source.places.names):
        for household, (label, _, _) in enumerate(_HOUSEHOLDS):
            if len(found) >= SIZE:
                break
            found.append((f"{label} > {city}, {names[source.places.states[place]]}", False, 0, household, place))
    return [
        Segment(str(_FIRST_ID + number), name, b2b, industry, household, place)
        for number, (name, b2b, industry, household, place) in enumerate(found[:SIZE])
    ]

"""What the provider is sent narrows to everybody who satisfies the filter, held against the synthetic provider."""

from __future__ import annotations

import pytest

from cursive_app.sandbox.population import Population
from cursive_app.sandbox.population.filters import mask_of
from cursive_app.services.segments import narrowing, parse
from cursive_app.services.segments.fields import cities
from tests.factories_segments import where


@pytest.fixture(scope="module")
def population() -> Population:
    return Population(seed=3, size=20_000)


def test_a_city_that_is_suggested_is_one_that_people_live_in(population: Population) -> None:
    nobody = [
        name
        for name in cities()[:50]
        if not mask_of(
            population, narrowing(parse(where({"field": "city", "include": [name]}))).filters, strict=True
        ).any()
    ]
    assert nobody == []
    assert {"New York", "Bronx", "St. Louis", "Winston-Salem"} <= set(cities())
    assert not {"New York City", "The Bronx", "Queens"} & set(cities())


@pytest.mark.parametrize(
    ("typed", "sent"), [("new york city", ["New York", "New York City"]), ("The BRONX", ["Bronx", "The Bronx"])]
)
def test_a_citys_other_name_is_read_as_the_usual_one_and_both_are_asked_for(typed: str, sent: list[str]) -> None:
    read = parse(where({"field": "city", "include": [typed]}))
    assert read.to_json()["where"]["all"][0]["include"] == [sent[0].lower()]
    assert narrowing(read).filters == {"city": sent}

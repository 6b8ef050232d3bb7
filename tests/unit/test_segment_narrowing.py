"""What the provider is sent narrows to everybody who satisfies the filter, held against the synthetic provider."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab import normalize
from cursive_app.sandbox.population import Population
from cursive_app.sandbox.population.filters import mask_of
from cursive_app.services.segments import matches, narrowing, parse, person_values
from cursive_app.services.segments.compile_provider import MAX_MEMBER_VALUES
from cursive_app.services.segments.fields import AGE_HIGHS, AGE_LOWS, FIELDS, cities
from cursive_app.services.segments.match import obeys
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


LOOKED_AT = 1_500
LISTS = ("job_title", "company_name", "seniority", "department", "industry", "company_size", "company_revenue",
         "company_domain", "state", "city", "postal_code", "gender")  # fmt: skip


@pytest.fixture(scope="module")
def known(population: Population) -> list[dict[str, object]]:
    """What Cursive reads of the first people, without the states it reads off a ZIP code (ADR 0032): the provider goes
    by the employer's there and cannot be asked for them."""
    rows = population.records(np.arange(LOOKED_AT))
    values = [person_values(normalize(row)) for row in rows]
    said = [bool(row["PERSONAL_STATE"]) or not row["PERSONAL_ZIP"] for row in rows]
    assert sum(not one and bool(each["state"]) for one, each in zip(said, values, strict=True)) < LOOKED_AT / 2
    return [each if one else each | {"state": None} for one, each in zip(said, values, strict=True)]


def _text_of(chance: Random, field: str, known: list[dict[str, object]]) -> str:
    """A value that somebody has; of a phrase some of its words, in any case and with other marks between them."""
    there = sorted({str(one[field]) for one in known if one[field]})
    text = chance.choice(there)
    if FIELDS[field].kind != "phrase":
        return text
    words = re.findall(r"[^\W_]+", text)
    first = chance.randrange(len(words))
    last = chance.randint(first + 1, len(words))
    said = chance.choice([" ", "-", ", ", "/", " & ", "_"]).join(words[first:last])
    return chance.choice([said, said.upper(), said.lower()])[:100]


def _row(chance: Random, known: list[dict[str, object]]) -> dict[str, Any]:
    field = chance.choice([*LISTS, "job_title", "job_title", "age", "is_homeowner", "years_experience"])
    if field == "age":
        return {"field": field, "min": chance.choice(AGE_LOWS), "max": AGE_HIGHS[-1]}
    if field == "is_homeowner":
        return {"field": field, "is": chance.random() < 0.5}
    if field == "years_experience":
        return {"field": field, "min": chance.randint(0, 20)}
    values = [_text_of(chance, field, known) for _ in range(chance.randint(1, 4))]
    split = chance.randint(0, len(values))
    return {"field": field, "include": values[:split], "exclude": values[split:]}


@settings(
    max_examples=100,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink an example means to look at all people a thousand times
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(seed=st.integers(0, 2**32))
def test_whoever_satisfies_the_filter_is_among_those_the_provider_is_asked_for(
    population: Population, known: list[dict[str, object]], seed: int
) -> None:
    chance = Random(seed)
    rows = [_row(chance, known) for _ in range(chance.randint(1, 3))]
    either = {"any": [_row(chance, known) for _ in range(2)]}
    try:
        filters = parse(where(*rows, *([either] if chance.random() < 0.5 else [])))
        sent = narrowing(filters)
    except Invalid:
        assume(False)
        raise
    asked_for = mask_of(population, sent.filters, strict=True)
    lost = [one for index, one in enumerate(known) if matches(filters, one) is True and not asked_for[index]]
    assert not lost, (sent.filters, lost[0])


def test_excluding_cto_keeps_directors_and_including_two_words_finds_them_with_any_mark_between() -> None:
    read = parse(where({"field": "job_title", "include": ["co-founder"], "exclude": ["cto"]}))
    sent = narrowing(read)
    assert set(sent.filters) == {"businessProfile"} and set(sent.filters["businessProfile"]) == {"jobTitle"}
    assert {"co-founder", "co founder", "co, founder", "co/founder"} <= set(sent.filters["businessProfile"]["jobTitle"])
    assert sent.checked, "what is excluded is looked at by Cursive"


def test_the_hint_of_job_titles_is_true() -> None:
    typed, found = re.findall("“(.*?)”", FIELDS["job_title"].hint)
    filters = parse(where({"field": "job_title", "include": [typed]}))
    assert matches(filters, {"job_title": found}) is True
    asked = narrowing(filters).filters["businessProfile"]["jobTitle"]
    assert any(text.lower() in found.lower() for text in asked)


def test_a_long_phrase_is_asked_for_by_two_of_its_words_and_that_is_what_is_judged() -> None:
    sent = narrowing(parse(where({"field": "job_title", "include": ["Chief Revenue Officer"]})))
    assert "Revenue, Officer" in sent.filters["businessProfile"]["jobTitle"]
    assert all("Chief" not in text for text in sent.filters["businessProfile"]["jobTitle"])
    (_, condition), *_ = sent.sent.conditions()
    assert obeys(condition, {"job_title": "Deputy Revenue-Officer"}) is True


def test_many_phrases_stay_a_list_of_bearable_length() -> None:
    phrases = [f"Regional{number} Head{number}" for number in range(100)]
    sent = narrowing(parse(where({"field": "job_title", "include": phrases})))
    texts = sent.filters["businessProfile"]["jobTitle"]
    assert len(texts) == 100 <= MAX_MEMBER_VALUES
    assert texts[7] == "Regional7"


OLD, YOUNG = {"field": "age", "min": 45}, {"field": "age", "max": 34}
TEXAS = {"field": "state", "include": ["TX"]}


@pytest.mark.parametrize(
    "rows",
    [
        [OLD, YOUNG],
        [TEXAS, OLD, {"all": [YOUNG]}],
        [OLD, {"any": [YOUNG, {"field": "age", "min": 18, "max": 44}]}],
        [{"any": [TEXAS, {"all": [OLD, YOUNG]}]}, TEXAS],
    ],
)
def test_ages_that_contradict_each_other_are_refused_in_words(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(Invalid) as refused:
        narrowing(parse(where(*rows)))
    assert re.fullmatch(
        r"Nobody is 45 or older and at the same time (34|44) or younger\. .*", refused.value.fields["where"]
    )


def test_ages_that_meet_are_sent_as_what_they_have_in_common() -> None:
    assert narrowing(parse(where(OLD, {"field": "age", "min": 18, "max": 54}))).filters == {
        "age": {"minAge": 45, "maxAge": 54}
    }
    everybody = {"any": [OLD, YOUNG]}
    assert narrowing(parse(where(everybody, TEXAS))).filters == {"state": ["Texas"]}, "an empty member is refused"

"""The filter grammar: what it takes, what it refuses and how it says so, and its canonical form."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab import Person
from cursive_app.services import segments
from cursive_app.services.segments import Filters, parse, preview
from cursive_app.services.segments.fields import FIELDS
from tests.factories_segments import where


def nested(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"field": "state", "include": ["TX"]}
    for level in range(depth):
        node = {"all" if level % 2 else "any": [node]}
    return {"version": 1, "scope": "provider", "where": node}


def refused(data: object, **options: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as found:
        parse(data, **options)
    return found.value.fields


def test_values_are_read_in_any_spelling_and_kept_in_one() -> None:
    read = parse(
        where(
            {"field": "state", "include": ["texas", "TX", "California"]}, {"field": "seniority", "include": ["C-Suite"]}
        )
    )
    assert read.to_json()["where"]["all"] == [
        {"field": "state", "include": ["TX", "CA"]},
        {"field": "seniority", "include": ["cxo"]},
    ]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (where({"field": "password_hash", "include": ["x"]}), "where.all.0.field"),
        (where({"field": 7}), "where.all.0.field"),
        (where({"field": "state", "include": "TX"}), "where.all.0.include"),
        (where({"field": "state", "include": [7]}), "where.all.0.include.0"),
        (where({"field": "state", "include": ["Atlantis"]}), "where.all.0.include.0"),
        (where({"field": "state", "min": 3}), "where.all.0.min"),
        (where({"field": "state", "include": []}), "where.all.0"),
        (where({"field": "job_title", "include": ["x" * 101]}), "where.all.0.include.0"),
        (where({"field": "job_title", "include": ["a\x00b"]}), "where.all.0.include.0"),
        (where({"field": "job_title", "include": ["\ud800"]}), "where.all.0.include.0"),
        (where({"field": "job_title", "include": ["%_\\"]}), "where.all.0.include.0"),
        (where({"field": "years_experience", "min": 9, "max": 3}), "where.all.0.min"),
        (where({"field": "years_experience", "min": 2**63}), "where.all.0.min"),
        (where({"field": "years_experience", "min": float("nan")}), "where.all.0.min"),
        (where({"field": "years_experience", "max": float("inf")}), "where.all.0.max"),
        (where({"field": "years_experience", "min": True}), "where.all.0.min"),
        (where({"field": "age", "min": 30}), "where.all.0.min"),
        (where({"field": "has_phone", "is": "yes"}), "where.all.0.is"),
        (where({"field": "source", "include": ["upload"]}), "where.all.0.field"),
        (where({"field": "state", "include": ["TX"], "exclude": ["Texas"]}), "where.all.0.exclude"),
        (where({"field": "state", "include": [f"v{n}" for n in range(10_001)]}), "where.all.0.include"),
        (where(*[{"field": "state", "include": ["TX"]}] * 51), "where.all"),
        (where(), "where.all"),
        (where("TX"), "where.all.0"),
        ({"version": 2, "scope": "leads", "where": {"all": []}}, "version"),
        ({"version": 1, "scope": "everything", "where": {"all": []}}, "scope"),
        ({"version": 1, "scope": "leads", "where": {"none": []}}, "where"),
        ({"version": 1, "scope": "leads"}, "where"),
        ({"version": 1, "scope": "leads", "where": {"all": [{"field": "state", "include": ["TX"]}]}, "or": 1}, "or"),
        ({"version": 1, "scope": "leads", "where": {"all": [], "any": []}}, "where"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_under_its_path(data: object, path: str) -> None:
    assert path in refused(data)


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "seniority", "include": "vp"},
        {"field": "seniority", "include": [7]},
        {"field": "state", "include": ["Atlantis"]},
        {"field": "has_email", "is": "yes"},
    ],
)
def test_a_value_that_is_refused_is_not_said_to_be_missing_as_well(condition: dict[str, Any]) -> None:
    assert len(refused(where(condition))) == 1
    assert len(refused(where(condition, {"field": "city"}))) == 2, "a row that is empty is still named"


def test_limits_are_named_in_the_message() -> None:
    assert "100 values at most" in refused(where({"field": "state", "include": ["TX"] * 10_000}))["where.all.0.include"]
    assert any("nested 5 deep" in said for said in refused(nested(50)).values())
    assert isinstance(parse(nested(5)), Filters)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"version":1}x', "\ud800", "null", "[]", '"x"', "5"])
def test_text_that_is_no_filter_is_refused(text: str) -> None:
    refused(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["version", "scope", "where", "all", "any", "field", "include", "exclude", "min", "max", "is"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_value_ever_breaks_the_reader(data: object) -> None:
    for whole in (data, {"version": 1, "scope": "provider", "where": data}):
        for lenient in (False, True):
            try:
                parse(whole, lenient=lenient)
            except Invalid as error:
                assert error.fields


CONDITION = st.one_of(
    st.builds(
        lambda inc, exc: {"field": "state", "include": sorted(inc), "exclude": sorted(exc - inc)},
        st.sets(st.sampled_from(["TX", "CA", "NY"]), min_size=1),
        st.sets(st.sampled_from(["TX", "WA"])),
    ),
    st.builds(
        lambda words: {"field": "job_title", "include": words},
        st.lists(st.sampled_from(["vp sales", "ceo", "Größe", "o'neil"]), min_size=1),
    ),
    st.builds(lambda low: {"field": "years_experience", "min": low}, st.integers(0, 99)),
    st.builds(lambda flag: {"field": "has_phone", "is": flag}, st.booleans()),
)
FILTER = st.builds(
    lambda op, nodes: {"version": 1, "scope": "provider", "where": {op: nodes}},
    st.sampled_from(["all", "any"]),
    st.lists(
        st.one_of(CONDITION, st.builds(lambda nodes: {"any": nodes}, st.lists(CONDITION, min_size=1, max_size=3))),
        min_size=1,
        max_size=5,
    ),
)


@given(FILTER)
def test_the_canonical_form_and_the_address_give_the_same_filter_back(data: dict[str, Any]) -> None:
    read = parse(data)
    assert parse(read.to_json()) == read
    assert parse(json.dumps(read.to_json())) == read
    packed = segments.encode(read)
    assert packed is not None
    assert segments.decode(packed) == read
    assert segments.sentence(read).endswith(".")


@pytest.mark.parametrize("packed", ["", "x", "!!!!", "A" * 9_000, "eJw", "%00"])
def test_a_damaged_address_is_refused(packed: str) -> None:
    with pytest.raises(Invalid):
        segments.decode(packed)


def test_an_address_cannot_unpack_to_something_huge() -> None:
    import base64
    import zlib

    bomb = base64.urlsafe_b64encode(zlib.compress(b'"' + b"a" * 4_000_000 + b'"', 9)).decode().rstrip("=")
    with pytest.raises(Invalid):
        segments.decode(bomb[:8_000])
    with pytest.raises(Invalid):
        segments.decode(bomb)


def test_nothing_forbidden_is_in_the_catalog() -> None:
    words = " ".join(f"{one.key} {one.label} {one.member}" for one in FIELDS.values()).lower()
    assert not any(word in words for word in ("ethnic", "credit", "health", "language", "religion", "race"))


def test_the_sentence_says_what_the_filter_means() -> None:
    read = parse(
        where(
            {"field": "job_title", "include": ["VP Sales"], "exclude": ["assistant"]},
            {"any": [{"field": "state", "include": ["TX"]}, {"field": "city", "include": ["new york city"]}]},
            {"field": "has_email", "is": True},
        )
    )
    assert segments.sentence(read) == (
        "People in the database whose job title contains “VP Sales” but does not contain “assistant”, and (either "
        "whose state is Texas or whose city is New York), and who have an e-mail."
    )


def test_a_field_keeps_its_capitals_in_a_sentence() -> None:
    wrong = refused(where({"field": "postal_code", "include": ["abc"]}))
    assert "“abc” is no ZIP code: Enter five digits." in wrong.values()
    read = parse(where({"field": "postal_code", "include": ["78701"]}))
    assert segments.sentence(read) == "People in the database whose ZIP code is 78701."
    assert (FIELDS["email_verification"].noun, FIELDS["has_linkedin"].noun) == (
        "e-mail status",
        "has a LinkedIn profile",
    )


def test_owned_and_new_are_counted_among_those_that_fit() -> None:
    read = parse(where({"field": "state", "include": ["TX"]}))
    people = tuple(Person(first_name="Dana", state=state) for state in ("TX", "TX", "TX", "NY", "NY", None))
    owned = [uuid4(), None, None, uuid4(), None, None]
    view = preview._view(read, people, owned, segments.narrowing(read), {})
    assert (view.fits, view.fails, view.unknown) == (3, 2, 1)
    assert (view.owned, view.new) == (1, 2)


def test_the_provider_is_sent_what_everybody_in_the_segment_has() -> None:
    read = parse(
        where(
            {"field": "seniority", "include": ["vp"]},
            {"field": "job_title", "include": ["sales"], "exclude": ["assistant"]},
            {"field": "industry", "exclude": ["Banking"]},
            {
                "any": [
                    {"all": [{"field": "state", "include": ["TX"]}, {"field": "city", "include": ["austin"]}]},
                    {"field": "state", "include": ["NY"]},
                ]
            },
            {"field": "age", "min": 35},
            {"field": "has_phone", "is": True},
        )
    )
    found = segments.narrowing(read)
    assert found.filters == {
        "businessProfile": {"jobTitle": ["sales"], "seniority": ["vp"]},
        "state": ["Texas", "New York"],
        "age": {"minAge": 35},
    }
    assert any("phone" in text for text in found.checked)
    assert any("assistant" in text for text in found.checked)


@pytest.mark.parametrize(
    "rows",
    [
        [{"field": "state", "exclude": ["TX"]}],
        [{"field": "has_phone", "is": True}],
        [{"any": [{"field": "state", "include": ["TX"]}, {"field": "seniority", "include": ["vp"]}]}],
    ],
)
def test_what_the_provider_cannot_narrow_is_refused_with_a_way_out(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(Invalid, match="at least one value to include"):
        segments.narrowing(parse(where(*rows)))

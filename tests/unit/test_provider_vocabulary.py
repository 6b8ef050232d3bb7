"""Values of records and of filters can be compared, whichever way they are spelled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cursive_app.integrations.audiencelab import vocabulary as words
from cursive_app.integrations.audiencelab import without_empty


@pytest.mark.parametrize(
    ("member", "requested", "returned"),
    [
        ("state", "California", "CA"), ("personalState", "new york", "NY"), ("state", "District of Columbia", "DC"),
        ("businessProfile.seniority", "cxo", "C-Suite"), ("businessProfile.seniority", "staff", "Staff"),
        ("businessProfile.seniority", "vp", "Vice President"), ("businessProfile.employeeCount", "51 to 100", "51-100"),
        ("businessProfile.employeeCount", "10000+", "25,000"), ("businessProfile.department", "sales", "Sales"),
        ("businessProfile.companyRevenue", "1 Billion and Over", "$1 Billion and over"), ("gender", "Male", "M"),
        ("businessProfile.industry", "Legal Services", "legal services"), ("profile.homeowner", "Renter", "N"),
        ("profile.homeowner", "Homeowner", True), ("profile.married", "Yes", "Y"),
        ("profile.children", "Has children", "true"), ("profile.netWorth", "-$2,499 to $2,499", "-$2,499  to $2,499"),
        ("profile.incomeRange", "$250,000+", "$250,000+"), ("attributes.education", "Bachelor's", "B.S."),
        ("city", "Saint Louis", "saint  louis"),
    ],
)  # fmt: skip
def test_the_same_thing_in_two_spellings(member: str, requested: str, returned: Any) -> None:
    assert words.canonical(member, requested) is not None
    assert words.canonical(member, requested) == words.canonical(member, returned)


@pytest.mark.parametrize(
    ("member", "one", "other"),
    [
        ("profile.netWorth", "$2,500 to $24,999", "-$2,500 to $24,999"), ("state", "Virginia", "West Virginia"),
        ("businessProfile.employeeCount", "1 to 10", "11 to 25"), ("state", "Kansas", "Arkansas"),
        ("businessProfile.companyRevenue", "Under 1 Million", "1 Million to 5 Million"),
        ("profile.incomeRange", "less than $20,000", "$20,000 to $44,999"),
    ],
)  # fmt: skip
def test_neighbors_stay_apart(member: str, one: str, other: str) -> None:
    assert words.canonical(member, one) != words.canonical(member, other)


@pytest.mark.parametrize("member", ["state", "gender", "businessProfile.seniority", "profile.homeowner", "city"])
@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_nothing_is_not_a_value(member: str, nothing: Any) -> None:
    assert words.canonical(member, nothing) is None


@pytest.mark.parametrize(
    ("member", "vocabulary"),
    [
        ("businessProfile.employeeCount", words.COMPANY_SIZES),
        ("businessProfile.companyRevenue", words.COMPANY_REVENUES),
        ("profile.incomeRange", words.INCOME_RANGES), ("profile.netWorth", words.NET_WORTHS), ("gender", words.GENDERS),
        ("profile.homeowner", words.HOMEOWNER), ("profile.married", words.MARRIED),
        ("profile.children", words.CHILDREN),
        ("attributes.education", words.EDUCATION), ("businessProfile.seniority", words.SENIORITIES),
    ],
)  # fmt: skip
def test_every_word_of_a_vocabulary_is_itself(member: str, vocabulary: tuple[str, ...]) -> None:
    assert [words.canonical(member, word) for word in vocabulary] == list(vocabulary)
    assert len(set(vocabulary)) == len(vocabulary)


def test_states_have_codes_and_names() -> None:
    assert len(words.states()) == 51
    assert all(
        words.state_code(name) == code and words.state_name(code) == name for code, name in words.states().items()
    )
    assert words.state_code("PR") == "PR"
    assert words.state_name("PR") is None


@given(
    st.text(max_size=40), st.sampled_from(["state", "gender", "businessProfile.employeeCount", "profile.netWorth", "x"])
)
def test_reading_any_text_never_raises(value: str, member: str) -> None:
    found = words.canonical(member, value)
    assert found is None or words.canonical(member, found) == found


@pytest.mark.parametrize(
    ("employees", "bucket"), [(1, "1 to 10"), (10, "1 to 10"), (11, "11 to 25"), (10_001, "10000+")]
)
def test_bare_numbers_find_their_bucket(employees: int, bucket: str) -> None:
    assert words.company_size(employees) == bucket
    assert words.company_size(0) is None


def test_empty_groups_are_not_sent() -> None:
    given_filters = {
        "state": [],
        "age": {},
        "businessProfile": {"industry": [], "seniority": ["vp"]},
        "city": None,
        "zip": ("1",),
    }
    assert without_empty(given_filters) == {"businessProfile": {"seniority": ["vp"]}, "zip": ["1"]}

"""When two records are the same person."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cursive_app.integrations.audiencelab import normalize
from cursive_app.integrations.audiencelab.contacts import PersonEmail, PersonPhone
from cursive_app.integrations.audiencelab.records import Person
from cursive_app.services.leads.filters import search_patterns
from cursive_app.services.leads.identity import email_norm, first_of_each, identity_keys, linkedin_norm, phone_norm
from cursive_app.services.leads.records import email_rows, lead_values, phone_rows, raw_record
from tests.factories_leads import make_person

NOBODY = Person()


def with_emails(*addresses: str) -> Person:
    return replace(NOBODY, emails=tuple(PersonEmail(each, "business", "unknown") for each in addresses))


@pytest.mark.parametrize(
    ("url", "norm"),
    [
        ("https://www.linkedin.com/in/Dana-Test/", "in/dana-test"),
        ("linkedin.com/in/dana-test?trk=x", "in/dana-test"),
        ("http://de.linkedin.com/in/dana-test/details/", "in/dana-test"),
        ("https://www.linkedin.com/in/jos%C3%A9", "in/josé"),
        ("https://www.linkedin.com/company/acme", None),
        ("https://www.linkedin.com/in/", None),
        ("https://linkedin.com.example/in/dana", None),
        ("https://www.linkedin.com/in/" + "a" * 300, None),
        ("https://[broken", None),
        ("", None),
        (None, None),
    ],
)
def test_a_profile_is_recognized_in_every_spelling(url: str | None, norm: str | None) -> None:
    assert linkedin_norm(url) == norm


def test_an_address_is_compared_without_case_and_blanks() -> None:
    assert email_norm("  Dana@Acme.Example ") == "dana@acme.example"
    for wrong in ("", None, "dana", "a@b c", "a\x00b@acme.example", "x" * 65 + "@acme.example"):
        assert email_norm(wrong) is None


def test_only_strict_e164_identifies() -> None:
    assert phone_norm("+15125550101") == "+15125550101"
    for wrong in ("5125550101", "+0512", "+1 512 555 0101", "=1+1", "", None):
        assert phone_norm(wrong) is None


def test_any_shared_address_makes_one_person() -> None:
    people = [with_emails("a@x.example", "b@x.example"), with_emails("c@x.example"), with_emails("B@x.example")]
    assert first_of_each([identity_keys(each) for each in people]) == [0, 1, 0]


def test_people_without_any_key_are_never_the_same() -> None:
    assert first_of_each([identity_keys(NOBODY), identity_keys(NOBODY)]) == [None, None]
    named = replace(NOBODY, first_name="Dana", last_name="Testperson", company_name="Acme Example LLC")
    assert not identity_keys(named)


def test_an_office_line_joins_only_people_of_whom_nothing_else_is_known() -> None:
    line = (PersonPhone("+15125550100", "direct", None),)
    known = [replace(with_emails("a@x.example"), phones=line), replace(with_emails("b@x.example"), phones=line)]
    unknown = [replace(NOBODY, phones=line), replace(NOBODY, phones=line)]
    assert first_of_each([identity_keys(each) for each in [*known, *unknown]]) == [0, 1, 2, 2]


def test_the_primary_phone_is_one_that_may_be_called() -> None:
    phones = (
        PersonPhone("+15125550101", "direct", True),
        PersonPhone("+15125550102", "mobile", None),
        PersonPhone("+15125550103", "mobile", False),
    )
    person = make_person(phones=phones)
    values = lead_values(person, identity_keys(person))
    assert (values["phone"], values["phone_do_not_call"]) == ("+15125550103", False)
    assert [row["e164"][-4:] for row in phone_rows(person, object())] == ["0103", "0102", "0101"]  # type: ignore[arg-type]


def test_an_invalid_address_is_kept_but_is_not_a_way_to_reach_somebody() -> None:
    person = replace(NOBODY, emails=(PersonEmail("gone@x.example", "business", "invalid"),))
    values = lead_values(person, identity_keys(person))
    assert (values["email"], values["email_verification"], values["has_email"]) == ("gone@x.example", "invalid", False)


def test_restricted_facts_never_reach_the_raw_record() -> None:
    record = {
        "UUID": "1", "SKIPTRACE_ETHNIC_CODE": "X", "skiptrace_exact_age": 41, "SKIPTRACE_CREDIT_RATING": "A",
        "SKIPTRACE_LANGUAGE_CODE": "EN", "SKIPTRACE_IP": "203.0.113.7", "AGE": "41", "SKIPTRACE_NAME": "Dana",
        "PERSONAL_ZIP": "78701", "AGE_RANGE": "35-44", "NEW_FIELD": {"ETHNIC_CODE": "X", "kept": 1},
    }  # fmt: skip
    assert raw_record(normalize(record)) == {
        "UUID": "1", "SKIPTRACE_NAME": "Dana", "PERSONAL_ZIP": "78701", "AGE_RANGE": "35-44", "NEW_FIELD": {"kept": 1},
    }  # fmt: skip


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "UUID", "FIRST_NAME", "LAST_NAME", "BUSINESS_EMAIL", "PERSONAL_EMAILS", "DIRECT_NUMBER", "LINKEDIN_URL",
    "JOB_TITLE", "COMPANY_NAME", "COMPANY_INDUSTRY", "PERSONAL_CITY", "PERSONAL_STATE", "INFERRED_YEARS_EXPERIENCE",
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first text draw builds Unicode tables
@given(st.dictionaries(st.sampled_from(FIELDS), anything))
def test_whatever_a_provider_sends_becomes_rows_the_database_takes(record: dict[str, object]) -> None:
    person = normalize(record)
    keys = identity_keys(person)
    values = lead_values(person, keys)
    rows = [values, raw_record(person), *email_rows(person, object()), *phone_rows(person, object())]  # type: ignore[arg-type]
    text = json.dumps(rows, default=str, allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode()
    assert (values["email_norm"] is None) == (not keys.email_norms)
    assert all(len(str(values[name])) <= 300 for name in ("job_title_norm", "company_norm", "city_norm"))


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=3), max_size=8))
def test_the_first_of_each_person_is_its_own_first(groups: list[list[str]]) -> None:
    people = [identity_keys(with_emails(*(f"{each}@x.example" for each in group))) for group in groups]
    for position, first in enumerate(first_of_each(people)):
        assert (first is None) == (not people[position])
        if first is not None:
            assert first <= position
            assert first_of_each(people)[first] == first


def test_search_words_are_literal_and_the_longest_comes_first() -> None:
    assert search_patterns("ab 50%_\\") == ["%50\\%\\_\\\\%", "% ab%"]
    assert search_patterns("   ") == []
    assert len(search_patterns(" ".join(f"word{i}" for i in range(50)))) == 8

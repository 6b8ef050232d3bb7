"""The record normalizer beyond the contract's vectors: which address, phone, city and hash of a record counts."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from cursive_app.integrations.audiencelab import normalize
from cursive_app.integrations.audiencelab.values import domain, phone
from tests.unit.provider_records import emails, phones


def test_the_order_of_preference_for_the_primary_address() -> None:
    business, personal = {"BUSINESS_EMAIL": "w@x.example"}, {"PERSONAL_EMAILS": "p@y.example"}
    sure_work, sure_home = {"BUSINESS_VERIFIED_EMAILS": ["w@x.example"]}, {"PERSONAL_VERIFIED_EMAILS": "p@y.example"}
    assert normalize(business | personal | sure_work | sure_home).primary_email == "w@x.example"
    assert normalize(business | personal | sure_home).primary_email == "p@y.example"
    assert normalize(business | personal).primary_email == "w@x.example"
    assert normalize(personal).primary_email == "p@y.example"
    invalid = {"BUSINESS_EMAIL_VALIDATION_STATUS": "Invalid"}
    assert normalize(business | invalid).primary_email is None
    assert normalize(business | personal | invalid).primary_email == "p@y.example"


def test_a_list_of_addresses_is_never_one_address() -> None:
    assert emails({"BUSINESS_EMAIL": "a@x.example; b@x.example,c@x.example"}) == [
        (f"{letter}@x.example", "business", "unknown") for letter in "abc"
    ]


def test_singular_and_plural_names_are_both_read() -> None:
    assert emails({"BUSINESS_EMAILS": "a@x.example", "PERSONAL_EMAIL": "b@y.example"}) == [
        ("a@x.example", "business", "unknown"), ("b@y.example", "personal", "unknown"),
    ]  # fmt: skip


def test_a_neutral_address_is_business_at_the_employers_domain() -> None:
    assert emails({"EMAIL": "a@acme.example, b@mail.example", "COMPANY_DOMAIN": "www.Acme.example"}) == [
        ("a@acme.example", "business", "unknown"), ("b@mail.example", "personal", "unknown"),
    ]  # fmt: skip


def test_what_is_no_address_is_left_out() -> None:
    bad = "plain, a@b, @x.example, a b@x.example, a@x..example, <a@x.example>, a@-x.example"
    assert emails({"PERSONAL_EMAILS": bad}) == []


@pytest.mark.parametrize(
    ("addresses", "statuses", "expected"),
    [
        ("bad address, b@acme.example", "Valid (Esp), Invalid", [("b@acme.example", "invalid")]),
        ("a@x.example,a@x.example,b@x.example", "Valid, Valid, Invalid",
         [("a@x.example", "verified"), ("b@x.example", "invalid")]),
        ("n/a, dana@x.example", "Invalid, Valid (Esp)", [("dana@x.example", "verified")]),
        (", dana@x.example", "Invalid, Valid", [("dana@x.example", "verified")]),
        (["plain", "dana@x.example"], ["Valid", "Catch-all"], [("dana@x.example", "catch_all")]),
        ("n/a, dana@x.example", "Valid", [("dana@x.example", "unknown")]),
        ("a@x.example, A@x.example", "Invalid, Valid", [("a@x.example", "invalid")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["BUSINESS", "PERSONAL"])
def test_a_status_belongs_to_the_address_at_its_place(
    kind: str, addresses: Any, statuses: Any, expected: list[tuple[str, str]]
) -> None:
    list_field = {"BUSINESS": "BUSINESS_EMAIL", "PERSONAL": "PERSONAL_EMAILS"}[kind]
    record = {list_field: addresses, f"{kind}_EMAIL_VALIDATION_STATUS": statuses}
    assert [(address, verification) for address, _, verification in emails(record)] == expected
    person = normalize(record)
    assert (person.primary_email is None) == (expected[0][1] == "invalid" and len(expected) == 1)


def test_a_verified_list_outweighs_a_status() -> None:
    record = {
        "BUSINESS_EMAIL": "n/a, a@x.example, b@x.example",
        "BUSINESS_EMAIL_VALIDATION_STATUS": "Valid, Invalid, Invalid",
        "BUSINESS_VERIFIED_EMAILS": ["c@x.example"], "DEEP_VERIFIED_EMAILS": "b@x.example",
    }  # fmt: skip
    assert emails(record) == [
        ("a@x.example", "business", "invalid"), ("b@x.example", "business", "verified"),
        ("c@x.example", "business", "verified"),
    ]  # fmt: skip


def test_a_phone_known_twice_keeps_the_stricter_flag() -> None:
    record = {
        "DIRECT_NUMBER": "+15125550101", "DIRECT_NUMBER_DNC": "N",
        "MOBILE_PHONE": "+15125550101", "MOBILE_PHONE_DNC": "Y", "VALID_PHONES": "+15125550101",
    }  # fmt: skip
    person = normalize(record)
    assert [(item.kind, item.do_not_call, item.verified) for item in person.phones] == [("direct", True, True)]


def test_an_unreadable_phone_does_not_shift_the_flags_of_the_next() -> None:
    assert phones({"MOBILE_PHONE": "n/a, +15125550102", "MOBILE_PHONE_DNC": "Y, N"}) == [
        ("+15125550102", "mobile", False)
    ]
    assert phones({"MOBILE_PHONE": ", +15125550102", "MOBILE_PHONE_DNC": "Y, N"}) == [("+15125550102", "mobile", False)]


@pytest.mark.parametrize(
    ("given_phone", "e164"),
    [
        ("(512) 555-0101", "+15125550101"), ("1.512.555.0101", "+15125550101"), ("512 555 0101 x12", "+15125550101"),
        (5125550101, "+15125550101"), ("+44 20 7946 0958", "+442079460958"), ("+34 912 34 56 78", "+34912345678"),
        ("555-0101", None), ("+1", None), ("call me", None), ("+999999999999999999", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_phones_become_e164(given_phone: Any, e164: str | None) -> None:
    assert phone(given_phone) == e164


def test_the_employers_city_stands_in_only_together_with_its_state() -> None:
    work = {"COMPANY_CITY": "Austin", "COMPANY_STATE": "TX"}
    assert normalize(work).city == "Austin"
    assert normalize(work | {"PERSONAL_STATE": "TX"}).city is None
    assert normalize(work | {"PERSONAL_STATE": "NY"}).city is None
    assert normalize(work | {"PERSONAL_CITY": "Waco", "PERSONAL_STATE": "TX"}).city == "Waco"


def test_buckets_of_any_spelling_are_the_providers_own() -> None:
    assert normalize({"COMPANY_EMPLOYEE_COUNT": "51-100"}).company_size == "51 to 100"
    assert normalize({"COMPANY_EMPLOYEE_COUNT": 73}).company_size == "51 to 100"
    assert normalize({"COMPANY_EMPLOYEE_COUNT": "10,001+"}).company_size == "10000+"
    assert normalize({"COMPANY_EMPLOYEE_COUNT": "11-50"}).company_size == "11-50"  # no single bucket of ours
    assert normalize({"SENIORITY_LEVEL": "C-Suite"}).seniority == "cxo"
    assert normalize({"SENIORITY_LEVEL": "Staff"}).seniority == "staff"
    assert normalize({"COMPANY_REVENUE": "$5 million to 10 Million"}).company_revenue == "5 Million to 10 Million"


def test_restricted_values_stay_in_raw() -> None:
    person = normalize(
        {"SKIPTRACE_CREDIT_RATING": "B", "SKIPTRACE_ETHNIC_CODE": "X", "INCOME_RANGE": "$100,000 to $149,999"}
    )
    assert person.demographics == {"income_range": "$100,000 to $149,999"}
    assert person.raw["SKIPTRACE_CREDIT_RATING"] == "B"


def test_the_highest_degree_counts() -> None:
    history = json.dumps([{"degree": "High School"}, {"degree": "Master's"}, {"degree": "Bachelor's"}])
    assert normalize({"EDUCATION_HISTORY": history}).demographics == {"education": "Master's"}


def test_hashes_are_kept_once_and_only_if_they_are_hashes() -> None:
    digest = hashlib.sha256(b"a@x.example").hexdigest()
    person = normalize({"SHA256_PERSONAL_EMAIL": [digest.upper(), "x"], "HEM_SHA256": digest})
    assert person.email_sha256 == (digest,)


def test_raw_can_be_stored() -> None:
    """JSONB knows no NUL, no lone surrogate, no NaN."""
    raw = normalize({"A\x00": "b\x00c", "D": float("nan"), "E": "\ud800", "F": ["\x00"]}).raw
    assert raw == {"A": "bc", "D": None, "E": "?", "F": [""]}


def test_absurd_values_do_no_harm() -> None:
    nested: Any = "x"
    for _ in range(900):
        nested = [nested]
    person = normalize(
        {"FIRST_NAME": nested, "LAST_NAME": 10**6_000, "PERSONAL_EMAILS": [nested], "DEEP": {"a": nested}}
    )
    assert (person.first_name, person.last_name, person.emails) == (None, None, ())
    assert person.raw["LAST_NAME"].startswith("0x")
    assert json.dumps(person.raw).count("[") <= 3 * 50, "cut off at 50 levels"
    long = normalize(
        {"FIRST_NAME": "x" * 1_000_000, "PERSONAL_EMAILS": ", ".join(f"a{n}@x.example" for n in range(5_000))}
    )
    assert len(long.first_name or "") == 100
    assert len(long.emails) == 200


@pytest.mark.parametrize(
    ("given_domain", "expected"),
    [
        ("https://www.Acme.example/about?x=1", "acme.example"), ("acme.example.", "acme.example"), ("acme", None),
        ("user@acme.example", "acme.example"), ("http://[::1]/", None), ("exa mple.com", None), ("10.0.0.1", None),
    ],
)  # fmt: skip
def test_domains(given_domain: str, expected: str | None) -> None:
    assert domain(given_domain) == expected

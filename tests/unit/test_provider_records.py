"""The normalizer: every vector of the contract's §13, more of our own, and what must hold for any record at all."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cursive_app.integrations.audiencelab import Person, normalize, normalize_event
from cursive_app.integrations.audiencelab.contacts import verification_status
from cursive_app.integrations.audiencelab.values import domain, phone, postal_code, slots, storable, text

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def emails(record: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(email.address, email.kind, email.verification) for email in normalize(record).emails]


def phones(record: dict[str, Any]) -> list[tuple[str, str, bool | None]]:
    return [(found.e164, found.kind, found.do_not_call) for found in normalize(record).phones]


# §13, line by line


def test_addresses_are_lower_case_unique_and_in_order() -> None:
    person = normalize({"PERSONAL_EMAILS": "A@X.example, b@y.example ,a@x.example"})
    assert [email.address for email in person.emails] == ["a@x.example", "b@y.example"]


def test_a_verified_address_becomes_the_primary_one() -> None:
    person = normalize(
        {"PERSONAL_EMAILS": "A@X.example, b@y.example ,a@x.example", "PERSONAL_VERIFIED_EMAILS": ["B@y.example"]}
    )
    assert (person.primary_email, person.primary_email_verification) == ("b@y.example", "verified")


def test_no_address_is_none_and_not_invalid() -> None:
    person = normalize({"BUSINESS_EMAIL": "", "BUSINESS_VERIFIED_EMAILS": None})
    assert (person.emails, person.primary_email, person.primary_email_verification) == ((), None, "none")


TWO = "+15125550101, +15125550102"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("N, Y", [False, True]), ("N", [False, None]), (["false", True], [False, True]), ("", [None, None])],
)
def test_do_not_call_flags_answer_phones_by_position(flags: Any, expected: list[bool | None]) -> None:
    assert phones({"MOBILE_PHONE": TWO, "MOBILE_PHONE_DNC": flags}) == [
        ("+15125550101", "mobile", expected[0]),
        ("+15125550102", "mobile", expected[1]),
    ]


def test_a_version_4_flag_may_be_a_bool() -> None:
    assert phones({"ALL_MOBILES": "+15125550101", "MOBILE_DNC": True}) == [("+15125550101", "mobile", True)]


def test_spellings_of_nothing_are_none() -> None:
    person = normalize({"JOB_TITLE_HISTORY": "null", "COMPANY_NAME": "N/A", "HEADLINE": " ", "JOB_TITLE": "None"})
    assert (person.company_name, person.headline, person.job_title) == (None, None, None)


def test_a_zip_keeps_its_leading_zero() -> None:
    assert normalize({"ZIP": "02134"}).postal_code == "02134"
    assert normalize({"PERSONAL_ZIP": 2134}).postal_code == "02134"
    assert normalize({"PERSONAL_ZIP": "78701-0001"}).postal_code == "78701"


@pytest.mark.parametrize(
    ("record", "state", "derived"),
    [
        ({"STATE": "tx"}, "TX", False),
        ({"PERSONAL_STATE": "Texas"}, "TX", False),
        ({"PERSONAL_STATE": "", "STATE": "", "COMPANY_STATE": "TX"}, "TX", True),
        ({"PERSONAL_STATE": "Nowhere"}, None, False),
        ({}, None, False),
    ],
)
def test_states(record: dict[str, Any], state: str | None, derived: bool) -> None:
    person = normalize(record)
    assert (person.state, person.state_is_company_derived) == (state, derived)


@pytest.mark.parametrize(("value", "score"), [("2", 2), (2, 2), (2.0, 2), ("", None), ("two", None)])
def test_match_scores(value: Any, score: int | None) -> None:
    assert normalize({"SKIPTRACE_MATCH_SCORE": value}).skiptrace_match_score == score


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Y", True), ("true", True), (True, True), ("N", False), (False, False), ("U", None), ("", None)],
)
def test_flags(value: Any, expected: bool | None) -> None:
    assert normalize({"HOMEOWNER": value}).is_homeowner is expected


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Valid (Esp)", "verified"), ("Valid (esp)", "verified"), ("Valid", "verified"), ("catch-all", "catch_all"),
        ("Catch-all", "catch_all"), ("Unknown", "unknown"), ("Invalid", "invalid"), ("Weird", "unknown"),
        ("Bounce", "invalid"), ("Disposable", "invalid"), ("Risky", "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_status_words(word: str | None, status: str) -> None:
    assert verification_status(word) == status
    record = {"PERSONAL_EMAILS": "a@x.example", "PERSONAL_EMAIL_VALIDATION_STATUS": word}
    assert emails(record) == [("a@x.example", "personal", status)]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("linkedin.com/in/Dana-Test/", "https://www.linkedin.com/in/dana-test"),
        ("https://uk.linkedin.com/in/dana-test?trk=x#top", "https://www.linkedin.com/in/dana-test"),
        ("HTTP://WWW.LINKEDIN.COM//in//DANA-TEST", "https://www.linkedin.com/in/dana-test"),
        ("https://notlinkedin.com/in/dana", None),
        ("https://linkedin.com.evil.example/in/dana", None),
        ("javascript:alert(1)//linkedin.com/in/x", None),
        ("linkedin.com", None),
        ("https://[broken", None),
    ],
)
def test_profile_links(link: str, expected: str | None) -> None:
    assert normalize({"LINKEDIN_URL": link}).linkedin_url == expected


def test_a_resolution_may_be_text() -> None:
    event = normalize_event({"resolution": '{"FIRST_NAME": "Dana"}'}, received_at=NOW)
    assert event.person is not None
    assert event.person.first_name == "Dana"


def test_a_malformed_resolution_leaves_the_event_anonymous_and_raw() -> None:
    event = normalize_event({"resolution": '{"FIRST_NAME"', "event_type": "copy"}, received_at=NOW)
    assert event.person is None
    assert event.raw["resolution"] == '{"FIRST_NAME"'


def test_keys_of_either_case_mean_the_same() -> None:
    upper = {
        "FIRST_NAME": "Dana",
        "PERSONAL_EMAILS": "d@x.example",
        "COMPANY_STATE": "tx",
        "MOBILE_PHONE": "5125550101",
    }
    one, other = normalize(upper), normalize({key.lower(): value for key, value in upper.items()})
    assert [getattr(one, name) for name in FIELDS] == [getattr(other, name) for name in FIELDS]


@pytest.mark.parametrize(
    ("hem", "md5", "sha256"),
    [
        ("a" * 32, "a" * 32, None),
        ("B" * 64, None, "b" * 64),
        ("a" * 40, None, None),
        ("z" * 64, None, None),
        (None,) * 3,
    ],
)
def test_hashed_addresses_by_length(hem: str | None, md5: str | None, sha256: str | None) -> None:
    event = normalize_event({"hem": hem}, received_at=NOW)
    assert (event.hem_md5, event.hem_sha256) == (md5, sha256)


def test_an_unknown_key_is_kept_in_raw() -> None:
    assert normalize({"NEW_FIELD": {"deep": [1]}}).raw == {"NEW_FIELD": {"deep": [1]}}


@pytest.mark.parametrize(
    ("value", "at", "doubtful"),
    [
        ("2026-03-01T11:00:00Z", NOW - timedelta(hours=1), False),
        ("2026-03-01T06:00:00-05:00", NOW - timedelta(hours=1), False),
        ((NOW - timedelta(hours=1)).timestamp() * 1000, NOW - timedelta(hours=1), False),
        (str(int((NOW - timedelta(hours=1)).timestamp())), NOW - timedelta(hours=1), False),
        (None, NOW, False),
        ("2099-01-01T00:00:00Z", NOW, True),
        ("2001-01-01", NOW, True),
        ("yesterday", NOW, True),
        (float("inf"), NOW, False),
    ],
)
def test_event_times(value: Any, at: datetime, doubtful: bool) -> None:
    event = normalize_event({"event_timestamp": value}, received_at=NOW)
    assert (event.at, event.at_is_doubtful) == (at, doubtful)


# Our own


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


def test_the_employers_city_stands_in_only_where_it_fits_the_state() -> None:
    work = {"COMPANY_CITY": "Austin", "COMPANY_STATE": "TX"}
    assert normalize(work).city == "Austin"
    assert normalize(work | {"PERSONAL_STATE": "TX"}).city == "Austin"
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


# What holds for any record

KEYS = st.one_of(
    st.sampled_from(
        [
            "FIRST_NAME", "last_name", "PERSONAL_EMAILS", "BUSINESS_EMAIL", "BUSINESS_VERIFIED_EMAILS", "MOBILE_PHONE",
            "MOBILE_PHONE_DNC", "ALL_MOBILES", "VALID_PHONES", "PERSONAL_STATE", "COMPANY_STATE", "LINKEDIN_URL",
            "COMPANY_DOMAIN", "COMPANY_EMPLOYEE_COUNT", "SENIORITY_LEVEL", "HOMEOWNER", "PERSONAL_ZIP", "NET_WORTH",
            "SHA256_PERSONAL_EMAIL", "SKIPTRACE_MATCH_SCORE", "EMAIL", "UUID", "EDUCATION_HISTORY", "resolution",
            "event_timestamp", "hem", "PERSONAL_EMAIL_VALIDATION_STATUS", "INFERRED_YEARS_EXPERIENCE",
        ]
    ),
    st.text(max_size=20),
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["null", "[]", "N/A", "Y, N", "a@x.example, B@y.example", TWO, "[1, [2]]", '["a@x.example"]', "TX"]
    ),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=12)
FIELDS = [name for name in Person.__dataclass_fields__ if name != "raw"]


@settings(max_examples=100, deadline=None)
@given(RECORDS)
def test_it_never_raises_and_keeps_every_key(record: dict[str, Any]) -> None:
    person = normalize(record)
    assert person.raw == storable(record)
    json.dumps(person.raw, allow_nan=False)
    for email in person.emails:
        assert email.address == email.address.casefold()
        assert "," not in email.address
    assert len({email.address for email in person.emails}) == len(person.emails)
    assert len({item.e164 for item in person.phones}) == len(person.phones)
    assert (person.primary_email is None) == (person.primary_email_verification == "none")
    for name in FIELDS:
        value = getattr(person, name)
        assert not (isinstance(value, str) and "\x00" in value), name


@settings(max_examples=50, deadline=None)
@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_keys_changes_nothing(record: dict[str, Any], random: Any) -> None:
    shuffled = list(record.items())
    random.shuffle(shuffled)
    one, other = normalize(record), normalize(dict(shuffled))
    assert [getattr(one, name) for name in FIELDS] == [getattr(other, name) for name in FIELDS]


@settings(max_examples=50, deadline=None)
@given(RECORDS)
def test_reading_the_raw_again_gives_the_same_person(record: dict[str, Any]) -> None:
    once = normalize(record)
    assert normalize(once.raw).raw == once.raw


@settings(max_examples=50, deadline=None)
@given(RECORDS)
def test_events_never_raise(record: dict[str, Any]) -> None:
    event = normalize_event(record, received_at=NOW)
    assert NOW - timedelta(days=7) <= event.at <= NOW + timedelta(minutes=5)


@given(VALUES)
def test_single_values_never_raise(value: Any) -> None:
    text(value)
    slots(value)
    phone(value)
    domain(value)
    postal_code(value)

"""The record normalizer against the contract's vectors (§13), line by line."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from cursive_app.integrations.audiencelab import normalize, normalize_event
from cursive_app.integrations.audiencelab.contacts import verification_status
from tests.unit.provider_records import FIELDS, NOW, TWO, emails, phones


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
        # somebody in Phoenix who works for a company in Texas is in Arizona
        (
            {"PERSONAL_CITY": "Phoenix", "PERSONAL_ZIP": "85003", "PERSONAL_STATE": "", "COMPANY_STATE": "TX"},
            "AZ",
            False,
        ),
        ({"PERSONAL_ZIP": "02134-1000", "COMPANY_STATE": "TX"}, "MA", False),
        ({"PERSONAL_ZIP": "00000", "COMPANY_STATE": "TX"}, None, False),
        ({"PERSONAL_CITY": "Phoenix", "COMPANY_STATE": "TX"}, None, False),
        ({"PERSONAL_STATE": "AZ", "PERSONAL_ZIP": "78701", "COMPANY_STATE": "TX"}, "AZ", False),
    ],
)
def test_states(record: dict[str, Any], state: str | None, derived: bool) -> None:
    person = normalize(record)
    assert (person.state, person.state_from_company) == (state, derived)


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"COMPANY_CITY": "Dallas", "COMPANY_STATE": "TX"}, ("Dallas", "TX")),
        ({"COMPANY_CITY": "Dallas", "COMPANY_STATE": "TX", "PERSONAL_STATE": "TX"}, (None, "TX")),
        ({"COMPANY_CITY": "Dallas", "COMPANY_STATE": "TX", "PERSONAL_ZIP": "85003"}, (None, "AZ")),
        ({"COMPANY_CITY": "Dallas", "COMPANY_STATE": "TX", "CITY": "Phoenix"}, ("Phoenix", None)),
    ],
)
def test_city_and_state_are_of_one_source(record: dict[str, Any], place: tuple[str | None, str | None]) -> None:
    person = normalize(record)
    assert (person.city, person.state) == place


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


def test_a_status_word_nobody_has_seen_is_reported_without_the_word() -> None:
    with capture_logs() as logs:
        assert verification_status("Weird dana@acme.example") == "unknown"
        assert verification_status("Valid (Esp)") == "verified"
    assert [(line["event"], line["field"], line["length"]) for line in logs] == [
        ("provider_status_unknown", "email_validation_status", 23)
    ]
    assert "dana" not in str(logs)


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

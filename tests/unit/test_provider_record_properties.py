"""What holds for any record at all: it is read, nothing raises, every key is kept."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cursive_app.integrations.audiencelab import normalize, normalize_event
from cursive_app.integrations.audiencelab.values import domain, phone, postal_code, slots, storable, text
from tests.unit.provider_records import FIELDS, NOW, TWO

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

"""Every field of the contract's list (§9.3), with its own example: where it goes, and what no customer is shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from cursive_app.integrations.audiencelab import PersonEmail, PersonPhone, normalize
from cursive_app.services.leads.export import COLUMNS

SHA = "0" * 63 + "1"
OTHER_SHA = "0" * 63 + "2"
RECORD: dict[str, Any] = {
    "UUID": "11111111-2222-5333-8444-555555555555", "FIRST_NAME": "Dana", "LAST_NAME": "Testperson",
    "AGE_RANGE": "35-44", "GENDER": "F", "CHILDREN": "N", "MARRIED": "Y", "HOMEOWNER": "Y",
    "INCOME_RANGE": "$100,000 to $149,999", "NET_WORTH": "$250,000 to $374,999", "PERSONAL_ADDRESS": "1 Test Way",
    "PERSONAL_CITY": "Austin", "PERSONAL_STATE": "TX", "PERSONAL_ZIP": "78701", "PERSONAL_ZIP4": "0001",
    "PERSONAL_EMAILS": "dana.t@example.net", "PERSONAL_VERIFIED_EMAILS": "dana.t@example.net",
    "BUSINESS_EMAIL": "dana@acme.example", "BUSINESS_VERIFIED_EMAILS": "dana@acme.example",
    "SHA256_PERSONAL_EMAIL": SHA, "SHA256_BUSINESS_EMAIL": OTHER_SHA, "DIRECT_NUMBER": "+15125550101",
    "DIRECT_NUMBER_DNC": "N", "MOBILE_PHONE": "+15125550102", "MOBILE_PHONE_DNC": "Y",
    "PERSONAL_PHONE": "+15125550103", "PERSONAL_PHONE_DNC": "N", "VALID_PHONES": "+15125550101",
    "JOB_TITLE": "VP Marketing", "JOB_TITLE_HISTORY": "null", "HEADLINE": "Growth leader", "DEPARTMENT": "Marketing",
    "SENIORITY_LEVEL": "vp", "INFERRED_YEARS_EXPERIENCE": "12", "EDUCATION_HISTORY": "BSc, Test College",
    "SKILLS": "selling", "INTERESTS": "chess", "SOCIAL_CONNECTIONS": "500", "LINKEDIN_URL": "linkedin.com/in/dana-test",
    "TWITTER_URL": "x.com/dana", "FACEBOOK_URL": "facebook.com/dana", "COMPANY_NAME": "Acme Example LLC",
    "COMPANY_NAME_HISTORY": "null", "COMPANY_DOMAIN": "acme.example", "COMPANY_DESCRIPTION": "two\nlines",
    "COMPANY_INDUSTRY": "Software Development", "COMPANY_EMPLOYEE_COUNT": "51 to 100",
    "COMPANY_REVENUE": "5 Million to 10 Million", "COMPANY_SIC": "7372", "COMPANY_NAICS": "511210",
    "COMPANY_PHONE": "+15125550110", "COMPANY_ADDRESS": "2 Work Road", "COMPANY_CITY": "Dallas", "COMPANY_STATE": "TX",
    "COMPANY_ZIP": "75201", "COMPANY_LINKEDIN_URL": "linkedin.com/company/acme", "SKIPTRACE_NAME": "Dana T",
    "SKIPTRACE_ADDRESS": "3 Old Street", "SKIPTRACE_CITY": "Waco", "SKIPTRACE_STATE": "TX", "SKIPTRACE_ZIP": "76701",
    "SKIPTRACE_MATCH_SCORE": 2, "SKIPTRACE_LANDLINE_NUMBERS": "+15125550105",
    "SKIPTRACE_WIRELESS_NUMBERS": "+15125550104", "SKIPTRACE_CREDIT_RATING": "B", "SKIPTRACE_DNC": "N",
    "SKIPTRACE_EXACT_AGE": "41", "SKIPTRACE_ETHNIC_CODE": "Q9", "SKIPTRACE_LANGUAGE_CODE": "EN",
    "SKIPTRACE_IP": "203.0.113.7", "SKIPTRACE_B2B_ADDRESS": "4 Side Lane", "SKIPTRACE_B2B_PHONE": "+15125550106",
    "SKIPTRACE_B2B_SOURCE": "registry", "SKIPTRACE_B2B_WEBSITE": "old.example",
}  # fmt: skip
EXPECTED: dict[str, Any] = {
    "provider_uuid": "11111111-2222-5333-8444-555555555555", "first_name": "Dana", "last_name": "Testperson",
    "emails": (
        PersonEmail("dana@acme.example", "business", "verified"),
        PersonEmail("dana.t@example.net", "personal", "verified"),
    ),
    "primary_email": "dana@acme.example", "primary_email_verification": "verified",
    "phones": (
        PersonPhone("+15125550101", "direct", False, verified=True),
        PersonPhone("+15125550102", "mobile", True),
        PersonPhone("+15125550103", "personal", False),
        PersonPhone("+15125550104", "skiptrace_wireless", False),
        PersonPhone("+15125550105", "skiptrace_landline", False),
        PersonPhone("+15125550106", "skiptrace_b2b", None),
    ),
    "linkedin_url": "https://www.linkedin.com/in/dana-test", "twitter_url": "https://www.twitter.com/dana",
    "facebook_url": "https://www.facebook.com/dana", "job_title": "VP Marketing", "headline": "Growth leader",
    "department": "marketing", "seniority": "vp", "years_experience": 12, "company_name": "Acme Example LLC",
    "company_domain": "acme.example", "company_description": "two\nlines", "industry": "Software Development",
    "company_size": "51 to 100", "company_revenue": "5 Million to 10 Million", "company_phone": "+15125550110",
    "company_address": "2 Work Road", "company_city": "Dallas", "company_state": "TX", "company_postal_code": "75201",
    "company_linkedin_url": "https://www.linkedin.com/company/acme", "sic": "7372", "naics": "511210",
    "address": "1 Test Way", "city": "Austin", "state": "TX", "state_from_company": False, "postal_code": "78701",
    "age_range": "35-44", "gender": "female", "is_homeowner": True, "is_married": True, "has_children": False,
    "skiptrace_match_score": 2, "email_sha256": (SHA, OTHER_SHA),
    "demographics": {
        "income_range": "$100,000 to $149,999", "net_worth": "$250,000 to $374,999", "education": "Bachelor's",
    },
}  # fmt: skip
RESTRICTED = ("SKIPTRACE_CREDIT_RATING", "SKIPTRACE_EXACT_AGE", "SKIPTRACE_ETHNIC_CODE", "SKIPTRACE_LANGUAGE_CODE",
              "SKIPTRACE_IP")  # fmt: skip


@pytest.mark.parametrize("lower", [False, True])
def test_every_field_of_the_contract_has_its_place(lower: bool) -> None:
    assert len(RECORD) == 74
    given = {name.lower() if lower else name: value for name, value in RECORD.items()}
    person = normalize(given)
    assert {name: getattr(person, name) for name in EXPECTED} == EXPECTED
    assert set(asdict(person)) == {*EXPECTED, "raw"}
    assert person.raw == given, "the untouched record, for fields nobody knows yet"


def test_restricted_values_are_in_raw_alone_and_in_no_export() -> None:
    known = asdict(normalize({name: f"secret-{name}" for name in RESTRICTED} | {"FIRST_NAME": "Dana"}))
    assert all(f"secret-{name}" in known["raw"].values() for name in RESTRICTED)
    del known["raw"]
    assert "secret" not in str(known)
    headers = {column.header for column in COLUMNS}
    assert not [name for name in headers if "credit" in name or "ethnic" in name or "language" in name or name == "ip"]
    assert len(headers) == len(COLUMNS) == 45


@pytest.mark.parametrize(
    ("record", "field", "expected"),
    [
        ({"INDIVIDUAL_LINKEDIN_URL": "linkedin.com/in/d"}, "linkedin_url", "https://www.linkedin.com/in/d"),
        ({"INDIVIDUAL_TWITTER_URL": "twitter.com/d"}, "twitter_url", "https://www.twitter.com/d"),
        ({"INDIVIDUAL_FACEBOOK_URL": "facebook.com/d"}, "facebook_url", "https://www.facebook.com/d"),
        ({"HEM_SHA256": SHA}, "email_sha256", (SHA,)),
        ({"sha256": SHA}, "email_sha256", (SHA,)),
        ({"ALL_MOBILES": "5125550101", "MOBILE_DNC": "true"}, "phones", (PersonPhone("+15125550101", "mobile", True),)),
        ({"ALL_LANDLINES": "5125550101, 5125550102", "LANDLINE_DNC": "false"}, "phones",
         (PersonPhone("+15125550101", "landline", False), PersonPhone("+15125550102", "landline", None))),
        ({"SKIPTRACE_B2B_WIRELESS": "5125550101"}, "phones", (PersonPhone("+15125550101", "skiptrace_b2b", None),)),
        ({"SKIPTRACE_B2B_LANDLINE": "5125550101"}, "phones", (PersonPhone("+15125550101", "skiptrace_b2b", None),)),
        ({"DEEP_VERIFIED_EMAILS": "a@x.example", "PERSONAL_EMAIL": "a@x.example"}, "primary_email_verification",
         "verified"),
        ({"PERSONAL_EMAIL": "a@x.example"}, "primary_email", "a@x.example"),
        ({"b2b_email": "a@x.example"}, "emails", (PersonEmail("a@x.example", "business", "unknown"),)),
        ({"company": "Acme"}, "company_name", "Acme"),
        ({"industry": "Retail"}, "industry", "Retail"),
        ({"ZIP": "02134"}, "state", "MA"),
        ({"AGE": "41"}, "age_range", None),
    ],
)  # fmt: skip
def test_newer_older_and_look_up_names_of_the_same_things(record: dict[str, Any], field: str, expected: Any) -> None:
    assert getattr(normalize(record), field) == expected

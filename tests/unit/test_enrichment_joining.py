"""Which result belongs to which row: never by nothing, never against the name, whatever order they come in."""

from __future__ import annotations

import hashlib
import random
import re
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cursive_app.integrations.audiencelab import normalize
from cursive_app.integrations.audiencelab.values import items, person_name, text
from cursive_app.services.enrichment.columns import OUTPUT_COLUMNS, chosen_columns, documented
from cursive_app.services.enrichment.joining import KINDS, Joiner, Match, sent_row

DANA = {
    "UUID": "11111111-2222-5333-8444-555555555555",
    "FIRST_NAME": "Dana",
    "LAST_NAME": "Testperson",
    "BUSINESS_EMAIL": "dana@acme.example",
    "PERSONAL_EMAILS": "dana.t@example.net, dt@example.org",
    "MOBILE_PHONE": "+15125550102",
    "LINKEDIN_URL": "linkedin.com/in/dana-test",
    "COMPANY_DOMAIN": "acme.example",
    "SHA256_PERSONAL_EMAIL": hashlib.sha256(b"dana.t@example.net").hexdigest(),
}


def join(records: list[dict[str, str]], results: list[dict[str, Any]], *, strict: bool = False) -> Joiner:
    joiner = Joiner([sent_row(number, record) for number, record in enumerate(records, 1)], strict=strict)
    for result in results:
        joiner.offer(result)
    return joiner


def matched_by(record: dict[str, str], result: dict[str, Any] = DANA, *, strict: bool = False) -> str | None:
    match = join([record], [result], strict=strict).matches().get(1)
    return match.matched_by if match else None


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"email": " Dana@ACME.example "}, "email"),
        ({"personal_email": "dt@example.org"}, "email"),
        ({"sha256_personal_email": DANA["SHA256_PERSONAL_EMAIL"].upper()}, "email_sha256"),
        ({"sha256_personal_email": hashlib.sha256(b"dana@acme.example").hexdigest()}, "email_sha256"),
        ({"phone": "(512) 555-0102"}, "phone"),
        ({"linkedin_url": "https://www.linkedin.com/in/Dana-Test/?trk=1"}, "linkedin"),
        ({"first_name": "DANA", "last_name": "Test-Person", "company_domain": "www.acme.example"}, "name_company"),
        ({"up_id": DANA["UUID"].upper()}, "up_id"),
        ({"email": "else@acme.example"}, None),
        ({"first_name": "Dana", "last_name": "Testperson"}, None),
        ({"company_domain": "acme.example"}, None),
        ({"linkedin_url": "linkedin.com/company/acme"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_each_identifier_finds_its_person(record: dict[str, str], expected: str | None) -> None:
    assert matched_by(record) == expected


def test_the_strongest_agreement_is_named() -> None:
    record = {"email": "dana@acme.example", "phone": "+15125550102", "first_name": "Dana", "last_name": "Testperson"}
    assert matched_by(record) == matched_by(record, strict=True) == "email"


@pytest.mark.parametrize(
    ("record", "balanced", "strict"),
    [
        ({"email": "dana@acme.example", "first_name": "D.", "last_name": "Testperson"}, "email", "email"),
        ({"email": "dana@acme.example", "first_name": "Dana", "last_name": "Married"}, "email", None),
        ({"email": "dana@acme.example", "first_name": "Robert", "last_name": "Other"}, None, None),
        ({"phone": "+15125550102", "first_name": "Robert", "last_name": "Testperson"}, None, None),
        ({"phone": "+15125550102", "last_name": "Testperson"}, "phone", "phone"),
        ({"email": "old@else.example", "phone": "+15125550102"}, None, None),
        ({"email": "o@x.test", "phone": "+15125550102", "first_name": "D", "last_name": "Testperson"}, "phone", None),
        ({"email": "dana@acme.example", "phone": "+15125550199"}, "email", None),
        ({"email": "dana@acme.example", "first_name": "Dána", "last_name": "TESTPERSON"}, "email", "email"),
    ],
)  # fmt: skip
def test_a_weak_agreement_or_another_name_is_no_match(
    record: dict[str, str], balanced: str | None, strict: str | None
) -> None:
    assert (matched_by(record), matched_by(record, strict=True)) == (balanced, strict)


def test_somebody_else_who_came_for_a_row_is_remembered() -> None:
    joiner = join([{"email": "dana@acme.example", "first_name": "Robert", "last_name": "Other"}], [DANA])
    assert (joiner.matches(), joiner.refused, joiner.strangers) == ({}, {1}, 1)


def test_results_nobody_asked_for_are_counted_and_dropped() -> None:
    joiner = join([{"email": "dana@acme.example"}], [{"UUID": "x", "BUSINESS_EMAIL": "other@acme.example"}, DANA])
    assert (set(joiner.matches()), joiner.strangers, joiner.read) == ({1}, 1, 2)


def test_one_person_may_be_the_answer_of_two_rows() -> None:
    found = join([{"email": "dana@acme.example"}, {"phone": "512-555-0102"}], [DANA]).matches()
    assert {match.person for match in found.values()} == {DANA["UUID"]}
    assert [match.matched_by for match in found.values()] == ["email", "phone"]


def test_what_a_match_keeps_is_documented_and_not_restricted() -> None:
    secret = {"SKIPTRACE_CREDIT_RATING": "A", "SKIPTRACE_ETHNIC_CODE": "Z9", "SKIPTRACE_EXACT_AGE": "41", "AGE": "42",
              "SKIPTRACE_LANGUAGE_CODE": "EN", "SKIPTRACE_IP": "203.0.113.7"}  # fmt: skip
    found = join([{"email": "dana@acme.example"}], [DANA | secret | {"ALL_MOBILES": "+15125550103"}]).matches()[1].found
    assert set(found) <= {column.name for column in OUTPUT_COLUMNS}
    assert not set(secret.values()) & set(found.values())
    assert found["MOBILE_PHONE"] == "+15125550102", "the documented name wins over the other spelling"


def test_there_are_45_output_columns_in_their_order() -> None:
    names = [column.name for column in OUTPUT_COLUMNS]
    assert len(names) == len(set(names)) == 45
    assert chosen_columns(["company_name", "UUID"]) == ("UUID", "COMPANY_NAME")


def test_values_are_read_in_all_their_spellings() -> None:
    record = {"business_email": ["a@b.example", "c@b.example"], "PERSONAL_EMAILS": '["d@e.example"]', "state": "TX",
              "first_name": "null", "COMPANY_DESCRIPTION": "two\nlines\x00", "LAST_NAME": " N/A "}  # fmt: skip
    assert documented(record) == {
        "PERSONAL_STATE": "TX",
        "PERSONAL_EMAILS": "d@e.example",
        "BUSINESS_EMAIL": "a@b.example, c@b.example",
        "COMPANY_DESCRIPTION": "two\nlines",
    }


@pytest.mark.parametrize(
    ("record", "numbers", "flags"),
    [
        ({"MOBILE_PHONE": "+15125550101", "MOBILE_PHONE_DNC": True}, "+15125550101", "Y"),
        ({"MOBILE_PHONE": "+15125550101", "MOBILE_PHONE_DNC": False}, "+15125550101", "N"),
        ({"MOBILE_PHONE": ["+15125550101", "", "+15125550103"], "MOBILE_PHONE_DNC": ["Y", "Y", "N"]},
         "+15125550101, , +15125550103", "Y, Y, N"),
        ({"MOBILE_PHONE": ["+15125550101", "+15125550102"], "MOBILE_PHONE_DNC": [True, False]},
         "+15125550101, +15125550102", "Y, N"),
        ({"ALL_MOBILES": "+15125550101", "MOBILE_DNC": "N"}, "+15125550101", "N"),
        ({"MOBILE_PHONE": "+15125550101", "ALL_MOBILES": "+15125550102", "MOBILE_DNC": "N"}, "+15125550101", None),
        ({"MOBILE_PHONE": "", "MOBILE_PHONE_DNC": "N", "ALL_MOBILES": "+15125550102"}, "+15125550102", None),
        ({"MOBILE_PHONE": "", "MOBILE_PHONE_DNC": "N", "ALL_MOBILES": "", "MOBILE_DNC": "Y"}, None, None),
    ],
)  # fmt: skip
def test_a_flag_stays_with_its_number(record: dict[str, Any], numbers: str | None, flags: str | None) -> None:
    found = documented(record)
    assert (found.get("MOBILE_PHONE"), found.get("MOBILE_PHONE_DNC")) == (numbers, flags)


@pytest.mark.parametrize("last", ["Nan", "Na", "Null"])
def test_somebody_whose_name_is_a_word_for_nothing_is_found_by_it(last: str) -> None:
    record = {"first_name": "Kim", "last_name": last, "company_domain": "acme.example"}
    result = {"UUID": "u1", "FIRST_NAME": "Kim", "LAST_NAME": last, "COMPANY_DOMAIN": "acme.example"}
    match = join([record], [result]).matches()[1]
    assert (match.matched_by, match.found["LAST_NAME"]) == ("name_company", last)
    assert join([record], [result | {"LAST_NAME": "null"}]).matches() == {}
    assert normalize(result).last_name == last
    assert normalize(result | {"LAST_NAME": "null"}).last_name is None


def test_a_yes_or_no_of_json_is_kept() -> None:
    assert documented({"MARRIED": True, "CHILDREN": False, "JOB_TITLE": True}) == {"MARRIED": "Y", "CHILDREN": "N"}


_SAYS_NOTHING = (
    "null",
    "NuLL",
    "None",
    " n/a ",
    "NA",
    "nan",
    "[]",
    "{}",
    "Undefined",
    "unde\ufb01ned",
    "-",
    " ",
    "",
    None,
)


@pytest.mark.parametrize("nothing", _SAYS_NOTHING)
def test_what_says_nothing_is_left_out_beside_clean_values(nothing: str | None) -> None:
    assert documented({"FIRST_NAME": "Dana", "JOB_TITLE": nothing, "BUSINESS_EMAIL": nothing}) == {"FIRST_NAME": "Dana"}


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "\t{}", "\u00a0{}"])
@pytest.mark.parametrize("column", ["FIRST_NAME", "LAST_NAME", "JOB_TITLE"])
def test_no_space_stays_around_a_value(around: str, column: str) -> None:
    clean = {"FIRST_NAME": "Dana", "LAST_NAME": "Testperson", "JOB_TITLE": "VP"}
    assert documented(clean | {column: around.format(clean[column])}) == clean


# Properties; a busy machine is no reason to fail

unhurried = hypothesis.settings(deadline=None)
_EMAILS = st.sampled_from(["", "a@x.example", "b@x.example", "c@y.example", "null", " "])
_PHONES = st.sampled_from(["", "+15125550101", "5125550101", "+15125550102", "none"])
_NAMES = st.sampled_from(["", "Dana", "D", "Robert", "N/A", "José"])
_LASTS = st.sampled_from(["", "Testperson", "Other", "Test-Person"])
_DOMAINS = st.sampled_from(["", "acme.example", "other.example"])
_LINKS = st.sampled_from(["", "linkedin.com/in/dana", "https://www.linkedin.com/in/bob/", "linkedin.com/company/acme"])
_RECORDS = st.fixed_dictionaries(
    {"email": _EMAILS, "phone": _PHONES, "first_name": _NAMES, "last_name": _LASTS, "company_domain": _DOMAINS,
     "linkedin_url": _LINKS}
)  # fmt: skip
_RESULTS = st.fixed_dictionaries(
    {"UUID": st.sampled_from(["", "u1", "u2", "u3"]), "BUSINESS_EMAIL": _EMAILS, "PERSONAL_EMAILS": _EMAILS,
     "MOBILE_PHONE": _PHONES, "FIRST_NAME": _NAMES, "LAST_NAME": _LASTS, "COMPANY_DOMAIN": _DOMAINS,
     "LINKEDIN_URL": _LINKS, "JOB_TITLE": st.sampled_from(["", "VP", "Engineer"])}
)  # fmt: skip


@unhurried
@given(st.lists(_RECORDS, max_size=6), st.lists(_RESULTS, max_size=8), st.booleans(), st.randoms())
def test_the_order_of_the_results_does_not_matter(
    records: list[dict[str, str]], results: list[dict[str, str]], strict: bool, chance: random.Random
) -> None:
    shuffled = chance.sample(results, len(results))
    assert join(records, results, strict=strict).matches() == join(records, shuffled, strict=strict).matches()


@unhurried
@given(st.lists(_RECORDS, max_size=6), st.lists(_RESULTS, max_size=8), st.booleans())
def test_every_match_agrees_in_something_that_both_say(
    records: list[dict[str, str]], results: list[dict[str, str]], strict: bool
) -> None:
    joiner = join(records, results, strict=strict)
    matches = joiner.matches()
    assert len(matches) <= len(records)
    for number, match in matches.items():
        sent = sent_row(number, records[number - 1])
        assert match.number == number
        assert match.matched_by in {kind for kind, _ in sent.keys}
        assert any(value for kind, value in sent.keys if kind == match.matched_by), "never by nothing"
    assert joiner.refused.isdisjoint(range(len(records) + 1, 100))
    assert joiner.strangers <= joiner.read == len(results)


@unhurried
@given(_RECORDS, _RESULTS)
def test_strict_matches_are_a_part_of_the_balanced_ones(record: dict[str, str], result: dict[str, str]) -> None:
    strict, balanced = join([record], [result], strict=True), join([record], [result])
    assert set(strict.matches()) <= set(balanced.matches())


@unhurried
@given(st.lists(st.fixed_dictionaries({"FIRST_NAME": _NAMES, "EXTRA": st.text()}), max_size=5))
def test_results_without_identifiers_match_nobody(results: list[dict[str, str]]) -> None:
    rows = [{"email": "", "phone": "null"}, {"first_name": "Dana", "last_name": "Testperson"}, {}]
    assert join(rows, results).matches() == {}


_WORDS = st.text(st.sampled_from('abé1 ,;|[]"\t\n\r\x00\u00a0\ud800-'), max_size=8)
_VALUES = st.one_of(st.sampled_from(_SAYS_NOTHING), _WORDS, st.text(max_size=20), st.integers(), st.lists(_WORDS))


def _in_place(values: list[str]) -> str:
    """Numbers and their flags answer each other by position: nothing moves up."""
    parts = [text(value) or "" for value in values]
    return ", ".join(parts) if any(parts) else ""


@unhurried
@given(
    st.dictionaries(st.sampled_from([column.name for column in OUTPUT_COLUMNS]), _VALUES),
    st.dictionaries(st.sampled_from(["STATE", "state", "Up_Id", "BUSINESS_EMAILS", "extra"]), _VALUES),
)
def test_a_record_read_at_once_says_what_its_values_say_one_by_one(
    documented_names: dict[str, Any], other_names: dict[str, Any]
) -> None:
    record = documented_names | other_names
    expected = {}
    for column in OUTPUT_COLUMNS:
        spelled = sorted(record, key=lambda key: (not key.isupper(), key))
        keys = [next((key for key in spelled if key.upper() == name), None) for name in (column.name, *column.aliases)]
        is_list = column.name in ("PERSONAL_EMAILS", "PERSONAL_VERIFIED_EMAILS", "BUSINESS_EMAIL",
                                  "BUSINESS_VERIFIED_EMAILS", "COMPANY_PHONE")  # fmt: skip
        values = [record[key] for key in keys if key is not None]
        in_place = re.search("NUMBER|PHONE", column.name) and not column.name.startswith("COMPANY")
        is_name = column.name in ("FIRST_NAME", "LAST_NAME")
        clean = (
            _in_place(value)
            if in_place and isinstance(value, list)
            else ", ".join(items(value))
            if is_list or isinstance(value, list)
            else (person_name if is_name and isinstance(value, str) else text)(value) or ""
            for value in values
        )
        if found := next(filter(None, clean), None):
            expected[column.name] = found
    assert documented(record) == expected


@unhurried
@given(st.dictionaries(st.text(max_size=12), st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text()))))
def test_any_record_is_read_without_an_error(record: dict[str, Any]) -> None:
    joiner = join([{"email": "a@x.example", "phone": "+15125550101", "up_id": "u"}], [record])
    for match in joiner.matches().values():
        assert isinstance(match, Match)
        assert match.matched_by in KINDS
    assert all(value.strip() for value in documented(record).values())

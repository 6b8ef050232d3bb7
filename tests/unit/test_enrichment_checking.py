"""Cells and rows: columns at once give what the rules give one by one; names of columns find their fields."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cursive_app.errors import Invalid
from cursive_app.services.enrichment.checking import check, records
from cursive_app.services.enrichment.column_values import cleaned, read_column, split_names
from cursive_app.services.enrichment.companies import are_companies
from cursive_app.services.enrichment.csv_blocks import rows_frame
from cursive_app.services.enrichment.csv_rows import RawRow
from cursive_app.services.enrichment.duplicates import Seen, first_rows
from cursive_app.services.enrichment.fields import FIELDS, identifies
from cursive_app.services.enrichment.headers import column_names, find_header, fingerprint
from cursive_app.services.enrichment.mapping import check_mapping, guess_mapping
from cursive_app.services.enrichment.values import clean, read_value, split_name

MAIL_PROVIDER = "gmail.com"
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00")
PATTERNS = {
    "email": r"(?i)[ <]?(mailto:)?[a-z0-9._'+%-]{1,8}@{1,2}[a-z0-9.-]{1,12}\.[a-z0-9é]{1,4}[ .>,;]?",
    "phone": r"(tel:)?[+(]?[0-9 ().+-]{5,20}(\.0|x[0-9]{2})?",
    "linkedin": r"(?i)(https?://)?(www\.|de\.)?linkedin\.(com|de)/(in|company)/[a-z0-9_%é-]{0,8}[/?]?",
    "domain": r"(?i)(https?://){0,2}(www\.){0,2}[a-z0-9@é-]{1,6}(\.[a-z0-9-]{1,5}){0,3}[/:]?[a-z0-9]{0,3}",
    "sha256": r"(?i)[0-9a-f]{63,65}|[0-9a-g]{64}",
}
NETWORKS = r"(?i)(https?://)?(www\.|uk\.)?(linkedin\.com|x\.com|gmail\.com|linked\.com)[/?#]{0,3}(in/x)?/?"
VALUES: dict[str, st.SearchStrategy[str]] = {
    **{kind: st.from_regex(pattern, fullmatch=True) for kind, pattern in PATTERNS.items()},
    "domain": st.from_regex(PATTERNS["domain"], fullmatch=True) | st.from_regex(NETWORKS, fullmatch=True),
    "text": st.text(LETTERS, max_size=12) | st.text(" \t\u00a0\u200babc\ufffd␀", max_size=8),
    "name": st.sampled_from(["N/A", "null", "Null", "Nan", "NULL", "José", "e\u0301", "x" * 201, "  a  b "])
    | st.from_regex(r"[A-Ca-cé’'. ,|()🚀-]{0,14}", fullmatch=True),
}


@given(st.data(), st.sampled_from(sorted(VALUES)))
@settings(max_examples=150, deadline=None)
def test_a_column_gives_what_its_cells_give_one_by_one(data: st.DataObject, kind: str) -> None:
    cells = data.draw(st.lists(VALUES[kind] | st.text(LETTERS, max_size=6), min_size=1, max_size=12))
    texts = cleaned(pl.Series("c0", cells, dtype=pl.String), kind=kind)
    assert texts.to_list() == [clean(cell, kind=kind) for cell in cells]
    values, troubles = read_column(texts, kind=kind, column=3)
    rules = [read_value(kind, clean(cell, kind=kind)) for cell in cells]
    assert values.to_list() == [rule.value for rule in rules]
    expected = [(row, 3, rule.code, rule.detail) for row, rule in enumerate(rules) if rule.code]
    assert [tuple(trouble) for trouble in troubles] == expected


@pytest.mark.parametrize("name", ["Nan", "Na", "Null", "Nil", "Undefined"])
def test_a_name_that_is_a_word_for_nothing_elsewhere_is_a_name(name: str) -> None:
    assert clean(f" {name} ", kind="name") == name
    mapping = {0: "first_name", 1: "last_name", 2: "company_domain", 3: "full_name", 4: "city"}
    cells = [name, name, "acme.example", f"Kim {name}", name]
    [record] = records(rows_frame([(2, RawRow(cells, 1, 0, None))], 5), mapping)
    assert (record["first_name"], record["last_name"]) == (name, name)
    assert record.get("personal_city") == (None if name in ("Nan", "Na", "Null", "Undefined") else name)


@pytest.mark.parametrize("nothing", ["", "NULL", "null", "NaN", "nan", "N/A", "NA", "#N/A", "None", "-", "[]"])
def test_what_programs_write_for_nothing_is_no_name(nothing: str) -> None:
    assert clean(nothing, kind="name") == ""


@given(st.lists(st.text(LETTERS, max_size=10).map(clean) | st.from_regex(r"(dr\.? |mrs )?[A-Za-z'-]{1,6}(,? [A-Za-z.]{1,5}){0,3}", fullmatch=True), min_size=1))  # fmt: skip  # noqa: E501
@settings(max_examples=80, deadline=None)
def test_names_are_split_alike_in_columns_and_one_by_one(names: list[str]) -> None:
    first, last = split_names(pl.Series("c0", [name or None for name in names], dtype=pl.String))
    expected = [split_name(name) if name else (None, None) for name in names]
    assert list(zip(first.to_list(), last.to_list(), strict=True)) == expected


def rows_of(*cells: list[str]) -> pl.DataFrame:
    width = max(map(len, cells))
    frame = rows_frame([(n + 2, RawRow(each, 1, 0, None)) for n, each in enumerate(cells)], width)
    return frame.with_columns(number=pl.int_range(1, frame.height + 1, dtype=pl.Int64))


MAPPING = {0: "email", 1: "phone", 2: "full_name", 3: "company_domain"}


def checked(*cells: list[str], mapping: dict[int, str] = MAPPING) -> list[dict[str, Any]]:
    found = check(rows_of(*cells), mapping).to_dicts()
    for row, record in zip(found, records(rows_of(*cells), mapping), strict=True):
        row["problems"] = json.loads(row["problems"]) if row["problems"] else []
        row["record"] = record
        row["cells"] = json.loads(row["cells"])
    return found


def test_the_strongest_key_names_the_person() -> None:
    found = checked(
        ["Dana@Acme.example", "512 555 0101", "Dana Testperson", "acme.example"],
        ["", "512 555 0101", "Dana Testperson", "acme.example"],
        ["", "", "Dana  Testperson", "https://www.ACME.example/team"],
        ["", "", "Dana", "acme.example"],
    )
    assert [row["identity"] for row in found] == [
        "email:dana@acme.example", "phone:+15125550101", "name:dana testperson@acme.example", None
    ]  # fmt: skip
    assert found[0]["record"] == {
        "email": "dana@acme.example",
        "phone": "+15125550101",
        "first_name": "Dana",
        "last_name": "Testperson",
        "company_domain": "acme.example",
    }
    assert [problem["code"] for problem in found[3]["problems"]] == ["no_identifier"]
    assert found[3]["identity"] is None


def test_a_name_at_a_mail_provider_or_on_a_network_names_nobody() -> None:
    beside, alone, page = checked(
        [f"dana@{MAIL_PROVIDER}", "", "Dana Testperson", "gmail.com"],
        ["", "", "Dana Testperson", "gmail.com"],
        ["", "", "Dana Testperson", "https://www.linkedin.com/company/acme"],
    )
    assert (beside["identity"], alone["identity"], page["identity"]) == ("email:dana@gmail.com", None, None)
    assert "company_domain" not in beside["record"]
    assert [(each["level"], each["code"]) for each in beside["problems"]] == [("info", "domain_mailbox")]
    assert [(each["level"], each["code"]) for each in page["problems"]] == [
        ("error", "domain_network"), ("error", "no_identifier")
    ]  # fmt: skip
    assert "a page on linkedin.com" in page["problems"][0]["message"]


def test_a_bad_value_beside_a_good_one_is_a_warning_and_alone_an_error() -> None:
    beside, alone = checked(["dana@", "512 555 0101", "", ""], ["dana@", "", "", ""])
    assert [(each["level"], each["code"]) for each in beside["problems"]] == [("warning", "email_malformed")]
    assert beside["record"] == {"phone": "+15125550101"}
    assert [(each["level"], each["code"]) for each in alone["problems"]] == [
        ("error", "email_malformed"), ("error", "no_identifier")
    ]  # fmt: skip


def test_what_spoils_a_row_whatever_else_it_says() -> None:
    nul, few = checked(["dana@acme.example", "x␀", "", ""], ["sam@acme.example"])
    assert (nul["identity"], few["identity"]) == (None, "email:sam@acme.example")
    assert [each["code"] for each in few["problems"]] == ["too_few_cells"]
    assert nul["problems"][0]["code"] == "nul"
    assert nul["problems"][0]["message"].startswith("“x␀” holds NUL bytes")
    [unreadable] = checked(["dana@acme.example", " M�ller ", "", ""])
    assert unreadable["problems"][0]["message"].startswith("“M�ller” holds characters that could not be read")
    five = check(rows_frame([(2, RawRow(["d@a.example", "", "more"], 1, 0, None))], 2), {0: "email"}).to_dicts()[0]
    assert json.loads(five["cells"]) == ["d@a.example", "", "more"]
    assert json.loads(five["problems"])[0]["code"] == "too_many_cells"


@given(st.lists(st.lists(st.text(LETTERS, max_size=5), min_size=3, max_size=3), min_size=1, max_size=8))
@settings(max_examples=80, deadline=None)
def test_cells_are_kept_as_they_are(table: list[list[str]]) -> None:
    assert [row["cells"] for row in checked(*table, mapping={0: "email", 1: "job_title"})] == table


@given(
    st.lists(st.lists(st.sampled_from([None, *"abcde"]), min_size=1, max_size=6), min_size=1, max_size=6),
)
def test_the_first_row_of_a_person_counts_however_the_file_is_cut(batches: list[list[str | None]]) -> None:
    seen, number, found, known = Seen(), 1, [], {}
    for batch in batches:
        numbers = list(range(number, number + len(batch)))
        number += len(batch)
        frame = pl.DataFrame({"number": numbers, "identity": batch}, schema={"number": pl.Int64, "identity": pl.String})
        frame = frame.filter(pl.col("identity").is_not_null())
        firsts = first_rows(frame, known, seen.candidates(frame["identity"])).to_list()
        fresh = [n == first for n, first in zip(frame["number"].to_list(), firsts, strict=True)]
        kept = frame.filter(pl.Series(fresh, dtype=pl.Boolean))
        seen.add(kept["identity"], kept["number"].to_list())
        known |= dict(zip(kept["number"].to_list(), kept["identity"].to_list(), strict=True))
        found += firsts
    flat = [(n, each) for n, each in enumerate((each for batch in batches for each in batch), start=1) if each]
    assert found == [next(n for n, other in flat if other == each) for _, each in flat]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("E-Mail", "email"), ("EMAIL_ADDRESS", "email"), ("emailAddress", "email"), ("Emial adress", "email"),
        ("Work Email", "business_email"), ("Mobile Phone", "phone"), ("Person Linkedin Url", "linkedin_url"),
        ("First Name", "first_name"), ("Vorname", "first_name"), ("Surname", "last_name"), ("Company", "company_name"),
        ("Webiste", "company_domain"), ("company domain", "company_domain"), ("SHA256_PERSONAL_EMAIL", "email_sha256"),
        ("Headquarters Location", None), ("Security", None), ("Founded", None), ("Column 3", None), ("", None),
        ("Postal Code", "zip"), ("Jobtitle", "job_title"), ("Notes", None),
    ],
)  # fmt: skip
def test_headers_find_their_fields(header: str, field: str | None) -> None:
    guess = guess_mapping([header], [[]]).get(0)
    assert (guess.field if guess else None) == field


def test_what_stands_in_a_column_confirms_or_refutes_its_name() -> None:
    names = ["Email opt-in", "Contact info", "E-mail", "Link"]
    samples = [["Y", "N", "Y"], ["d@a.example", "s@a.example"], ["yes", "no", "yes"], ["linkedin.com/in/dana-t"]]
    assert {place: tuple(guess) for place, guess in guess_mapping(names, samples).items()} == {
        1: ("email", "content"),
        3: ("linkedin_url", "content"),
    }


def test_a_field_is_given_once_and_first_and_last_name_beat_the_full_one() -> None:
    guesses = guess_mapping(["Email", "E-mail address", "First name", "Last name", "Name"], [[]] * 5)
    assert {place: guess.field for place, guess in guesses.items()} == {0: "email", 2: "first_name", 3: "last_name"}


COMPANIES = ["3M", "A. O. Smith", "Abbott Laboratories", "AbbVie", "Accenture plc", "Adobe Inc.", "AT&T",
             "Johnson & Johnson", "Martin Marietta Materials", "Charles Schwab Corporation"]  # fmt: skip
PEOPLE = ["Dana Testperson", "Kim Lee", "Sam Price", "Lou Company", "Ann Trust", "Cher", "Jo Bank", "Ed Foods", "Al Co",
          "Max Holding", "Robin O'Neil", "Mary Ann Smith"]  # fmt: skip


def test_companies_are_not_taken_for_people() -> None:
    websites = [f"acme{n}.example" for n in range(len(COMPANIES))]
    guesses = guess_mapping(["Name", "Website"], [COMPANIES, websites])
    assert [guess.field for guess in guesses.values()] == ["company_name", "company_domain"]
    assert not identifies({guess.field for guess in guesses.values()})
    named = guess_mapping(["Name", "Company", "Website"], [COMPANIES, COMPANIES, websites])
    assert [guess.field for guess in named.values()] == ["company_name", "company_domain"]
    for names, other in ((PEOPLE[:3] + PEOPLE[5:6] + PEOPLE[10:], websites), (COMPANIES[:4], websites[:4])):
        assert guess_mapping(["Name", "Website"], [names, other])[0].field == "full_name", names
    mail = guess_mapping(["Name", "E-mail"], [COMPANIES, [f"a{n}@acme.example" for n in range(10)]])
    assert mail[0].field == "full_name", "another column tells of people"


def test_people_with_a_word_of_companies_in_their_names_stay_people() -> None:
    assert not are_companies([*PEOPLE, *(f"Person Number{chr(65 + n)}" for n in range(8))])
    assert not are_companies(["Dana", "Kim", "Sam", "Lou", "Ann", "Robin"]), "first names alone say nothing"


@given(st.lists(st.text(max_size=12), min_size=1, max_size=12), st.data())
@settings(deadline=None)
def test_a_guess_never_takes_a_field_twice(names: list[str], data: st.DataObject) -> None:
    samples = data.draw(st.lists(st.lists(st.text(max_size=6), max_size=3), min_size=len(names), max_size=len(names)))
    fields = [guess.field for guess in guess_mapping(names, samples).values()]
    assert len(fields) == len(set(fields))
    assert set(fields) <= FIELDS.keys()


@pytest.mark.parametrize(
    "mapping", [{0: "email", 1: "email"}, {5: "email"}, {0: "password_hash"}, {-1: "email"}, {True: "email"}]
)
def test_a_wrong_mapping_is_refused(mapping: dict[int, str | None]) -> None:
    with pytest.raises(Invalid):
        check_mapping(mapping, width=3)


def test_which_fields_name_a_person() -> None:
    assert identifies({"email"})
    assert identifies({"full_name", "company_domain"})
    assert not identifies({"full_name", "company_name", "city"})
    assert not identifies({"first_name", "company_domain"})


def test_headers_are_found_below_titles_and_not_in_data() -> None:
    assert find_header([["Name", "E-mail"], ["Dana", "d@a.example"]]) == 1
    assert find_header([["Leads of May"], ["Name", "E-mail", "City"], ["Dana", "d@a.example", "Austin"]]) == 2
    assert find_header([["Dana", "d@a.example"], ["Sam", "s@a.example"]]) is None
    assert find_header([["Name", "City", "2024"], ["Dana", "Austin", "6"]]) == 1
    assert find_header([]) is None


def test_few_names_above_many_columns_of_data_are_their_header() -> None:
    """One name may be merged over most columns of a sheet."""
    data = [["d@a.example", "Dana", "Ray", "1"], ["s@a.example", "Sam", "Lee", "2"]]
    assert find_header([["E-mail", "Details", "", ""], *data]) == 1
    assert find_header([["Leads of May"], ["E-mail", "Details"], *data]) == 2
    assert find_header([["Leads of May", "", "", ""], *data]) is None, "a title is one cell"
    assert find_header([["Created", "2026-05-01", "", ""], *data]) is None
    assert find_header([["Person", "", "Company", ""], ["E-mail", "Name", "Name", "Rank"], *data]) == 2


def test_a_question_of_a_survey_is_a_name_beside_other_names() -> None:
    question = (
        "How likely are you to recommend us to a friend or a colleague, " + "all things considered, " * 3 + "0-10?"
    )
    answers = ["d@a.example", "9", "Yes"]
    assert find_header([["E-mail", question, "May we\ncall you?"], answers]) == 1
    assert find_header([["d@a.example", question, "Yes"], answers]) is None, "the other cells say what the row is"
    assert find_header([[question, question + "?"], answers]) is None, "prose alone is no name"


def test_repeated_and_empty_names_are_numbered() -> None:
    names, notes = column_names(["Email", "email", "", " ", "Column 3", "Email"], width=7)
    assert len({name.casefold() for name in names}) == 7
    assert names[0] == "Email"
    assert notes
    assert fingerprint(["A", "b"], has_header=True) == fingerprint(["a", "B"], has_header=True)
    assert fingerprint(["A"], has_header=False) is None, "as many columns may hold anything"

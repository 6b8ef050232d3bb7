"""Lines straight from stored texts are those that reading and writing them gives, byte by byte, or are left to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cursive_app.services.enrichment.columns import OUTPUT_COLUMNS
from cursive_app.services.enrichment.csv_lines import csv_lines, output_table
from cursive_app.services.enrichment.stored_found import NAMES, UNKNOWN, packed, unpacked
from cursive_app.services.enrichment.stored_lines import NOTHING_FOUND, PART, ROW, lines_of

Row = tuple[list[str], dict[str, str] | None, list[str | None]]

# What a mark could be mistaken for, and what begins or only seems to begin a formula.
PIECES = st.sampled_from(
    ["a", "é", "日本", " ", ",", '"', '","', '",', ',"', "]", "[", '["', '"]', "\\", "\\n", "\\t", "null", ",null",
     "\tnull", "\n", "\r\n", "\t", "=", "+", "-", "@", "＝", "＋", "'", "'=", " =1", "+15125550143", "+1512", ", +1",
     "\\u0000", "x" * 40, "{", "}", ":", "/"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=5).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
TEXTS_WITHOUT_NUL = TEXTS.map(lambda text: text.replace("\0", ""))
FOUND = st.none() | st.dictionaries(st.sampled_from(NAMES), TEXTS_WITHOUT_NUL.filter(bool), max_size=8)
OUTCOMES = st.lists(st.none() | TEXTS_WITHOUT_NUL, min_size=4, max_size=4).map(lambda rest: ["matched", *rest])
ROWS = st.lists(st.tuples(st.lists(TEXTS_WITHOUT_NUL, min_size=3, max_size=3), FOUND, OUTCOMES), min_size=1, max_size=5)


def as_json(value: str | None) -> str:
    return UNKNOWN if value is None else json.dumps(value, ensure_ascii=False)


def as_list(cells: Sequence[str]) -> str:
    return f"[{','.join(map(as_json, cells))}]"


def stored(rows: Sequence[Row]) -> str:
    """The texts of a batch as Postgres puts them together."""
    return "".join(
        f"{ROW}{as_list(cells)}{PART}{NOTHING_FOUND if found is None else packed(found)}{PART}"
        f"{','.join(map(as_json, outcome))}"
        for cells, found, outcome in rows
    )


def taken_apart(rows: Sequence[Row]) -> bytes:
    """The reference: every text is read, made safe and written."""
    table = output_table(
        [(as_list(cells), None if found is None else packed(found), *outcome) for cells, found, outcome in rows],
        width=3,
        fields=NAMES,
    )
    return csv_lines(table)


@given(ROWS)
@settings(max_examples=400, deadline=None)
@example([(["=1", " =1", "\t=1"], {"UUID": "+15125550143", "COMPANY_ZIP": "+"}, ["matched", "@", None, None, None])])
@example([(['+15125550143"', '+15125550143",', "+15125550143"], {"UUID": '+15125550143"x'}, ["matched", *[None] * 4])])
@example([(["", "", ""], None, ["matched", None, None, None, "+15125550143"])])
@example([(["a", ",", "b"], {"UUID": ",", "FIRST_NAME": '",'}, ["matched", None, None, None, None])])
def test_both_ways_give_the_same_bytes(rows: list[Row]) -> None:
    lines = lines_of(stored(rows))
    assert lines is None or lines == taken_apart(rows)


@given(ROWS)
@settings(max_examples=100, deadline=None)
def test_each_row_is_a_line_of_the_same_width(rows: list[Row]) -> None:
    lines = lines_of(stored(rows))
    if lines is not None and all(cell for cells, _, _ in rows for cell in cells):
        read = pl.read_csv(lines, has_header=False, infer_schema=False)
        assert read.shape == (len(rows), 3 + len(NAMES) + 5)


PLAIN: Row = (
    ["Zoë", 'the "best", they say', "two\nlines"],
    {"FIRST_NAME": "Zoë", "MOBILE_PHONE": "+15125550143", "NET_WORTH": "-$2,499 to $2,499", "DIRECT_NUMBER": "+1, +2"},
    ["matched", None, "email", "provider", "2026-03-01T00:00:00Z"],
)


def test_what_is_usual_needs_not_be_taken_apart() -> None:
    """Letters of any language, quotes, line ends, formulas, numbers, blanks in front: all in the one pass."""
    nobody: Row = (["=1+1", "  =1", " x"], None, ["no_match", "Nobody", None, "provider", "2026-03-01T00:00:00Z"])
    lines = lines_of(stored([PLAIN, nobody]))
    assert lines == taken_apart([PLAIN, nobody])
    assert b'"\'=1+1","\'  =1"," x",,' in lines
    assert b',"+15125550143",' in lines
    assert b',"\'+1, +2",' in lines
    assert b'"the ""best"", they say","two\nlines"' in lines


@pytest.mark.parametrize(
    "cells",
    ['["a", "b", "c"]', '["a","b",null]', '[null,"b","c"]', '["a\\u0001","b","c"]', '["a\\/b","b","c"]'],
    ids=["other separators", "null", "null first", "rare escape", "escaped slash"],
)
def test_what_the_texts_alone_do_not_tell_is_left_to_the_reader(cells: str) -> None:
    assert lines_of(f'{ROW}{cells}{PART}{NOTHING_FOUND}{PART}"skipped",{UNKNOWN},{UNKNOWN},{UNKNOWN},{UNKNOWN}') is None


@given(st.dictionaries(st.sampled_from(NAMES), TEXTS_WITHOUT_NUL.filter(bool)))
def test_what_was_found_comes_back(found: Mapping[str, str]) -> None:
    text = packed(found)
    assert unpacked(json.loads(text)) == found
    assert text.count("\t") == len(NAMES) - len(found)  # every null can be seen, and nothing else looks like one


def test_lists_that_ran_before_are_read_until_they_expire() -> None:
    assert unpacked({"UUID": "u1"}) == {"UUID": "u1"}
    assert unpacked(None) is None
    row = ('["a"]', '{"UUID": "u1", "COMPANY_ZIP": "78701"}', "matched", None, None, None, None)
    table = output_table([row], width=1, fields=("COMPANY_ZIP", "UUID"))
    assert table.row(0)[:3] == ("a", "78701", "u1")


def test_rows_are_read_by_position() -> None:
    """Rows that are stored would say something else if a column were moved or taken out. Add new ones at the end."""
    assert [column.name for column in OUTPUT_COLUMNS][:45] == [
        "UUID", "FIRST_NAME", "LAST_NAME", "AGE_RANGE", "GENDER", "CHILDREN", "MARRIED", "HOMEOWNER", "INCOME_RANGE",
        "NET_WORTH", "PERSONAL_ADDRESS", "PERSONAL_CITY", "PERSONAL_STATE", "PERSONAL_ZIP", "PERSONAL_EMAILS",
        "PERSONAL_VERIFIED_EMAILS", "BUSINESS_EMAIL", "BUSINESS_VERIFIED_EMAILS", "DIRECT_NUMBER",
        "DIRECT_NUMBER_DNC", "MOBILE_PHONE", "MOBILE_PHONE_DNC", "PERSONAL_PHONE", "PERSONAL_PHONE_DNC", "JOB_TITLE",
        "DEPARTMENT", "SENIORITY_LEVEL", "INFERRED_YEARS_EXPERIENCE", "LINKEDIN_URL", "TWITTER_URL", "FACEBOOK_URL",
        "COMPANY_NAME", "COMPANY_DOMAIN", "COMPANY_DESCRIPTION", "COMPANY_INDUSTRY", "COMPANY_EMPLOYEE_COUNT",
        "COMPANY_REVENUE", "COMPANY_SIC", "COMPANY_NAICS", "COMPANY_PHONE", "COMPANY_ADDRESS", "COMPANY_CITY",
        "COMPANY_STATE", "COMPANY_ZIP", "COMPANY_LINKEDIN_URL",
    ]  # fmt: skip

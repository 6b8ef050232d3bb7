"""Original columns that take what was found: as a plain rule says cell by cell, for any list and choice (ENR-16)."""

from __future__ import annotations

import csv
import io
import json
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab import normalize
from cursive_app.services.enrichment.columns import OUTPUT_COLUMNS
from cursive_app.services.enrichment.csv_lines import csv_lines, output_table
from cursive_app.services.enrichment.fields import FIELDS
from cursive_app.services.enrichment.filling import SOURCES, Fill, chosen_fills
from cursive_app.services.enrichment.finds import EMAILS, PHONES, first_of

MAPPING = {str(place): field for place, field in enumerate(SOURCES)}
WIDTH = len(SOURCES) + 1
OUTCOME = ("matched", None, "email", "provider", "2026-11-28T22:00:00Z")
_UNSURE = "\x00\x1c\x1d\x1e\x1f"  # spaces to Python only
_TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters=_UNSURE), max_size=6)
_LISTED = st.lists(st.sampled_from(["a@b.example", "+15125550101", "+15125550102", "=1+1", "x", ""]), max_size=3).map(
    ", ".join
)
_READ = sorted({name for names in SOURCES.values() for name in names})
_FOUND = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={name: st.one_of(_TEXT, _LISTED) for name in _READ}
        | {
            f"{name}_DNC": st.sampled_from(["Y", "N", "N, Y", "y", "true", "False", "Y, no", "U", ""])
            for name in PHONES
        },
    ),
)
_CELLS = st.lists(st.one_of(_TEXT, st.sampled_from(["", " ", "  \t"])), max_size=WIDTH + 1)


def value_of(field: str, found: dict[str, str]) -> str:
    """What is found of a field, by a rule that anybody can read; empty: nothing."""
    names = SOURCES[field]
    if field == "full_name":
        parts = [found.get(name, "").strip() for name in names]
        return " ".join(parts) if all(parts) else ""
    if "email" not in field and field != "phone":
        return found.get(names[0], "").strip()
    if field == "phone":
        return number_of(found)
    return next((first for name in names if (first := found.get(name, "").split(",")[0].strip())), "")


def number_of(found: dict[str, str]) -> str:
    """The first number that is a number, may be called by its flag, and must not be by any other."""
    said: dict[str, set[str]] = {}
    for name in PHONES:
        flags = [flag.strip().lower() for flag in found.get(f"{name}_DNC", "").split(",")]
        for number, flag in zip_longest(found.get(name, "").split(","), flags, fillvalue=""):
            if number.strip().startswith("+1512555"):
                said.setdefault(number.strip(), set()).add(flag)
    no, yes = {"n", "no", "false"}, {"y", "yes", "true"}
    return next((number for number, flags in said.items() if flags & no and not flags & yes), "")


def expected(cells: list[str], found: dict[str, str] | None, fills: tuple[Fill, ...]) -> list[str]:
    row = [*cells, *[""] * WIDTH][:WIDTH]
    for one in fills:
        value = value_of(one.field, found or {})
        if value and (one.overwrites or not row[one.place].strip()):
            row[one.place] = value
    return row


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(_CELLS, _FOUND), min_size=1, max_size=5),
    st.dictionaries(st.sampled_from(sorted(SOURCES)), st.sampled_from(["fill", "overwrite"])),
    st.lists(st.sampled_from(["UUID", "JOB_TITLE", "MOBILE_PHONE_DNC"]), unique=True),
)
def test_columns_are_filled_as_the_rule_says(
    rows: list[tuple[list[str], dict[str, str] | None]], chosen: dict[str, str], fields: list[str]
) -> None:
    fill, overwrite = ([field for field, how in chosen.items() if how == one] for one in ("fill", "overwrite"))
    fills = chosen_fills(MAPPING, fill=fill, overwrite=overwrite)
    given_rows = [
        (json.dumps(cells), json.dumps(found) if found is not None else None, *OUTCOME) for cells, found in rows
    ]
    table = output_table(given_rows, width=WIDTH, fields=fields, fills=fills)
    assert table.width == WIDTH + len(fields) + len(OUTCOME), "nothing that was read for it alone is given out"
    wanted = [expected(cells, found, fills) for cells, found in rows]
    assert [[text or "" for text in row[:WIDTH]] for row in table.iter_rows()] == wanted
    assert [row[WIDTH:] for row in table.iter_rows()] == [
        row[WIDTH:] for row in output_table(given_rows, width=WIDTH, fields=fields).iter_rows()
    ], "what was found stands behind as it did"
    for line in csv.reader(io.StringIO(csv_lines(table).decode(), newline="")):
        assert not any(cell[:1] in "=@-" and cell for cell in line), "what is filled in is as safe to open"


@pytest.mark.parametrize(
    ("found", "number"),
    [
        ({"MOBILE_PHONE": "+15125550101", "MOBILE_PHONE_DNC": "N"}, "+15125550101"),
        ({"MOBILE_PHONE": "+15125550101", "MOBILE_PHONE_DNC": "false"}, "+15125550101"),
        ({"MOBILE_PHONE": "+15125550101", "MOBILE_PHONE_DNC": "true"}, None),
        ({"MOBILE_PHONE": "+15125550101", "MOBILE_PHONE_DNC": "True"}, None),
        ({"MOBILE_PHONE": "+15125550101"}, None),
        ({"MOBILE_PHONE": "+15125550101, +15125550102", "MOBILE_PHONE_DNC": "Y, N"}, "+15125550102"),
        ({"MOBILE_PHONE": "+15125550101, +15125550102", "MOBILE_PHONE_DNC": "Y"}, None),
        ({"MOBILE_PHONE": "+15125550101", "DIRECT_NUMBER": "+15125550102", "DIRECT_NUMBER_DNC": "N"}, "+15125550102"),
        ({"MOBILE_PHONE": "+15125550101", "MOBILE_PHONE_DNC": "N",
          "PERSONAL_PHONE": "+15125550101", "PERSONAL_PHONE_DNC": "Y"}, None),
    ],
)  # fmt: skip
def test_a_number_is_filled_in_only_when_it_may_be_called(found: dict[str, str], number: str | None) -> None:
    row = ('[""]', json.dumps(found), *OUTCOME)
    table = output_table([row], width=1, fields=[], fills=[Fill(0, "phone", overwrites=False)])
    assert (table.item(0, 0) or None) == number


_ADDRESSES = {"BUSINESS_VERIFIED_EMAILS": "bv@x.example", "BUSINESS_EMAIL": "b@x.example",
              "PERSONAL_VERIFIED_EMAILS": "pv@y.example", "PERSONAL_EMAILS": "p@y.example"}  # fmt: skip


@settings(deadline=None)
@given(st.sets(st.sampled_from(sorted(_ADDRESSES))))
def test_the_address_shown_and_filled_in_is_the_one_a_lead_gets(columns: set[str]) -> None:
    found = {name: _ADDRESSES[name] for name in columns}
    primary = normalize(found).primary_email
    row = ('[""]', json.dumps(found), *OUTCOME)
    filled = output_table([row], width=1, fields=[], fills=[Fill(0, "email", overwrites=False)])
    assert first_of(found, EMAILS) == primary
    assert (filled.item(0, 0) or None) == primary


def test_every_field_that_something_is_found_for_can_be_filled() -> None:
    assert FIELDS.keys() - SOURCES.keys() == {"email_sha256"}, "nobody is told the hash of what stands beside it"
    assert set(_READ) <= {column.name for column in OUTPUT_COLUMNS}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"fill": ["shoe_size"]}, {"fill"}),
        ({"overwrite": ["email_sha256"]}, {"overwrite"}),
        ({"fill": ["job_title"]}, {"fill"}),
        ({"fill": ["city"], "overwrite": ["city"]}, {"overwrite"}),
    ],
)
def test_a_wrong_choice_is_refused(values: dict[str, Any], names: set[str]) -> None:
    with pytest.raises(Invalid) as refused:
        chosen_fills({"0": "city"}, **{"fill": [], "overwrite": [], **values})
    assert refused.value.fields.keys() == names


def test_a_column_is_filled_once_however_often_it_is_named() -> None:
    assert chosen_fills({"3": "city", "1": "phone"}, fill=["city", "city"], overwrite=["phone"]) == (
        Fill(1, "phone", overwrites=True),
        Fill(3, "city", overwrites=False),
    )

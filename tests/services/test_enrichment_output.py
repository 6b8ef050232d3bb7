"""The downloaded file: the customer's own columns untouched and first, safe to open, complete or broken off."""

from __future__ import annotations

import csv
import io
import re
import threading
import zipfile
from collections.abc import Sequence
from importlib import import_module
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from sqlalchemy import JSON, Text, delete, literal, update
from sqlalchemy import cast as cast_as

from cursive_app.clock import now
from cursive_app.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from cursive_app.services import enrichment
from cursive_app.services.enrichment import OUTCOME_COLUMNS, OUTPUT_COLUMNS
from cursive_app.services.enrichment.output import unique_header
from cursive_app.services.enrichment.stored_found import NAMES
from db.engine import Database
from db.models.enrichment import Enrichment, EnrichmentRow
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast, make_cast, make_member, make_user
from tests.factories_enrichment import COLUMNS, FIELDS, Line, as_stored, make_list, read_csv

OURS = [column.name for column in (*OUTPUT_COLUMNS, *OUTCOME_COLUMNS)]
DANGEROUS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1+1", '=HYPERLINK("http://x.example")']


def ended(
    tenant: Tenant,
    rows: Sequence[Sequence[str]],
    *,
    columns: Sequence[str] = COLUMNS,
    mapping: dict[str, str] = FIELDS,
    **found: str,
) -> UUID:
    """A list whose run has ended: rows in turns matched, without a match, skipped and with an error."""
    id = make_list(tenant, [Line(tuple(cells), {}) for cells in rows], columns=columns, mapping=mapping)
    outcomes = ("matched", "no_match", "skipped", "error")
    with tenant.begin() as scope:
        for number in range(1, len(rows) + 1):
            outcome = outcomes[(number - 1) % 4]
            values: dict[str, Any] = {"outcome": outcome, "reason": None if outcome == "matched" else f"Why {number}"}
            if outcome in ("matched", "no_match"):
                values |= {"fetched_at": now()}
            if outcome == "matched":
                values |= {"found": as_stored({"UUID": f"u{number}", **found}), "matched_by": "email"}
            mine = (scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == id, EnrichmentRow.number == number)
            scope.session.execute(update(EnrichmentRow).where(*mine).values(**values))
        row = scope.get(Enrichment, id)
        row.status, row.finished_at = "completed", now()
    return id


def lines(tenant: Tenant, id: UUID, **options: Any) -> list[list[str]]:
    """All lines of the CSV, read by Python's own reader."""
    body = b"".join(enrichment.output(tenant, id, **options).chunks)
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


def sheet(tenant: Tenant, id: UUID, **options: Any) -> tuple[list[list[str]], bytes]:
    """All lines of the XLSX, read from its XML: what is there, not what a reader makes of it."""
    body = b"".join(enrichment.output(tenant, id, kind="xlsx", **options).chunks)
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        xml = book.read("xl/worksheets/sheet1.xml")
    found: list[list[str]] = []
    for row in ElementTree.fromstring(xml).iterfind(".//m:row", space):
        cells: dict[int, str] = {}
        for cell in row.iterfind("m:c", space):
            letters = re.match(r"[A-Z]+", cell.attrib["r"])[0]  # type: ignore[index]
            position = 0
            for letter in letters:
                position = position * 26 + ord(letter) - 64
            cells[position - 1] = "".join(text.text or "" for text in cell.iter(f"{{{space['m']}}}t"))
        found.append([cells.get(place, "") for place in range(max(cells, default=-1) + 1)])
    return found, xml


def test_own_columns_come_first_and_untouched(cast: Cast) -> None:
    rows = [[f"a{n}@x.example", "Ünï", 'quo"te, and\nline', f" {n} "] for n in range(8)]
    id = ended(cast.alice, rows, FIRST_NAME="Dana")
    header, *found = lines(cast.alice, id)
    assert header == [*COLUMNS, *OURS]
    assert [line[:4] for line in found] == rows
    assert [line[header.index("cursive_outcome")] for line in found] == ["matched", "no_match", "skipped", "error"] * 2
    assert [line[header.index("cursive_reason")] for line in found[:4]] == ["", "Why 2", "Why 3", "Why 4"]
    assert found[0][header.index("FIRST_NAME")] == "Dana"
    assert found[0][header.index("cursive_matched_by")] == "email"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found[0][header.index("cursive_fetched_at")])


def test_what_a_run_stores_leaves_without_being_taken_apart(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """All columns of a list as they are, which is the usual download, take the quick way and say the same."""
    id = ended(cast.alice, [[f"é{n}@x.example", "=1", 'a "b"', " c\n"] for n in range(5)], COMPANY_NAME="Zoë, Inc.")
    taken_apart = b"".join(enrichment.output(cast.alice, id, fields=list(reversed(NAMES)), fill=["email"]).chunks)
    module = import_module("cursive_app.services.enrichment.output_batches")
    monkeypatch.setattr(module, "csv_lines", None)
    assert b"".join(enrichment.output(cast.alice, id).chunks) == taken_apart


@pytest.mark.parametrize("rows", [0, 200])
def test_a_file_ends_where_its_last_batch_was_full_or_there_was_none(cast: Cast, rows: int) -> None:
    id = ended(cast.alice, [[f"p{n}@x.example", "", "", ""] for n in range(rows)])
    for chosen in (["UUID"], None):
        assert len(lines(cast.alice, id, fields=chosen)) == 1 + rows
    assert len(lines(cast.alice, id, fields=["UUID"], only="matched")) == 1 + rows // 4


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("cursive_app.services.enrichment.output_batches")
    monkeypatch.setattr(module, "FIRST_BATCH", 2)
    monkeypatch.setattr(module, "BATCH", 3)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("fields", [None, ["UUID"]])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 6, 8, 11])
def test_batches_that_are_asked_for_ahead_come_once_and_in_order(
    cast: Cast, rows: int, fields: list[str] | None
) -> None:
    id = ended(cast.alice, [[f"p{n}@x.example", "", "", ""] for n in range(rows)])
    assert [line[0] for line in lines(cast.alice, id, fields=fields)[1:]] == [f"p{n}@x.example" for n in range(rows)]


@pytest.mark.usefixtures("small_batches")
def test_batches_whose_texts_do_not_tell_are_read_as_rows(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    id = ended(cast.alice, [[f"p{n}@x.example", "", "", ""] for n in range(8)])
    module = import_module("cursive_app.services.enrichment.output_batches")
    quick = lines(cast.alice, id)
    monkeypatch.setattr(module, "lines_of", lambda _texts: None)
    assert lines(cast.alice, id) == quick


@pytest.mark.usefixtures("small_batches")
def test_a_download_that_is_broken_off_leaves_nothing_behind(cast: Cast, database: Database) -> None:
    id = ended(cast.alice, [[f"p{n}@x.example", "", "", ""] for n in range(20)])
    chunks = iter(enrichment.output(cast.alice, id).chunks)
    assert len([next(chunks) for _ in range(3)]) == 3
    chunks.close()  # type: ignore[attr-defined]  # a generator
    assert [one.name for one in threading.enumerate() if one.name.startswith("download")] == []
    assert database.app.pool.checkedout() == 0  # type: ignore[attr-defined]  # a pool of a fixed size


def test_rows_of_before_a_column_was_added_are_as_wide_as_the_others(cast: Cast) -> None:
    """What was found of them is shorter: the columns that came later are empty, and nothing moves."""
    id = ended(cast.alice, [["p@x.example", "", "", ""]])
    with cast.alice.begin() as scope:
        shorter = cast_as(literal('["u1","Dana"]', Text), JSON)
        mine = (scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == id)
        scope.session.execute(update(EnrichmentRow).where(*mine).values(found=shorter))
    [found] = read_csv(cast.alice, id)
    assert (found["UUID"], found["FIRST_NAME"], found["LAST_NAME"]) == ("u1", "Dana", "")
    assert (found["cursive_outcome"], found["cursive_source"]) == ("matched", "provider")


def test_a_row_says_who_answered_for_it_and_when(cast: Cast) -> None:
    id = ended(cast.alice, [[str(n), "", "", ""] for n in range(4)])
    header, *found = lines(cast.alice, id)
    assert header[-5:] == [
        "cursive_outcome", "cursive_reason", "cursive_matched_by", "cursive_source", "cursive_fetched_at",
    ]  # fmt: skip
    source, fetched = header.index("cursive_source"), header.index("cursive_fetched_at")
    assert [line[source] for line in found] == ["provider", "provider", "", ""], "nobody answers for what is not sent"
    assert [bool(line[fetched]) for line in found] == [True, True, False, False]
    with cast.alice.begin() as scope:
        shown = enrichment.list_rows(scope, id).rows
    assert [row.source or "" for row in shown] == [line[source] for line in found]
    assert [f"{row.fetched_at:%Y-%m-%dT%H:%M:%SZ}" if row.fetched_at else "" for row in shown] == [
        line[fetched] for line in found
    ]
    assert [row.matched_by for row in shown] == ["email", None, None, None]


def test_another_reader_finds_the_same(cast: Cast) -> None:
    rows = [[f"{n}@x.example", "First", "Last", "two\r\nlines; “quoted”"] for n in range(25)]
    id = ended(cast.alice, rows)
    body = b"".join(enrichment.output(cast.alice, id).chunks)
    frame = pl.read_csv(body, infer_schema=False)
    assert frame.height == 25
    assert frame.get_column("Note").to_list() == [row[3] for row in rows]
    assert frame.columns == [*COLUMNS, *OURS]


@pytest.mark.parametrize("value", DANGEROUS)
def test_no_cell_is_a_formula_in_the_csv(cast: Cast, value: str) -> None:
    id = ended(cast.alice, [[value, "+15125550101", "+1 512", ""]], columns=("=evil", "B", "C", "D"), JOB_TITLE=value)
    header, line = lines(cast.alice, id)
    assert header[0] == "'=evil"
    assert line[:3] == [f"'{value}", "+15125550101", "'+1 512"], "strict E.164 is the one exception"
    assert line[4 + OURS.index("JOB_TITLE")] == f"'{value}"
    with cast.alice.begin() as scope:
        stored = scope.session.scalar(scope.select(EnrichmentRow).where(EnrichmentRow.enrichment_id == id))
        assert stored is not None
        assert stored.cells[0] == value, "what is stored never changes"


def test_no_cell_is_a_formula_or_a_link_in_the_workbook(cast: Cast) -> None:
    id = ended(cast.alice, [[value, "http://x.example", "", "x" * 40_000] for value in DANGEROUS])
    found, xml = sheet(cast.alice, id)
    assert found[0] == [*COLUMNS, *OURS]
    assert [line[0].replace("_x000D_", "\r") for line in found[1:]] == DANGEROUS
    assert b"<f>" not in xml
    assert b"<hyperlink" not in xml
    assert len(found[1][3]) == 32_767, "a cell holds no more"


def test_the_workbook_says_what_the_csv_says(cast: Cast) -> None:
    id = ended(cast.alice, [[f"a{n}", "", "c", "d"] for n in range(12)], COMPANY_NAME="Acme")
    table = lines(cast.alice, id)
    found, _ = sheet(cast.alice, id)
    assert [line + [""] * (len(table[0]) - len(line)) for line in found] == table


def test_chosen_columns_and_rows(cast: Cast) -> None:
    id = ended(cast.alice, [[str(n), "", "", ""] for n in range(1, 13)], COMPANY_NAME="Acme")
    header, *found = lines(cast.alice, id, only="matched", fields=["company_name"])
    assert header == [*COLUMNS, "COMPANY_NAME", *(column.name for column in OUTCOME_COLUMNS)]
    assert [(line[0], line[4]) for line in found] == [("1", "Acme"), ("5", "Acme"), ("9", "Acme")]
    problems = lines(cast.alice, id, only="problems", fields=[])
    assert [line[0] for line in problems[1:]] == ["2", "3", "4", "6", "7", "8", "10", "11", "12"], (
        "all that was not matched"
    )
    outcomes = {(line[header.index("cursive_outcome") - 1], bool(line[5])) for line in problems[1:]}
    assert outcomes == {("no_match", True), ("skipped", True), ("error", True)}, "each with its reason"
    assert len(sheet(cast.alice, id, only="matched")[0]) == 4


FILLABLE = {"0": "email", "1": "first_name", "2": "phone", "3": "city"}
ANSWER = {
    "BUSINESS_EMAIL": "b@x.example, c@x.example",
    "FIRST_NAME": "=Dana",
    "MOBILE_PHONE": "+15125550101",
    "MOBILE_PHONE_DNC": "N",
}


def test_blanks_of_own_columns_are_filled_and_others_overwritten_where_it_is_asked_for(cast: Cast) -> None:
    rows = [["", "", "call me", ""], ["", "", "", "Austin"], [" ", "Lee", "", ""], ["", "", "", ""]] * 2
    id = ended(cast.alice, rows, mapping=FILLABLE, **ANSWER)
    options: dict[str, Any] = {"fill": ["email", "first_name", "city"], "overwrite": ["phone"], "fields": ["UUID"]}
    header, *found = lines(cast.alice, id, **options)
    assert header == [*COLUMNS, "UUID", *(column.name for column in OUTCOME_COLUMNS)]
    matched = ["b@x.example", "'=Dana", "+15125550101", ""]
    assert [line[:4] for line in found] == [matched, *rows[1:4], matched, *rows[1:4]], "only matched rows are filled"
    workbook, _ = sheet(cast.alice, id, **options)
    assert workbook[1][:5] == ["b@x.example", "=Dana", "+15125550101", "", "u1"]
    assert [line[:4] for line in lines(cast.alice, id)[1:]] == rows, "by default own columns are as they were"
    with cast.alice.begin() as scope:
        stored = scope.select(EnrichmentRow).where(EnrichmentRow.enrichment_id == id).order_by(EnrichmentRow.number)
        assert [row.cells for row in scope.session.scalars(stored)] == rows, "what is stored never changes"
    for wrong in ({"fill": ["job_title"]}, {"overwrite": ["shoe_size"]}, {"fill": ["city"], "overwrite": ["city"]}):
        for refusing in (enrichment.output, enrichment.check_output):
            with pytest.raises(Invalid):
                refusing(cast.alice, id, **wrong)  # type: ignore[arg-type]


def test_the_problems_of_a_list_before_its_run(cast: Cast) -> None:
    bad = Line(("x",), {}, "invalid", ({"column": 0, "level": "error", "message": "Not an e-mail", "fix": "Type one"},))
    id = make_list(cast.alice, [Line(("a@x.example",), {}), bad], columns=("E-mail",))
    [found] = read_csv(cast.alice, id, only="problems")
    assert (found["E-mail"], found["cursive_outcome"], found["cursive_reason"]) == ("x", "invalid", "Not an e-mail")
    assert (found["cursive_source"], found["cursive_fetched_at"]) == ("", "")
    with pytest.raises(Conflict) as refused:
        enrichment.output(cast.alice, id)
    assert refused.value.reason == "not_ended"


def test_a_name_that_is_taken_gets_a_number_and_the_original_keeps_it() -> None:
    assert unique_header(["UUID", "uuid_2", "A"], ["UUID", "FIRST_NAME"]) == [
        "UUID",
        "uuid_2",
        "A",
        "UUID_3",
        "FIRST_NAME",
    ]


def test_ragged_rows_stay_under_their_columns(cast: Cast) -> None:
    id = ended(cast.alice, [["a"], ["a", "b", "c", "d", "e"], []], JOB_TITLE="VP")
    header, *found = lines(cast.alice, id)
    assert all(len(line) == len(header) for line in found)
    assert [line[:4] for line in found] == [["a", "", "", ""], ["a", "b", "c", "d"], ["", "", "", ""]]
    assert found[0][header.index("JOB_TITLE")] == sheet(cast.alice, id)[0][1][header.index("JOB_TITLE")] == "VP"


_TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=8)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(_TEXT, min_size=2, max_size=2), min_size=1, max_size=6))
def test_any_text_comes_back_as_it_was(database: Database, rows: list[list[str]]) -> None:
    tenant = make_cast().alice
    id = ended(tenant, rows, columns=("A", "B"))
    found = lines(tenant, id)[1:]
    for given_row, line in zip(rows, found, strict=True):
        for before, after in zip(given_row, line, strict=False):
            assert after in (before, f"'{before}")
            assert after[:1] not in "=+-@\t\r＝＋－＠" or not after or re.fullmatch(r"\+[1-9]\d{6,14}", after)


def test_who_may_download(cast: Cast) -> None:
    id = ended(cast.alice, [["a", "", "", ""]])
    reader = make_member(cast.workspace_id, make_user("Ray"), Role.READ_ONLY)
    with pytest.raises(Forbidden):
        enrichment.output(reader, id)
    with pytest.raises(NotFound):
        enrichment.output(cast.charlie, id)
    for wrong in ({"kind": "pdf"}, {"only": "some"}, {"fields": ["SKIPTRACE_ETHNIC_CODE"]}):
        with pytest.raises(Invalid):
            enrichment.output(cast.alice, id, **wrong)  # type: ignore[arg-type]


def test_a_download_whose_rows_go_away_breaks_off(cast: Cast) -> None:
    id = ended(cast.alice, [[str(n), "", "", ""] for n in range(300)])
    chunks = enrichment.output(cast.alice, id).chunks
    next(chunks)
    next(chunks)
    with system_scope() as scope:
        scope.session.execute(delete(EnrichmentRow).where(EnrichmentRow.enrichment_id == id))
    with pytest.raises(Unavailable):
        list(chunks)


def test_a_stalled_reader_holds_no_connection(cast: Cast, database: Database) -> None:
    id = ended(cast.alice, [[str(n), "", "", ""] for n in range(250)])
    chunks = enrichment.output(cast.alice, id).chunks
    next(chunks)
    next(chunks)
    assert database.app.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert sum(chunk.count(b"\r\n") for chunk in chunks) == 50


def test_a_workbook_leaves_at_once_and_holds_no_connection(cast: Cast, database: Database) -> None:
    id = ended(cast.alice, [[f"{n}", "x" * 2_000, "", ""] for n in range(250)])
    chunks = enrichment.output(cast.alice, id, kind="xlsx").chunks
    assert next(chunks).startswith(b"PK")
    assert database.app.pool.checkedout() == 0  # type: ignore[attr-defined]
    with system_scope() as scope:
        scope.session.execute(delete(EnrichmentRow).where(EnrichmentRow.enrichment_id == id))
    with pytest.raises(Unavailable):
        list(chunks)


def test_spreadsheet_programs_read_the_workbook(cast: Cast) -> None:
    """By another reader; control characters in the form that such programs write them."""
    odd = ["_x000D_ as text", "a\x01b", "tab\tand\nline", "<&>", "é😀", " spaces ", "007", "1e5", "TRUE", "2026-01-02"]
    id = ended(cast.alice, [[value, "", "", str(n)] for n, value in enumerate(odd)])
    body = b"".join(enrichment.output(cast.alice, id, kind="xlsx").chunks)
    found = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_name("Enriched").to_python()
    assert found[0] == [*COLUMNS, *OURS]
    assert [row[3] for row in found[1:]] == [str(n) for n in range(len(odd))], "every value is text"
    assert [row[0] for row in found[3:]] == odd[2:]


def test_downloads_are_on_record(cast: Cast) -> None:
    from cursive_app.services.accounts.audit import AuditEntry

    id = ended(cast.alice, [["a", "", "", ""]])
    enrichment.output(cast.alice, id, only="matched")
    with cast.alice.begin() as scope:
        entries = scope.select(AuditEntry).where(AuditEntry.action == "enrichment.downloaded")
        [entry] = scope.session.scalars(entries)
    assert (entry.object_id, entry.details["rows"], entry.details["only"]) == (str(id), 1, "matched")

"""Files nobody wishes for (bad inputs 1-31): each is refused in words with a code, or its rows are, by line."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xlsxwriter

from cursive_app.errors import Forbidden, Invalid
from cursive_app.services import enrichment, jobs
from cursive_app.services.enrichment import files, refusals
from cursive_app.services.enrichment.views import EnrichmentView
from cursive_app.settings import Settings, settings
from db.roles import Role
from db.scope import Tenant
from tests.factories import Cast, make_member, make_user
from tests.services.test_enrichment_reading import PEOPLE, look, read, rows, upload

HEADER = "Name,E-mail\n"


def workbook(build: object = None, **sheets: list[list[object]]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    for name, table in (sheets or {"People": [["E-mail"], ["dana@acme.example"]]}).items():
        sheet = book.add_worksheet(name)
        for number, line in enumerate(table):
            sheet.write_row(number, 0, line)
    if callable(build):
        build(book)
    book.close()
    return out.getvalue()


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(re.sub(r"_(?=xml$|iwa$|csv$)", ".", name.replace("__", "/")), body)
    return out.getvalue()


def bomb(body: bytes) -> bytes:
    """A workbook with one sheet of this XML."""
    types = b"[Content_Types].xml"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(types.decode(), "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", body)
    return out.getvalue()


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "white space": (b" \n\r\n\t", "empty"),
    "a mark alone": (b"\xef\xbb\xbf", "empty"),
    "header only": (HEADER.encode(), "no_rows"),
    "header and empty rows": (HEADER.encode() + b",\n , \n", "no_rows"),
    "10,000 columns": (",".join(f"c{n}" for n in range(10_000)).encode() + b"\n1\n", "too_many_columns"),
    "a ZIP": (zipped(people_csv=PEOPLE.encode()), "not_a_workbook"),
    "an empty ZIP": (zipped(), "empty_archive"),
    "OpenDocument": (zipped(mimetype=b"application/vnd.oasis.opendocument", content_xml=b"<a/>"), "open_document"),
    "Numbers": (zipped(Index__Document_iwa=b"x"), "numbers"),
    "a letter": (zipped(Content_Types_xml=b"<Types/>", word__document_xml=b"<a/>"), "document"),
    "contacts": (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Dana Testperson\r\nEND:VCARD\r\n", "vcard"),
    "a cut XLSX": (workbook()[:-300], "damaged_workbook"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n", "pdf"),
    "a program": (b"MZ\x90\x00\x03\x00\x00\x00" + bytes(200), "program"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "old_excel"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "image"),
    "a web page": (b"<!DOCTYPE html><html><table><tr><td>a</td></tr></table>", "markup"),
    "JSON": (b'[{"email": "dana@acme.example"}]', "json"),
    "noise": (bytes(range(256)) * 8, "not_text"),
    "a cut gzip": (gzip.compress(PEOPLE.encode() * 99)[:-20], "cut_gzip"),
    "a damaged gzip": (gzip.compress(PEOPLE.encode())[:12] + b"garbage" * 9, "damaged_gzip"),
    "gzip in gzip": (gzip.compress(gzip.compress(PEOPLE.encode())), "packed_twice"),
    "a gzip of a PDF": (gzip.compress(b"%PDF-1.7"), "pdf"),
    "a sheet wider than any list": (
        bomb(b'<worksheet><sheetData><row r="1"><c r="ZZZ1"><v>1</v></c></row></sheetData></worksheet>'),
        "too_many_columns",
    ),
    "a sheet longer than any list": (
        bomb(b'<worksheet><sheetData><row r="1"><c  t="n" r="A1048576"><v>1</v></c></row></sheetData></worksheet>'),
        "too_many_rows",
    ),
    "an XLSX bomb": (bomb(b"<worksheet>" + b" " * 30_000_000), "bomb"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_no_reading_can_mend_is_refused_at_the_door(cast: Cast, tmp_path: Path, name: str) -> None:
    body, code = REFUSED[name]
    with pytest.raises(Invalid) as refused:
        upload(cast.alice, body, tmp_path)
    assert refused.value.fields["code"] == code
    assert refused.value.fields["file"] == refused.value.message
    with cast.alice.begin() as scope:
        assert enrichment.list_enrichments(scope).items == ()


def test_a_gzip_bomb_is_refused_before_it_unfolds(cast: Cast, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        upload(cast.alice, gzip.compress(b"a,b\n" * 60_000_000, 9), tmp_path)
    assert refused.value.fields["code"] == "bomb"


def test_a_file_above_the_limit_is_refused_by_its_size(cast: Cast, tmp_path: Path, config: Settings) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(Invalid) as refused:
        enrichment.open_upload(cast.alice, path=path, filename="large.csv")
    assert refused.value.fields["code"] == "too_large"


@pytest.fixture
def fifty_rows(config: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lists may have 50 rows."""
    monkeypatch.setenv("ENRICHMENT_MAXIMUM_ROWS", "50")
    monkeypatch.setenv("ENRICHMENT_MINIMUM_ROWS", "1")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("fifty_rows")
def test_too_many_rows_are_refused_at_the_limit_and_none_is_kept(cast: Cast, tmp_path: Path) -> None:
    fine = read(cast.alice, upload(cast.alice, HEADER + "a,d@a.example\n" * 50, tmp_path))
    assert (fine.status, fine.counts.total) == ("ready", 50)
    refused = read(cast.alice, upload(cast.alice, HEADER + "a,d@a.example\n" * 51, tmp_path))
    assert (refused.status, refused.refusal_code) == ("refused", "too_many_rows")
    assert refused.why_not == refused.refusal_message
    assert "more than 50 rows" in (refused.refusal_message or "")
    assert rows(cast.alice, refused.id).rows == ()
    assert refused.read_job_id is not None
    with cast.alice.begin() as scope:
        assert jobs.get_job(scope, refused.read_job_id).job.status == "failed"


def good(cast: Cast, tmp_path: Path, body: bytes | str) -> EnrichmentView:
    ready = read(cast.alice, upload(cast.alice, body, tmp_path))
    assert ready.status == "ready", ready.refusal_message
    return ready


def names(view: EnrichmentView) -> list[str]:
    return [column.name for column in view.columns]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "shift_jis"])
def test_encodings(cast: Cast, tmp_path: Path, encoding: str) -> None:
    name = "山田太郎さくら" if encoding == "shift_jis" else "José Müller"
    text = HEADER + "".join(f"{name},person{n}@acme.example\n" for n in range(20))
    ready = good(cast, tmp_path, text.encode(encoding))
    assert names(ready) == ["Name", "E-mail"]
    assert rows(cast.alice, ready.id).rows[0].cells == (name, "person0@acme.example")
    assert ready.counts.valid == 20
    told = " ".join(ready.layout.notes) if ready.layout else ""
    assert ("choose another encoding" in told) == (encoding in ("cp1252", "shift_jis"))


def test_data_first_and_repeated_names(cast: Cast, tmp_path: Path) -> None:
    ready = good(cast, tmp_path, "Dana,dana@acme.example\nSam,sam@acme.example\n")
    assert ready.layout is not None
    assert ready.layout.header_row is None
    assert (names(ready), ready.counts.total) == (["Column 1", "Column 2"], 2)
    assert ready.columns[1].field == "email"
    ready = good(cast, tmp_path, "Email,Email,,Email\na@b.example,x,y,z\n")
    assert names(ready) == ["Email", "Email (2)", "Column 3", "Email (3)"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(cast: Cast, tmp_path: Path, delimiter: str, end: str) -> None:
    body = end.join(["Name{0}E-mail", "Dana{0}dana@acme.example", "Sam{0}sam@acme.example", ""]).format(delimiter)
    ready = good(cast, tmp_path, body)
    assert (ready.counts.total, ready.counts.valid) == (2, 2)
    assert ready.layout is not None
    assert ready.layout.delimiter == delimiter


def test_one_column(cast: Cast, tmp_path: Path) -> None:
    ready = good(cast, tmp_path, "email\ndana@acme.example\n\nsam@acme.example\n")
    assert (names(ready), ready.counts.valid) == (["email"], 2)
    assert [row.line for row in rows(cast.alice, ready.id).rows] == [2, 4]


def test_rows_are_rejected_by_line_and_the_others_stand(cast: Cast, tmp_path: Path) -> None:
    body = (
        "E-mail,Note\n"
        "a@acme.example,fine\n"
        "b@acme.example,too,many\n"
        "c@acme.example\n"
        "d\x00@acme.example,nul\n"
        '"e@acme.example,open\n'
        "f@acme.example,Jos\xff\n"
        '"g@acme.example","two\nlines"\n'
        "h@acme.example,=cmd|'/c calc'!A1\n"
    ).encode("latin-1")
    body = body.replace(b"Jos\xff", "Zoë ".encode() + b"Jos\xff") + "z@acme.example,Zoë Müller é\n".encode() * 3
    ready = good(cast, tmp_path, body)
    found = {row.line: row for row in rows(cast.alice, ready.id).rows}
    codes = {line: [problem.code for problem in row.problems] for line, row in found.items()}
    assert codes[2] == []
    assert codes[3][0] == "too_many_cells"
    assert codes[4] == ["too_few_cells"]
    assert "nul" in codes[5]
    assert codes[6][0] == "unclosed_quote"
    assert codes[7] == ["encoding"]
    assert (found[8].cells[1], found[10].cells[1]) == ("two\nlines", "=cmd|'/c calc'!A1")
    assert [found[line].verdict for line in (2, 3, 4, 5, 6, 7, 8, 10)] == [
        "valid", "invalid", "valid", "invalid", "invalid", "valid", "valid", "valid"
    ]  # fmt: skip
    assert found[3].cells == ("b@acme.example", "too", "many")


@pytest.mark.parametrize(
    "cell",
    ["=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(1)", "\t=1", "＝1+1", "a" * 10_000, "👩‍🚀 e\u0301\u200b"],
)
def test_cells_are_stored_raw(cast: Cast, tmp_path: Path, cell: str) -> None:
    ready = good(cast, tmp_path, f"E-mail,Note\ndana@acme.example,{cell}\n")
    assert rows(cast.alice, ready.id).rows[0].cells == ("dana@acme.example", cell)


def test_all_rows_repeat_the_first(cast: Cast, tmp_path: Path) -> None:
    ready = good(cast, tmp_path, "E-mail\n" + "Dana@acme.example\n" * 300)
    assert (ready.counts.valid, ready.counts.duplicate) == (1, 299)
    assert ready.why_not is not None


def test_a_long_line_is_refused(cast: Cast, tmp_path: Path) -> None:
    ended = read(cast.alice, upload(cast.alice, HEADER.encode() + b"a," + b"x" * 6_000_000, tmp_path))
    assert (ended.status, ended.refusal_code) == ("refused", "row_too_long")


def test_the_sheet_of_people_is_found_and_its_values_are_text(cast: Cast, tmp_path: Path) -> None:
    def extras(book: xlsxwriter.Workbook) -> None:
        sheet = book.get_worksheet_by_name("People")
        sheet.write_datetime(1, 3, dt.date(2024, 2, 29), book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_formula(1, 4, "='[other.xlsx]Sheet1'!A1", None, "linked")
        sheet.write_formula(2, 4, '=HYPERLINK("http://evil.example")', None, "")
        sheet.write_boolean(2, 3, True)

    body = workbook(
        extras,
        Cover=[["People of May"]],
        People=[
            ["E-mail", "Phone", "Score", "Since", "Formula"],
            ["dana@acme.example", 15125550101, 1.5],
            ["sam@acme.example", "512-555-0102", 2],
        ],
    )
    opened = upload(cast.alice, body, tmp_path, filename="people.xlsx")
    assert opened.layout is not None
    assert opened.layout.kind == "xlsx"
    ready = read(cast.alice, opened)
    assert ready.status == "ready", ready.refusal_message
    assert ready.layout is not None
    assert (ready.layout.sheet, ready.layout.sheets) == ("People", ("Cover", "People"))
    found = [row.cells for row in rows(cast.alice, ready.id).rows]
    assert found == [
        ("dana@acme.example", "15125550101", "1.5", "2024-02-29", "linked"),
        ("sam@acme.example", "512-555-0102", "2", "TRUE", ""),
    ]
    with cast.alice.begin() as scope:
        other = enrichment.choose_layout(scope, ready.id, revision=ready.revision, sheet="Cover")
    assert read(cast.alice, other).refusal_code == "no_rows"


def test_the_sheet_of_people_is_found_behind_instructions_and_lists_of_codes(cast: Cast, tmp_path: Path) -> None:
    behind: dict[str, list[list[object]]] = {
        "Read me": [[f"Step {n}", "Fill in the sheet “Contacts” and send it back"] for n in range(30)],
        "Empty": [],
        "Codes": [["Code", "Meaning"], *([n, f"Meaning {n}"] for n in range(300))],
        "Contacts": [["Contacts of May"], ["Name", "E-mail"], ["Dana Testperson", "dana@acme.example"]],
        "Old": [["E-mail"], ["sam@acme.example"]],
    }
    ready = good(cast, tmp_path, workbook(**behind))
    assert ready.layout is not None
    assert (ready.layout.sheet, ready.layout.header_row) == ("Contacts", 2)
    with cast.alice.begin() as scope:
        other = enrichment.choose_layout(scope, ready.id, revision=ready.revision, header_row=None)
    again = read(cast.alice, other)
    assert again.layout is not None
    assert (again.layout.sheet, again.layout.header_row) == ("Contacts", None)
    without = {name: table for name, table in behind.items() if name in ("Empty", "Codes")}
    codes = read(
        cast.alice, upload(cast.alice, workbook(Cover=[["Codes"]], **without), tmp_path, filename="codes.xlsx")
    )
    assert codes.layout is not None
    assert codes.layout.sheet == "Codes", "the first with more than one row, when no sheet has people"


def test_old_dates_and_a_merged_header(cast: Cast, tmp_path: Path) -> None:
    """Bad input 19: a date that Excel cannot count is text there; one name stands over two columns."""

    def extras(book: xlsxwriter.Workbook) -> None:
        sheet = book.get_worksheet_by_name("People")
        dated = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.merge_range(0, 3, 0, 4, "Contact", book.add_format())
        sheet.write_string(1, 1, "1899-12-30")
        sheet.write_number(1, 2, 1, dated)
        sheet.write_number(1, 3, -5, dated)
        sheet.write_string(1, 4, "Austin")

    ready = good(cast, tmp_path, workbook(extras, People=[["E-mail", "Born", "Since"], ["dana@acme.example"]]))
    assert names(ready) == ["E-mail", "Born", "Since", "Contact", "Column 5"]
    [row] = rows(cast.alice, ready.id).rows
    assert row.cells[:2] == ("dana@acme.example", "1899-12-30")
    assert all(cell and "Error" not in cell for cell in row.cells[2:]), "a value that is no day is told as it is"
    assert ready.counts.valid == 1


def test_a_packed_workbook(cast: Cast, tmp_path: Path) -> None:
    assert good(cast, tmp_path, gzip.compress(workbook())).counts.valid == 1


def test_an_xlsx_bomb_that_lies_about_its_size_is_measured(cast: Cast, tmp_path: Path) -> None:
    body = bytearray(bomb(b"<worksheet>" + b" " * 30_000_000))
    where = body.rfind(b"PK\x01\x02")
    body[where + 24 : where + 28] = (1000).to_bytes(4, "little")
    with pytest.raises(Invalid) as refused:
        upload(cast.alice, bytes(body), tmp_path)
    assert refused.value.fields["code"] in ("bomb", "damaged_workbook")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/x.csv", "x.csv"),
        ("C:\\Users\\me\\list.csv", "list.csv"),
        ("con", "_con"),
        ("nul.csv", "_nul.csv"),
        ("a" * 300 + ".csv", "a" * 116 + ".csv"),
        ("evil\u202egnp.csv", "evilgnp.csv"),
        ('a"b\r\nSet-Cookie: x.csv', "a_bSet-Cookie_ x.csv"),
        ("", "list.csv"),
        ("...", "list.csv"),
        ("Liste März.xlsx", "Liste März.xlsx"),
    ],
)
def test_file_names_are_made_safe(given: str, kept: str) -> None:
    assert files.clean_filename(given) == kept


def test_who_may_not_edit_may_not_upload(cast: Cast, tmp_path: Path) -> None:
    reader: Tenant = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    with pytest.raises(Forbidden):
        upload(reader, PEOPLE, tmp_path)
    with pytest.raises(Forbidden):
        enrichment.open_records(reader, records=[{"email": "d@a.example"}], filename="x")


def test_records_of_the_api(cast: Cast) -> None:
    records = [
        {"email": "dana@acme.example", "note": 'say "hi",\nthen go', "score": 1},
        {"email": "sam@acme.example", "ok": True, "none": None},
    ]
    opened = enrichment.open_records(cast.alice, records=records, filename="crm")
    ready = read(cast.alice, opened)
    assert ready.layout is not None
    assert (ready.layout.kind, ready.counts.valid, ready.source) == ("json", 2, "api")
    assert names(ready) == ["email", "note", "score", "ok", "none"]
    assert rows(cast.alice, ready.id).rows[0].cells == ("dana@acme.example", 'say "hi",\nthen go', "1", "", "")
    for wrong in ([], ["x"], [{"email": ["a"]}], [{}], [{f"c{n}": 1 for n in range(refusals.MAX_COLUMNS + 1)}]):
        with pytest.raises(Invalid):
            enrichment.open_records(cast.alice, records=wrong, filename="x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("records", "field", "words"),
    [([], "file", "no records"), ([{}], "records", "names a column"), ([{" ": "x"}], "records", "names a column")],
)
def test_records_are_not_spoken_of_as_a_file_with_a_header(
    cast: Cast, records: list[dict[str, str]], field: str, words: str
) -> None:
    with pytest.raises(Invalid) as refused:
        enrichment.open_records(cast.alice, records=records, filename="x")
    assert words in refused.value.fields[field]


def test_the_same_file_again_is_recognized_in_its_workspace_only(cast: Cast, tmp_path: Path) -> None:
    first = upload(cast.alice, PEOPLE, tmp_path)
    second = upload(cast.bob, PEOPLE, tmp_path, filename="again.csv")
    assert (first.same_file_as, second.same_file_as) == (None, first.id)
    assert upload(cast.charlie, PEOPLE, tmp_path).same_file_as is None
    assert look(cast.alice, first.id).same_file_as is None

"""Reading CSV: what was written comes back, whatever the dialect; the fast reader is the exact one, only faster."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cursive_app.services.enrichment import csv_blocks
from cursive_app.services.enrichment.csv_blocks import frames
from cursive_app.services.enrichment.csv_rows import NO_DELIMITER, Dialect, scan
from cursive_app.services.enrichment.encodings import as_utf8, detect
from cursive_app.services.enrichment.refusals import MAX_ROW_BYTES, Refused
from cursive_app.services.enrichment.sniffing import DELIMITERS, sniff

COMMA = Dialect(",", '"', "\n")
PIECES = st.sampled_from(
    ["a", "é", "b c", ",", ",", ";", '"', '"', '""', "\n", "\n", "\r\n", "\r", "x" * 9, "日本", " "]
)


def all_rows(body: bytes, dialect: Dialect, *, width: int, cuts: tuple[int, ...] = ()) -> list[tuple[int, list[str]]]:
    """What `frames` makes of a file that arrives in pieces: line and cells, those beyond the columns included."""
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    pieces = [body[a:b] for a, b in pairwise(places)]
    found = []
    for frame in frames(pieces, dialect, width=width):
        for line, _flaw, extra, *cells in frame.rows():
            found.append((line, cells + (json.loads(extra) if extra else [])))
    return found


def exact_rows(text: str, dialect: Dialect, *, width: int) -> list[tuple[int, list[str]]]:
    """The same by the reference reader, which sees the whole text."""
    line, found = 1, []
    for row in scan(text, dialect, final=True):
        cells = [*row.cells, *[""] * (width - len(row.cells))]
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if any(cell.strip() for cell in cells):
            found.append((line, cells))
        line += row.lines
    return found


@given(st.lists(PIECES, max_size=40).map("".join), st.integers(1, 4), st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=200, deadline=None)
def test_the_fast_reader_agrees_with_the_exact_one(text: str, width: int, cuts: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "BLOCK_BYTES", 16)
        for dialect in (COMMA, Dialect(";", '"', "\n"), Dialect(",", '"', "\r"), Dialect(NO_DELIMITER, '"', "\n")):
            found = all_rows(text.encode(), dialect, width=width, cuts=tuple(cuts))
            assert found == exact_rows(text, dialect, width=width)


CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\x1f\ufeff␀"), max_size=8
) | st.sampled_from(["a,b", "c;d", 'say "hi"', "two\nlines", "tab\there", "pi|pe", "", "x" * 300])
TABLES = st.integers(2, 6).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=3, max_size=12)
)


@given(TABLES, st.sampled_from(list(DELIMITERS)), st.booleans(), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=80, deadline=None)
def test_a_written_table_is_read_back(table: list[list[str]], delimiter: str, quote_all: bool, end: str) -> None:
    width = len(table[0])
    table = [[f"name{n}" for n in range(width)], *table]
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(table)
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        body = out.getvalue().encode(encoding)
        found = detect([body])
        assert found.name.startswith(encoding[:5])
        text = b"".join(as_utf8([body], encoding=found.name))
        head = sniff(text.decode(), is_whole=True, delimiter=delimiter)
        read = [cells for _, cells in all_rows(text, head.dialect, width=width)]
        assert read == [row for row in table if any(cell.strip() for cell in row)]


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_dialect_is_found(delimiter: str, end: str) -> None:
    lines = [["Name", "E-mail", "Note"], ["Dana", "dana@acme.example", "1,5; a"], ["Sam", "sam@acme.example", "x|y\tz"]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(lines)
    head = sniff(out.getvalue(), is_whole=True)
    assert head.dialect == Dialect(delimiter, '"', end[-1])
    assert [list(row) for row in head.rows] == lines


def test_what_excel_says_and_single_quotes_and_one_column() -> None:
    assert sniff("sep=;\na,b;c,d\ne,f;g,h\n", is_whole=True).dialect.delimiter == ";"
    assert sniff("'a','b'\n'c, d','e'\n'f','g'\n", is_whole=True).rows[1] == ("c, d", "e")
    head = sniff("email\ndana@acme.example\nsam@acme.example\n", is_whole=True)
    assert (head.delimiter, head.rows[1]) == (None, ("dana@acme.example",))


def test_an_unclosed_quote_spoils_its_own_line_only() -> None:
    body = b'a,b\n"open,1\nc,2\n"d, e",3\nf,4'
    found = [(line, cells) for line, cells in all_rows(body, COMMA, width=2)]
    assert found == [(1, ["a", "b"]), (2, ['"open', "1"]), (3, ["c", "2"]), (4, ["d, e", "3"]), (5, ["f", "4"])]
    flaws = [flaw for frame in frames([body], COMMA, width=2) for flaw in frame["flaw"].to_list()]
    assert flaws == [None, "unclosed_quote", None, None, None]


def test_an_unclosed_quote_in_a_long_file_loses_no_row() -> None:
    body = b"a,b\n" * 10 + b'"open,1\n' + b"c,d\n" * 300_000 + b'"e",f\n'
    found = all_rows(body, COMMA, width=2)
    assert len(found) == 10 + 1 + 300_000 + 1
    assert found[10] == (11, ['"open', "1"])


def test_quotes_inside_cells_are_letters() -> None:
    assert [cells for _, cells in all_rows(b'5" pipe,"a"b\n"x""y",z\n', COMMA, width=2)] == [
        ['5" pipe', '"a"b'], ['x"y', "z"]
    ]  # fmt: skip


def test_rows_of_other_lengths_say_so() -> None:
    frame = next(frames([b"a,b\n1\n1,2,3\n1,2,,\n,\n4,5\n"], COMMA, width=2))
    assert frame["flaw"].to_list() == [None, "too_few_cells", "too_many_cells", None, None]
    assert frame["extra"].to_list() == [None, None, '["3"]', None, None]
    assert frame["line"].to_list() == [1, 2, 3, 4, 6]


def test_broken_bytes_and_nul_touch_their_row_only() -> None:
    found = all_rows(b"a,b\nJos\xff,1\n\x00x,2\n\xe9\xe8,3\nok,4\n", COMMA, width=2)
    assert [cells[0] for _, cells in found] == ["a", "Jos�", "␀x", "��", "ok"]


def test_a_row_without_end_is_refused_before_it_is_held() -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b"x" * 65_536

    with pytest.raises(Refused) as refused:
        list(frames(endless(), COMMA, width=2))
    assert refused.value.reason == "row_too_long"
    assert sent < 12 * MAX_ROW_BYTES


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Zoë,José,Müller,façade,naïve,Ångström,Łukasz"[:-7], "cp1252"),
        ("Jürgen Müßig,Köln,größer", "cp1252"),
        ("Nuño Ibáñez,Peña,Muñoz", "cp1252"),
        ("André,naïve café,€5 créée", "cp1252"),
        ("Dvořák,Jiří,Brno", "cp1250"),
        ("Kovács Győző,Székesfehérvár", "cp1250"),
        ("Łukasz,Wójcik,Kraków", "cp1250"),
        ("Žižek,Łukasz,Šárka,čeština,žluťoučký kůň,příliš", "cp1250"),
        ("Иван Петров,Москва,директор по продажам,улица Ленина", "cp1251"),
        ("山田太郎,東京都港区,株式会社サンプル,営業部長,さくら", "shift_jis"),
        ("王小明,北京市朝阳区,示例有限公司,销售经理,这是一个测试", "gb18030"),
    ],
)
def test_other_encodings_are_recognized(text: str, encoding: str) -> None:
    body = ("name,city\n" + f"{text}\n" * 30).encode(encoding)
    found = detect([body])
    decoded = b"".join(as_utf8([body], encoding=found.name)).decode()
    assert (found.name, decoded.splitlines()[1]) == (encoding, text)
    assert found.note is not None


def test_utf8_stays_utf8_when_single_rows_are_broken() -> None:
    good = "Zoë,Müller\n".encode() * 50_000
    assert detect([good, b"Jos\xe9,x\n", good]).name == "utf-8"
    assert detect([b"a,b\n" * 50_000, b"Jos\xe9,x\n"]).name == "cp1252"


def test_utf16_without_a_mark_is_recognized() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        body = "name,email\nDana,dana@acme.example\n".encode(encoding)
        assert detect([body]).name == encoding
        assert b"".join(as_utf8([body[:7], body[7:]], encoding=encoding)).startswith(b"name,email")

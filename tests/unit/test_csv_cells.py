"""No cell of a CSV file is run by a spreadsheet, and none that is harmless is changed."""

from __future__ import annotations

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cursive_app.services.csv_cells import FORMULA_LETTERS, plain_cell
from cursive_app.services.enrichment.csv_lines import csv_lines


@pytest.mark.parametrize("text", ["=1+1", " =1+1", "    @SUM(A1)", "-2+3", "+1", "\tx", "\r", "＝1", " ＋1"])
def test_what_would_be_run_becomes_text(text: str) -> None:
    assert plain_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "1-2", "a=b", "'=1", "x@y.example"])
def test_what_is_harmless_stays(text: str) -> None:
    assert plain_cell(text) == text


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    cell = plain_cell(text)
    assert not cell.lstrip(" ").startswith(tuple(FORMULA_LETTERS))
    assert cell.removeprefix("'") == text.removeprefix("'")


@given(st.text("=+-@\t\r\n＝＋－＠ '\"a1", max_size=6))
def test_lists_are_written_by_the_same_rule(text: str) -> None:
    (line,) = csv.reader(io.StringIO(csv_lines(pl.DataFrame({"a": [text], "b": ["x"]})).decode(), newline=""))
    assert line == [plain_cell(text), "x"]

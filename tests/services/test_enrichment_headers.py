"""The names of columns: short and each once here, as they stood in what is downloaded."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from cursive_app.services import enrichment
from db.models.enrichment import Enrichment
from tests.factories import Cast
from tests.services.test_enrichment_reading import do, look, read, upload

QUESTION = (
    "How likely are you to recommend us, and why?\nPlease say it in a few words, " + "and then in a few more " * 6
)
HEADER = ["E-mail", "Note", "note", "", " First   name ", QUESTION, "=cmd()"]


def test_header_cells_come_back_as_they_stood(cast: Cast, tmp_path: Path) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, ["a@acme.example", "x", "y", "z", "Dana", "Yes", ""], [""] * 7, ["?"] * 7])
    view = read(cast.alice, upload(cast.alice, text.getvalue(), tmp_path))
    names = [column.name for column in look(cast.alice, view.id).columns]
    assert names[:5] == ["E-mail", "Note", "note (2)", "Column 4", "First name"]
    assert names[5] == " ".join(QUESTION.split())[:100]
    mapping = {0: "email", 4: "first_name"}
    do(cast.alice, enrichment.map_columns, view.id, revision=view.revision, mapping=mapping)
    again = read(cast.alice, look(cast.alice, view.id))
    with cast.alice.begin() as scope:
        scope.get(Enrichment, again.id, lock=True).status = "completed"
    body = b"".join(enrichment.output(cast.alice, again.id, fields=[]).chunks).decode()
    header, *rows = csv.reader(io.StringIO(body, newline=""))
    assert header[:7] == [*HEADER[:3], "Column 4", " First   name ", QUESTION, "'=cmd()"], (
        "safe to open, else as it was"
    )
    assert [row[0] for row in rows] == ["a@acme.example", "?"], "a row of blanks is no row"


def test_a_header_that_is_as_it_is_shown_is_stored_once(cast: Cast, tmp_path: Path) -> None:
    view = read(cast.alice, upload(cast.alice, "E-mail,Note\na@acme.example,x\n", tmp_path))
    with cast.alice.begin() as scope:
        assert not any("header" in column for column in scope.get(Enrichment, view.id).columns)

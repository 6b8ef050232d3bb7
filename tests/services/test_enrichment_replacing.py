"""Find and replace in a column: what is counted is what changes, and the rows are judged as if the file had said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from cursive_app.services import enrichment
from cursive_app.services.enrichment import rewriting
from cursive_app.services.enrichment.views import EnrichmentView
from tests.factories import Cast
from tests.services.lists import counts, edit, ready
from tests.services.test_enrichment_reading import do, look, read, rows, upload, verdicts

__all__ = ["ready"]


def test_find_and_replace(cast: Cast, ready: EnrichmentView) -> None:
    changed = do(
        cast.alice, enrichment.replace_in_column, ready.id,
        revision=ready.revision, column=0, find="acme", replace="beta",
    )  # fmt: skip
    assert changed == 3
    found = rows(cast.alice, ready.id).rows
    assert [row.cells[0] for row in found] == ["a@beta.example", "b@beta.example", "A@beta.example", ""]
    assert [row.verdict for row in found] == ["valid", "valid", "duplicate", "invalid"]
    assert look(cast.alice, ready.id).revision == ready.revision + 1
    again = do(
        cast.alice, enrichment.replace_in_column, ready.id,
        revision=ready.revision + 1, column=0, find="%", replace="x",
    )  # fmt: skip
    assert again == 0
    assert look(cast.alice, ready.id).revision == ready.revision + 1


@pytest.mark.parametrize(
    ("find", "replace", "match_case", "cells"),
    [
        ("A@", "x@", True, ["a@acme.example", "b@acme.example", "x@acme.example", ""]),
        ("A@", "x@", False, ["x@acme.example", "b@acme.example", "x@acme.example", ""]),
        (".", "$1", False, ["a@acme$1example", "b@acme$1example", "A@acme$1example", ""]),
        ("ACME", "", True, ["a@acme.example", "b@acme.example", "A@acme.example", ""]),
    ],
)
def test_what_is_counted_is_what_changes(
    cast: Cast, ready: EnrichmentView, find: str, replace: str, match_case: bool, cells: list[str]
) -> None:
    wanted = {"column": 0, "find": find, "replace": replace, "match_case": match_case}
    before = [row.cells[0] for row in rows(cast.alice, ready.id).rows]
    count = do(cast.alice, enrichment.count_in_column, ready.id, revision=1, **wanted)
    assert [row.cells[0] for row in rows(cast.alice, ready.id).rows] == before, "counting writes nothing"
    assert do(cast.alice, enrichment.replace_in_column, ready.id, revision=1, **wanted) == count
    assert [row.cells[0] for row in rows(cast.alice, ready.id).rows] == cells
    assert count == sum(old != new for old, new in zip(before, cells, strict=True))


def test_a_replacement_is_an_edit_that_writing_back_undoes(cast: Cast, tmp_path: Path) -> None:
    ragged = "E-mail,Note\na@acme.example,one\nb(at)acme.example,two,more\nc(at)acme.example\n,four\n"
    view = read(cast.alice, upload(cast.alice, ragged, tmp_path))
    before = rows(cast.alice, view.id).rows

    def replace(revision: int, find: str, by: str) -> int:
        wanted = {"revision": revision, "column": 0, "find": find, "replace": by}
        return do(cast.alice, enrichment.replace_in_column, view.id, **wanted)

    assert replace(1, "(at)", "@") == 2
    mended = rows(cast.alice, view.id).rows
    assert [row.cells[0] for row in mended] == ["a@acme.example", "b@acme.example", "c@acme.example", ""]
    assert [row.edited for row in mended] == [(), (0,), (0,), ()]
    assert [row.verdict for row in mended] == ["valid", "invalid", "valid", "invalid"], "one still has a cell too many"
    assert replace(2, "acme", "beta") == 3
    assert replace(3, "beta", "acme") == 3
    assert [row.edited for row in rows(cast.alice, view.id).rows] == [(), (0,), (0,), ()]
    edit(cast.alice, view, 2, 0, "b(at)acme.example")
    edit(cast.alice, view, 3, 0, "c(at)acme.example")
    assert [(row.cells, row.edited, row.verdict) for row in rows(cast.alice, view.id).rows] == [
        (row.cells, row.edited, row.verdict) for row in before
    ]


def test_a_replacement_in_many_rows_tells_duplicates_anew(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "BLOCK", 7)
    monkeypatch.setattr(rewriting, "_FEW", 5)
    text = "E-mail\n" + "".join(f"p{n}@{'old' if n % 2 else 'new'}.example\np{n}@new.example\n" for n in range(30))
    view = read(cast.alice, upload(cast.alice, text, tmp_path))
    assert counts(cast.alice, view) == (60, 45, 0, 15, 0)
    wanted = {"revision": 1, "column": 0, "find": "old", "replace": "new"}
    assert do(cast.alice, enrichment.replace_in_column, view.id, **wanted) == 15
    assert counts(cast.alice, view) == (60, 30, 0, 30, 0)
    again = read(cast.alice, upload(cast.alice, text.replace("old", "new"), tmp_path))
    assert verdicts(cast.alice, view.id) == verdicts(cast.alice, again.id), "as if the file had said so"

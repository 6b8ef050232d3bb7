"""Correcting a cell where it stands: its row is judged again with whoever repeats it; of two who write one is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cursive_app.errors import Conflict, Invalid, NotFound
from cursive_app.services import enrichment
from cursive_app.services.enrichment.views import EnrichmentView
from db.models.enrichment import Enrichment
from db.system import system_scope
from tests.factories import Cast
from tests.services.lists import counts, edit, ready
from tests.services.test_enrichment_reading import do, look, read, rows, upload, verdicts

__all__ = ["ready"]


def test_an_edit_mends_a_row_and_is_undone_by_writing_the_original_back(cast: Cast, ready: EnrichmentView) -> None:
    assert counts(cast.alice, ready) == (4, 2, 1, 1, 0)
    row = edit(cast.bob, ready, 4, 0, "d@acme.example")
    assert (row.verdict, row.problems, row.edited) == ("valid", (), (0,))
    assert counts(cast.alice, ready) == (4, 3, 0, 1, 0)
    assert look(cast.alice, ready.id).revision == ready.revision + 1
    row = edit(cast.alice, ready, 4, 0, "")
    assert (row.verdict, row.edited) == ("invalid", ())
    assert counts(cast.alice, ready) == (4, 2, 1, 1, 0)


def test_duplicates_follow_an_edit_of_the_first_one(cast: Cast, ready: EnrichmentView) -> None:
    assert verdicts(cast.alice, ready.id) == ["valid", "valid", "duplicate", "invalid"]
    edit(cast.alice, ready, 1, 0, "new@acme.example")
    assert verdicts(cast.alice, ready.id) == ["valid", "valid", "valid", "invalid"]
    edit(cast.alice, ready, 2, 0, "a@acme.example")
    found = rows(cast.alice, ready.id).rows
    assert [(row.verdict, row.duplicate_of) for row in found] == [
        ("valid", None), ("valid", None), ("duplicate", 2), ("invalid", None)
    ]  # fmt: skip
    edit(cast.alice, ready, 1, 0, " A@ACME.example ")
    found = rows(cast.alice, ready.id).rows
    assert [(row.verdict, row.duplicate_of) for row in found] == [
        ("valid", None), ("duplicate", 1), ("duplicate", 1), ("invalid", None)
    ]  # fmt: skip
    assert counts(cast.alice, ready) == (4, 1, 1, 2, 0)
    shown = rows(cast.alice, ready.id, view="duplicate")
    assert (shown.total, [row.number for row in shown.rows]) == (2, [2, 3])
    assert "row 1" in shown.rows[0].problems[-1].message


def test_a_cell_too_many_is_moved_and_removed(cast: Cast, tmp_path: Path) -> None:
    view = read(cast.alice, upload(cast.alice, "E-mail,Note\nd@a.example,Smith, Sam\ne@a.example,x\n", tmp_path))
    assert verdicts(cast.alice, view.id) == ["invalid", "valid"]
    edit(cast.alice, view, 1, 1, "Smith, Sam")
    row = edit(cast.alice, view, 1, 2, "")
    assert (row.cells, row.verdict, row.problems) == (("d@a.example", "Smith, Sam"), "valid", ())
    row = edit(cast.alice, view, 1, 2, " Sam")
    assert (row.cells, row.verdict) == (("d@a.example", "Smith, Sam", " Sam"), "invalid")


def test_the_second_tab_is_told_that_it_is_behind(cast: Cast, ready: EnrichmentView) -> None:
    edit(cast.alice, ready, 4, 0, "d@acme.example")
    for use_case, values in (
        (enrichment.edit_cell, {"number": 1, "column": 0, "value": "x@y.example"}),
        (enrichment.replace_in_column, {"column": 0, "find": "a", "replace": "b"}),
        (enrichment.count_in_column, {"column": 0, "find": "a", "replace": "b"}),
        (enrichment.map_columns, {"mapping": {0: "email"}}),
        (enrichment.choose_layout, {"header_row": None}),
    ):
        with pytest.raises(Conflict) as behind:
            do(cast.bob, use_case, ready.id, revision=ready.revision, **values)
        assert behind.value.reason == "stale_version"
    assert verdicts(cast.alice, ready.id) == ["valid", "valid", "duplicate", "valid"]


def test_of_two_edits_at_once_one_is_refused(cast: Cast, ready: EnrichmentView) -> None:
    def one(value: str) -> str:
        try:
            do(
                cast.alice, enrichment.edit_cell, ready.id,
                revision=ready.revision, number=4, column=0, value=f"{value}@acme.example",
            )  # fmt: skip
        except Conflict as error:
            return error.reason
        return "written"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, "wxyz")) == ["stale_version"] * 3 + ["written"]
    assert counts(cast.alice, ready) == (4, 3, 0, 1, 0)


def test_with_what_was_seen_only_the_cell_itself_counts(cast: Cast, ready: EnrichmentView) -> None:
    edit(cast.alice, ready, 4, 0, "d@acme.example")

    def mend(value: str, seen: str, revision: int = ready.revision) -> None:
        do(
            cast.bob, enrichment.edit_cell, ready.id,
            revision=revision, number=1, column=2, value=value, seen=seen,
        )  # fmt: skip

    mend("uno", "one")
    with pytest.raises(enrichment.CellChanged) as changed:
        mend("eins", "one")
    assert (changed.value.said, changed.value.reason) == ("uno", "stale_cell")
    with pytest.raises(Conflict) as ahead:
        mend("eins", "uno", revision=99)
    assert ahead.value.reason == "stale_version"
    do(cast.alice, enrichment.map_columns, ready.id, revision=3, mapping={0: "email"})
    with pytest.raises(Conflict, match="still being read"):
        mend("eins", "uno", revision=4)
    read(cast.alice, look(cast.alice, ready.id))
    for revision in (1, 3):
        with pytest.raises(Conflict) as behind:
            mend("eins", "uno", revision=revision)
        assert behind.value.reason == "stale_version", "the rows were read anew since"
    mend("eins", "uno", revision=4)
    with pytest.raises(NotFound):
        do(cast.charlie, enrichment.edit_cell, ready.id, revision=5, number=1, column=2, value="x", seen="eins")
    assert look(cast.alice, ready.id).revision == 5


@pytest.mark.parametrize(
    "values",
    [
        {"number": 0}, {"number": -1}, {"number": 5}, {"number": 2**40}, {"column": 3}, {"column": -1},
        {"value": "a\x00b"}, {"value": "\ud800"}, {"value": "x" * 30_000}, {"value": 7}, {"column": True},
    ],
)  # fmt: skip
def test_nonsense_is_refused(cast: Cast, ready: EnrichmentView, values: dict[str, Any]) -> None:
    given = {"number": 1, "column": 0, "value": "x"} | values
    with pytest.raises((Invalid, NotFound)):
        do(cast.alice, enrichment.edit_cell, ready.id, revision=ready.revision, **given)
    assert look(cast.alice, ready.id).revision == ready.revision


def test_a_started_list_cannot_be_changed(cast: Cast, ready: EnrichmentView) -> None:
    with system_scope() as scope:
        scope.get(Enrichment, ready.id).status = "running"
    with pytest.raises(Conflict) as started:
        edit(cast.alice, ready, 1, 0, "x@y.example")
    assert started.value.reason == "started"

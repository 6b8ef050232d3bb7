"""Lists without a file of their own cannot be read in another way, and rows are never lost to a second mapping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cursive_app.errors import Conflict
from cursive_app.services import enrichment
from cursive_app.services.enrichment.views import EnrichmentView
from db.models.enrichment import Enrichment
from tests.factories import Cast
from tests.factories_enrichment import make_list, unknown_line
from tests.services.test_enrichment_reading import do, look, read, rows, upload

CHOICES: tuple[dict[str, Any], ...] = ({"header_row": None}, {"delimiter": ";"}, {"encoding": "cp1252"})
LIST = "E-mail,Phone,Note\na@acme.example,,one\nb@acme.example,,two\n,,three\n"


@pytest.fixture
def rest(cast: Cast) -> EnrichmentView:
    """What an earlier run left over: rows, and no file."""
    id = make_list(cast.alice, [unknown_line(n) for n in range(3)], source="rerun")
    with cast.alice.begin() as scope:
        scope.get(Enrichment, id).layout = {"kind": "csv", "header_row": 1, "header_line": 1}
    return look(cast.alice, id)


@pytest.mark.parametrize("choice", CHOICES)
def test_rows_of_an_earlier_list_are_not_read_in_another_way(
    cast: Cast, rest: EnrichmentView, choice: dict[str, Any]
) -> None:
    assert not rest.has_layout
    with pytest.raises(Conflict) as refused:
        do(cast.alice, enrichment.choose_layout, rest.id, revision=rest.revision, **choice)
    assert refused.value.reason == "no_file"
    kept = look(cast.alice, rest.id)
    assert (kept.status, kept.revision, rows(cast.alice, rest.id).total) == ("ready", rest.revision, 3)


def test_records_are_not_read_in_another_way(cast: Cast) -> None:
    sent = enrichment.open_records(cast.alice, records=[{"email": "a@acme.example", "note": "x;y"}])
    view = read(cast.alice, sent)
    assert not view.has_layout
    for choice in CHOICES:
        with pytest.raises(Conflict) as refused:
            do(cast.alice, enrichment.choose_layout, view.id, revision=view.revision, **choice)
        assert refused.value.reason == "no_file"
    assert [column.name for column in look(cast.alice, view.id).columns] == ["email", "note"]


def test_a_file_can_be_read_in_another_way(cast: Cast, tmp_path: Path) -> None:
    view = read(cast.alice, upload(cast.alice, LIST, tmp_path))
    assert view.has_layout
    do(cast.alice, enrichment.choose_layout, view.id, revision=view.revision, header_row=None)
    assert read(cast.alice, look(cast.alice, view.id)).counts.total == 4


def test_a_second_mapping_before_the_first_was_checked_loses_no_edit(cast: Cast, tmp_path: Path) -> None:
    view = read(cast.alice, upload(cast.alice, LIST, tmp_path))
    do(cast.alice, enrichment.edit_cell, view.id, revision=1, number=3, column=0, value="c@acme.example")
    do(cast.alice, enrichment.map_columns, view.id, revision=2, mapping={0: "email", 2: "job_title"})
    do(cast.alice, enrichment.map_columns, view.id, revision=3, mapping={0: "email"})
    checked = read(cast.alice, look(cast.alice, view.id))
    assert (checked.status, checked.counts.valid) == ("ready", 3)
    assert rows(cast.alice, view.id).rows[2].cells[0] == "c@acme.example"


def test_a_second_mapping_keeps_the_rows_of_an_earlier_list(cast: Cast, rest: EnrichmentView) -> None:
    do(cast.alice, enrichment.map_columns, rest.id, revision=rest.revision, mapping={0: "email", 1: "first_name"})
    do(cast.alice, enrichment.map_columns, rest.id, revision=rest.revision + 1, mapping={0: "email"})
    checked = read(cast.alice, look(cast.alice, rest.id))
    assert (checked.status, checked.counts.total, checked.counts.valid) == ("ready", 3, 3)

"""Saying what a file means: chosen and remembered mappings, another header row."""

from __future__ import annotations

from pathlib import Path

import pytest

from cursive_app.errors import Invalid
from cursive_app.services import enrichment
from cursive_app.services.enrichment.views import EnrichmentView
from tests.factories import Cast
from tests.services.lists import counts, edit, ready
from tests.services.test_enrichment_reading import do, look, read, rows, upload

__all__ = ["ready"]


def test_a_chosen_mapping_checks_the_rows_again_and_keeps_edits(cast: Cast, ready: EnrichmentView) -> None:
    edit(cast.alice, ready, 4, 2, "d@acme.example")
    edited = look(cast.alice, ready.id)
    mapped = do(cast.alice, enrichment.map_columns, ready.id, revision=edited.revision, mapping={2: "email"})
    assert mapped.status == "received"
    assert [(column.field, column.guess) for column in mapped.columns] == [
        (None, None), (None, None), ("email", "chosen")
    ]  # fmt: skip
    again = read(cast.alice, mapped)
    assert counts(cast.alice, again) == (4, 1, 3, 0, 0)
    assert rows(cast.alice, again.id).rows[3].cells[2] == "d@acme.example"


def test_a_mapping_is_remembered_for_the_same_header_in_its_workspace(cast: Cast, tmp_path: Path) -> None:
    body = "who,contact,note\nDana T,d@acme.example,x\n"
    first = read(cast.alice, upload(cast.alice, body, tmp_path))
    do(cast.alice, enrichment.map_columns, first.id, revision=first.revision, mapping={0: "full_name", 1: "email"})
    second = upload(cast.bob, body.replace("Dana", "Sam"), tmp_path)
    assert [(column.field, column.guess) for column in second.columns] == [
        ("full_name", "remembered"), ("email", "remembered"), (None, None)
    ]  # fmt: skip
    other = upload(cast.charlie, body, tmp_path)
    assert [column.guess for column in other.columns] == [None, "content", None]


def test_without_a_header_nothing_is_remembered(cast: Cast, tmp_path: Path) -> None:
    first = read(cast.alice, upload(cast.alice, "d@acme.example,Dana,T,2024\n", tmp_path))
    mapping = {0: "email", 1: "last_name", 2: "first_name"}
    do(cast.alice, enrichment.map_columns, first.id, revision=first.revision, mapping=mapping)
    other = upload(cast.alice, "2024,Austin,TX,s@acme.example\n", tmp_path)
    assert [(column.field, column.guess) for column in other.columns] == [
        (None, None), (None, None), (None, None), ("email", "content")
    ]  # fmt: skip


def test_a_list_nobody_can_be_named_by_says_so_and_can_be_mapped(cast: Cast, tmp_path: Path) -> None:
    view = read(cast.alice, upload(cast.alice, "Symbol,Security\nMMM,3M\nAOS,A. O. Smith\n", tmp_path))
    assert (view.status, view.counts.valid, view.counts.invalid) == ("ready", 0, 2)
    assert view.why_not == ("No column identifies a person: add an e-mail, phone, LinkedIn or name + company domain.")


def test_another_header_row_is_read_anew(cast: Cast, tmp_path: Path) -> None:
    body = "Exported in May,,\nE-mail,First,Last\nd@acme.example,Dana,T\n"
    view = read(cast.alice, upload(cast.alice, body, tmp_path))
    assert view.layout is not None
    assert (view.layout.header_row, view.counts.total) == (2, 1)
    assert do(cast.alice, enrichment.head_rows, view.id)[0] == ("Exported in May", "", "")
    chosen = do(cast.alice, enrichment.choose_layout, view.id, revision=view.revision, header_row=None)
    again = read(cast.alice, chosen)
    assert again.layout is not None
    assert (again.layout.header_row, again.counts.total) == (None, 3)
    assert again.columns[0].name == "Column 1"
    for wrong in (
        {"header_row": 0},
        {"header_row": 99},
        {"delimiter": "#"},
        {"encoding": "klingon"},
        {"sheet": "x"},
        {},
    ):
        with pytest.raises(Invalid):
            do(cast.alice, enrichment.choose_layout, again.id, revision=again.revision, **wrong)

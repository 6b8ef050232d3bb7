"""A list whose files were deleted before it was started: it says so everywhere, and nothing can be done with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cursive_app.clock import now
from cursive_app.errors import Conflict
from cursive_app.services import enrichment
from db.models.enrichment import Enrichment, EnrichmentChange, EnrichmentFilePart, EnrichmentRow
from tests.factories import Cast
from tests.services.test_enrichment_reading import do, look, read, upload

LIST = "E-mail,Note\n" + "".join(f"a{n}@acme.example,secret {n}\n" for n in range(120))


def deleted(cast: Cast, folder: Path, how: str) -> Any:
    view = read(cast.alice, upload(cast.alice, LIST, folder))
    do(cast.alice, enrichment.edit_cell, view.id, revision=view.revision, number=1, column=1, value="secret too")
    if how == "asked":
        do(cast.alice, enrichment.delete_files, view.id)
    else:
        with cast.alice.begin() as scope:
            scope.get(Enrichment, view.id, lock=True).expires_at = now() - timedelta(days=1)
        enrichment.purge_expired()
    return view


@pytest.mark.parametrize("how", ["asked", "expired"])
def test_it_is_deleted_and_not_ready(cast: Cast, tmp_path: Path, how: str) -> None:
    view = deleted(cast, tmp_path, how)
    seen = look(cast.alice, view.id)
    assert (seen.status, seen.counts.total, seen.may_edit, seen.may_run) == ("deleted", 120, False, False)
    assert "Upload the list again" in (seen.why_not or "")
    assert [column.name for column in seen.columns] == ["E-mail", "Note"], "what it was stays known"
    with cast.alice.begin() as scope:
        row = scope.get(Enrichment, view.id)
        assert "secret" not in repr((row.layout, row.columns)), "no value of the file stays, its first rows included"
        assert enrichment.head_rows(scope, view.id) == ()
        for table in (EnrichmentFilePart, EnrichmentRow, EnrichmentChange):
            kept = select(func.count()).select_from(table).where(table.enrichment_id == view.id)
            assert scope.session.scalar(kept) == 0, f"something stays in {table.__tablename__}"


@pytest.mark.parametrize(
    ("use_case", "values"),
    [
        (enrichment.start, {"revision": 1}),
        (enrichment.start_sample, {}),
        (enrichment.map_columns, {"revision": 1, "mapping": {0: "email"}}),
        (enrichment.choose_layout, {"revision": 1, "header_row": None}),
        (enrichment.edit_cell, {"revision": 1, "number": 1, "column": 0, "value": "x@y.example"}),
        (enrichment.replace_in_column, {"revision": 1, "column": 0, "find": "a", "replace": "b"}),
    ],
)
def test_nothing_can_be_done_with_it(cast: Cast, tmp_path: Path, use_case: Any, values: dict[str, Any]) -> None:
    view = deleted(cast, tmp_path, "asked")
    with pytest.raises(Conflict) as refused:
        do(cast.alice, use_case, view.id, **values)
    assert refused.value.reason == "purged"


def test_the_overview_tells_it_apart(cast: Cast, tmp_path: Path) -> None:
    gone = deleted(cast, tmp_path, "asked")
    with cast.alice.begin() as scope:

        def ids(*statuses: str) -> list[Any]:
            return [one.id for one in enrichment.list_enrichments(scope, statuses=statuses).items]

        assert ids("ready") == ids("received", "ready", "refused") == []
        assert ids("deleted") == ids("deleted", "ready") == ids() == [gone.id]


def test_the_same_file_can_be_uploaded_again_without_a_warning(cast: Cast, tmp_path: Path) -> None:
    deleted(cast, tmp_path, "asked")
    assert upload(cast.alice, LIST, tmp_path).same_file_as is None


def test_a_refused_file_can_be_deleted(cast: Cast, tmp_path: Path) -> None:
    view = read(cast.alice, upload(cast.alice, LIST, tmp_path))
    with cast.alice.begin() as scope:
        scope.get(Enrichment, view.id, lock=True).status = "refused"
    assert do(cast.alice, enrichment.delete_files, view.id).status == "deleted"

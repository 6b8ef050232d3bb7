"""A list made of the rows that an earlier run left over: what it takes along, and what stays behind."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from sqlalchemy import update

from cursive_app.clock import now
from cursive_app.services import enrichment
from cursive_app.services.enrichment.views import EnrichmentView
from db.models.enrichment import Enrichment, EnrichmentRow
from tests.factories import Cast
from tests.factories_enrichment import list_row
from tests.services.test_enrichment_reading import do, read, upload

LIST = "E-mail,Note\n" + "".join(f"a{n}@acme.example,note {n}\n" for n in range(6))


def ended(cast: Cast, folder: Path) -> EnrichmentView:
    """A list of six rows whose run matched the first four and has no answer for the others."""
    view = read(cast.alice, upload(cast.alice, LIST, folder))
    with cast.alice.begin() as scope:
        row = scope.get(Enrichment, view.id, lock=True)
        row.status, row.outcome, row.finished_at = "completed", "errors", now()
        row.matched_count, row.error_count = 4, 2
        mine = (scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == row.id)
        rows = update(EnrichmentRow).where(*mine)
        scope.session.execute(rows.where(EnrichmentRow.number <= 4).values(outcome="matched"))
        scope.session.execute(rows.where(EnrichmentRow.number > 4).values(outcome="error", reason="No answer"))
    return view


def test_nothing_of_rows_that_do_not_come_along_is_in_it(cast: Cast, tmp_path: Path) -> None:
    first = ended(cast, tmp_path)
    again = do(cast.alice, enrichment.rerun, first.id)
    assert [column.samples for column in again.columns] == [
        ("a4@acme.example", "a5@acme.example"),
        ("note 4", "note 5"),
    ]
    assert [column.field for column in again.columns] == ["email", None]
    do(cast.alice, enrichment.delete_files, first.id)
    kept = list_row(again.id)
    assert not any(f"note {n}" in repr((kept.layout, kept.columns)) for n in range(4)), "deleted is deleted"
    assert do(cast.alice, enrichment.head_rows, again.id) == ()
    assert [row.cells[1] for row in do(cast.alice, enrichment.list_rows, again.id).rows] == ["note 4", "note 5"]


def test_its_price_is_known_before_it_is_started(cast: Cast, tmp_path: Path) -> None:
    assert do(cast.alice, enrichment.rerun, ended(cast, tmp_path).id).price == Decimal("0.25")

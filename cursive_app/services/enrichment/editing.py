"""Correcting cells in place (ENR-05): the row is checked again, and what it repeated or was repeated by with it, in the
same transaction. What the file said stays known, so that writing it back undoes an edit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from cursive_app.errors import Conflict, Invalid, NotFound
from cursive_app.services.enrichment.checking import check
from cursive_app.services.enrichment.layouts import changeable
from cursive_app.services.enrichment.rows import row_view
from cursive_app.services.enrichment.stored import frame_of
from cursive_app.services.enrichment.storing import judge_alone, regroup, update_rows
from cursive_app.services.enrichment.views import RowView
from db.models.enrichment import Enrichment, EnrichmentRow
from db.scope import Scope

LONGEST_CELL = 20_000


def edit_cell(scope: Scope, id: UUID | str, *, revision: int, number: int, column: int, value: str) -> RowView:
    """Write one cell of row `number` (from 1) and check the row again; the list's revision grows by one.

    `column` is its position, also of a cell beyond the columns, which an empty value removes. Raises Conflict
    (`stale_version`, `started`, `reading`, `purged`), Invalid, NotFound, Forbidden.
    """
    parent = editable(scope, id, revision=revision)
    row = _row(scope, parent, number)
    check_text("value", value)
    if isinstance(column, bool) or not isinstance(column, int) or column not in _places(row):
        raise Invalid(fields={"column": "The row has no such cell."})
    regroup(scope, parent.id, sorted(_rewrite(scope, parent, [row], {row.number: _with(row, column, value)})))
    count_verdicts(scope, parent)
    scope.session.refresh(row)
    return row_view(row)


def editable(scope: Scope, id: UUID | str, *, revision: int) -> Enrichment:
    """The row of a list whose cells may be changed, locked. Raises as `edit_cell`."""
    parent = changeable(scope, id, revision=revision)
    if parent.status != "ready":
        raise Conflict("The file is still being read. Try again in a moment.", reason="reading")
    return parent


def _row(scope: Scope, parent: Enrichment, number: int) -> EnrichmentRow:
    row = None
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**31:
        row = scope.session.scalar(
            scope.select(EnrichmentRow).where(EnrichmentRow.enrichment_id == parent.id, EnrichmentRow.number == number)
        )
    if row is None:
        raise NotFound("The list has no such row.")
    return row


def check_text(name: str, value: str) -> None:
    """Raises Invalid for what no cell may hold."""
    if not isinstance(value, str) or "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Invalid(fields={name: "Type a text without control characters."})
    if len(value) > LONGEST_CELL:
        raise Invalid(fields={name: f"Type at most {LONGEST_CELL:,} characters."})


def _places(row: EnrichmentRow) -> range:
    """Where the row has cells, also those that an edit has removed from its end."""
    return range(max([len(row.cells), *(int(place) + 1 for place in row.originals or ())]))


def _with(row: EnrichmentRow, column: int, value: str) -> list[str]:
    cells = [*row.cells, *[""] * (column + 1 - len(row.cells))]
    return [*cells[:column], value, *cells[column + 1 :]]


def _rewrite(scope: Scope, parent: Enrichment, rows: Sequence[EnrichmentRow], new: dict[int, list[str]]) -> set[str]:
    """Write new cells of rows and check these rows. The identities they had and have now: whoever shares one of these
    is to be judged again by `regroup`."""
    if not rows:
        return set()
    before = {row.identity for row in rows if row.identity is not None}
    for row in rows:
        row.originals = _originals(row, new[row.number]) or None
    scope.session.flush()
    mapping = {int(place): name for place, name in parent.mapping.items()}
    frame = frame_of(rows, width=len(parent.columns), changed={row.number: new[row.number] for row in rows})
    judged = judge_alone(scope, check(frame, mapping))
    update_rows(scope, parent.id, judged)
    return before | {identity for identity in judged["identity"].to_list() if identity is not None}


def _originals(row: EnrichmentRow, new: Sequence[str]) -> dict[str, Any]:
    """What edited cells said in the file; a cell that says it again is not edited any more."""
    known = dict(row.originals or {})
    for place, (old, now) in enumerate(zip_longest(row.cells, new, fillvalue="")):
        if old != now:
            known.setdefault(str(place), old)
    return {place: text for place, text in known.items() if int(place) >= len(new) or new[int(place)] != text}


def count_verdicts(scope: Scope, parent: Enrichment) -> None:
    """Count the verdicts anew and raise the revision: what was seen before is not what is there now."""
    counts: dict[str, int] = dict(
        scope.session.execute(
            select(EnrichmentRow.verdict, func.count())
            .where(scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == parent.id)
            .group_by(EnrichmentRow.verdict)
        ).all()
    )
    parent.valid_count = counts.get("valid", 0)
    parent.invalid_count = counts.get("invalid", 0)
    parent.duplicate_count = counts.get("duplicate", 0)
    parent.owned_count = counts.get("owned", 0)
    parent.revision += 1
    scope.session.flush()

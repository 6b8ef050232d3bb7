"""The rows of a list, paged in file order (ENR-05, ENR-06)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select

from cursive_app.errors import Invalid
from cursive_app.services.accounts import Permission, require
from cursive_app.services.cursors import Cursors, walk
from cursive_app.services.enrichment.finds import found_view, source_of
from cursive_app.services.enrichment.problems import duplicate_problem, owned_problem, problem_view
from cursive_app.services.enrichment.stored_found import unpacked
from cursive_app.services.enrichment.views import RowPage, RowView
from db.models.enrichment import Enrichment, EnrichmentChunk, EnrichmentRow
from db.scope import Scope

LARGEST_PAGE = 200
_SENDABLE = (
    exists()
    .where(
        Enrichment.workspace_id == EnrichmentRow.workspace_id,
        Enrichment.id == EnrichmentRow.enrichment_id,
        or_(EnrichmentRow.verdict == "valid", Enrichment.includes_owned & (EnrichmentRow.verdict == "owned")),
    )
    .correlate(EnrichmentRow)
)
_WAS_OUT = (
    exists()
    .where(
        EnrichmentChunk.workspace_id == EnrichmentRow.workspace_id,
        EnrichmentChunk.enrichment_id == EnrichmentRow.enrichment_id,
        EnrichmentChunk.number > 0,
        EnrichmentChunk.status == "dropped",
        EnrichmentChunk.sent_at.is_not(None),
        EnrichmentRow.number.between(EnrichmentChunk.first_number, EnrichmentChunk.last_number),
    )
    .correlate(EnrichmentRow)
)
_UNREACHED = (EnrichmentRow.outcome == "skipped") & _SENDABLE
VIEWS: dict[str, ColumnElement[bool] | None] = {
    "all": None,
    "valid": EnrichmentRow.verdict == "valid",
    "invalid": EnrichmentRow.verdict == "invalid",
    "duplicate": EnrichmentRow.verdict == "duplicate",
    "owned": EnrichmentRow.verdict == "owned",
    "problems": EnrichmentRow.problems.is_not(None),
    "matched": EnrichmentRow.outcome == "matched",
    "no_match": EnrichmentRow.outcome == "no_match",
    "skipped": EnrichmentRow.outcome == "skipped",
    "error": EnrichmentRow.outcome == "error",
    "at_provider": _UNREACHED & _WAS_OUT,
    "not_sent": _UNREACHED & ~_WAS_OUT,
}
_COUNTED = {
    "all": "row_count",
    "valid": "valid_count",
    "invalid": "invalid_count",
    "duplicate": "duplicate_count",
    "owned": "owned_count",
    "matched": "matched_count",
    "no_match": "no_match_count",
    "skipped": "skipped_count",
    "error": "error_count",
}
_UNREAD = ("received", "reading", "refused")


def list_rows(
    scope: Scope, id: UUID | str, *, view: str = "all", cursor: str | None = None, limit: int = 50
) -> RowPage:
    """A page of rows. `view` is a key of VIEWS; "problems" are rows with any problem, also valid ones with warnings;
    "at_provider" and "not_sent" part the rows that an ended run would have sent but has no answer for.

    Empty while the file is being read, and after its rows were deleted. Raises Invalid (view, limit, cursor), NotFound,
    Forbidden.
    """
    require(scope, Permission.VIEW_ENRICHMENTS)
    if view not in VIEWS:
        raise Invalid(fields={"view": f"Choose one of {', '.join(VIEWS)}."})
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(fields={"limit": f"Ask for 1 to {LARGEST_PAGE} rows."})
    parent = scope.get(Enrichment, id)
    cursors = Cursors("enrichment.rows", scope.workspace_id, parent.id, view)
    position, backward = cursors.read(cursor, lambda number: (int(number),))
    if parent.status in _UNREAD or parent.purged_at is not None:
        return RowPage(rows=(), total=0, next_cursor=None, previous_cursor=None)
    chosen = VIEWS[view]
    mine = scope.select(EnrichmentRow).where(EnrichmentRow.enrichment_id == parent.id)
    if chosen is not None:
        mine = mine.where(chosen)
    found = walk(
        scope.session.scalars, mine, key=(EnrichmentRow.number,), position=position, backward=backward, limit=limit,
        ascending=True,
    )  # fmt: skip
    return RowPage(
        rows=tuple(row_view(row) for row in found.rows),
        total=_total(scope, parent, view),
        next_cursor=cursors.write(found.rows[-1].number) if found.has_next else None,
        previous_cursor=cursors.write(found.rows[0].number, backward=True) if found.has_previous else None,
    )


def _total(scope: Scope, parent: Enrichment, view: str) -> int:
    counted = _COUNTED.get(view)
    if counted is not None and (known := getattr(parent, counted)) is not None:
        return known
    statement = select(func.count()).select_from(EnrichmentRow).where(
        scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == parent.id
    )  # fmt: skip
    condition = VIEWS[view]
    if condition is not None:
        statement = statement.where(condition)
    return scope.session.scalar(statement) or 0


def row_view(row: EnrichmentRow) -> RowView:
    """A row as the grid shows it. It may have more cells than the file has columns; that is one of its problems."""
    problems = [problem_view(each) for each in row.problems or ()]
    if row.verdict == "duplicate" and row.duplicate_of is not None:
        problems.append(duplicate_problem(row.duplicate_of))
    if row.verdict == "owned":
        problems.append(owned_problem())
    return RowView(
        number=row.number,
        line=row.line,
        cells=tuple(row.cells),
        edited=tuple(sorted(int(place) for place in row.originals or ())),
        verdict=row.verdict,  # type: ignore[arg-type]  # the table's CHECK allows no other
        problems=tuple(problems),
        duplicate_of=row.duplicate_of,
        lead_id=row.lead_id,
        outcome=row.outcome,  # type: ignore[arg-type]  # the same
        reason=row.reason,
        matched_by=row.matched_by,
        source=source_of(row.outcome),
        fetched_at=row.fetched_at,
        found=found_view(unpacked(row.found)) if row.outcome == "matched" else None,
    )

"""The lists of a workspace: one, and pages of them, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, bindparam, func, not_, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from cursive_app.errors import Invalid
from cursive_app.services.accounts import Permission, require
from cursive_app.services.cursors import page_by_time
from cursive_app.services.enrichment.progress import chunks_by_list
from cursive_app.services.enrichment.seen import UNSTARTED, enrichment_view
from cursive_app.services.enrichment.views import EnrichmentPage, EnrichmentView
from db.models.enrichment import Enrichment
from db.scope import Scope

STATUSES = (
    "received", "reading", "ready", "refused", "queued", "running", "paused", "completed", "failed", "cancelled",
    "deleted",
)  # fmt: skip
LARGEST_PAGE = 100


def get_enrichment(scope: Scope, id: UUID | str) -> EnrichmentView:
    """One list. Raises NotFound, Forbidden."""
    require(scope, Permission.VIEW_ENRICHMENTS)
    return seen(scope, scope.get(Enrichment, id))


def list_enrichments(
    scope: Scope,
    *,
    statuses: Sequence[str] = (),
    search: str | None = None,
    cursor: str | None = None,
    limit: int = 25,
) -> EnrichmentPage:
    """A page of lists, newest first. `search` is part of a file name. Raises Invalid (status, limit, cursor),
    Forbidden."""
    require(scope, Permission.VIEW_ENRICHMENTS)
    unknown = [status for status in statuses if status not in STATUSES]
    if unknown:
        raise Invalid(fields={"status": f"Choose among {', '.join(STATUSES)}."})
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(fields={"limit": f"Ask for 1 to {LARGEST_PAGE} lists."})
    words = " ".join((search or "").replace("\x00", "").split()).lower()
    statement = scope.select(Enrichment)
    if statuses:
        statement = statement.where(_has_status(statuses))
    if words:
        statement = statement.where(func.lower(Enrichment.filename).contains(words, autoescape=True))
    binding = f"lists:{','.join(sorted(statuses))}:{words}"
    page = page_by_time(scope, statement, by=Enrichment.created_at, cursor=cursor, binding=binding, limit=limit)
    earlier, chunks = _earlier_files(scope, page.rows), chunks_by_list(scope, page.rows)
    return EnrichmentPage(
        items=tuple(
            enrichment_view(scope, row, same_file_as=earlier.get(row.id), chunks=chunks.get(row.id, ()))
            for row in page.rows
        ),
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
    )


def _has_status(statuses: Sequence[str]) -> ColumnElement[bool]:
    """As `seen_status` tells them: lists that were deleted before a run are only `deleted`."""
    deleted = and_(Enrichment.purged_at.is_not(None), Enrichment.status.in_(UNSTARTED))
    stored = and_(Enrichment.status.in_([status for status in statuses if status != "deleted"]), not_(deleted))
    return or_(stored, deleted) if "deleted" in statuses else stored


def seen(scope: Scope, row: Enrichment) -> EnrichmentView:
    """The view of a row, with the earlier list of the same file if there is one (ENR-17)."""
    return enrichment_view(scope, row, same_file_as=_earlier_files(scope, [row]).get(row.id))


def _earlier_files(scope: Scope, rows: Sequence[Enrichment]) -> dict[UUID, UUID]:
    """For each list the newest earlier one whose file has the same bytes and was not deleted before a run."""
    wanted = [row.sha256 for row in rows if row.source != "rerun"]
    if not wanted:
        return {}
    found = scope.session.execute(
        select(Enrichment.id, Enrichment.sha256, Enrichment.created_at)
        .where(
            scope.owned(Enrichment),
            Enrichment.sha256 == any_(bindparam("digests", wanted, ARRAY(Text))),
            Enrichment.status != "refused",
            or_(Enrichment.purged_at.is_(None), Enrichment.status.not_in(UNSTARTED)),
        )
        .order_by(Enrichment.created_at, Enrichment.id)
    ).all()
    earlier: dict[UUID, UUID] = {}
    for row in rows:
        before = [id for id, digest, at in found if digest == row.sha256 and (at, id) < (row.created_at, row.id)]
        if before and row.source != "rerun":
            earlier[row.id] = before[-1]
    return earlier

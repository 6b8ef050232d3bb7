"""The lists of a workspace: one, and pages of them, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import ColumnElement, and_, any_, bindparam, func, not_, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from cursive_app.errors import Invalid
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.progress import chunks_by_list
from cursive_app.services.enrichment.seen import UNSTARTED, enrichment_view
from cursive_app.services.enrichment.views import EnrichmentPage, EnrichmentView
from cursive_app.settings import settings
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
    binding = f"lists:{scope.workspace_id}:{','.join(sorted(statuses))}:{words}"
    at, backward = _read(cursor, binding)
    key = tuple_(Enrichment.created_at, Enrichment.id)
    if at is not None:
        statement = statement.where(key > at if backward else key < at)
    order = (Enrichment.created_at.asc(), Enrichment.id.asc()) if backward else (
        Enrichment.created_at.desc(), Enrichment.id.desc()
    )  # fmt: skip
    rows = list(scope.session.scalars(statement.order_by(*order).limit(limit + 1)))
    more = len(rows) > limit
    rows = rows[:limit][::-1] if backward else rows[:limit]
    has_next, has_previous = (at is not None, more) if backward else (more, at is not None)
    earlier, chunks = _earlier_files(scope, rows), chunks_by_list(scope, rows)
    return EnrichmentPage(
        items=tuple(
            enrichment_view(scope, row, same_file_as=earlier.get(row.id), chunks=chunks.get(row.id, ())) for row in rows
        ),
        next_cursor=_write(rows[-1], binding, backward=False) if has_next and rows else None,
        previous_cursor=_write(rows[0], binding, backward=True) if has_previous and rows else None,
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


def _write(row: Enrichment, binding: str, *, backward: bool) -> str:
    return _signer(binding).dumps([row.created_at.isoformat(), row.id.hex, backward])


def _read(cursor: str | None, binding: str) -> tuple[Any, bool]:
    if not cursor:
        return None, False
    try:
        at, id, backward = _signer(binding).loads(cursor)
        return (datetime.fromisoformat(at), UUID(id)), bool(backward)
    except (BadSignature, ValueError, TypeError):
        raise Invalid(fields={"cursor": "This page link no longer works. Go back to the first page."}) from None


def _signer(binding: str) -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key.get_secret_value(), salt=f"enrichment.cursor:{binding}")

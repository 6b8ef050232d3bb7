"""Running again what an earlier run did not answer (ENR-17): a new list made of those rows, with its own price and run.

The earlier run stays as it is, receipt included; nothing of it is charged again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, text

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid
from cursive_app.services import accounts
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.chunks import sendable
from cursive_app.services.enrichment.seen import enrichment_view
from cursive_app.services.enrichment.understanding import shown_samples, values_of
from cursive_app.services.enrichment.views import EnrichmentView
from cursive_app.settings import settings
from db.models.enrichment import Enrichment, EnrichmentRow
from db.scope import Scope

OUTCOMES = ("error", "no_match", "skipped")
ENDED = ("completed", "failed", "cancelled")
SAMPLED_ROWS = 50

_COPY = text(
    """
    INSERT INTO enrichment_rows
           (workspace_id, enrichment_id, number, line, cells, verdict, problems, identity, lead_id)
    SELECT workspace_id, :to, row_number() OVER (ORDER BY number), line, cells, verdict, problems, identity, lead_id
      FROM enrichment_rows
     WHERE workspace_id = :workspace AND enrichment_id = :from AND outcome = ANY (CAST(:outcomes AS text[]))
       AND verdict = ANY (CAST(:verdicts AS text[]))
    """
)


def rerun(scope: Scope, id: UUID | str, *, outcomes: Sequence[str] = ("error",)) -> EnrichmentView:
    """A new list, ready to be started, of the rows of an ended run that have one of these outcomes.

    `outcomes`: 'error', 'no_match', 'skipped' (of the latter only rows that can be looked up). Raises Invalid, Conflict
    (`not_ended`, `purged`, `nothing`), NotFound, Forbidden.
    """
    require(scope, Permission.EDIT_ENRICHMENTS)
    wanted = sorted(set(outcomes))
    if not wanted or not set(wanted) <= set(OUTCOMES):
        raise Invalid(fields={"outcomes": f"Choose among {', '.join(OUTCOMES)}."})
    row = scope.get(Enrichment, id)
    if row.purged_at is not None:
        raise Conflict("The rows of this list have been deleted; upload it again.", reason="purged")
    if row.status not in ENDED:
        raise Conflict("Wait for the run to end before running rows again.", reason="not_ended")
    verdicts = _count(scope, row, wanted)
    if not verdicts:
        raise Conflict("There are no such rows to run again.", reason="nothing")
    again = _new_list(scope, row, verdicts, outcomes=wanted)
    values = {"workspace": scope.workspace_id, "from": row.id, "to": again.id, "outcomes": wanted}
    scope.session.execute(_COPY, {**values, "verdicts": list(verdicts)})
    _take_samples(scope, again)
    accounts.record_audit(
        scope,
        action="enrichment.rerun",
        object_type="enrichments",
        object_id=again.id,
        of=str(row.id),
        outcomes=wanted,
        rows=again.row_count,
    )
    return enrichment_view(scope, again)


def _count(scope: Scope, row: Enrichment, outcomes: list[str]) -> dict[str, int]:
    counted = select(EnrichmentRow.verdict, func.count()).where(sendable(row), EnrichmentRow.outcome.in_(outcomes))
    found: dict[str, int] = {}
    for verdict, count in scope.session.execute(counted.group_by(EnrichmentRow.verdict)):
        found[verdict] = count
    return found


def _new_list(scope: Scope, row: Enrichment, verdicts: dict[str, int], *, outcomes: list[str]) -> Enrichment:
    """The first rows and the samples of the earlier list stay behind: they may be of rows that do not come along, and
    would outlive their deletion there. The new list has samples of its own rows."""
    return scope.add(
        Enrichment(
            filename=row.filename,
            source="rerun",
            byte_size=0,
            sha256=hashlib.sha256(f"rerun:{row.id}:{outcomes}".encode()).hexdigest(),
            status="ready",
            layout={name: value for name, value in row.layout.items() if name != "head"},
            columns=[{**column, "samples": []} for column in row.columns],
            fingerprint=row.fingerprint,
            mapping=row.mapping,
            price=settings().enrichment_price,
            row_count=sum(verdicts.values()),
            valid_count=verdicts.get("valid", 0),
            invalid_count=0,
            duplicate_count=0,
            owned_count=verdicts.get("owned", 0),
            matching=row.matching,
            includes_owned=row.includes_owned,
            rerun_of=row.id,
            expires_at=now() + timedelta(days=settings().enrichment_keep_days),
            created_by=scope.tenant.user_id,
            created_by_label=accounts.actor_label(scope),
        )
    )


def _take_samples(scope: Scope, row: Enrichment) -> None:
    first = scope.session.scalars(
        select(EnrichmentRow.cells)
        .where(scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == row.id)
        .order_by(EnrichmentRow.number)
        .limit(SAMPLED_ROWS)
    ).all()
    row.columns = [
        {**column, "samples": shown_samples(values_of(first, place))} for place, column in enumerate(row.columns)
    ]

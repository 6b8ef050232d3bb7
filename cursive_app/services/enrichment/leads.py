"""Taking the matched people of a list into one's leads, through the one intake door. Their match is paid for."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from cursive_app.clock import now
from cursive_app.errors import Conflict
from cursive_app.integrations.audiencelab import normalize
from cursive_app.plurals import plural
from cursive_app.services import accounts, jobs, leads
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.links import job_links
from cursive_app.services.enrichment.stored_found import unpacked
from cursive_app.services.jobs import ClaimedJob, JobView
from cursive_app.services.jobs.views import job_view
from db.models.enrichment import Enrichment, EnrichmentRow
from db.models.jobs import Job
from db.scope import Scope

KIND = "enrichment_leads"
TASK = "enrichment.leads"
BATCH = 500
TURN_SECONDS = 20.0
ENDED = ("completed", "failed", "cancelled")
_LINK = text(
    """
    UPDATE enrichment_rows AS row SET lead_id = given.lead
      FROM json_to_recordset(CAST(:rows AS json)) AS given (number int, lead uuid)
     WHERE row.workspace_id = :workspace AND row.enrichment_id = :enrichment AND row.number = given.number
    """
)


@dataclass(frozen=True, slots=True)
class LeadsView:
    """Matched rows on their way into the leads: `seen` of `total` rows taken, `new` and `owned` people among them.
    `is_done`: every row that is matched today was taken."""

    is_moving: bool
    is_done: bool
    seen: int
    total: int
    new: int
    owned: int


def add_to_leads(scope: Scope, id: UUID | str) -> JobView:
    """Queue the intake of every matched row of an ended run. Asking again returns the same job, unless that one was
    stopped or failed, which is gone on with, or the run has matched more rows since, which are taken as well.

    Raises Conflict (`not_ended`, `purged`, `nothing`), NotFound, Forbidden.
    """
    require(scope, Permission.RUN_ENRICHMENTS)
    row = scope.get(Enrichment, id)
    if row.purged_at is not None:
        raise Conflict("The rows of this list have been deleted; upload it again.", reason="purged")
    if row.status not in ENDED:
        raise Conflict("Wait for the run to end; then its matched rows can become leads.", reason="not_ended")
    if not row.matched_count:
        raise Conflict("No row of this list was matched.", reason="nothing")
    last = _last_job(scope, row.id)
    if last is not None and (last.status not in jobs.ENDED or _took_all(last, row)):
        return job_view(last)
    done = _noted(last.arguments) if last is not None and last.status != "completed" else {}
    job = jobs.open_job(
        scope,
        kind=KIND,
        title=f"Leads from {row.filename}",
        task=TASK,
        total=row.matched_count,
        arguments={"file": row.filename, **done},
        links=job_links(row),
        idempotency_key=str(row.id) if last is None else f"{row.id}:{last.id}",
    )
    accounts.record_audit(
        scope, action="enrichment.added_to_leads", object_type="enrichments", object_id=row.id, rows=row.matched_count
    )
    return job


def leads_of(scope: Scope, id: UUID | str) -> LeadsView | None:
    """How far the matched rows of a list have come on their way into the leads; None when nobody has asked for it.
    Raises NotFound, Forbidden."""
    require(scope, Permission.VIEW_ENRICHMENTS)
    row = scope.get(Enrichment, id)
    last = _last_job(scope, row.id)
    if last is None:
        return None
    noted = _noted(last.arguments)
    return LeadsView(
        is_moving=last.status not in jobs.ENDED,
        is_done=last.status == "completed" and _took_all(last, row),
        seen=noted["seen"],
        total=last.total or 0,
        new=noted["new"],
        owned=noted["owned"],
    )


def _last_job(scope: Scope, id: UUID) -> Job | None:
    mine = scope.select(Job).where(Job.kind == KIND, Job.links["enrichment_id"].astext == str(id))
    return scope.session.scalar(mine.order_by(Job.created_at.desc(), Job.id.desc()).limit(1))


def _took_all(job: Job, row: Enrichment) -> bool:
    return job.status == "completed" and job.processed >= row.matched_count


def _noted(arguments: Mapping[str, Any]) -> dict[str, int]:
    """What a job has noted of its way: the last row it took, rows seen, people new and owned before."""
    return {name: int(arguments.get(name) or 0) for name in ("after", "seen", "new", "owned")}


def take_leads(claimed: ClaimedJob) -> None:
    """One attempt of the intake, batch by batch, each with its progress in one transaction. Raises LostClaim."""
    turn_ends = time.monotonic() + TURN_SECONDS
    while True:
        lost = claimed.access_lost or jobs.access_lost(claimed, need=Permission.RUN_ENRICHMENTS)
        with claimed.tenant.begin() as scope:
            jobs.advance(scope, claimed, stage="adding")
            if lost:
                jobs.fail(scope, claimed, code="access_lost", message=f"Stopped: {lost}")
                return
            if jobs.cancel_requested(scope, claimed):
                jobs.cancelled(scope, claimed, message=f"Stopped. {_summary(_progress(scope, claimed))}")
                return
            if not _take_batch(scope, claimed):
                return
            if time.monotonic() > turn_ends:
                jobs.postpone(scope, claimed, until=now())
                return
        jobs.heartbeat(claimed)


def _progress(scope: Scope, claimed: ClaimedJob) -> dict[str, Any]:
    return _noted(scope.get(Job, claimed.job_id).arguments)


def _take_batch(scope: Scope, claimed: ClaimedJob) -> bool:
    """Take the next rows; False when there were none and the job has ended."""
    enrichment_id = UUID(claimed.links["enrichment_id"])
    progress = _progress(scope, claimed)
    rows = scope.session.execute(
        select(EnrichmentRow.number, EnrichmentRow.found)
        .where(
            scope.owned(EnrichmentRow),
            EnrichmentRow.enrichment_id == enrichment_id,
            EnrichmentRow.outcome == "matched",
            EnrichmentRow.number > progress["after"],
        )
        .order_by(EnrichmentRow.number)
        .limit(BATCH)
    ).all()
    if not rows:
        jobs.finish(scope, claimed, message=_summary(progress))
        return False
    people = [normalize(unpacked(found) or {}) for _, found in rows]
    taken = leads.intake(scope, people, source="upload", actor_label=accounts.actor_label(scope))
    _link(scope, enrichment_id, [number for number, _ in rows], leads.owned(scope, people))
    progress["after"] = rows[-1][0]
    progress["seen"] += len(rows)
    progress["new"] += len(taken.new)
    progress["owned"] += len(taken.owned)
    jobs.advance(scope, claimed, processed=progress["seen"], arguments=progress)
    return True


def _link(scope: Scope, enrichment_id: UUID, numbers: Sequence[int], found: Sequence[UUID | None]) -> None:
    """Note on each row the lead it has become."""
    pairs = [
        {"number": number, "lead": str(lead)} for number, lead in zip(numbers, found, strict=True) if lead is not None
    ]
    values = {"rows": json.dumps(pairs), "workspace": scope.workspace_id, "enrichment": enrichment_id}
    scope.session.execute(_LINK, values)


def _summary(progress: dict[str, Any]) -> str:
    return f"{plural(progress['new'], 'new lead')}; {progress['owned']:,} yours already."

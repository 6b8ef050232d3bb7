"""How a run ends: every row gets its one outcome, what is still held goes back, and whoever started it is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from sqlalchemy import func, select, text, update

from cursive_app.clock import now
from cursive_app.services import credits, jobs, notices
from cursive_app.services.enrichment.chunks import OPEN
from cursive_app.services.enrichment.settling import advance
from cursive_app.services.enrichment.troubles import run_trouble
from cursive_app.services.jobs import ClaimedJob
from db.models.enrichment import Enrichment, EnrichmentChunk, EnrichmentRow
from db.models.jobs import Job
from db.scope import Scope

MAIL_TASK = "enrichment.mail"
Ended = Literal["completed", "failed", "cancelled"]

_SKIP = text(
    """
    UPDATE enrichment_rows AS row
       SET outcome = 'skipped',
           reason = CASE
               WHEN verdict = 'duplicate' THEN 'Duplicate of row ' || coalesce(duplicate_of::text, '?')
               WHEN verdict = 'owned' AND NOT :includes_owned THEN 'Already in your leads'
               WHEN verdict = 'invalid' THEN coalesce(
                   (SELECT left(problem ->> 'message', 400)
                      FROM json_array_elements(row.problems) AS problem
                     WHERE problem ->> 'level' = 'error' LIMIT 1), 'This row cannot be looked up')
               WHEN EXISTS (SELECT FROM enrichment_chunks AS chunk
                             WHERE chunk.workspace_id = :workspace AND chunk.enrichment_id = :enrichment
                               AND chunk.status = 'dropped' AND chunk.sent_at IS NOT NULL
                               AND row.number BETWEEN chunk.first_number AND chunk.last_number) THEN :in_flight
               ELSE :never_sent
           END
     WHERE workspace_id = :workspace AND enrichment_id = :enrichment AND outcome IS NULL
    """
)


def end(
    scope: Scope,
    claimed: ClaimedJob,
    row: Enrichment,
    *,
    status: Ended,
    outcome: str,
    message: str,
    skipped: str = "Not looked up",
) -> None:
    """End the run. The caller has locked job and list, and ends the job in the same transaction.

    `skipped` says why rows that were never sent were not.
    """
    scope.session.flush()
    scope.session.execute(
        update(EnrichmentChunk)
        .where(
            scope.owned(EnrichmentChunk),
            EnrichmentChunk.enrichment_id == row.id,
            EnrichmentChunk.number > 0,
            EnrichmentChunk.status.in_(OPEN),
        )
        .values(status="dropped")
    )
    scope.session.execute(
        _SKIP,
        {
            "workspace": row.workspace_id,
            "enrichment": row.id,
            "includes_owned": row.includes_owned,
            "in_flight": f"{skipped}: at the provider when the run ended; not charged",
            "never_sent": skipped,
        },
    )
    count_outcomes(scope, row)
    key = f"enrichment:{row.id}:release:{row.hold_id}"  # a run that is taken up again has a second hold
    release_rest(scope, row, key=key, why="Not needed by the enrichment")
    row.status, row.outcome, row.message, row.finished_at = status, outcome, message[:500], now()
    row.pause_requested_by = None
    advance(scope, claimed, row)
    _tell(scope, claimed, row)


def release_rest(scope: Scope, row: Enrichment, *, key: str, why: str) -> Decimal:
    """Give back what is left of the hold; how much that was."""
    if row.hold_id is None:
        return Decimal(0)
    line = credits.release(scope, hold_id=row.hold_id, key=key, description=why)
    released = line.amount if line else Decimal(0)
    row.credits_released += released
    row.hold_id = None
    return released


def count_outcomes(scope: Scope, row: Enrichment) -> None:
    """Count the rows by outcome and put the figures on the list."""
    counted = select(EnrichmentRow.outcome, func.count()).where(
        scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == row.id
    )
    found: dict[str | None, int] = {}
    for outcome, count in scope.session.execute(counted.group_by(EnrichmentRow.outcome)):
        found[outcome] = count
    row.matched_count = found.get("matched", 0)
    row.no_match_count = found.get("no_match", 0)
    row.skipped_count = found.get("skipped", 0)
    row.error_count = found.get("error", 0)
    scope.session.flush()


def _tell(scope: Scope, claimed: ClaimedJob, row: Enrichment) -> None:
    """A notice in this transaction, and the task that mails it."""
    job = scope.get(Job, claimed.job_id)
    level: notices.Level = "warning"
    if row.status == "completed" and not row.error_count:
        level = "success" if row.matched_count else "info"
    words = {"completed": "is enriched", "failed": "could not be completed", "cancelled": "was stopped"}
    if claimed.access_lost is None:
        notices.notify(
            scope,
            user_id=job.actor_user_id,
            level=level,
            title=f"“{row.filename}” {words[row.status]}",
            body=row.message or "",
            link=f"/enrichments/{row.id}",
            dedupe_key=f"enrichment:{row.id}:ended:{row.credits_held}",  # staff may take a failed run up again
        )
    defer_mail(scope, claimed, row)


def defer_mail(scope: Scope, claimed: ClaimedJob, row: Enrichment) -> None:
    """Have whoever started the run mailed about how it stands now."""
    lock = f"enrichment:{row.id}:mail"
    scope.defer(MAIL_TASK, queue="default", queueing_lock=lock, run_job_id=str(claimed.job_id))


def finish_job(scope: Scope, claimed: ClaimedJob, row: Enrichment) -> None:
    """End the job the way its list ended. Rows in error of a list that has results too are no failure of the job, but
    staff find it by what the provider did."""
    message = row.message or "Done"
    trouble = run_trouble(scope, row, message=message) if row.error_count else None
    if row.status == "completed":
        jobs.finish(scope, claimed, message=message, cause=trouble)
    elif row.status == "cancelled":
        jobs.cancelled(scope, claimed, message=message)
    else:
        broke = trouble if row.outcome != "access_lost" else None
        jobs.fail(scope, claimed, code=row.outcome or "failed", message=message, cause=broke)

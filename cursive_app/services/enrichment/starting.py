"""Starting, stopping and resuming a run (ENR-09, ENR-10, ENR-13). The work itself is `running.py`.

A run spends, so its most is held in the transaction that queues it: every row that is sent, or the ceiling, or what is
there when the customer says so. Nothing is captured beyond it, and what is not needed goes back.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from cursive_app.errors import Conflict, Forbidden, InsufficientCredits
from cursive_app.services import accounts, credits, jobs
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.changes import forget_changes
from cursive_app.services.enrichment.chunks import may_hold_more, still_needed
from cursive_app.services.enrichment.links import job_links
from cursive_app.services.enrichment.pausing import lock_run, take_back
from cursive_app.services.enrichment.pricing import (
    DELETED,
    available_credits,
    check_matching,
    cost_of,
    read_ceiling,
    rows_to_send,
    whole_rows,
    why_not_start,
)
from cursive_app.services.enrichment.seen import enrichment_view
from cursive_app.services.enrichment.views import EnrichmentView
from cursive_app.settings import settings
from db.models.enrichment import Enrichment
from db.models.jobs import Job
from db.scope import Scope

KIND = "enrichment"
TASK = "enrichment.run"
VIEW_CREDITS = Permission.VIEW_CREDITS.value
ACTIVE = ("queued", "running", "paused")


def start(
    scope: Scope,
    id: UUID | str,
    *,
    revision: int,
    matching: str = "balanced",
    includes_owned: bool = False,
    ceiling: Decimal | str | None = None,
    spend_available: bool = False,
    idempotency_key: str | None = None,
) -> EnrichmentView:
    """Hold the most the run may cost and queue it; both or neither.

    `revision` is the one whose price was seen. `spend_available`: hold what the balance has when it has less, and pause
    when that is used up. The same `idempotency_key` returns the run it started. Raises Conflict (`started`,
    `purged`, `not_ready`, `stale_version`), Invalid (ceiling, matching), InsufficientCredits, NotFound, Forbidden.
    """
    require(scope, Permission.RUN_ENRICHMENTS)
    row = scope.get(Enrichment, id, lock=True)
    if row.run_job_id is not None:
        if idempotency_key and scope.get(Job, row.run_job_id).arguments.get("start_key") == idempotency_key:
            return enrichment_view(scope, row)
        raise Conflict("This list has been started already. Watch it, or run its failed rows again.", reason="started")
    _check(row, revision=revision, matching=matching, includes_owned=includes_owned)
    forget_changes(scope, row.id)
    row.price = settings().enrichment_price
    row.ceiling = read_ceiling(ceiling, price=row.price)
    row.matching, row.includes_owned = matching, includes_owned
    row.status = "queued"
    job = jobs.open_job(
        scope,
        kind=KIND,
        title=row.filename,
        task=TASK,
        total=rows_to_send(row, includes_owned=includes_owned),
        arguments={
            "file": row.filename,
            "matching": matching,
            "includes_owned": includes_owned,
            "start_key": idempotency_key,
        },
        links=job_links(row),
        idempotency_key=str(row.id),
        tags=("retry",) if row.source == "rerun" else (),
    )
    row.run_job_id = job.id
    _hold(scope, row, needed=may_hold_more(row), spend_available=spend_available, key=f"enrichment:{row.id}:hold")
    scope.get(Job, job.id).credits_held = row.credits_held
    accounts.record_audit(
        scope,
        action="enrichment.started",
        object_type="enrichments",
        object_id=row.id,
        rows=job.total,
        held=str(row.credits_held),
        matching=matching,
    )
    scope.session.flush()
    return enrichment_view(scope, row)


def cancel(scope: Scope, id: UUID | str) -> EnrichmentView:
    """Stop what works on the list (its reading, sample or run). What was matched stays and stays paid, the rest of the
    hold goes back. Raises Conflict (`ended`) when nothing works on it, NotFound, Forbidden."""
    require(scope, Permission.RUN_ENRICHMENTS)
    row = scope.get(Enrichment, id)
    job_id = row.run_job_id if row.status in ACTIVE else _side_job(scope, row)
    if job_id is None:
        raise Conflict("Nothing is running on this list; there is nothing to stop.", reason="ended")
    jobs.stop(scope, job_id)
    return enrichment_view(scope, row)


def resume(scope: Scope, id: UUID | str, *, spend_available: bool = False) -> EnrichmentView:
    """Hold what the remaining rows may cost and go on; after a pause by hand it is held already, and before that pause
    has taken effect it is taken back. `spend_available` as in `start`.

    Raises Conflict (`not_paused`), InsufficientCredits, NotFound, Forbidden.
    """
    require(scope, Permission.RUN_ENRICHMENTS)
    refusal = Conflict("Only a paused run can be resumed.", reason="not_paused")
    job, row = lock_run(scope, id, refusal=refusal)
    if job.cancel_requested_at is not None:
        raise Conflict("This run is being stopped; it cannot go on.", reason="not_paused")
    if row.pause_requested_by is not None:
        take_back(scope, row, job)
        return enrichment_view(scope, row)
    if row.status != "paused" or job.status != "paused":
        raise refusal
    jobs.go_on(scope, job.id)
    number = int(job.arguments.get("resumes") or 0) + 1
    key = f"enrichment:{row.id}:hold:{number}"
    _hold(scope, row, needed=still_needed(row), spend_available=spend_available, key=key)
    job.arguments = {**job.arguments, "resumes": number}
    job.credits_held = row.credits_held
    row.status, row.message = "queued", None
    accounts.record_audit(
        scope, action="enrichment.resumed", object_type="enrichments", object_id=row.id, held=str(row.credits_held)
    )
    scope.session.flush()
    return enrichment_view(scope, row)


def _check(row: Enrichment, *, revision: int, matching: str, includes_owned: bool) -> None:
    check_matching(matching)
    if row.purged_at is not None:
        raise Conflict(DELETED, reason="purged")
    why = why_not_start(row, rows=rows_to_send(row, includes_owned=includes_owned))
    if why is not None:
        raise Conflict(why, reason="not_ready")
    if revision != row.revision:
        raise Conflict(
            "The list was changed since you saw its price. Look at the new price before you start it.",
            reason="stale_version",
        )


def _hold(scope: Scope, row: Enrichment, *, needed: Decimal, spend_available: bool, key: str) -> None:
    if needed <= 0:
        return
    amount, available = needed, available_credits(scope)
    if available is None and spend_available:
        raise Forbidden("Spending what is there needs the right to look at credits.", permission=VIEW_CREDITS)
    if available is not None and available < needed:
        amount = cost_of(whole_rows(available, row.price), row.price) if spend_available else needed
        if available < amount or amount <= 0:
            raise InsufficientCredits(needed=needed, available=available)
    line = credits.hold(
        scope,
        amount=amount,
        key=key,
        description=f"Held for enriching “{row.filename[:200]}”",
        job_id=row.run_job_id,
        reference=f"enrichment:{row.id}",
    )
    row.hold_id = line.id
    row.credits_held += amount


def _side_job(scope: Scope, row: Enrichment) -> UUID | None:
    """The reading or the sample of the list, if one of them has not ended."""
    for job_id in (row.sample_job_id, row.read_job_id):
        if job_id is not None and scope.get(Job, job_id).status not in jobs.ENDED:
            return job_id
    return None


jobs.resumed_through(KIND, lambda scope, links: resume(scope, links["enrichment_id"]))

"""A pause by hand: nothing more is sent, what is at the provider is waited for, and what is held stays held.

Asking for it writes down who asked; the run rests once nothing of it is out any more. Until then the request can be
taken back. A pause for lack of credits (`running`) is another one: it gives its hold back.
"""

from __future__ import annotations

from uuid import UUID

from cursive_app.errors import Conflict
from cursive_app.plurals import plural
from cursive_app.services import accounts, jobs
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.pricing import rows_unanswered
from cursive_app.services.enrichment.seen import enrichment_view
from cursive_app.services.enrichment.settling import advance
from cursive_app.services.enrichment.views import EnrichmentView
from cursive_app.services.jobs import ClaimedJob
from db.models.enrichment import Enrichment
from db.models.jobs import Job
from db.scope import Scope

MOVING = ("queued", "running")
WORKING = ("pending", "processing")  # of its job


def pause(scope: Scope, id: UUID | str) -> EnrichmentView:
    """Let a run rest once what is at the provider has come back. Asking twice changes nothing.

    Raises Conflict (`not_running`), NotFound, Forbidden.
    """
    require(scope, Permission.RUN_ENRICHMENTS)
    refusal = Conflict("This list is not running; there is nothing to pause.", reason="not_running")
    job, row = lock_run(scope, id, refusal=refusal)
    if row.status not in MOVING or job.status not in WORKING or job.cancel_requested_at is not None:
        raise refusal
    if row.pause_requested_by is None:
        row.pause_requested_by = accounts.actor_label(scope)
        jobs.note(scope, job.id, f"Pause requested by {row.pause_requested_by}")
        accounts.record_audit(scope, action="enrichment.paused", object_type="enrichments", object_id=row.id)
        scope.session.flush()
    return enrichment_view(scope, row)


def lock_run(scope: Scope, id: UUID | str, *, refusal: Conflict) -> tuple[Job, Enrichment]:
    """The job of a list's run and the list, both locked. Raises NotFound, and `refusal` for one never started."""
    found = scope.get(Enrichment, id)
    if found.run_job_id is None:
        raise refusal
    job = scope.get(Job, found.run_job_id, lock=True)  # the job before its list, as a running worker locks them
    return job, scope.get(Enrichment, id, lock=True)


def take_back(scope: Scope, row: Enrichment, job: Job) -> None:
    """The run goes on before it has come to rest. The caller has locked both."""
    row.pause_requested_by = None
    jobs.note(scope, job.id, f"Pause taken back by {accounts.actor_label(scope)}")
    accounts.record_audit(scope, action="enrichment.resumed", object_type="enrichments", object_id=row.id)
    scope.session.flush()


def rest(scope: Scope, claimed: ClaimedJob, row: Enrichment) -> None:
    """Nothing is at the provider any more: wait for a person."""
    left = rows_unanswered(row)
    row.status = "paused"
    message = f"Paused by {row.pause_requested_by}, with {plural(left, 'row')} to go."
    row.message, row.pause_requested_by = message, None
    advance(scope, claimed, row)
    jobs.pause(scope, claimed, code=None, message=message)

"""What a workspace may ask of its own jobs: to stop, and to go on after a pause.

A room whose job pauses registers how it goes on, once, when it is imported: its own record has to follow, and credits
may have to be held again.

    resumed_through("enrichment_run", lambda scope, links: resume(scope, links["enrichment_id"]))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from cursive_app.clock import now
from cursive_app.errors import Conflict
from cursive_app.services.accounts.audit import actor_label, record_audit
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.jobs.opening import actor_fields, add_event, wake
from cursive_app.services.jobs.views import ENDED, JobView, job_view
from db.models.jobs import Job
from db.scope import Scope

_ROOMS: dict[str, Callable[[Scope, Mapping[str, Any]], object]] = {}


def resumed_through(kind: str, resume: Callable[[Scope, Mapping[str, Any]], object]) -> None:
    """Jobs of this kind go on through `resume(scope, links)`, which asks for its permission and calls `go_on`."""
    _ROOMS[kind] = resume


def request_cancel(scope: Scope, id: UUID | str) -> JobView:
    """Ask a job to stop; it does so within one chunk and gives back what it holds. Asking twice changes nothing.

    Raises Forbidden, NotFound, and Conflict (reason "ended") when it has already ended.
    """
    require(scope, Permission.CANCEL_JOBS)
    return job_view(stop(scope, id))


def stop(scope: Scope, id: UUID | str) -> Job:
    """As `request_cancel`, for the job of a room that has asked for its own permission."""
    row = scope.get(Job, id, lock=True)
    if row.status in ENDED:
        raise Conflict("This job has already ended; there is nothing to stop.", reason="ended")
    if row.cancel_requested_at is None:
        row.cancel_requested_at = now()
        add_event(scope, row.id, stage=row.stage, message=f"Stop requested by {actor_label(scope)}")
        wake(scope, job_id=row.id, task=row.task, queue=row.queue, reason="cancel")
        _audit(scope, "job.cancel", row)
    return row


def resume(scope: Scope, id: UUID | str) -> JobView:
    """Let a paused job go on, the way its room lets it. Raises Forbidden, NotFound, Conflict (reason "not_paused"), and
    what the room says (InsufficientCredits)."""
    require(scope, Permission.CANCEL_JOBS)
    row = scope.get(Job, id)
    through = _ROOMS.get(row.kind)
    if through is None:
        go_on(scope, row.id)
    else:
        through(scope, row.links)
    return job_view(row)


def go_on(scope: Scope, id: UUID) -> Job:
    """Put a paused job back on its queue, for the room that has asked for its own permission. It works on in the name
    of who resumed it: who started it may have left since.

    Raises NotFound and Conflict (reason "not_paused"), also for one that was asked to stop: it will not go on.
    """
    row = scope.get(Job, id, lock=True)
    if row.status != "paused" or row.cancel_requested_at is not None:
        raise Conflict("Only a paused job can be resumed.", reason="not_paused")
    row.status, row.attempts = "pending", 0
    for name, value in actor_fields(scope).items():
        setattr(row, name, value)
    row.moving_since = None  # the time in which it was paused does not make it slower
    row.error_code = row.error_message = row.error_fingerprint = None
    add_event(scope, row.id, stage=row.stage, message=f"Resumed by {actor_label(scope)}")
    wake(scope, job_id=row.id, task=row.task, queue=row.queue)
    _audit(scope, "job.resume", row)
    return row


def note(scope: Scope, id: UUID, message: str) -> None:
    """A line in the timeline of a job of one's own room."""
    row = scope.get(Job, id)
    add_event(scope, row.id, stage=row.stage, message=message)


def _audit(scope: Scope, action: str, row: Job) -> None:
    record_audit(scope, action=action, object_type="job", object_id=str(row.id), title=row.title)

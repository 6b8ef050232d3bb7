"""The mails about a run that has ended or waits for credits, to whoever started it. The notices in the interface are
written by the run itself."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from cursive_app.services.mail import queue_mail
from cursive_app.settings import settings
from db.models.accounts import Membership, User
from db.models.enrichment import Enrichment
from db.models.jobs import Job
from db.system import system_scope


def mail_run(run_job_id: UUID | str) -> bool:
    """Queue the mail about a run that has ended or is out of credits, once for each end and each pause however often
    this is called; whether one was queued now. A run that goes on again by now is not mailed about.

    Nobody is mailed for an API key's run, and nobody who has left the workspace. Raises NotFound.
    """
    with system_scope() as scope:
        job = scope.get(Job, run_job_id, lock=True)
        row = scope.get(Enrichment, job.links["enrichment_id"])
        # a run that staff take up again ends a second time, and one that was resumed may be paused again
        state = f"{row.status}:{row.credits_held}"
        if job.arguments.get("mailed") == state or job.actor_user_id is None:
            return False
        is_over = row.finished_at is not None
        lacks_credits = row.status == "paused" and row.hold_id is None  # a pause by hand keeps its hold, and is no news
        if not (is_over or lacks_credits) or row.workspace_id != job.workspace_id:
            return False
        person = scope.session.scalar(
            select(User)
            .join(Membership, Membership.user_id == User.id)
            .where(
                User.id == job.actor_user_id,
                User.deleted_at.is_(None),
                Membership.workspace_id == job.workspace_id,
            )
        )
        job.arguments = {**job.arguments, "mailed": state}
        if person is None:
            return False
        context = {
            "name": person.name or person.email,
            "filename": row.filename,
            "status": row.status,
            "message": row.message or "",
            "expires": f"{row.expires_at:%B} {row.expires_at.day}, {row.expires_at.year}",
            "link": f"{settings().public_url}/enrichments/{row.id}",
        }
        kind = "enrichment_ended" if is_over else "enrichment_paused"
        queue_mail(scope, to=person.email, kind=kind, context=context)
        return True

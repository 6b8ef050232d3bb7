"""The mail at the end of a run, to whoever started it. The notice in the interface is written by the run itself."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from cursive_app.services.mail import queue_mail
from cursive_app.settings import settings
from db.models.accounts import Membership, User
from db.models.enrichment import Enrichment
from db.models.jobs import Job
from db.system import system_scope


def mail_end(run_job_id: UUID | str) -> bool:
    """Queue the mail about an ended run, once however often this is called; whether one was queued now.

    Nobody is mailed for an API key's run, and nobody who has left the workspace. Raises NotFound.
    """
    with system_scope() as scope:
        job = scope.get(Job, run_job_id, lock=True)
        row = scope.get(Enrichment, job.links["enrichment_id"])
        end = f"{row.status}:{row.credits_held}"  # a run that staff take up again ends a second time
        if job.arguments.get("mailed") == end or job.actor_user_id is None:
            return False
        if row.finished_at is None or row.workspace_id != job.workspace_id:
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
        job.arguments = {**job.arguments, "mailed": end}
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
        queue_mail(scope, to=person.email, kind="enrichment_ended", context=context)
        return True

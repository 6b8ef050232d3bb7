"""Sending what is in the outbox: read, hand over without a transaction, note the outcome."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import delete

from cursive_app.clock import now
from cursive_app.errors import UpstreamFailed
from cursive_app.integrations import mail as smtp
from cursive_app.settings import settings
from db.models.accounts import OutgoingMail
from db.system import SystemScope, system_scope

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8


def deliver(mail_id: UUID | str) -> str:
    """Send one mail unless it is done already; returns its status: sent or failed.

    Raises UpstreamFailed while another try makes sense. A crash between handover and note can send a mail twice,
    under the same Message-ID; a mail is never lost.
    """
    with system_scope() as scope:
        row = scope.get(OutgoingMail, mail_id, lock=True)
        if row.status != "queued":
            return row.status
        row.attempts += 1
        attempts = row.attempts
        message = smtp.Mail(
            id=str(row.id),
            sender=settings().mail_from,
            to=row.to_address,
            subject=row.subject,
            text=row.text_body,
            html=row.html_body,
        )
    try:
        smtp.send(settings().mail_url, message)
    except UpstreamFailed as error:
        over = error.permanent or attempts >= MAX_ATTEMPTS
        log.warning("mail.not_sent", mail=str(mail_id), attempts=attempts, over=over, reason=error.message)
        _note(mail_id, status="failed" if over else "queued", error=error.message)
        if over:
            return "failed"
        raise
    _note(mail_id, status="sent", error=None)
    return "sent"


def _note(mail_id: UUID | str, *, status: str, error: str | None) -> None:
    with system_scope() as scope:
        row = scope.get(OutgoingMail, mail_id, lock=True)
        row.status = status
        row.last_error = error
        if status == "sent":
            row.sent_at = now()
        if status != "queued":  # the link inside is a secret; nobody needs the text any more
            row.text_body = row.html_body = ""


def prune_mails(scope: SystemScope, *, before: datetime) -> None:
    """Forget mails that were finished before a moment."""
    scope.session.execute(delete(OutgoingMail).where(OutgoingMail.status != "queued", OutgoingMail.created_at < before))

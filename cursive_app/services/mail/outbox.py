"""Putting a mail on its way inside the transaction that causes it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from cursive_app.services.mail.letters import KINDS, render
from db.models.accounts import OutgoingMail
from db.system import SystemScope


def queue_mail(scope: SystemScope, *, to: str, kind: str, context: Mapping[str, str]) -> UUID:
    """Write one mail and the task that sends it; it goes out exactly if the transaction commits."""
    subject, text, html = render(KINDS[kind](context))
    row = scope.add(OutgoingMail(to_address=to, subject=subject, text_body=text, html_body=html, kind=kind))
    scope.defer("mail.send", queue="default", lock=f"mail:{row.id}", mail_id=str(row.id))
    return row.id

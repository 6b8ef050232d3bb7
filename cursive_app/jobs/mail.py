"""The mail room's task."""

from __future__ import annotations

from procrastinate import RetryStrategy

from cursive_app.jobs.queue import app
from cursive_app.services import mail

RETRY = RetryStrategy(max_attempts=mail.MAX_ATTEMPTS, wait=5, exponential_wait=4)
"""From seconds to some hours: a mail server that restarts, and one that is gone for an evening."""


@app.task(name="mail.send", queue="default", retry=RETRY)
def send(mail_id: str) -> None:
    """Hand one mail of the outbox to the mail server."""
    mail.deliver(mail_id)

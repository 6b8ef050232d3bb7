"""Forgetting what is long over (the nightly task `accounts.prune`)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from cursive_app.clock import now
from cursive_app.services.accounts.sessions import prune_sessions
from cursive_app.services.accounts.throttle import prune_throttles
from cursive_app.services.mail import prune_mails
from db.models.accounts import MailedToken
from db.system import system_scope


def prune() -> None:
    """Sessions 30 days after their end, links 7 days after theirs, counters after 2 days, mails after 30."""
    moment = now()
    with system_scope() as scope:
        prune_sessions(scope, before=moment - timedelta(days=30))
        prune_throttles(scope, before=moment - timedelta(days=2))
        prune_mails(scope, before=moment - timedelta(days=30))
        scope.session.execute(delete(MailedToken).where(MailedToken.expires_at < moment - timedelta(days=7)))

"""Mail that Cursive itself sends: verification, reset, invitation, notices.

Owns outgoing_mails. A mail is a row and a queue task written in the transaction that causes it, and is handed over by a
worker outside of any transaction; once it is gone, its text (which holds a secret link) is wiped.
"""

from __future__ import annotations

from cursive_app.services.mail.delivery import MAX_ATTEMPTS, deliver, prune_mails
from cursive_app.services.mail.letters import KINDS, Letter, render
from cursive_app.services.mail.outbox import queue_mail

__all__ = ["KINDS", "MAX_ATTEMPTS", "Letter", "deliver", "prune_mails", "queue_mail", "render"]

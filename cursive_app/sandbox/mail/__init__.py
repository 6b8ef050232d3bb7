"""The stand-in for the mail server: takes every message over SMTP and shows it on a page instead of delivering it."""

from __future__ import annotations

from cursive_app.sandbox.mail.pages import create_app
from cursive_app.sandbox.mail.smtp import SmtpReceiver
from cursive_app.sandbox.mail.store import Mailbox, Message

__all__ = ["Mailbox", "Message", "SmtpReceiver", "create_app"]

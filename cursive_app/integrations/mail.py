"""Handing mail to a mail server. Speaks SMTP with TLS whenever the server offers it, and always before a password."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from urllib.parse import unquote, urlsplit

from cursive_app.errors import UpstreamFailed

TIMEOUT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Mail:
    """One message, ready to send. `id` becomes its Message-ID: a second delivery of it is recognizable as the same."""

    id: str
    sender: str
    to: str
    subject: str
    text: str
    html: str


def compose(mail: Mail) -> EmailMessage:
    """Text and HTML in one message. Raises UpstreamFailed (permanent) when a header would hold a line break."""
    message = EmailMessage(policy=SMTP)
    name, sender = parseaddr(mail.sender)
    domain = sender.rpartition("@")[2] or "cursive.example"
    try:
        message["From"] = Address(display_name=name, addr_spec=sender)
        message["To"] = Address(addr_spec=mail.to)
        message["Subject"] = mail.subject
    except ValueError as error:
        raise UpstreamFailed("This mail has an impossible address or subject.", port="mail", permanent=True) from error
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = f"<{mail.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def send(url: str, mail: Mail) -> None:
    """Hand one mail to the server at `smtp[s]://user:password@host:port`.

    Raises UpstreamFailed; `permanent` when the server will never take this mail.
    """
    message = compose(mail)
    try:
        with _connect(url) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        permanent = all(code >= 500 for code, _ in error.recipients.values())
        raise UpstreamFailed("The mail server refused the address.", port="mail", permanent=permanent) from error
    except smtplib.SMTPResponseException as error:
        permanent = error.smtp_code >= 500 and not isinstance(error, smtplib.SMTPAuthenticationError)
        raise UpstreamFailed("The mail server refused the mail.", port="mail", permanent=permanent) from error
    except (OSError, smtplib.SMTPException) as error:
        raise UpstreamFailed("The mail server is out of reach.", port="mail") from error


def _connect(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
        encrypted = True
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT_SECONDS)
        server.ehlo_or_helo_if_needed()
        encrypted = server.has_extn("starttls")
        if encrypted:
            server.starttls(context=ssl.create_default_context())
    if parts.username:
        if not encrypted:
            server.close()
            raise UpstreamFailed("The mail server offers no encryption; the password was not sent.", port="mail")
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server

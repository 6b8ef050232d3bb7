"""Mail: handed over once, retried while it makes sense, never open to header tricks."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from cursive_app.errors import UpstreamFailed
from cursive_app.integrations import mail as smtp
from cursive_app.preflight import free_port
from cursive_app.services import mail
from cursive_app.services.mail import delivery
from cursive_app.services.mail.letters import KINDS, Letter, render
from cursive_app.settings import settings
from db.engine import Database
from db.models.accounts import OutgoingMail
from db.system import system_scope

CONTEXT = {
    "name": "Pat",
    "link": "https://app.example/verify?token=abc",
    "inviter": "Ann",
    "workspace": "Acme",
    "role": "member",
    "filename": "list.csv",
    "status": "completed",
    "message": "40 of 100 rows were matched.",
    "expires": "December 22, 2026",
}


class Mailbox:
    """A real SMTP server that keeps what it is given, and answers as told."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(parsed, EmailMessage)
            self.messages.append(parsed)
        return self.answer


@pytest.fixture
def mailbox(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box = Mailbox()
    port = free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    url = f"smtp://127.0.0.1:{port}"
    from pydantic import SecretStr

    changed = settings().model_copy(update={"smtp_url": SecretStr(url)})
    monkeypatch.setattr(delivery, "settings", lambda: changed)
    yield box
    server.stop()


def _queue(kind: str = "verify_email", to: str = "pat@example.com", **context: str) -> str:
    with system_scope() as scope:
        return str(mail.queue_mail(scope, to=to, kind=kind, context={**CONTEXT, **context}))


def _row(mail_id: str) -> OutgoingMail:
    with system_scope() as scope:
        return scope.get(OutgoingMail, mail_id)


def test_a_mail_arrives_as_text_and_html_and_its_secret_is_wiped(mailbox: Mailbox) -> None:
    mail_id = _queue()
    assert mail.deliver(mail_id) == "sent"
    (message,) = mailbox.messages
    assert message["To"] == "pat@example.com"
    assert message["Subject"] == "Confirm your e-mail address"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert CONTEXT["link"] in text.get_content()
    assert CONTEXT["link"] in html.get_content()
    row = _row(mail_id)
    assert (row.status, row.attempts, row.text_body, row.html_body) == ("sent", 1, "", "")


def test_a_mail_is_sent_once_however_often_the_task_runs(mailbox: Mailbox) -> None:
    mail_id = _queue()
    assert [mail.deliver(mail_id) for _ in range(3)] == ["sent"] * 3
    assert len(mailbox.messages) == 1
    assert mailbox.messages[0]["Message-ID"].startswith(f"<{mail_id}@")


def test_a_passing_failure_is_tried_again(mailbox: Mailbox) -> None:
    mail_id = _queue()
    mailbox.answer = "451 later"
    with pytest.raises(UpstreamFailed) as failed:
        mail.deliver(mail_id)
    assert not failed.value.permanent
    assert _row(mail_id).status == "queued"
    mailbox.answer = "250 OK"
    assert mail.deliver(mail_id) == "sent"


def test_a_lasting_refusal_ends_it(mailbox: Mailbox) -> None:
    mail_id = _queue()
    mailbox.answer = "550 no such user"
    assert mail.deliver(mail_id) == "failed"
    row = _row(mail_id)
    assert (row.status, row.text_body) == ("failed", "")
    assert "550" not in (row.last_error or "")


def test_after_the_last_try_it_is_failed(mailbox: Mailbox) -> None:
    mail_id = _queue()
    mailbox.answer = "451 later"
    with system_scope() as scope:
        scope.get(OutgoingMail, mail_id).attempts = mail.MAX_ATTEMPTS - 1
    assert mail.deliver(mail_id) == "failed"


def test_a_server_that_is_gone_is_a_passing_failure(database: Database) -> None:
    message = smtp.Mail("1", "Cursive <a@cursive.example>", "b@example.com", "Hello", "text", "<p>html</p>")
    with pytest.raises(UpstreamFailed) as failed:
        smtp.send(f"smtp://127.0.0.1:{free_port()}", message)
    assert not failed.value.permanent


def test_a_password_is_never_sent_in_clear(mailbox: Mailbox) -> None:
    url = delivery.settings().mail_url.replace("smtp://", "smtp://user:secret@")
    message = smtp.Mail("1", "Cursive <a@cursive.example>", "b@example.com", "Hello", "text", "<p>html</p>")
    with pytest.raises(UpstreamFailed, match="no encryption"):
        smtp.send(url, message)


@pytest.mark.parametrize("evil", ["Ann\r\nBcc: victim@example.com", "Ann\nX: y", "Ann\0", "Ann\u2028Bcc: x"])
def test_names_cannot_add_headers(mailbox: Mailbox, evil: str) -> None:
    mail_id = _queue("invitation", inviter=evil.replace("\0", ""))
    assert mail.deliver(mail_id) == "sent"
    (message,) = mailbox.messages
    assert message["Bcc"] is None
    assert message["X"] is None
    assert "\n" not in message["Subject"]


def test_an_address_with_a_line_break_is_refused_for_good() -> None:
    message = smtp.Mail("1", "Cursive <a@cursive.example>", "b@example.com\r\nBcc: c@example.com", "Hi", "t", "h")
    with pytest.raises(UpstreamFailed) as failed:
        smtp.compose(message)
    assert failed.value.permanent


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_letter_escapes_what_people_typed(kind: str) -> None:
    evil = dict.fromkeys(CONTEXT, '<img src=x onerror="alert(1)">')
    _, _, html = render(KINDS[kind](evil))
    assert "<img" not in html
    subject, text, html = render(KINDS[kind](CONTEXT))
    assert subject
    assert "Cursive" in text
    assert html.startswith("<!doctype html>")


def test_subjects_are_one_short_line() -> None:
    subject, _, _ = render(Letter(subject="a\nb" * 500, paragraphs=("x",)))
    assert "\n" not in subject
    assert len(subject) == 200

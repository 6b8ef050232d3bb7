"""The sandbox's mailbox: takes mail over SMTP, shows it safely, keeps it over a restart."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from pathlib import Path

from cursive_app.sandbox.audiencelab.journal import Journal
from cursive_app.sandbox.mail.store import KEPT, Mailbox
from tests.sandbox_fixtures import Sandbox, start_sandbox

EVIL = "<script>alert(1)</script>"


def send(sandbox: Sandbox, *, to: str = "Alice@example.com", subject: str = "Hello", html: str | None = None) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Cursive <hello@cursive.example>", to, subject
    message.set_content("Confirm: http://localhost:8000/verify?token=a&next=/b\n")
    if html is not None:
        message.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as server:
        server.send_message(message)


def page(sandbox: Sandbox, path: str) -> str:
    answer = sandbox.control.get(f"{sandbox.base}/mailbox{path}")
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


def test_mail_is_kept_newest_first_with_its_links(sandbox: Sandbox) -> None:
    send(sandbox, subject="First")
    send(sandbox, subject="Zweite ✓", to="bob@example.com")
    assert [message["subject"] for message in sandbox.mailbox()] == ["Zweite ✓", "First"]
    found = sandbox.mailbox(to="ALICE@example.com")
    assert [message["to"] for message in found] == [["alice@example.com"]]
    assert found[0]["links"] == ["http://localhost:8000/verify?token=a&next=/b"]
    assert found[0]["text"].startswith("Confirm:")


def test_pages_show_mail_and_run_nothing_of_it(sandbox: Sandbox) -> None:
    assert "No mail yet" in page(sandbox, "/")
    send(sandbox, subject=f"Hi {EVIL}", html=f'<p>Hi <a href="http://localhost/x?a=1&amp;b=2">there</a>{EVIL}</p>')
    message = sandbox.mailbox()[0]["id"]
    assert EVIL not in page(sandbox, "/")
    assert "Hi &lt;script&gt;" in page(sandbox, "/")
    detail = page(sandbox, f"/messages/{message}")
    assert EVIL not in detail
    assert 'sandbox="allow-popups' in detail
    assert 'href="http://localhost:8000/verify?token=a&amp;next=/b"' in detail
    answer = sandbox.control.get(f"{sandbox.base}/mailbox/messages/{message}/html")
    assert answer.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "allow-scripts" not in answer.headers["content-security-policy"]
    assert sandbox.control.get(f"{sandbox.base}/mailbox/messages/nothing").status_code == 404


def test_all_can_be_deleted(sandbox: Sandbox) -> None:
    send(sandbox)
    answer = sandbox.control.post(f"{sandbox.base}/mailbox/clear")
    assert (answer.status_code, answer.headers["location"]) == (303, "/mailbox/")
    assert sandbox.mailbox() == []


def test_only_the_newest_are_kept_and_a_restart_keeps_them(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    for number in range(KEPT + 20):
        content = f"Subject: {number}\r\n\r\nBody {number}\r\n".encode()
        mailbox.receive(content, sender="a@example.com", recipients=["B@example.com"])
    (tmp_path / "cut-off.eml").write_bytes(b"X-Sandbox-Env")
    (tmp_path / "half.part").write_bytes(b"X")
    again = Mailbox(tmp_path)
    assert again.all() == mailbox.all()
    assert len(again.all()) == KEPT
    assert again.all()[0].subject == str(KEPT + 19)
    again.clear()
    assert Mailbox(tmp_path).all() == []


def test_odd_mail_does_no_harm(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    for content in (
        b"", b"\x00\xff\xfe", b"no headers at all", b"Subject: =?utf-8?b?!!!?=\r\n\r\nx",
        b"Content-Type: text/plain; charset=martian\r\n\r\nhi", b"Content-Type: multipart/mixed\r\n\r\nno boundary",
    ):  # fmt: skip
        mailbox.receive(content, sender="", recipients=[])
    assert len(mailbox.all()) == 6
    assert len(Mailbox(tmp_path).all()) == 6


def test_the_provider_remembers_its_audiences_over_a_restart(tmp_path: Path) -> None:
    """A run that was interrupted together with the whole machine finds its audience again."""
    sandbox, thread = start_sandbox(tmp_path)
    audience = sandbox.client().create_audience(name="survivor", filters={"state": ["Texas"]})
    deleted = sandbox.client().create_audience(name="deleted", filters={"state": ["Texas"]})
    sandbox.client().delete_audience(deleted)
    send(sandbox, subject="Still here")
    thread.stop()
    journal = tmp_path / "sandbox" / "audiencelab.jsonl"
    journal.write_text(journal.read_text() + '{"put": "audiences", "item": {"id"')  # a write cut off by a kill
    sandbox, thread = start_sandbox(tmp_path)
    try:
        client = sandbox.client()
        assert client.find_audience(name="survivor") == audience
        assert client.find_audience(name="deleted") is None
        later = client.create_audience(name="after the cut", filters={"state": ["Ohio"]})
        assert Journal(journal).get("audiences", later) is not None
        first = client.audience_page(audience, page=1)
        assert first.total == len(sandbox.population.matching({"state": ["Texas"]}))
        assert [message["subject"] for message in sandbox.mailbox()] == ["Still here"]
    finally:
        thread.stop()

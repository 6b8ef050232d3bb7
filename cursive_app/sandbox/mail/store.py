"""The messages of the sandbox mailbox: the newest 500, in memory and as files, so that a restart keeps them."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from uuid_utils.compat import uuid7

from cursive_app.clock import now

KEPT = 500
_LINK = re.compile(r"https?://[^\s<>\"')\]]+")


@dataclass(frozen=True, slots=True)
class Message:
    """One message as received. `to` are the envelope's recipients, lower-case."""

    id: str
    received_at: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str | None
    links: tuple[str, ...] = field(default=())


class Mailbox:
    """Thread-safe; ids are time-ordered, so names of files sort by arrival."""

    def __init__(self, folder: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.eml")):
                self._read(path)

    def receive(self, content: bytes, *, sender: str, recipients: list[str]) -> Message:
        """Keep one message; the oldest beyond KEPT go."""
        message_id, received_at = str(uuid7()), now()
        envelope = {"sender": sender, "to": [address.casefold() for address in recipients]}
        envelope["received_at"] = received_at.isoformat()
        if self._folder is not None:
            header = f"X-Sandbox-Envelope: {json.dumps(envelope)}\r\n".encode()
            partial = self._folder / f"{message_id}.part"
            partial.write_bytes(header + content)
            partial.rename(partial.with_suffix(".eml"))
        message = _parse(message_id, content, sender=sender, to=envelope["to"], received_at=received_at)
        self._keep(message)
        return message

    def all(self, *, to: str | None = None) -> list[Message]:
        """Newest first; `to`: only those with this recipient."""
        with self._lock:
            found = list(self._messages.values())[::-1]
        return [message for message in found if to is None or to.casefold() in message.to]

    def get(self, message_id: str) -> Message | None:
        with self._lock:
            return self._messages.get(message_id)

    def clear(self) -> None:
        with self._lock:
            ids, self._messages = list(self._messages), OrderedDict()
        for message_id in ids:
            self._forget(message_id)

    def _keep(self, message: Message) -> None:
        with self._lock:
            self._messages[message.id] = message
            gone = [self._messages.popitem(last=False)[0] for _ in range(len(self._messages) - KEPT)]
        for message_id in gone:
            self._forget(message_id)

    def _forget(self, message_id: str) -> None:
        if self._folder is not None:
            (self._folder / f"{message_id}.eml").unlink(missing_ok=True)

    def _read(self, path: Path) -> None:
        content = path.read_bytes()
        try:
            envelope = json.loads(content.split(b"\r\n", 1)[0].partition(b": ")[2])
            received_at = datetime.fromisoformat(envelope["received_at"])
            self._keep(
                _parse(path.stem, content, sender=envelope["sender"], to=envelope["to"], received_at=received_at)
            )
        except (ValueError, KeyError, TypeError):
            path.unlink(missing_ok=True)  # cut off by a kill or written by an older version


def _parse(message_id: str, content: bytes, *, sender: str, to: list[str], received_at: datetime) -> Message:
    parsed = message_from_bytes(content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    text, html = _body(parsed, "plain") or "", _body(parsed, "html")
    links = tuple(dict.fromkeys(_LINK.findall(text) or _LINK.findall((html or "").replace("&amp;", "&"))))
    return Message(message_id, received_at, sender, tuple(to), str(parsed.get("Subject", "")), text, html, links)


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):
        payload = part.get_payload()
        return payload if isinstance(payload, str) else None

"""The SMTP side of the sandbox mailbox: accepts everything, up to 10 MB a message, delivers nothing."""

from __future__ import annotations

import asyncio

from aiosmtpd.smtp import SMTP, Envelope, Session

from cursive_app.sandbox.mail.store import Mailbox

_MOST_BYTES = 10 * 1024 * 1024


class _Handler:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        await asyncio.to_thread(
            self._mailbox.receive, content, sender=envelope.mail_from or "", recipients=list(envelope.rcpt_tos)
        )
        return "250 Message kept"


class SmtpReceiver:
    """Listens in the running event loop."""

    def __init__(self, mailbox: Mailbox, *, host: str, port: int) -> None:
        self._mailbox = mailbox
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        handler = _Handler(self._mailbox)
        self._server = await loop.create_server(
            lambda: SMTP(handler, data_size_limit=_MOST_BYTES, enable_SMTPUTF8=True, loop=loop),
            host=self._host,
            port=self._port,
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

"""The sandbox process: the people provider under /audiencelab and the mailbox under /mailbox, plus SMTP.

For development and tests only; it refuses to start with production settings.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from cursive_app.errors import Unavailable
from cursive_app.sandbox import audiencelab, mail
from cursive_app.sandbox.population import Population
from cursive_app.sandbox.sample_list import FILENAME, sample_list
from cursive_app.settings import Settings, settings


class SandboxError(Unavailable):
    """The sandbox cannot start; the message says why and what to do."""


def run(config: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises SandboxError when a port is taken or the settings are production's."""
    for port, variable in ((config.sandbox_port, "SANDBOX_PORT"), (config.sandbox_smtp_port, "SANDBOX_SMTP_PORT")):
        _require_free(port, variable)
    app = create(config)

    async def serve() -> None:
        server = serving(app, config)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        await server.serve()

    asyncio.run(serve())


def serving(app: Starlette, config: Settings) -> Server:
    """The HTTP server of one sandbox, inside this process: nothing is left behind when the process is killed."""
    return Server(app, address="127.0.0.1", port=config.sandbox_port, interface=Interfaces.ASGI, log_enabled=False)


def create(config: Settings | None = None, *, population: Population | None = None) -> Starlette:
    """The whole sandbox as one ASGI app. Its SMTP port opens when the app starts."""
    config = config or settings()
    if config.is_production:
        raise RuntimeError(
            "The sandbox is for development and tests; production uses the real provider and mail server."
        )
    folder = Path(config.data_dir)
    if population is None:
        population = Population(seed=config.sandbox_seed, size=config.sandbox_people, quirks=config.sandbox_quirks)
    mailbox = mail.Mailbox(folder / "mailbox")
    receiver = mail.SmtpReceiver(mailbox, host="127.0.0.1", port=config.sandbox_smtp_port)
    provider = audiencelab.create_app(
        population,
        quirks=config.sandbox_quirks,
        build_seconds=config.sandbox_build_seconds,
        journal_path=folder / "sandbox" / "audiencelab.jsonl",
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await receiver.start()
        yield
        await receiver.stop()

    async def home(_: Request) -> Response:
        return RedirectResponse("/mailbox/")

    async def sample(_: Request) -> Response:
        body = await asyncio.to_thread(sample_list, population)
        disposition = {"Content-Disposition": f'attachment; filename="{FILENAME}"'}
        return Response(body, media_type="text/csv; charset=utf-8", headers=disposition)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "people": population.size, "seed": population.seed})

    return Starlette(
        routes=[
            Route("/", home),
            Route("/health", health),
            Route(f"/{FILENAME}", sample),
            Mount("/audiencelab", provider),
            Mount("/mailbox", mail.create_app(mailbox)),
        ],
        lifespan=lifespan,
    )


def _require_free(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SandboxError(
                f"Port {port} is in use by another program. Stop it, or set {variable} to a free port."
            ) from None

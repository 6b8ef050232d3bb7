"""Running the sandbox: in the foreground for `cursive sandbox`, or in a thread for tests."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from typing import Self

from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette

from cursive_app.sandbox.app import create
from cursive_app.settings import Settings

START_SECONDS = 60.0


class SandboxError(RuntimeError):
    """The sandbox could not start; the message says why and what to do."""


def run(config: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises SandboxError when a port is taken."""
    for port, variable in ((config.sandbox_port, "SANDBOX_PORT"), (config.sandbox_smtp_port, "SANDBOX_SMTP_PORT")):
        _require_free(port, variable)
    app = create(config)

    async def serve() -> None:
        server = _server(app, config.sandbox_port)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        await server.serve()

    asyncio.run(serve())


class SandboxThread:
    """The sandbox in a thread of this process, for tests: `start`, use, `stop`."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._failure: BaseException | None = None

    def start(self) -> Self:
        """Returns when the server answers. Raises SandboxError when it does not."""
        self._thread.start()
        deadline = threading.Event()
        for _ in range(int(START_SECONDS / 0.05)):
            if self._failure is not None or not self._thread.is_alive():
                raise SandboxError(f"the sandbox stopped while starting: {self._failure!r}")
            if _answers(self._config.sandbox_port) and _answers(self._config.sandbox_smtp_port):
                return self
            deadline.wait(0.05)
        raise SandboxError("the sandbox did not answer in time")

    def stop(self) -> None:
        if self._loop is not None and self._server is not None:
            self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(10)

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._server = _server(create(self._config), self._config.sandbox_port)
            await self._server.serve()

        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - reported by start(), whatever it is
            self._failure = error


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _server(app: Starlette, port: int) -> Server:
    return Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)


def _require_free(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SandboxError(
                f"Port {port} is in use by another program. Stop it, or set {variable} to a free port."
            ) from None


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""The sandbox in a thread of a test process; `cursive sandbox` runs it in the foreground (app.run)."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Self

from granian.server.embed import Server

from cursive_app.sandbox.app import SandboxError, create, serving
from cursive_app.settings import Settings

START_SECONDS = 60.0


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
            self._server = serving(create(self._config), self._config)
            await self._server.serve()

        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - reported by start(), whatever it is
            self._failure = error


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""A proxy in front of the test server's socket that can delay, swallow or cut the conversation."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SOCKET = ".s.PGSQL.5432"
Mode = Literal["pass", "delay", "blackhole", "refuse", "cut_after_commit", "cut_before_commit"]


@dataclass
class SocketProxy:
    """Listens in `directory`; clients connect with `host=<directory>`. `mode` may change at any time.

    cut_after_commit: COMMIT reaches the server, its reply never reaches the client (F12: the outcome is unknown).
    cut_before_commit: COMMIT never reaches the server.
    `swallowed` counts the pieces that a black hole holds or has held.
    """

    upstream: Path
    directory: Path
    mode: Mode = "pass"
    delay_seconds: float = 0.0
    cuts: int = 0
    swallowed: int = 0
    _listener: socket.socket | None = None
    _open: set[socket.socket] = field(default_factory=set)
    _stopping: bool = False

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.directory / SOCKET))
        listener.listen(64)
        self._listener = listener
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._stopping = True
        if self._listener is not None:
            self._listener.close()
        self.drop_all()
        (self.directory / SOCKET).unlink(missing_ok=True)

    def drop_all(self) -> None:
        """Reset every open conversation."""
        for open_socket in list(self._open):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        assert self._listener is not None
        while not self._stopping:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.mode == "refuse":
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self.upstream / SOCKET))
        except OSError:
            client.close()
            return
        pair = {client, server}
        self._open |= pair
        try:
            while self._forward(client, server):
                pass
        except OSError:
            pass
        finally:
            self._open -= pair
            client.close()
            server.close()

    def _forward(self, client: socket.socket, server: socket.socket) -> bool:
        readable, _, _ = select.select([client, server], [], [], 0.2)
        for source in readable:
            data = source.recv(65536)
            if not data:
                return False
            if self.mode == "blackhole":
                self.swallowed += 1
            while self.mode == "blackhole" and not self._stopping:
                time.sleep(0.02)  # the bytes are in flight and arrive only when the hole closes
            if self.mode == "delay":
                time.sleep(self.delay_seconds)
            if source is client:
                commits = b"COMMIT" in data
                if commits and self.mode == "cut_before_commit":
                    self.cuts += 1
                    return False
                server.sendall(data)
                if commits and self.mode == "cut_after_commit":
                    server.recv(65536)  # the server has answered: it is committed
                    self.cuts += 1
                    return False
            else:
                client.sendall(data)
        return True

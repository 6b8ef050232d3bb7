"""Uploads to a real server over real sockets: torn, false, endless, and the web process killed in the middle (F9)."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cursive_app.preflight import free_port
from cursive_app.services import accounts
from tests.factories import Cast
from tests.faults.processes import Process, wait_until

pytestmark = pytest.mark.faults

PATH = "/api/v1/enrichments"
LINE = b"dana@acme.example,Dana,Reyes\r\n"
PIECE = LINE * 2_000  # 60 kB


@dataclass
class Server:
    process: Process
    port: int
    spool: Path
    key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def files(self) -> list[Path]:
        return list(self.spool.glob("*"))

    def lists(self) -> int:
        return len(httpx.get(self.url, headers=self.headers, trust_env=False).json()["items"])

    def begin(self, *lines: str) -> socket.socket:
        """A connection with the head of an upload on it."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        head = [f"POST {PATH} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.key}", *lines, "", ""]
        connection.sendall("\r\n".join(head).encode())
        return connection

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        named = [(int(pid), Path(f"/proc/{pid}/cmdline").read_bytes()) for pid in children]
        return [pid for pid, command in named if b"resource_tracker" not in command]


@pytest.fixture
def server(cast: Cast, spawn: Callable[..., Process], tmp_path: Path) -> Iterator[Server]:
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="up", scopes=[one.value for one in accounts.KEY_SCOPES]).key
    port, spool = free_port(), tmp_path / "spool"
    found = Server(spawn("tests.faults.trial_web", str(port), UPLOAD_DIR=str(spool)), port, spool, key)

    def answers() -> bool:
        try:
            return httpx.get(found.url, trust_env=False).status_code == 401
        except httpx.HTTPError:
            return False

    wait_until(answers, seconds=60, what="the server")
    yield found


def answer_of(connection: socket.socket) -> bytes:
    """What the server says before it closes the connection."""
    told = b""
    try:
        while piece := connection.recv(65_536):
            told += piece
            if b"\r\n\r\n" in told and told.rstrip().endswith(b"}"):
                break
    except ConnectionResetError:
        pass
    return told


def arriving(server: Server, *, bytes_there: int = 1) -> bool:
    return any(file.stat().st_size >= bytes_there for file in server.files())


def test_what_clients_do_to_an_upload(server: Server) -> None:
    """One server for all of it, as in life: none of them disturbs the next."""
    whole = b"email,first,last\r\n" + PIECE * 20
    sent = httpx.post(server.url, content=whole, headers=server.headers, trust_env=False, timeout=60)
    assert (sent.status_code, sent.json()["byte_size"]) == (201, len(whole)), sent.text

    torn = server.begin("Content-Length: 20000000")
    torn.sendall(PIECE * 20)
    wait_until(lambda: arriving(server), seconds=20, what="the upload")
    torn.close()
    wait_until(lambda: not server.files(), seconds=20, what="the end of the torn upload")

    shorter = server.begin(f"Content-Length: {len(PIECE) * 4}")
    shorter.sendall(PIECE * 2)
    shorter.shutdown(socket.SHUT_WR)
    told = answer_of(shorter)
    assert not told or b" 400 " in told.partition(b"\r\n")[0], told
    wait_until(lambda: not server.files(), seconds=20, what="the end of the short upload")

    too_long = server.begin("Content-Length: 100000000")
    told = answer_of(too_long)
    assert b" 413 " in told.partition(b"\r\n")[0], told
    assert b"too_large" in told

    endless = server.begin("Transfer-Encoding: chunked")
    with pytest.raises((BrokenPipeError, ConnectionResetError, TimeoutError)):
        for _ in range(2_000):  # 120 MB, if it were let
            endless.sendall(b"%x\r\n" % len(PIECE) + PIECE + b"\r\n")
    wait_until(lambda: not server.files(), seconds=20, what="the end of the endless upload")
    assert server.lists() == 1


def test_a_killed_web_process_stores_nothing(server: Server) -> None:
    upload = server.begin("Content-Length: 20000000")
    upload.sendall(PIECE * 20)
    wait_until(lambda: arriving(server), seconds=20, what="the upload")
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    assert answer_of(upload) == b""

    def again() -> bool:
        try:
            return server.lists() == 0
        except (httpx.HTTPError, KeyError):
            return False

    wait_until(again, seconds=60, what="the next web process")
    (left,) = server.files()
    os.utime(left, (0, 0))  # as if hours had passed
    sent = httpx.post(server.url, content=LINE, headers=server.headers, trust_env=False, timeout=60)
    assert sent.status_code in (201, 422), sent.text
    wait_until(lambda: not server.files(), seconds=20, what="the end of what was left behind, and of the second upload")

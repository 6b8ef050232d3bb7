"""A server between the provider and everybody who asks it: it knows who is inside, and lets nobody on until it may.

Callers are told apart by the first part of the path, so each process has an address of its own here
(`as_caller`). What a dead process has left under way is told apart from what the living do by its name alone.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from cursive_app.settings import settings

LONGEST_HOLD_SECONDS = 120.0


class CountingServer:
    """Forwards to the provider at `upstream`; closed at first."""

    def __init__(self, upstream: str) -> None:
        self._upstream = httpx.Client(base_url=upstream, timeout=60, trust_env=False)
        self._lock = threading.Lock()
        self._inside: Counter[str] = Counter()
        self._buried: set[str] = set()
        self._may_go_on = threading.Semaphore(0)
        self._is_open = False
        self.most = 0  # living callers' requests at once
        self.heard: Counter[str] = Counter()
        counting = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _forward(self) -> None:
                counting._pass_on(self)

            do_GET = do_POST = do_DELETE = _forward

            def log_message(self, format: str, *args: object) -> None:
                """Trials read the counts."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def inside(self) -> dict[str, int]:
        """How many requests of which living caller are here now."""
        with self._lock:
            return {name: count for name, count in self._inside.items() if count and name not in self._buried}

    def bury(self, caller: str) -> None:
        """What this caller has here counts no more. Said just before it is killed: nobody has its slots earlier."""
        with self._lock:
            self._buried.add(caller)

    def let_through(self, count: int) -> None:
        for _ in range(count):
            self._may_go_on.release()

    def open(self) -> None:
        """From now on nobody is kept."""
        self._is_open = True
        self.let_through(1_000)

    def close(self) -> None:
        self.open()
        self._server.shutdown()
        self._server.server_close()
        self._upstream.close()

    def _pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        _, caller, path = handler.path.split("/", 2)
        length = int(handler.headers.get("content-length", 0))
        body = handler.rfile.read(length)
        with self._lock:
            self.heard[caller] += 1
            self._inside[caller] += 1
            living = sum(count for name, count in self._inside.items() if name not in self._buried)
            self.most = max(self.most, living)
        try:
            if not self._is_open:
                self._may_go_on.acquire(timeout=LONGEST_HOLD_SECONDS)
            kept = {name: value for name, value in handler.headers.items() if name.lower() in ("x-api-key", "accept")}
            answer = self._upstream.request(handler.command, path, content=body, headers=kept)
        finally:
            with self._lock:  # before the answer: whoever has it may send the next request at once
                self._inside[caller] -= 1
        try:
            handler.send_response(answer.status_code)
            for name in ("content-type", "retry-after"):
                if name in answer.headers:
                    handler.send_header(name, answer.headers[name])
            handler.send_header("content-length", str(len(answer.content)))
            handler.end_headers()
            handler.wfile.write(answer.content)
        except OSError:
            handler.close_connection = True  # the caller is gone


def as_caller(url: str, name: str) -> None:
    """This process asks the counting server at `url` under this name from now on."""
    os.environ["AUDIENCELAB_BASE_URL"] = f"{url}/{name}"
    settings.cache_clear()

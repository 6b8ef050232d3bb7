"""A server between the provider and everybody who asks it: it knows who is inside, and lets nobody on until it may.

Callers are told apart by the first part of the path, so each process has an address of its own here
(`as_caller`). What a dead process has left under way is told apart from what the living do by its name alone.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler

from cursive_app.settings import settings
from tests.faults.forwarding import ForwardingServer, body_of, send_back

LONGEST_HOLD_SECONDS = 120.0


class CountingServer(ForwardingServer):
    """Forwards to the provider at `upstream`; closed at first."""

    def __init__(self, upstream: str) -> None:
        self._lock = threading.Lock()
        self._inside: Counter[str] = Counter()
        self._buried: set[str] = set()
        self._may_go_on = threading.Semaphore(0)
        self._is_open = False
        self.most = 0  # living callers' requests at once
        self.heard: Counter[str] = Counter()
        super().__init__(upstream)

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

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        _, caller, path = request.path.split("/", 2)
        body = body_of(request)
        with self._lock:
            self.heard[caller] += 1
            self._inside[caller] += 1
            living = sum(count for name, count in self._inside.items() if name not in self._buried)
            self.most = max(self.most, living)
        try:
            if not self._is_open:
                self._may_go_on.acquire(timeout=LONGEST_HOLD_SECONDS)
            kept = {name: value for name, value in request.headers.items() if name.lower() in ("x-api-key", "accept")}
            answer = self.upstream.request(request.command, path, content=body, headers=kept)
        finally:
            with self._lock:  # before the answer: whoever has it may send the next request at once
                self._inside[caller] -= 1
        send_back(request, answer)


def as_caller(url: str, name: str) -> None:
    """This process asks the counting server at `url` under this name from now on."""
    os.environ["AUDIENCELAB_BASE_URL"] = f"{url}/{name}"
    settings.cache_clear()

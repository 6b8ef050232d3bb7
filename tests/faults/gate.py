"""A gate between a worker and the provider: it can hold one run's request, before the provider hears of it or after."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Literal
from uuid import UUID

from tests.faults.forwarding import ForwardingServer, body_of, send_back

RUN_ID = re.compile(rb'"name": ?"cursive-[0-9a-f]{8}-([0-9a-f-]{36})"')
AUDIENCE = re.compile(r"^/audiences/([0-9a-f-]{36})(\?|$)")


@dataclass
class Hold:
    """Stops the first request of a run that fits. `reached` is set when it stands there, `release` lets it go on."""

    run_id: UUID
    method: str
    when: Literal["before", "after"]
    fits: Callable[[str], bool] = lambda _: True
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


class Gate(ForwardingServer):
    """Forwards to the provider at `upstream`."""

    def __init__(self, upstream: str) -> None:
        self._holds: list[Hold] = []
        self._run_of: dict[str, UUID] = {}  # by audience
        self.made: list[UUID] = []  # runs whose audience was made, in order
        self.asked = 0  # requests that came, all runs together
        super().__init__(upstream)

    def hold(
        self, run_id: UUID, method: str, when: Literal["before", "after"], fits: Callable[[str], bool] = lambda _: True
    ) -> Hold:
        found = Hold(run_id, method, when, fits)
        self._holds.append(found)
        return found

    def open(self) -> None:
        """Let everything pass from now on."""
        held, self._holds = self._holds, []
        for one in held:
            one.release.set()

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        body = body_of(request)
        run_id = self._run(request.path, body)
        self._wait("before", run_id, request)
        headers = {name: request.headers[name] for name in ("X-Api-Key", "Content-Type") if name in request.headers}
        answer = self.upstream.request(request.command, request.path, content=body, headers=headers)
        if request.command == "POST" and run_id is not None and answer.status_code == 200:
            self._run_of[answer.json()["audienceId"]] = run_id
            self.made.append(run_id)
        self._wait("after", run_id, request)
        send_back(request, answer)

    def _run(self, path: str, body: bytes) -> UUID | None:
        if found := RUN_ID.search(body):
            return UUID(found[1].decode())
        audience = AUDIENCE.match(path)
        return self._run_of.get(audience[1]) if audience else None

    def _wait(self, when: str, run_id: UUID | None, request: BaseHTTPRequestHandler) -> None:
        self.asked += when == "before"
        for one in list(self._holds):
            fits = (one.run_id, one.method, one.when) == (run_id, request.command, when) and one.fits(request.path)
            if fits and not one.reached.is_set():
                one.reached.set()
                one.release.wait(120)
                return

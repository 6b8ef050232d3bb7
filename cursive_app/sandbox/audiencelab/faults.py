"""What goes wrong at the sandbox provider: the vendor's own moods (quirks), and faults that tests switch on.

`PUT /_faults` takes one fault or a list: `{"mode", "endpoints"?, "times"?, "delay_seconds"?, "after"?, "member"?}`.
`endpoints` are prefixes, with or without a method ("POST /audiences", "/pixels"); none means all. `times` limits how
often; `after` lets the request take effect before its answer is lost. Modes:

down, 500    503 or 500           reset     the connection drops in the middle of the answer
429          with Retry-After     garbage   200 with a body that is no JSON
slow         answers late         schema    200 with JSON of another shape
drip         one byte at a time   oversize  200 with an endless body
ignore_filters, never_ready: audiences are everybody, or are never built (read by the handlers)
refuse_member: audiences and previews that are filtered by `member` ("businessProfile.department") are refused
job_failed, job_unknown, no_data: how every batch job ends, or that it never does
strangers, bomb, torn, expired: its result also has people nobody asked for, is a gzip bomb, breaks off, is gone
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BEHAVIORS = frozenset(
    {
        "ignore_filters",
        "never_ready",
        "refuse_member",
        "job_failed",
        "job_unknown",
        "no_data",
        "strangers",
        "bomb",
        "torn",
        "expired",
    }
)
MODES = _BEHAVIORS | {"down", "500", "429", "reset", "slow", "drip", "garbage", "schema", "oversize"}
_REMEMBERED_CALLS = 10_000
_OVERSIZE_BYTES = 256 * 1024 * 1024


@dataclass
class Fault:
    mode: str
    endpoints: tuple[str, ...] = ()
    times: int | None = None
    delay_seconds: float | None = None
    after: bool = False
    member: str = ""

    def touches(self, method: str, path: str) -> bool:
        if self.times is not None and self.times <= 0:
            return False
        return not self.endpoints or any(
            path.startswith(endpoint) if endpoint.startswith("/") else f"{method} {path}".startswith(endpoint)
            for endpoint in self.endpoints
        )


@dataclass
class Call:
    """One request the sandbox received; never bodies, which hold people."""

    method: str
    path: str
    at: float
    fault: str | None = None
    status: int | None = None
    is_open: bool = True


@dataclass
class FaultBoard:
    """The faults switched on and the calls seen. Thread-safe."""

    faults: list[Fault] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def replace(self, given: Iterable[dict[str, Any]]) -> list[str]:
        """Switch these faults on instead of the former; returns what is wrong with them, in which case none changes."""
        faults = []
        for entry in given:
            mode = str(entry.get("mode"))
            if mode not in MODES or set(entry) - {"mode", "endpoints", "times", "delay_seconds", "after", "member"}:
                return [f"unknown fault {entry!r}; modes are {', '.join(sorted(MODES))}"]
            faults.append(
                Fault(
                    mode=mode,
                    endpoints=tuple(entry.get("endpoints") or ()),
                    times=entry.get("times"),
                    delay_seconds=None if entry.get("delay_seconds") is None else float(entry["delay_seconds"]),
                    after=bool(entry.get("after")),
                    member=str(entry.get("member") or ""),
                )
            )
        with self._lock:
            self.faults = faults
        return []

    def clear(self) -> None:
        with self._lock:
            for call in self.calls:  # one whose caller has given up may still be dripping
                call.is_open = False
            self.faults, self.calls, self.in_flight, self.most_in_flight = [], [], 0, 0

    def take(self, method: str, path: str) -> Fault | None:
        """The fault this request meets, counted down."""
        with self._lock:
            for fault in self.faults:
                if fault.mode not in _BEHAVIORS and fault.touches(method, path):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def has(self, behavior: str) -> bool:
        """Whether a behavior of the handlers is switched on."""
        with self._lock:
            return any(fault.mode == behavior for fault in self.faults)

    def refused_members(self) -> list[str]:
        """The filter members that are refused now, as dotted paths."""
        with self._lock:
            return [fault.member for fault in self.faults if fault.mode == "refuse_member"]

    def enter(self, call: Call) -> None:
        with self._lock:
            self.calls = [*self.calls[-_REMEMBERED_CALLS + 1 :], call]
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def leave(self, call: Call) -> None:
        with self._lock:
            self.in_flight -= call.is_open
            call.is_open = False

    def report(self) -> dict[str, Any]:
        with self._lock:
            return {"calls": [asdict(call) for call in self.calls], "most_in_flight": self.most_in_flight}


@dataclass
class Moods:
    """The vendor's own misbehavior: about one read in forty fails, one in sixty is throttled, one creation in twenty
    takes effect but answers 500; more than 40 calls at once and 20 a second are throttled."""

    enabled: bool
    rate_per_second: float = 20.0
    burst: float = 40.0
    _counts: dict[str, int] = field(default_factory=dict)
    _tokens: float = 40.0
    _refilled_at: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Start the moods over."""
        with self._lock:
            self._counts.clear()
            self._tokens = self.burst

    def fault(self, method: str, path: str) -> Fault | None:
        """Follows from how many requests of this kind came before, so the same run meets the same moods."""
        if not self.enabled:
            return None
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self.burst, self._tokens + (now - self._refilled_at) * self.rate_per_second)
            self._refilled_at = now
            if self._tokens < 1:
                return Fault("429", delay_seconds=1)
            self._tokens -= 1
            kind = "read" if method == "GET" or path.startswith("/audiences/preview") else f"{method} {path}"
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
        if kind == "read":
            return Fault("500") if count % 40 == 17 else Fault("429", delay_seconds=1) if count % 60 == 29 else None
        return Fault("500", after=True) if kind == "POST /audiences" and count % 20 == 7 else None


class FaultyProvider:
    """ASGI middleware: notes every call and lets faults and moods get between the handlers and the caller."""

    def __init__(self, app: ASGIApp, *, board: FaultBoard, moods: Moods) -> None:
        self._app = app
        self._board = board
        self._moods = moods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path.startswith("/_"):
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        fault = self._board.take(method, path) or self._moods.fault(method, path)
        call = Call(method, path, time.time(), fault.mode if fault else None)
        self._board.enter(call)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
            elif not message.get("more_body"):
                self._board.leave(call)  # before the last byte: the caller may send its next request right after it
            await send(message)

        try:
            if fault is None:
                await self._app(scope, receive, noting)
            else:
                await self._misbehave(fault, scope, receive, noting)
        finally:
            self._board.leave(call)

    async def _misbehave(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.mode == "slow":
            await anyio.sleep(fault.delay_seconds or 0.0)
            await self._app(scope, receive, send)
            return
        if fault.after:
            await self._app(scope, receive, _nowhere)
        match fault.mode:
            case "429":
                retry = str(1 if fault.delay_seconds is None else round(fault.delay_seconds)).encode()
                await _answer(send, 429, b'{"error":"rate limit exceeded"}', (b"retry-after", retry))
            case "500":
                await _answer(send, 500, b'{"error":{"code":"INTERNAL","message":"audience enqueue failed: <nil>"}}')
            case "down":
                await _answer(send, 503, b"upstream connect error or disconnect/reset before headers")
            case "garbage":
                await _answer(send, 200, b"<html><body>Bad gateway</body></html>")
            case "schema":
                await _answer(send, 200, json.dumps({"data": {"rows": 3}, "total_records": "many"}).encode())
            case "reset":
                await _start(send, 200, (b"content-length", b"4096"))
                await send({"type": "http.response.body", "body": b'{"data":[', "more_body": True})
            case "drip":
                await _drip(send, fault.delay_seconds or 0.05)
            case _:
                await _oversize(send)


async def _nowhere(_: Message) -> None:
    """Where an answer goes that the caller never sees."""


async def _start(send: Send, status: int, *headers: tuple[bytes, bytes]) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json"), *headers]}
    )


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await _start(send, status, (b"content-length", str(len(body)).encode()), *headers)
    await send({"type": "http.response.body", "body": body})


async def _drip(send: Send, pause_seconds: float) -> None:
    await _start(send, 200)
    for _ in range(400):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await anyio.sleep(pause_seconds)
    await send({"type": "http.response.body", "body": b"{}"})


async def _oversize(send: Send) -> None:
    await _start(send, 200)
    block = b" " * 1024 * 1024
    for _ in range(_OVERSIZE_BYTES // len(block)):
        await send({"type": "http.response.body", "body": block, "more_body": True})
    await send({"type": "http.response.body", "body": b"{}"})

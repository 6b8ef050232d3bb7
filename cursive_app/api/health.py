"""Health for balancers and people (D-26).

`/livez`: this process turns. `/readyz`: it can serve (database within 300 ms, schema as this code expects). `/healthz`:
all parts, looked at every 15 seconds at most; a vendor that is down is "degraded" with 200, never 503, because taking
this process out of the balancer would not heal it. The parts are shown to the platform's staff only.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from cursive_app.api.cookies import session_token
from cursive_app.errors import CursiveError
from cursive_app.services import accounts, health

router = APIRouter(include_in_schema=False)
CACHED_SECONDS = 15.0
NO_STORE = {"Cache-Control": "no-store"}


@router.get("/livez")
async def livez() -> JSONResponse:
    return JSONResponse({"status": "ok"}, headers=NO_STORE)


@router.get("/readyz")
def readyz() -> JSONResponse:
    database = health.check_database()
    status = "ok" if database.ok else "unavailable"
    return JSONResponse(
        {"status": status, "reason": database.problem} if database.problem else {"status": status},
        status_code=200 if database.ok else 503,
        headers=NO_STORE if database.ok else {**NO_STORE, "Retry-After": "2"},
    )


@router.get("/healthz")
async def healthz(request: Request) -> JSONResponse:
    report = await run_in_threadpool(_REPORT.current)
    body: dict[str, object] = {"status": report.status}
    if await run_in_threadpool(_is_staff, request):
        body["parts"] = [
            {"name": part.name, "ok": part.ok, "detail": part.problem, "milliseconds": part.milliseconds}
            for part in report.parts
        ]
    return JSONResponse(body, status_code=503 if report.status == "unavailable" else 200, headers=NO_STORE)


def _is_staff(request: Request) -> bool:
    token = session_token(request.headers.get("cookie"))
    try:
        principal = accounts.authenticate(token, touch=False) if token else None
    except CursiveError:  # without a database nobody can be recognized
        return False
    return principal is not None and principal.is_staff


@dataclass
class _Report:
    """The last report and when it was made; one thread at a time makes a new one."""

    made: health.Report | None = None
    at: float = 0.0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def current(self) -> health.Report:
        with self._lock:
            if self.made is None or time.monotonic() - self.at > CACHED_SECONDS:
                self.made, self.at = health.check_all(), time.monotonic()
            return self.made


_REPORT = _Report()

"""Whether this installation works: the database within its deadline, and the parts around it (D-26)."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cursive_app.clock import now
from cursive_app.errors import CursiveError
from cursive_app.settings import Settings, settings
from db.engine import database
from db.health import durability_problem
from db.migrate import head
from db.system import system_scope

DATABASE_SECONDS = 0.3
PART_SECONDS = 1.0
CLOCK_SEEN = timedelta(seconds=30)
NEARLY_FULL = 0.85  # of a disk: said before 90% are used (F8), while there is time to make room


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the installation. `problem` is a sentence for staff, None when it is well."""

    name: str
    problem: str | None
    milliseconds: float

    @property
    def ok(self) -> bool:
        return self.problem is None


@dataclass(frozen=True, slots=True)
class Report:
    """All parts. "unavailable" when the database is; "degraded" when something around it is."""

    parts: tuple[Part, ...]

    @property
    def status(self) -> str:
        if not self.parts[0].ok:
            return "unavailable"
        return "ok" if all(part.ok for part in self.parts) else "degraded"


class _Watchdog:
    """Runs the database check on a thread of its own, so that a database that hangs cannot hang the health route."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health")
        self._lock = threading.Lock()
        self._running: Future[str | None] | None = None

    def ask(self, check: Callable[[], str | None], seconds: float) -> str | None:
        """The check's finding, or that it took too long; a check that still hangs is not started twice."""
        with self._lock:
            if self._running is None or self._running.done():
                self._running = self._pool.submit(check)
            running = self._running
        try:
            return running.result(seconds)
        except TooSlow:
            return f"The database did not answer within {seconds * 1000:.0f} ms."


_WATCHDOG = _Watchdog()


def check_database() -> Part:
    """One round trip within 300 ms, and the schema this code was written for. Never raises."""
    started = time.perf_counter()
    problem = _WATCHDOG.ask(_database_problem, DATABASE_SECONDS)
    return Part("database", problem, _since(started))


def check_all() -> Report:
    """Look at every part, about a second at most each. Never raises."""
    config = settings()
    provider, mail = urlsplit(config.provider_base_url), urlsplit(config.mail_url)
    return Report(
        parts=(
            check_database(),
            _timed("durability", _durability_problem),
            _timed("worker", _worker_problem),
            _timed("provider", lambda: _unreachable(provider.hostname, provider.port or _port(provider.scheme))),
            _timed("mail", lambda: _unreachable(mail.hostname, mail.port or _port(mail.scheme))),
            _timed("disk", lambda: disk_problem(config)),
        )
    )


def disk_problem(config: Settings) -> str | None:
    """Which of the folders this process writes to lies on a disk that is nearly full; None when none does (F8).

    They are the data folder (an embedded Postgres keeps its data there) and the one uploads pass through.
    """
    for name, folder in (("data", config.data_dir), ("uploads", config.spool_dir)):
        there = next((one for one in (folder, *folder.parents) if one.exists()), Path("/"))
        try:
            _, taken, free = shutil.disk_usage(there)
        except OSError:
            return f"The disk of the folder for {name} cannot be read."
        used = taken / max(taken + free, 1)
        if used >= NEARLY_FULL:
            return (
                f"The disk of the folder for {name} is {used:.0%} full, {free / 1e9:,.1f} GB are free: make room, "
                "or soon nothing can be written."
            )
    return None


@lru_cache(maxsize=1)
def _expected_revision() -> str:
    return head()


def _database_problem() -> str | None:
    try:
        with system_scope() as scope:
            revision = scope.session.scalar(text("SELECT version_num FROM alembic_version"))
    except (CursiveError, SQLAlchemyError):
        return "The database is out of reach or has no schema."
    if revision != _expected_revision():
        return f"The schema is at {revision}; this release needs {_expected_revision()}."
    return None


def _durability_problem() -> str | None:
    try:
        with database().app.connect() as own, database().system.connect() as whole:
            return durability_problem(own) or durability_problem(whole)
    except (CursiveError, SQLAlchemyError):
        return "Not known while the database is out of reach."


def _worker_problem() -> str | None:
    try:
        with system_scope() as scope:
            seen: datetime | None = scope.session.scalar(text("SELECT max(seen_at) FROM clock_leaders"))
    except (CursiveError, SQLAlchemyError):
        return "Not known while the database is out of reach."
    if seen is None or now() - seen > CLOCK_SEEN:
        return "No worker keeps the clock; jobs wait until one runs."
    return None


def _unreachable(host: str | None, port: int) -> str | None:
    try:
        with socket.create_connection((host or "localhost", port), timeout=PART_SECONDS):
            return None
    except OSError as error:
        return f"It does not answer at port {port} ({error.strerror or 'no answer in time'})."


def _port(scheme: str) -> int:
    return {"https": 443, "http": 80, "smtps": 465}.get(scheme, 25)


def _timed(name: str, check: Callable[[], str | None]) -> Part:
    started = time.perf_counter()
    return Part(name, check(), _since(started))


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)

"""This process, as other processes can see it: alive as long as its own connection holds an advisory lock.

The lock goes with the connection, and the connection with the process, also by kill -9: whoever finds the lock free
knows at once that nobody is left to finish what was begun. A connection that breaks under a living process is opened
again in moments, with the same lock.
"""

from __future__ import annotations

import os
import secrets
import select
import threading
from uuid import UUID, uuid4

import psycopg
import structlog
from sqlalchemy import func
from sqlalchemy import select as sql_select
from sqlalchemy.orm import Session

from db.engine import LOCK_HOLDER_OPTIONS, database, psycopg_address

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS = 1.0
RETRY_SECONDS = 0.2
# RFC 9562's version for one's own layout; uuid4 stays the token of a process that could not show itself.
_VERSION, _VARIANT = 8, 0b10
_UPPER, _LOWER = 64, 62


class Presence:
    """The lock of one process, kept by a thread of its own. Nothing here raises."""

    def __init__(self, url: str) -> None:
        self.pid = os.getpid()
        self.url = url
        bits = secrets.randbits(_UPPER)
        self._half = bits & ~(0xF << 12) | _VERSION << 12
        self._is_held = threading.Event()
        threading.Thread(target=self._keep, name="presence", daemon=True).start()

    def token(self) -> UUID:
        """A new token that names this process; a random one while the lock is out of reach."""
        if not self._is_held.wait(FIRST_WAIT_SECONDS):
            return uuid4()
        return UUID(int=self._half << _UPPER | _VARIANT << _LOWER | secrets.randbits(_LOWER))

    def _keep(self) -> None:
        pause = threading.Event()
        while True:
            try:
                with psycopg.connect(
                    self.url, autocommit=True, connect_timeout=5, options=LOCK_HOLDER_OPTIONS, tcp_user_timeout=10_000
                ) as connection:
                    connection.execute("SELECT pg_advisory_lock(%s)", (_lock_number(self._half),))
                    self._is_held.set()
                    while True:  # the server has nothing to say on this connection but that it ends
                        select.select([connection.fileno()], [], [])
                        connection.execute("SELECT 1")
            except psycopg.Error as error:
                if self._is_held.is_set():
                    log.warning("presence.connection_lost", error=type(error).__name__)
            finally:
                self._is_held.clear()
            pause.wait(RETRY_SECONDS)


_lock = threading.Lock()
_current: Presence | None = None


def new_token() -> UUID:
    """A token for something that this process begins now and has to end itself."""
    global _current
    url = psycopg_address(database().app.url)
    with _lock:
        if _current is None or (_current.pid, _current.url) != (os.getpid(), url):
            _current = Presence(url)
        value = _current
    return value.token()


def is_gone(session: Session, token: UUID) -> bool:
    """Whether the process that made the token is known to have ended. Of a random token nothing is known."""
    if token.version != _VERSION:
        return False
    number = _lock_number(token.int >> _UPPER)
    return bool(session.scalar(sql_select(func.pg_try_advisory_xact_lock_shared(number))))


def _lock_number(half: int) -> int:
    """The upper half of a token as the signed number that Postgres locks."""
    return half - (1 << _UPPER) if half >> (_UPPER - 1) else half

"""Which worker runs the clock: the one whose own connection holds an advisory lock.

The lock lives exactly as long as the connection, so a killed leader frees it at once. A leader that was only frozen
keeps it; when it has not been seen for SILENT_AFTER, whoever asks next ends that connection and takes its place.
"""

from __future__ import annotations

from datetime import timedelta

import psycopg
import structlog
from psycopg import Connection

from cursive_app.settings import Settings
from db.engine import LOCK_HOLDER_OPTIONS, psycopg_address, role_url
from db.roles import SYSTEM_ROLE

log = structlog.get_logger(__name__)

LOCK_CLASS = 0x637572  # any number that nothing else in this database uses
SILENT_AFTER = timedelta(seconds=20)
_END_SILENT = """
    SELECT pg_terminate_backend(held.pid, 2000)
      FROM pg_locks AS held, clock_leaders AS leader
     WHERE held.locktype = 'advisory' AND held.granted AND held.classid = %s AND held.objid = hashtext(%s)::oid
       AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND leader.name = %s AND leader.seen_at < now() - %s
"""


class Leadership:
    """One candidate. Its methods raise nothing: a database out of reach means not leading."""

    def __init__(self, config: Settings, *, worker: str, name: str = "clock") -> None:
        self._url = psycopg_address(role_url(config, SYSTEM_ROLE))
        self._worker = worker
        self._name = name
        self._connection: Connection | None = None

    def lead(self) -> bool:
        """Become the leader if nobody is, or confirm that this candidate still is."""
        try:
            if self._connection is None:
                return self._try()
            return self._confirm(self._connection)
        except psycopg.Error as error:
            log.warning("clock.connection_lost", error=type(error).__name__)
            self.resign()
            return False

    def resign(self) -> None:
        """Give up the lock (it ends with the connection)."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _try(self) -> bool:
        connection = psycopg.connect(
            self._url, autocommit=True, connect_timeout=5, options=LOCK_HOLDER_OPTIONS, tcp_user_timeout=10_000
        )
        won = False
        try:
            won = self._lock(connection) or (self._end_silent_leader(connection) and self._lock(connection))
            if won:
                connection.execute(
                    "INSERT INTO clock_leaders (name, worker, since, seen_at) VALUES (%s, %s, now(), now()) "
                    "ON CONFLICT (name) DO UPDATE SET worker = excluded.worker, since = now(), seen_at = now()",
                    (self._name, self._worker),
                )
                self._connection = connection
        finally:
            if not won:
                connection.close()
        return won

    def _lock(self, connection: Connection) -> bool:
        row = connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (LOCK_CLASS, self._name)).fetchone()
        return bool(row and row[0])

    def _confirm(self, connection: Connection) -> bool:
        updated = connection.execute(
            "UPDATE clock_leaders SET seen_at = now() WHERE name = %s AND worker = %s", (self._name, self._worker)
        )
        if updated.rowcount == 0:
            self.resign()
        return updated.rowcount == 1

    def _end_silent_leader(self, connection: Connection) -> bool:
        ended = connection.execute(_END_SILENT, (LOCK_CLASS, self._name, self._name, SILENT_AFTER)).fetchall()
        if ended:
            log.warning("clock.silent_leader_ended")
        return bool(ended)

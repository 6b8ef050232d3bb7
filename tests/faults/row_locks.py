"""Rows of the database that a test holds, so that whoever wants to write one stands still inside a transaction."""

from __future__ import annotations

from contextlib import ExitStack
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Identifier

from cursive_app.settings import settings
from db.embedded import socket_url


class HeldRows:
    """Row locks of connections of our own, until `release`."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def hold(self, table: str, row_id: UUID) -> None:
        holder = self._stack.enter_context(psycopg.connect(socket_url(settings().data_dir)))
        statement = SQL("SELECT FROM {} WHERE id = %s FOR NO KEY UPDATE").format(Identifier(table))
        holder.execute(statement, (row_id,))

    def hold_unclaimed(self, job_id: UUID) -> bool:
        """Hold a job that no worker has claimed yet. Returns False, holding nothing, when one was quicker."""
        holder = psycopg.connect(socket_url(settings().data_dir))
        unclaimed = "SELECT FROM jobs WHERE id = %s AND status = 'pending' FOR NO KEY UPDATE"
        if holder.execute(unclaimed, (job_id,)).rowcount:
            self._stack.enter_context(holder)
            return True
        holder.close()
        return False

    def release(self) -> None:
        self._stack.close()


def waiting_for_rows() -> int:
    """How many of the product's connections stand in front of a held row."""
    with psycopg.connect(socket_url(settings().data_dir)) as owner:
        found = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename LIKE 'cursive_%'"
        ).fetchone()
    return found[0] if found else 0

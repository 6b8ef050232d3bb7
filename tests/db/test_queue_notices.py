"""How workers are woken: a notification takes a lock that all commits of the server share, so nothing sends many."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from cursive_app.settings import Settings
from db.embedded import socket_url
from db.engine import Database
from db.system import system_scope

ANY, QUEUE = "procrastinate_any_queue_v1", "procrastinate_queue_v1#default"
OVER = "over"


@pytest.fixture
def listener(database: Database, config: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(socket_url(config.data_dir), autocommit=True) as connection:
        for channel in (ANY, QUEUE):
            connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
        yield connection
    with system_scope() as scope:
        scope.session.execute(text("DELETE FROM procrastinate_jobs WHERE task_name = 'trial.notices'"))


def heard(listener: psycopg.Connection) -> list[tuple[str, str]]:
    """What was said until now: channel and type of each notification."""
    listener.execute("SELECT pg_notify(%s, %s)", (ANY, OVER))
    found = []
    for notice in listener.notifies(timeout=30):
        if notice.payload == OVER:
            return found
        found.append((notice.channel, json.loads(notice.payload)["type"]))
    raise AssertionError("nothing more came")


def test_a_transaction_that_defers_many_tasks_wakes_workers_once(listener: psycopg.Connection) -> None:
    with system_scope() as scope:
        for _ in range(20):
            scope.defer("trial.notices", queue="default")
    assert sorted(heard(listener)) == [(ANY, "job_inserted"), (QUEUE, "job_inserted")]


def test_a_transaction_that_defers_nothing_wakes_nobody(listener: psycopg.Connection) -> None:
    with system_scope() as scope:
        scope.session.execute(text("SELECT 1"))
    assert heard(listener) == []


def test_tables_that_churn_are_cleaned_early(listener: psycopg.Connection) -> None:
    for table in ("jobs", "procrastinate_jobs", "procrastinate_workers"):
        row = listener.execute("SELECT reloptions FROM pg_class WHERE oid = %s::regclass", (table,)).fetchone()
        assert row is not None
        assert "autovacuum_vacuum_scale_factor=0.01" in (row[0] or []), table

"""Who lives and who does not, as other processes see it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from time import monotonic, sleep
from uuid import UUID, uuid4

import psycopg

from cursive_app.settings import ROOT, settings
from db import presence
from db.embedded import socket_url
from db.engine import Database
from db.system import system_scope

PROGRAM = """
from db import presence
print(presence.new_token(), flush=True)
input()
"""
HOLDERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock' AND objsubid = 1"


def gone(token: UUID) -> bool:
    with system_scope() as scope:
        return presence.is_gone(scope.session, token)


def soon(condition: Callable[[], bool]) -> bool:
    deadline = monotonic() + 20
    while not condition():
        if monotonic() > deadline:
            return False
        sleep(0.02)
    return True


def test_a_process_is_gone_when_it_was_killed_and_not_before(database: Database) -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        token = UUID(other.stdout.readline().strip())
        assert not gone(token)
        other.kill()
    assert soon(lambda: gone(token))


def test_a_living_process_that_loses_its_connection_is_there_again(database: Database) -> None:
    token = presence.new_token()
    assert token.version == 8
    assert token != presence.new_token()
    assert not gone(token)
    with psycopg.connect(socket_url(settings().data_dir), autocommit=True) as owner:

        def holders() -> set[int]:
            return {row[0] for row in owner.execute(HOLDERS)}

        before = holders()
        for pid in before:
            owner.execute("SELECT pg_terminate_backend(%s)", (pid,))
        assert soon(lambda: bool(holders() - before))
    assert not gone(token)
    assert presence.new_token().int >> 64 == token.int >> 64


def test_of_a_random_token_nothing_is_known(database: Database) -> None:
    assert not gone(uuid4())


def test_a_process_without_a_database_makes_random_tokens() -> None:
    assert presence.Presence("postgresql://nobody@/nothing?host=/nonexistent").token().version == 4

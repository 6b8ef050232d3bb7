"""P2 and F4: whatever was acknowledged survives kill -9 of the whole database, and the pool finds its way back."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from cursive_app.errors import Unavailable
from cursive_app.services import credits
from cursive_app.settings import Settings
from db import engine as db_engine
from db.embedded import SAFE, EmbeddedPostgres
from db.engine import connect
from db.migrate import migrate
from db.models.credits import CreditLine
from db.system import system_scope
from tests.factories import make_cast

pytestmark = pytest.mark.faults
WRITERS = 4


@pytest.fixture
def crashing(tmp_path: Path, config: Settings) -> Iterator[EmbeddedPostgres]:
    """A server of its own with the durable settings that production uses."""
    server = EmbeddedPostgres(tmp_path, dict(SAFE))
    server.start()
    own = config.model_copy(update={"database_url": type(config.secret_key)(server.url), "data_dir": tmp_path})
    migrate(own)
    database = connect(own)
    former = db_engine.use(database)
    yield server
    db_engine.use(former)
    database.dispose()
    server.stop()


def kill_whole_server(server: EmbeddedPostgres) -> None:
    """kill -9 of the postmaster and all its children at once."""
    pid = server.pid()
    assert pid is not None
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for victim in (pid, *children):
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
    assert server.process is not None
    server.process.wait(10)
    server.process = None


def test_no_acknowledged_debit_is_lost(crashing: EmbeddedPostgres, trials: Callable[[int, int], int]) -> None:
    cast = make_cast()
    with system_scope() as scope:
        credits.grant(
            scope, workspace_id=cast.workspace_id, amount=Decimal(1_000_000), key="grant", description="Test credits"
        )
    acknowledged: set[str] = set()
    asked: set[str] = set()
    stop = threading.Event()

    def write(writer: int) -> None:
        number = 0
        while not stop.is_set():
            key = f"spend:{writer}:{number}"
            asked.add(key)
            try:
                with cast.alice.begin() as scope:
                    credits.debit(scope, amount=Decimal(1), key=key, description="Spend")
            except Unavailable:
                time.sleep(0.01)
                continue  # the same key again: it may or may not have happened
            acknowledged.add(key)
            number += 1

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for _ in range(trials(2, 50)):
        before = len(acknowledged)
        wait_for(lambda before=before: len(acknowledged) > before + 50, 60)
        kill_whole_server(crashing)
        crashing.start()
        recovered = time.monotonic()
        at_restart = len(acknowledged)
        wait_for(lambda at_restart=at_restart: len(acknowledged) > at_restart, 30)
        assert time.monotonic() - recovered < 10, "F4: the pool must be back within ten seconds"
    stop.set()
    for thread in threads:
        thread.join(30)
    with cast.alice.begin() as scope:
        stored = set(
            scope.session.scalars(
                select(CreditLine.idempotency_key).where(scope.owned(CreditLine), CreditLine.kind == "debit")
            )
        )
        available = credits.balance(scope).available
    assert acknowledged <= stored <= asked
    assert available == 1_000_000 - len(stored)


def wait_for(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)

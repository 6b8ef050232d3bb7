"""P2 and F4: whatever was acknowledged survives kill -9 of the whole database, and the pool finds its way back."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import func, select, text

from cursive_app.errors import Unavailable
from cursive_app.services import credits
from cursive_app.settings import Settings
from db import engine as db_engine
from db.embedded import SAFE, EmbeddedPostgres
from db.engine import connect, database
from db.health import NEVER_OFF
from db.migrate import migrate
from db.models.accounts import AuditEntry
from db.models.credits import CreditLine
from db.system import system_scope
from tests.factories import make_cast, make_workspace
from tests.faults.pgbench import Clients
from tests.faults.processes import wait_until

pytestmark = pytest.mark.faults
WRITERS = 2
CLIENTS = 8
FUNDS = 10_000_000


@pytest.fixture
def crashing(data_folder: Path, config: Settings) -> Iterator[EmbeddedPostgres]:
    """A server of its own with the durable settings that production uses."""
    server = EmbeddedPostgres(data_folder, dict(SAFE))
    server.start()
    own = config.model_copy(update={"database_url": type(config.secret_key)(server.url), "data_dir": data_folder})
    migrate(own)
    connected = connect(own)
    former = db_engine.use(connected)
    yield server
    db_engine.use(former)
    connected.dispose()
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


def transactions(server: EmbeddedPostgres) -> int:
    """How many transactions have written anything, ever."""
    with psycopg.connect(server.url) as owner:
        row = owner.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    assert row is not None
    return row[0]


def test_writes_wait_for_the_disk_as_both_roles(crashing: EmbeddedPostgres) -> None:
    """The clients below ask as they are: what they are told is only worth something while this holds."""
    for engine in (database().app, database().system):
        with engine.connect() as connection:
            for name in NEVER_OFF:
                assert connection.scalar(text(f"SHOW {name}")) == "on", (engine.url.username, name)


class Spenders:
    """Threads that spend one credit after the other through the service, and ask again when the answer is missing."""

    def __init__(self) -> None:
        self.tenant = make_cast().alice
        with system_scope() as scope:
            credits.grant(
                scope, workspace_id=self.tenant.workspace_id, amount=Decimal(FUNDS), key="grant", description="Trial"
            )
        self.acknowledged: set[str] = set()
        self.asked: set[str] = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._spend, args=(writer,)) for writer in range(WRITERS)]
        for thread in self._threads:
            thread.start()

    def _spend(self, writer: int) -> None:
        number = 0
        while not self._stop.is_set():
            key = f"spend:{writer}:{number}"
            self.asked.add(key)
            try:
                with self.tenant.begin() as scope:
                    credits.debit(scope, amount=Decimal(1), key=key, description="Spend")
            except Unavailable:
                time.sleep(0.01)
                continue  # the same key again: it may or may not have happened
            self.acknowledged.add(key)
            number += 1

    def assert_go_on(self) -> None:
        before, began = len(self.acknowledged), time.monotonic()
        wait_until(lambda: len(self.acknowledged) > before, seconds=30, what="spending to go on")
        assert time.monotonic() - began < 10, "F4: the pool must be back within ten seconds"

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def assert_nothing_is_lost(self) -> None:
        with self.tenant.begin() as scope:
            debits = select(CreditLine.idempotency_key).where(scope.owned(CreditLine), CreditLine.kind == "debit")
            stored = scope.session.scalars(debits).all()
            available = credits.balance(scope).available
        assert len(stored) == len(set(stored))
        assert self.acknowledged <= set(stored) <= self.asked
        assert available == FUNDS - len(stored)


def test_nothing_acknowledged_is_lost(
    crashing: EmbeddedPostgres, tmp_path: Path, trials: Callable[[int, int], int], tell: Callable[[str], None]
) -> None:
    """Two threads spend credits, eight clients write as fast as they can, and the server is killed again and again."""
    kills = acks = 0
    a_round = trials(300, 10_300)  # transactions; not each of them is acknowledged
    spenders = Spenders()
    try:
        for number in range(trials(20, 200)):
            workspace_id = make_workspace()
            goal = transactions(crashing) + a_round
            clients = Clients(tmp_path, workspace_id=workspace_id, name=f"round-{number}", clients=CLIENTS)
            wait_until(lambda: transactions(crashing) >= goal, seconds=900, what="writes")  # noqa: B023
            kill_whole_server(crashing)
            acknowledged = clients.acknowledged()
            crashing.start()
            spenders.assert_go_on()
            assert credits.prove().holds, "P1: the ledger does not add up after a kill"
            assert_all_are_there(workspace_id, acknowledged)
            kills, acks = kills + 1, acks + acknowledged.total()
    finally:
        spenders.stop()
        tell(f"{acks + len(spenders.acknowledged):,} acknowledged writes in {kills} kills of Postgres")
    spenders.assert_nothing_is_lost()
    assert acks + len(spenders.acknowledged) >= trials(5_000, 2_000_000), "too little was acknowledged to prove P2"


def assert_all_are_there(workspace_id: UUID, acknowledged: Counter[int]) -> None:
    """Of every client what it was told, and at most the one write more whose answer was lost."""
    client = func.split_part(AuditEntry.object_id, "/", 1)
    written = (
        select(client, func.count(), func.count(func.distinct(AuditEntry.object_id)))
        .where(AuditEntry.workspace_id == workspace_id, AuditEntry.action == "trial.ack")
        .group_by(client)
    )
    with system_scope() as scope:
        stored = {int(row[0]): (row[1], row[2]) for row in scope.session.execute(written)}
    for number, told in acknowledged.items():
        rows, distinct = stored[number]
        assert distinct == rows
        assert told <= rows <= told + 1, f"client {number} was told {told}, {rows} are there"

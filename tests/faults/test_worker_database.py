"""F4, F11: Postgres stops or crashes under a running worker. The worker stays, reconnects, every chunk counts once."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cursive_app.errors import Unavailable
from cursive_app.settings import Settings
from db import engine as db_engine
from db.embedded import SAFE, EmbeddedPostgres
from db.engine import connect
from db.migrate import migrate
from tests.factories import Cast, make_cast
from tests.faults.processes import Process, wait_until
from tests.faults.test_worker import WORKER, assert_once, completed, processed, start_job

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]


@pytest.fixture
def own_postgres(data_folder: Path, config: Settings) -> Iterator[EmbeddedPostgres]:
    """A durable server of this test alone, so that stopping it disturbs nobody."""
    server = EmbeddedPostgres(data_folder, SAFE)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_cast(own_postgres: EmbeddedPostgres, config: Settings) -> Iterator[Cast]:
    own = config.model_copy(update={"database_url": type(config.secret_key)(own_postgres.url)})
    migrate(own)
    value = connect(own)
    former = db_engine.use(value)
    yield make_cast()
    db_engine.use(former)
    value.dispose()


@pytest.mark.parametrize("fault", ["stopped", "crashed"])
def test_a_worker_outlives_its_database(
    spawn: Spawn, own_postgres: EmbeddedPostgres, own_cast: Cast, trials: Trials, fault: str
) -> None:
    chance = random.Random(20260101)
    worker = spawn(WORKER, DATABASE_URL=own_postgres.url)
    for _ in range(trials(1, 10)):
        job_id = start_job(own_cast.alice, chunks=60, pace=0.05)
        reached = chance.randint(2, 30)
        wait_until(lambda: processed(job_id) >= reached, seconds=40, what="the first chunks")  # noqa: B023
        if fault == "stopped":
            own_postgres.stop()
        else:
            crash(own_postgres)
        own_postgres.start()
        wait_until(lambda: finished(job_id), seconds=75, what="the end of the job")  # noqa: B023
        assert worker.is_alive
        assert_once(own_cast.alice, job_id, 60)


def crash(server: EmbeddedPostgres) -> None:
    """kill -9 the postmaster; its children follow by themselves."""
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    if server.process is not None:
        server.process.wait(10)
        server.process = None


def finished(job_id: object) -> bool:
    try:
        return completed(job_id)  # type: ignore[arg-type]
    except Unavailable:  # the pool notices the restart on its first use
        return False

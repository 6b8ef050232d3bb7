"""P2: a server that may lose what it confirmed is named, for whichever of our two roles it does so."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from cursive_app import doctor
from cursive_app.services import health
from cursive_app.settings import Settings
from db import engine as db_engine
from db.embedded import DATABASE, SAFE, EmbeddedPostgres
from db.engine import Database, connect
from db.health import examine
from db.migrate import migrate
from db.roles import APP_ROLE, SYSTEM_ROLE


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server with the durable settings of production: the one of the other tests is fast and forgets."""
    with tempfile.TemporaryDirectory(prefix="cursive-test-", ignore_cleanup_errors=True) as folder:
        value = EmbeddedPostgres(Path(folder), dict(SAFE))
        value.start()
        yield value
        value.stop()


@pytest.fixture
def own(server: EmbeddedPostgres, config: Settings) -> Iterator[Settings]:
    """Settings of that server, which this process uses meanwhile."""
    value = config.model_copy(update={"database_url": SecretStr(server.url), "data_dir": server.data_dir})
    migrate(value)
    database = connect(value)
    former = db_engine.use(database)
    yield value
    db_engine.use(former)
    database.dispose()


def durability(own: Settings) -> tuple[doctor.Check, health.Part]:
    """What `cursive doctor` and /healthz say of it."""
    check = next(found for found in doctor.run_checks(own) if found.name == "durability")
    return check, next(part for part in health.check_all().parts if part.name == "durability")


def test_the_durable_settings_are_well(own: Settings) -> None:
    check, part = durability(own)
    assert (check.ok, part.problem) == (True, None)


@pytest.mark.parametrize("where", [f"ROLE {APP_ROLE}", f"ROLE {SYSTEM_ROLE}", f"DATABASE {DATABASE}"])
def test_commits_that_do_not_wait_for_the_disk_are_named(where: str, own: Settings, server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url, autocommit=True) as owner:
        owner.execute(f"ALTER {where} SET synchronous_commit = off".encode())
    try:
        check, part = durability(own)
    finally:
        with psycopg.connect(server.url, autocommit=True) as owner:
            owner.execute(f"ALTER {where} RESET synchronous_commit".encode())
    assert check.ok is False, "this alone ends `cursive doctor` with 1 in production"
    assert part.problem == check.detail
    assert check.detail.startswith("synchronous_commit is off: a crash would take back spends")


def test_a_server_that_does_not_wait_for_its_disk_is_named(database: Database, config: Settings) -> None:
    assert (examine(config).durability or "").startswith("synchronous_commit and fsync are off")

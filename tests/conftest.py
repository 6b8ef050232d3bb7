"""One throw-away Postgres per test process, the real schema, and the cast: Alice owns, Bob is on her team, Charlie must
see nothing. Tests make their own workspaces and never clean up: tenancy itself keeps them apart."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("CURSIVE_ENV", "test")
os.environ.setdefault("REFLEX_TELEMETRY_ENABLED", "false")
os.environ.setdefault("REFLEX_CHECK_LATEST_VERSION", "false")
_DATA = Path(tempfile.mkdtemp(prefix="cursive-test-"))
os.environ["DATA_DIR"] = str(_DATA)
for name in ("DATABASE_URL", "DATABASE_APP_URL", "DATABASE_SYSTEM_URL", "REDIS_URL", "SMTP_URL", "AUDIENCELAB_API_KEY"):
    os.environ.pop(name, None)

import hypothesis  # noqa: E402  (the environment above must be set before anything reads settings)
import pytest  # noqa: E402
from sqlalchemy import create_engine  # noqa: E402

from cursive_app.settings import Settings, settings  # noqa: E402
from db import engine as db_engine  # noqa: E402
from db.embedded import THROWAWAY, EmbeddedPostgres  # noqa: E402
from db.engine import Database, connect  # noqa: E402
from db.migrate import migrate  # noqa: E402
from tests.factories import Cast, make_cast  # noqa: E402

# Two workers share two cores: how long an example took says nothing about the code.
hypothesis.settings.register_profile(
    "shared-cores", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared-cores")
_NOWHERE = create_engine("postgresql+psycopg://nobody@/?host=/nowhere")
NO_DATABASE = Database(app=_NOWHERE, system=_NOWHERE)
FIRST = ("e2e", "faults", "flows")  # the longest tests by folder, so that none of them stands alone at the end


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    order = {tests / name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.parent, len(order)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server of this test process."""
    server = EmbeddedPostgres(_DATA, THROWAWAY)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(_DATA, ignore_errors=True)


@pytest.fixture(scope="session")
def config(postgres: EmbeddedPostgres) -> Settings:
    """Settings that point at the test server."""
    os.environ["DATABASE_URL"] = postgres.url
    settings.cache_clear()
    return settings()


@pytest.fixture(scope="session")
def database(config: Settings) -> Iterator[Database]:
    """The migrated database, reached as the restricted and the system role."""
    migrate(config)
    value = connect(config)
    db_engine.use(value)
    yield value
    db_engine.use(None)
    value.dispose()


@pytest.fixture(autouse=True)
def _no_database_unasked(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that does not ask for the database has none: else the order of tests would decide whether it passes."""
    if "database" in request.fixturenames or request.path.parent.name in FIRST:
        yield
        return
    former = db_engine.use(NO_DATABASE)
    yield
    db_engine.use(former)


@pytest.fixture
def cast(database: Database) -> Cast:
    """A fresh Alice, Bob and Charlie in fresh workspaces."""
    return make_cast()

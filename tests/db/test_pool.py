"""A connection that goes from one workspace to the next remembers nothing, however the last use of it ended (T8)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError

from cursive_app.errors import CursiveError, Unavailable
from cursive_app.settings import Settings
from db import engine as db_engine
from db.engine import Database, _send_opening, make_engine, opened_with, psycopg_address, role_url
from db.models.jobs import Job
from db.roles import APP_ROLE
from db.scope import Scope, Tenant, _translate
from state.base import run_in_thread
from tests.factories import Cast

REQUESTS = 1_000
CANCELLED = 300
OWN = text("SELECT current_setting('app.workspace_id', true)")


@pytest.fixture
def narrow(config: Settings, database: Database) -> Iterator[Database]:
    """The same database through two connections."""
    two = make_engine(role_url(config, APP_ROLE), pool_size=2, deadlines={"statement_timeout": "5s"})
    value = Database(app=two, system=database.system)
    db_engine.use(value)
    yield value
    db_engine.use(database)
    two.dispose()


def _fail(scope: Scope) -> None:
    raise ZeroDivisionError


def _time_out(scope: Scope) -> None:
    scope.session.execute(text("SET LOCAL statement_timeout = '1ms'"))
    scope.session.execute(text("SELECT pg_sleep(1)"))


def _step_back(scope: Scope) -> None:
    with scope.session.begin_nested() as step:
        scope.session.execute(text("UPDATE jobs SET title = title"))
        step.rollback()


def _break(scope: Scope) -> None:
    scope.session.execute(text("SELECT 1 / 0"))


def _die(scope: Scope) -> None:
    scope.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def _cancel(scope: Scope) -> None:
    """As when the task that waits for this is cancelled: no Exception, so whoever tidies up after those misses it."""
    raise asyncio.CancelledError


ENDINGS = {"well": lambda scope: None, "raises": _fail, "times out": _time_out, "savepoint": _step_back,
           "sql error": _break, "cut": _die, "cancelled": _cancel}  # fmt: skip


def test_a_thousand_requests_over_two_connections_never_mix(narrow: Database, cast: Cast) -> None:
    tenants = (cast.alice, cast.charlie)
    for tenant in tenants:
        with tenant.begin() as scope:
            scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
    plan = random.Random(8)
    kinds = ["well"] * 12 + ["raises", "savepoint", "sql error", "cancelled"] * 2 + ["times out"]

    def request(number: int) -> str:
        kind = "cut" if number % 100 == 99 else plan.choice(kinds)
        if number % 5 == 0:
            return _nobody(narrow)
        return _somebody(tenants[number % 2], kind)

    with ThreadPoolExecutor(2) as pool:
        seen = Counter(pool.map(request, range(REQUESTS)))
    assert seen["foreign"] == 0
    assert seen["own"] + seen["nobody"] > REQUESTS * 0.95
    assert set(seen) <= {"own", "nobody", "unavailable"}
    assert seen["nobody"] > 100


def _somebody(tenant: Tenant, kind: str) -> str:
    found = "unavailable"
    try:
        with tenant.begin() as scope:
            rows = set(scope.session.scalars(select(Job.workspace_id)))
            setting = scope.session.scalar(OWN)
            found = "own" if (rows, setting) == ({tenant.workspace_id}, str(tenant.workspace_id)) else "foreign"
            ENDINGS[kind](scope)
    except (CursiveError, ZeroDivisionError, DBAPIError, asyncio.CancelledError):
        pass
    return found


async def test_events_that_are_cancelled_while_they_wait_leave_nothing_behind(narrow: Database, cast: Cast) -> None:
    """A newer event of the same tab cancels an older one whose transaction is under way on a thread."""
    tenants = (cast.alice, cast.charlie)
    for tenant in tenants:
        with tenant.begin() as scope:
            scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
    plan, seen = random.Random(8), Counter[str]()

    def work(tenant: Tenant, kind: str) -> None:
        seen[_somebody(tenant, kind)] += 1

    tasks = []
    for number in range(CANCELLED):
        kind = plan.choice(["well", "well", "raises", "savepoint", "sql error", "cancelled"])
        tasks.append(asyncio.create_task(run_in_thread(work, tenants[number % 2], kind)))
        await asyncio.sleep(0)  # it is on its thread, or waits for one
        if number % 3 == 0:
            tasks.pop(plan.randrange(len(tasks))).cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert seen["foreign"] == 0
    assert seen["own"] > CANCELLED // 2
    assert Counter(_nobody(narrow) for _ in range(20)) == {"nobody": 20}


def _nobody(narrow: Database) -> str:
    """A connection somebody just gave back, looked at before a workspace is set on it."""
    try:
        with narrow.app.connect() as connection:
            rows = connection.execute(text("SELECT count(*) FROM jobs")).scalar_one()
            setting = connection.scalar(OWN)
    except (DBAPIError, Unavailable):
        return "unavailable"
    return "nobody" if rows == 0 and not setting else "foreign"


def test_pooled_connections_whose_server_ended_them_are_replaced_unseen(narrow: Database, cast: Cast) -> None:
    """F11: after a restart of the database every pooled connection is dead, and nobody's request pays for it."""
    held = [narrow.app.connect() for _ in range(2)]
    pids = [connection.scalar(text("SELECT pg_backend_pid()")) for connection in held]
    for connection in held:
        connection.close()
    url = psycopg_address(narrow.app.url)
    with psycopg.connect(url) as own:  # a role may end what is its own
        own.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", (pids,))
    for _ in range(3):
        with cast.alice.begin() as scope:
            scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
    with cast.alice.begin() as one, cast.charlie.begin() as other:
        assert len(one.session.scalars(one.select(Job)).all()) == 3
        assert not other.session.scalars(select(Job)).all()


def test_an_error_that_no_server_has_said_is_a_server_that_is_gone(narrow: Database) -> None:
    """A server that dies of a full disk while it is asked leaves one without a state, on a connection that looks well
    (seen in tests/faults/test_full_disk.py)."""
    with narrow.app.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        left = driver.pgconn.make_empty_result(ExecStatus.FATAL_ERROR)
    dying: Any = SimpleNamespace(pgconn=SimpleNamespace(exec_=lambda _: left, status=ConnStatus.OK))
    with opened_with("BEGIN"), pytest.raises(InvalidatePoolError):
        _send_opening(narrow.app, dying)
    lost = error_from_result(left)
    assert (type(lost), lost.sqlstate) == (psycopg.DatabaseError, None)
    assert isinstance(_translate(DBAPIError("SELECT 1", None, lost)), Unavailable)


def test_a_connection_begins_its_transaction_in_one_round_trip(narrow: Database, cast: Cast, tmp_path: Path) -> None:
    """What the messages on the wire say: BEGIN and the workspace's name in one text, then the query, then COMMIT."""
    with narrow.app.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with (tmp_path / "trace").open("wb") as trace:
            driver.pgconn.trace(trace.fileno())
            connection.close()
            with cast.alice.begin() as scope:
                scope.session.scalar(text("SELECT 1"))
            driver.pgconn.untrace()
    sent = [line.split("\t") for line in (tmp_path / "trace").read_text().splitlines() if "\tF\t" in line]
    trips = [fields[-1].strip() for fields in sent if fields[3] in ("Query", "Parse")]
    naming = f"BEGIN; SELECT set_config('app.workspace_id', '{cast.alice.workspace_id}', true)"
    assert trips[0] == f'"{naming}"'
    assert trips[-1] == '"COMMIT"'
    assert len(trips) == 3, trips


def test_a_server_that_vanished_from_the_network_is_noticed_in_seconds(database: Database) -> None:
    """F11: a request that waits for it must not wait for the operating system's many minutes."""
    for engine in (database.app, database.system):
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            chosen = driver.info.get_parameters()
        assert {name: chosen.get(name) for name in ("keepalives_idle", "keepalives_count", "tcp_user_timeout")} == {
            "keepalives_idle": "5", "keepalives_count": "2", "tcp_user_timeout": "10000"
        }  # fmt: skip

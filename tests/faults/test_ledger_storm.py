"""P1: a million random operations of many at once. Nothing overdrawn, doubled or lost, at every commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from cursive_app.services import credits
from cursive_app.settings import Settings
from db.embedded import socket_url
from db.engine import Database, psycopg_address, role_url
from db.roles import APP_ROLE, SYSTEM_ROLE
from tests.factories import make_workspace
from tests.factories_credits import fund, sums_of

pytestmark = pytest.mark.faults

WORKSPACES = 12
SPENDERS, FUNDERS = 6, 2
# The newest line says what both balances were after it: in any snapshot that is what the workspace says.
OFF = """
    SELECT w.id, w.credits_balance, w.credits_held, l.balance_after, l.held_after, w.credits_seq, l.seq
      FROM workspaces w
      LEFT JOIN LATERAL (SELECT * FROM credit_ledger WHERE workspace_id = w.id ORDER BY seq DESC LIMIT 1) l ON true
     WHERE w.id = ANY(%s) AND (w.credits_held < 0 OR (w.credits_balance, w.credits_held, w.credits_seq)
           IS DISTINCT FROM (l.balance_after, l.held_after, l.seq))
"""
OVERDRAWN = """
    SELECT workspace_id, seq FROM credit_ledger
     WHERE workspace_id = ANY(%s) AND (held_after < 0 OR balance_after < 0 AND kind IN ('debit', 'hold'))
"""


@pytest.fixture
def owner(database: Database, config: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(socket_url(config.data_dir), autocommit=True) as connection:
        connection.execute((Path(__file__).parent / "storm.sql").read_text())  # type: ignore[arg-type]
        yield connection
        connection.execute("DROP SCHEMA storm CASCADE")


def test_random_operations_of_many_at_once_leave_every_balance_the_sum_of_its_lines(
    owner: psycopg.Connection, config: Settings, trials: Callable[[int, int], int], tell: Callable[[str], None]
) -> None:
    workspaces = [make_workspace() for _ in range(WORKSPACES)]
    for workspace_id in workspaces:
        fund(workspace_id, 500, key="storm")
    each = trials(4_000, 1_000_000) // (SPENDERS + FUNDERS)
    over = threading.Event()

    def storm(number: int) -> tuple[int, int, int, Decimal, Decimal]:
        role = SYSTEM_ROLE if number < FUNDERS else APP_ROLE
        url = psycopg_address(role_url(config, role))
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute(
                "CALL storm.run(%s, %s, %s, %s, %s, 0, 0, 0, 0, 0)",
                (workspaces, each, f"s{number}", max(each // 50, 10), role == SYSTEM_ROLE),
            ).fetchone()
        assert row is not None
        return row[0], row[1], row[2], row[3], row[4]

    with ThreadPoolExecutor(SPENDERS + FUNDERS + 1) as pool:
        watched = pool.submit(_watch, owner, workspaces, over)
        try:
            done = list(pool.map(storm, range(SPENDERS + FUNDERS)))
        finally:
            over.set()
        snapshots = watched.result(60)
    posted, replayed, refused = (sum(one[index] for one in done) for index in range(3))
    change, held = (sum((one[index] for one in done), Decimal(0)) for index in (3, 4))
    assert posted + replayed + refused == each * (SPENDERS + FUNDERS)
    assert min(posted, replayed, refused, snapshots) > 0, "the storm must try everything"
    lines = owner.execute("SELECT count(*) FROM credit_ledger WHERE workspace_id = ANY(%s)", (workspaces,)).fetchone()
    assert lines == (posted + WORKSPACES,), "every posting is one line"
    sums = [sums_of(workspace_id) for workspace_id in workspaces]
    assert (sum(one[0] for one in sums), sum(one[1] for one in sums)) == (change + 500 * WORKSPACES, held)
    assert owner.execute(OVERDRAWN, (workspaces,)).fetchall() == []
    assert [one for one in credits.prove().differences if one.workspace_id in workspaces] == []
    tell(f"{posted + replayed + refused:,} ledger operations ({posted:,} posted, {replayed:,} replayed, {refused:,} "
         f"refused), {snapshots:,} snapshots, no difference")  # fmt: skip


def _watch(owner: psycopg.Connection, workspaces: list[UUID], over: threading.Event) -> int:
    """Look again and again while it goes on; how often.

    A CALL tells nobody what it wrote before its end, so autovacuum would not count the new lines, and the plans made
    for an empty ledger would be kept for a million of them.
    """
    count = 0
    while not over.wait(0.02):
        wrong = owner.execute(OFF, (workspaces,)).fetchall()
        assert wrong == []
        if count % 200 == 0:
            owner.execute("ANALYZE credit_ledger")
        count += 1
    return count

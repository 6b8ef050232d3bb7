"""Credit spends per second: the ledger's functions against the bare guarded UPDATE they contain, in the same run.

    .venv/bin/python -m tests.bench.ledger [--rounds 7] [--seconds 3] [--clients 16] [--pgledger FOLDER]

pgbench (prepared statements, over the socket) does the asking, so that Python does not hide the database's cost.
Rounds are interleaved; a round's ratio compares neighbors in time. Afterwards the nightly proof must hold.

`--pgledger`: a checkout of the public ledger of that name (github.com/pgr0ss/pgledger), which joins the rounds in a
database of its own: one transfer from a customer's account to a revenue account, one for each of sixteen customers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

import psycopg

from db.embedded import DATABASE, SAFE, EmbeddedPostgres, socket_url
from tests.bench.pgbench import rate

GOAL = 0.75
PARAMETERS = {**SAFE, "shared_buffers": "1GB", "max_wal_size": "8GB"}
WORKSPACE = "('00000000-0000-4000-8000-' || lpad(:n::text, 12, '0'))::uuid"
KEY = "\\set r random(1, 9000000000000000)\n"
SCRIPTS = {
    "bare guarded UPDATE": (
        f"UPDATE bench_workspaces SET credits_balance = credits_balance - 0.01 WHERE id = {WORKSPACE} "
        "AND credits_balance >= 0.01 RETURNING credits_balance;\n"
    ),
    "deduct_credits": (
        f"{KEY}SELECT success FROM deduct_credits({WORKSPACE}, 0.01, 'bench', "
        "jsonb_build_object('idempotency_key', 'k' || :client_id || '-' || :r));\n"
    ),
    "credit_spend (what services call)": (
        f"{KEY}SELECT outcome FROM credit_spend({WORKSPACE}, 'debit', 0.01, 'k' || :client_id || '-' || :r, 'bench');\n"
    ),
}


PEER = "pgledger, one transfer"
PEER_DATABASE = "pgledger"
PEER_FILES = (
    "vendor/scoville-pgsql-ulid/ulid-to-uuid.sql", "vendor/scoville-pgsql-ulid/uuid-to-ulid.sql", "pgledger.sql",
)  # fmt: skip
PEER_SCRIPT = "SELECT pgledger_create_transfer(customer, revenue, 0.01) FROM bench_accounts WHERE n = :n;\n"
PEER_ACCOUNTS = """
CREATE TABLE bench_accounts AS
SELECT n, customer.id AS customer, revenue.id AS revenue
  FROM generate_series(1, 100) AS n
  CROSS JOIN LATERAL pgledger_create_account('customer ' || n, 'USD') AS customer
  JOIN (SELECT m, account.id FROM generate_series(0, 15) AS m
         CROSS JOIN LATERAL pgledger_create_account('revenue ' || m, 'USD') AS account) AS revenue
    ON revenue.m = n % 16;
ALTER TABLE bench_accounts ADD PRIMARY KEY (n)
"""


def compare(folder: Path, data: Path, *, workspaces: int, clients: int, rounds: int, seconds: int) -> list[float]:
    """All scripts in interleaved rounds; prints medians and ratios, returns the ratios of what services call."""
    taken: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    for _ in range(rounds):
        for name, statements in SCRIPTS.items():
            url = socket_url(data, database=PEER_DATABASE if name == PEER else DATABASE)
            script = f"\\set n random(1, {workspaces})\n{statements}"
            taken[name].append(rate(folder, url, script, clients=clients, seconds=seconds))
    rows = "1 hot workspace" if workspaces == 1 else f"{workspaces} workspaces"
    bare = taken["bare guarded UPDATE"]
    print(f"\n{rows}, {clients} clients, {rounds} rounds of {seconds} s")
    if PEER in taken:
        theirs = taken[PEER]
        times = statistics.median(mine / other for mine, other in zip(taken["deduct_credits"], theirs, strict=True))
        print(f"  deduct_credits makes {times:.1f} times the transactions of pgledger")
    for name, tps in taken.items():
        ratios = [mine / limit for mine, limit in zip(tps, bare, strict=True)]
        shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
        print(f"  {name:<34} {statistics.median(tps):>8,.0f} tx/s   ratio {shown}", flush=True)
    return [mine / limit for mine, limit in zip(taken["credit_spend (what services call)"], bare, strict=True)]


def through_services(clients: int, seconds: int) -> None:
    """The same spend as a worker makes it: Python, one transaction, row-level security, 16 threads; for orientation."""
    from cursive_app.services import credits
    from db.roles import Role
    from db.scope import Tenant

    def spend(tenant: Tenant, until: float) -> int:
        count = 0
        while perf_counter() < until:
            with tenant.begin() as scope:
                credits.debit(scope, amount="0.01", key=f"py:{uuid4()}", description="bench")
            count += 1
        return count

    for workspaces in (1, 100):
        tenants = [
            Tenant(UUID(f"00000000-0000-4000-8000-{1 + n % workspaces:012}"), None, Role.OWNER) for n in range(clients)
        ]
        until = perf_counter() + seconds
        with ThreadPoolExecutor(clients) as pool:
            count = sum(pool.map(lambda tenant, until=until: spend(tenant, until), tenants))
        print(f"  {workspaces:>3} workspaces: {count / seconds:,.0f} debits/s")


def measure(folder: Path, data: Path, *, rounds: int, seconds: int, clients: int) -> int:
    """Everything, on a server that runs. Returns 0 when the goal holds in the median and the ledger is proved."""
    options: dict[str, int] = {"clients": clients, "rounds": rounds, "seconds": seconds}
    hot = compare(folder, data, workspaces=1, **options)
    compare(folder, data, workspaces=100, **options)
    print(f"\nThrough the Python services, {clients} threads")
    through_services(min(clients, 10), seconds)
    from cursive_app.services import credits

    proof = credits.prove()
    reached = statistics.median(hot)
    print(f"\nLedger of {proof.lines:,} lines: {'proved' if proof.holds else proof.differences[:5]}")
    print(f"Goal: hot workspace at least {GOAL:.0%} of the bare UPDATE; reached {reached:.0%}")
    return 0 if proof.holds and reached >= GOAL else 1


def _prepare(url: str) -> None:
    """A hundred workspaces with credits, and a twin of their table for the bare UPDATE, which leaves no line."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO workspaces (id, name, slug) "
            "SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, "
            "'Bench', 'bench-' || n FROM generate_series(1, 100) AS n"
        )
        connection.execute(
            "SELECT credit_fund(id, 'grant', 100000000, 'bench', 'For the bench') FROM workspaces ORDER BY id"
        )
        connection.execute("CREATE TABLE bench_workspaces (LIKE workspaces INCLUDING ALL) WITH (fillfactor = 50)")
        connection.execute("INSERT INTO bench_workspaces SELECT * FROM workspaces")


def _prepare_peer(data: Path, folder: Path) -> None:
    with psycopg.connect(socket_url(data), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {PEER_DATABASE}")
    with psycopg.connect(socket_url(data, database=PEER_DATABASE)) as connection:
        for name in PEER_FILES:
            connection.execute((folder / name).read_bytes())
        connection.execute(PEER_ACCOUNTS)
    SCRIPTS[PEER] = PEER_SCRIPT


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--seconds", type=int, default=3)
    arguments.add_argument("--clients", type=int, default=16)
    arguments.add_argument("--pgledger", type=Path)
    chosen = arguments.parse_args()
    data = Path(tempfile.mkdtemp(prefix="cursive-bench-"))
    server = EmbeddedPostgres(data, dict(PARAMETERS))
    try:
        server.start()
        os.environ |= {"DATABASE_URL": server.url, "DATA_DIR": str(data), "CURSIVE_ENV": "test"}
        from cursive_app.settings import settings
        from db import engine
        from db.engine import JOB_DEADLINES, connect
        from db.migrate import migrate

        migrate(settings())
        engine.use(connect(settings(), deadlines=JOB_DEADLINES))
        _prepare(server.url)
        if chosen.pgledger:
            _prepare_peer(data, chosen.pgledger)
        return measure(data, data, rounds=chosen.rounds, seconds=chosen.seconds, clients=chosen.clients)
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

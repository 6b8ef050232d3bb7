"""What row-level security costs a page of leads, against the same transaction without it, in the same run.

    .venv/bin/python -m tests.bench.tenancy [--rounds 7] [--seconds 3] [--clients 4] [--leads 100000]

pgbench (prepared statements, over the socket) reads the newest 50 leads of a random workspace among ten. "Without" is
the owner of the tables, who is under no policy, in BEGIN … COMMIT; "with" is the restricted role, whose transaction
begins and names its workspace in one round trip, as `Tenant.begin` does (pgbench prepares, so it uses a pipeline where
the service sends one text). The same page is then read through the doors of Python: a plain session of the owner, and
`Tenant.begin`. All name the workspace in the WHERE. Afterwards every look-up that pages make must be planned alike for
both: a policy must not keep an index from being used (reliability D-10).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from db.embedded import SAFE, EmbeddedPostgres
from db.roles import Role
from tests.bench.leads import LOAD
from tests.bench.pgbench import rate

GOAL = 0.80
PARAMETERS = {**SAFE, "shared_buffers": "1GB", "max_wal_size": "8GB"}
WORKSPACES = 10
ID = "('00000000-0000-4000-8000-' || lpad(:n::text, 12, '0'))"
PAGE = (
    f"SELECT id, first_name, last_name, email, created_at FROM leads WHERE workspace_id = {ID}::uuid "
    "AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 50;\n"
)
NAME = f"SELECT set_config('app.workspace_id', {ID}, true);\n"
SCRIPTS = {  # name: who asks, and what
    "without row-level security": ("owner", f"BEGIN;\n{PAGE}COMMIT;\n"),
    "without, workspace named": ("owner", f"BEGIN;\n{NAME}{PAGE}COMMIT;\n"),
    "with, named by itself": ("app", f"BEGIN;\n{NAME}{PAGE}COMMIT;\n"),
    "with row-level security": ("app", f"\\startpipeline\nBEGIN;\n{NAME}\\endpipeline\n{PAGE}COMMIT;\n"),
    "with, one round trip": ("app", f"\\startpipeline\nBEGIN;\n{NAME}{PAGE}COMMIT;\n\\endpipeline\n"),
}
LOOKUPS: dict[str, LiteralString] = {
    "newest": "deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 50",
    "by e-mail": "deleted_at IS NULL AND email_norm = 'p77@company9563.example'",
    "by profile": "deleted_at IS NULL AND linkedin_norm = 'in/p77'",
    "by phone": "deleted_at IS NULL AND phone_norm = '+15125550177'",
    "since a day": "deleted_at IS NULL AND created_at > now() - interval '1 day' ORDER BY created_at DESC LIMIT 50",
    "by seniority": "deleted_at IS NULL AND seniority = 'cxo' ORDER BY created_at DESC, id DESC LIMIT 50",
}


def compare(folder: Path, urls: dict[str, str], *, clients: int, rounds: int, seconds: int) -> float:
    """All scripts in interleaved rounds; prints medians and ratios, returns the median ratio with the policies."""
    taken: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    for _ in range(rounds):
        for name, (who, statements) in SCRIPTS.items():
            script = f"\\set n random(1, {WORKSPACES})\n{statements}"
            taken[name].append(rate(folder, urls[who], script, clients=clients, seconds=seconds))
    limit = taken["without row-level security"]
    print(f"\nThe newest 50 leads of one of {WORKSPACES} workspaces, {clients} clients, {rounds} rounds of {seconds} s")
    for name, tps in taken.items():
        ratios = [mine / bare for mine, bare in zip(tps, limit, strict=True)]
        shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
        print(f"  {name:<28} {statistics.median(tps):>8,.0f} tx/s   ratio {shown}", flush=True)
    return statistics.median(mine / bare for mine, bare in zip(taken["with row-level security"], limit, strict=True))


def through_the_doors(owner: Engine, *, rounds: int, seconds: int) -> float:
    """The page through `Tenant.begin` against a plain session of the owner; returns the median ratio of pages/s."""
    from db.scope import Tenant

    tenants = [Tenant(UUID(f"00000000-0000-4000-8000-{n:012}"), None, Role.MEMBER) for n in range(1, WORKSPACES + 1)]
    page = text(PAGE.rstrip(";\n").replace(f"{ID}::uuid", ":n"))

    def plain(tenant: Tenant) -> int:
        with Session(owner) as session, session.begin():
            return len(session.execute(page, {"n": tenant.workspace_id}).all())

    def tenanted(tenant: Tenant) -> int:
        with tenant.begin() as scope:
            return len(scope.session.execute(page, {"n": tenant.workspace_id}).all())

    ratios = []
    for _ in range(rounds):
        bare, mine = (_pages_a_second(door, tenants, seconds) for door in (plain, tenanted))
        ratios.append(mine / bare)
        print(f"  through Python: {bare:,.0f} pages/s without, {mine:,.0f} with, ratio {mine / bare:.2f}", flush=True)
    return statistics.median(ratios)


def _pages_a_second(door: Callable[[Any], int], tenants: list[Any], seconds: int) -> float:
    read, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        if door(tenants[read % WORKSPACES]) != 50:
            raise SystemExit("A page has 50 leads; the comparison is void.")
        read += 1
    return read / (time.perf_counter() - started)


def lost_plans(urls: dict[str, str]) -> list[str]:
    """The look-ups that use another index, or none, because of the policies."""
    workspace = "00000000-0000-4000-8000-000000000001"
    lost: list[str] = []
    with psycopg.connect(urls["owner"]) as owner, psycopg.connect(urls["app"]) as app:
        app.execute("SELECT set_config('app.workspace_id', %s, true)", (workspace,))
        for name, condition in LOOKUPS.items():
            statement: Any = f"EXPLAIN (FORMAT JSON) SELECT * FROM leads WHERE workspace_id = %s AND {condition}"
            plans = [_indexes(side.execute(statement, (workspace,)).fetchone()) for side in (owner, app)]
            print(f"  {name:<14} {', '.join(plans[1]) or 'no index'}")
            if plans[0] != plans[1] or not plans[1]:
                lost.append(name)
    return lost


def _indexes(row: Any) -> list[str]:
    found: list[str] = []

    def walk(node: dict[str, Any]) -> None:
        if name := node.get("Index Name"):
            found.append(name)
        for child in node.get("Plans", ()):
            walk(child)

    walk(row[0][0]["Plan"])
    return found


def _prepare(url: str, leads: int) -> None:
    owner = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for number in range(1, WORKSPACES + 1):
            workspace = f"00000000-0000-4000-8000-{number:012}"
            values = {"id": workspace, "slug": f"bench-{number}"}
            connection.execute(text("INSERT INTO workspaces (id, name, slug) VALUES (:id, 'Bench', :slug)"), values)
            share = leads // WORKSPACES
            connection.execute(text(LOAD), {"workspace": workspace, "first": 1, "last": share, "of": share})
        connection.execute(text("VACUUM ANALYZE leads"))
    owner.dispose()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--seconds", type=int, default=3)
    arguments.add_argument("--clients", type=int, default=4)
    arguments.add_argument("--leads", type=int, default=100_000)
    chosen = arguments.parse_args()
    data = Path(tempfile.mkdtemp(prefix="cursive-bench-"))
    server = EmbeddedPostgres(data, dict(PARAMETERS))
    try:
        server.start()
        os.environ |= {"DATABASE_URL": server.url, "DATA_DIR": str(data), "CURSIVE_ENV": "test"}
        from cursive_app.settings import settings
        from db.engine import owner_url, psycopg_address, role_url
        from db.migrate import migrate
        from db.roles import APP_ROLE

        migrate(settings())
        _prepare(server.url, chosen.leads)
        app = psycopg_address(role_url(settings(), APP_ROLE))
        urls = {"owner": server.url, "app": app}
        reached = compare(data, urls, clients=chosen.clients, rounds=chosen.rounds, seconds=chosen.seconds)
        doors = through_the_doors(create_engine(owner_url(settings()), pool_pre_ping=True), rounds=5, seconds=2)
        print(f"  through Python, median ratio {doors:.2f}")
        print("\nIndexes used under the policies")
        lost = lost_plans(urls)
        print(f"\nPlans lost to the policies: {', '.join(lost) or 'none'}")
        print(f"Goal: at least {GOAL:.0%} of the same page without row-level security; reached {reached:.0%}")
        return 0 if reached >= GOAL and not lost else 1
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

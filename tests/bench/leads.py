"""My leads at a million: exact counts, first pages, word search and export through our service, against the same
statements written by hand in SQL, interleaved in the same run, both as the restricted role.

    .venv/bin/python -m tests.bench.leads [--leads 1000000] [--rounds 5] [--data /tmp/cursive-bench]

The data folder is kept, so a second run skips loading; delete it to start over.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import create_engine, text

from db.embedded import SAFE, EmbeddedPostgres

PARAMETERS = {**SAFE, "shared_buffers": "2GB", "maintenance_work_mem": "1GB", "max_wal_size": "8GB"}
SENIORITIES = ("cxo", "vp", "director", "manager", "staff")
SOURCES = ("database", "upload", "pixel")

LOAD = """
INSERT INTO leads (id, workspace_id, first_name, last_name, email, email_norm, email_verification, phone, phone_norm,
    phone_do_not_call, linkedin_url, linkedin_norm, job_title, job_title_norm, department, seniority, years_experience,
    company_name, company_norm, company_domain, industry, company_size, company_revenue, city, city_norm, state,
    has_email, has_verified_email, has_phone, has_linkedin, source, provider_uuid, created_at)
SELECT uuidv7(), :workspace, 'Name' || (i % 997), 'Family' || (i % 7919),
    CASE WHEN e THEN 'p' || i || '@company' || c || '.example' END,
    CASE WHEN e THEN 'p' || i || '@company' || c || '.example' END,
    CASE WHEN NOT e THEN 'none' WHEN v THEN 'verified' ELSE 'unknown' END,
    CASE WHEN p THEN '+1512555' || lpad((100 + i % 100)::text, 4, '0') END,
    CASE WHEN p THEN '+1512555' || lpad((100 + i % 100)::text, 4, '0') END,
    CASE WHEN p THEN i % 3 = 0 END,
    CASE WHEN l THEN 'https://www.linkedin.com/in/p' || i END, CASE WHEN l THEN 'in/p' || i END,
    initcap(t), t, 'department ' || (floor(12 * power(r5, 1.5)))::int,
    (ARRAY['staff','staff','staff','staff','manager','manager','director','vp','cxo'])[1 + floor(9 * r1)::int],
    floor(40 * r2)::int, 'Company ' || c, 'company ' || c, 'company' || c || '.example',
    'Industry ' || floor(24 * power(r3, 2))::int, 'size ' || floor(8 * power(r4, 1.5))::int,
    'revenue ' || floor(9 * r4)::int, 'City ' || (s * 40 + i % 40), 'city ' || (s * 40 + i % 40),
    chr(65 + s / 26) || chr(65 + s % 26), e, e AND v, p, l,
    (ARRAY['database','database','database','upload','pixel'])[1 + floor(5 * r6)::int], 'u' || i,
    now() - (power(r2, 2) * 700) * interval '1 day'
FROM (
    SELECT i, r1, r2, r3, r4, r5, r6, floor(50 * power(random(), 2))::int AS s, (i * 7919::bigint) % 60000 AS c,
        random() < 0.7 AS e, random() < 0.6 AS v, random() < 0.5 AS p, random() < 0.65 AS l,
        (ARRAY['engineer','head of sales','vp marketing','account manager','nurse','project manager','owner',
               'software developer','office manager','director of finance'])[1 + floor(10 * random())::int]
          || ' ' || (i % 300) AS t
    FROM (SELECT i, random() r1, random() r2, random() r3, random() r4, random() r5, random() r6
          FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) i) draws
) people
"""


def prepare(data: Path, leads: int) -> UUID:
    """A server with one workspace of `leads` leads and ten of a hundredth; returns the big one."""
    server = EmbeddedPostgres(data, PARAMETERS)
    server.start()
    os.environ |= {"DATABASE_URL": server.url, "DATA_DIR": str(data), "CURSIVE_ENV": "test"}
    from cursive_app.settings import settings
    from db.engine import JOB_DEADLINES, connect, owner_url, use
    from db.migrate import migrate

    settings.cache_clear()
    migrate(settings())
    use(connect(settings(), deadlines=JOB_DEADLINES))  # a busy machine must not end the run
    owner = create_engine(owner_url(settings()))
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if big := connection.execute(text("SELECT id FROM workspaces WHERE name = 'Bench'")).scalar():
            return big
        for number in range(10, -1, -1):  # the big one last: its name says that all is loaded
            workspace, count = uuid4(), leads if number == 0 else leads // 100
            connection.execute(
                text("INSERT INTO workspaces (id, name, slug) VALUES (:id, 'Loading', :slug)"),
                {"id": workspace, "slug": workspace.hex},
            )
            started = time.perf_counter()
            for first in range(1, count + 1, 100_000):
                last = min(first + 99_999, count)
                connection.execute(text(LOAD), {"workspace": workspace, "first": first, "last": last})
            connection.execute(
                text("UPDATE workspaces SET name = :name WHERE id = :id"),
                {"id": workspace, "name": "Bench" if number == 0 else f"Other {number}"},
            )
            print(f"loaded {count:,} leads in {time.perf_counter() - started:.0f} s", flush=True)
        connection.execute(text("VACUUM ANALYZE leads"))
        connection.execute(text("CHECKPOINT"))
    return workspace


def random_filter(draw: random.Random, size: int) -> dict[str, list[str]]:
    """`size` filters as a person would set them."""
    options: dict[str, Callable[[], list[str]]] = {
        "seniority": lambda: draw.sample(SENIORITIES, draw.choice((1, 1, 2))),
        "state": lambda: [chr(65 + s // 26) + chr(65 + s % 26) for s in draw.sample(range(50), draw.choice((1, 2, 3)))],
        "industry": lambda: [f"Industry {draw.randrange(24)}"],
        "company_size": lambda: [f"size {n}" for n in draw.sample(range(8), draw.choice((1, 2)))],
        "has": lambda: draw.sample(("email", "verified_email", "phone", "linkedin"), 1),
        "source": lambda: [draw.choice(SOURCES)],
        "department": lambda: [f"department {draw.randrange(12)}"],
    }
    return {name: options[name]() for name in draw.sample(list(options), size)}


def by_hand(workspace: UUID, given: dict[str, list[str]]) -> tuple[str, list[Any]]:
    """The WHERE a person would write."""
    where, values = "workspace_id = %s AND deleted_at IS NULL", [workspace]
    for name, chosen in given.items():
        if name == "has":
            where += f" AND has_{chosen[0]}"
        elif len(chosen) == 1:
            where += f" AND {name} = %s"
            values.append(chosen[0])
        else:
            where += f" AND {name} IN ({', '.join(['%s'] * len(chosen))})"
            values += chosen
    return where, values


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = run()
    return (time.perf_counter() - started) * 1000, result


def quantiles(values: list[float]) -> str:
    ordered = sorted(values)
    return f"p50 {statistics.median(ordered):7.1f}  p95 {ordered[int(len(ordered) * 0.95) - 1]:7.1f} ms"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--leads", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--data", type=Path, default=Path("/tmp/cursive-bench-leads"))
    chosen = options.parse_args()
    workspace = prepare(chosen.data, chosen.leads)

    from cursive_app.services.leads import Sort, count_leads, list_leads, parse_filter
    from cursive_app.services.leads.paging import SORTS
    from cursive_app.settings import settings
    from db.engine import database, role_url
    from db.roles import APP_ROLE, Role
    from db.scope import Tenant

    tenant = Tenant(workspace, None, Role.OWNER)
    hand = psycopg.connect(role_url(settings(), APP_ROLE).set(drivername="postgresql").render_as_string(False))

    def ours_count(given: dict[str, list[str]]) -> int:
        with tenant.begin() as scope:
            return count_leads(scope, filter=parse_filter(given))

    def hand_sql(statement: str, values: list[Any]) -> list[Any]:
        with hand.transaction():
            hand.execute("SELECT set_config('app.workspace_id', %s, true)", [str(workspace)])
            return hand.execute(statement, values).fetchall()

    def ours_page(given: dict[str, list[str]], sort: Any = None, cursor: str | None = None) -> Any:
        with tenant.begin() as scope:
            return list_leads(scope, filter=parse_filter(given), sort=sort, cursor=cursor, with_total=False)

    names = ", ".join(column for column in _row_columns())
    draw = random.Random(7)
    filters = [random_filter(draw, size) for size in range(1, 7) for _ in range(10)]
    for title, ours, theirs in (
        ("exact count", ours_count, lambda w, v: hand_sql(f"SELECT count(*) FROM leads WHERE {w}", v)[0][0]),
        (
            "first page, newest first",
            lambda given: [row.id for row in ours_page(given).rows],
            lambda w, v: [
                row[0]
                for row in hand_sql(
                    f"SELECT {names} FROM leads WHERE {w} ORDER BY created_at DESC, id DESC LIMIT 51", v
                )[:50]
            ],
        ),
    ):
        print(f"\n{title}: {len(filters)} filters of 1 to 6 conditions, {chosen.rounds} rounds")
        mine: list[list[float]] = [[] for _ in filters]
        limit: list[list[float]] = [[] for _ in filters]
        for _ in range(chosen.rounds):
            for index, given in enumerate(filters):
                where, values = by_hand(workspace, given)
                spent, result = timed(partial(ours, given))
                mine[index].append(spent)
                spent, expected = timed(partial(theirs, where, values))
                limit[index].append(spent)
                assert result == expected, (given, result, expected)
        for size in range(1, 7):
            chunk = slice((size - 1) * 10, size * 10)
            a = [statistics.median(each) for each in mine[chunk]]
            b = [statistics.median(each) for each in limit[chunk]]
            print(f"  {size} conditions  ours {quantiles(a)}   by hand {quantiles(b)}   ratio {sum(a) / sum(b):.2f}")
        a, b = [statistics.median(each) for each in mine], [statistics.median(each) for each in limit]
        ratios = sorted(x / y for x, y in zip(a, b, strict=True))
        print(
            f"  all           ours {quantiles(a)}   by hand {quantiles(b)}   ratio of sums {sum(a) / sum(b):.2f}, "
            f"per filter min {ratios[0]:.2f} median {statistics.median(ratios):.2f} max {ratios[-1]:.2f}"
        )

    print("\nunfiltered total", quantiles([timed(lambda: ours_count({}))[0] for _ in range(chosen.rounds)]))
    print("\nfirst page and 200th page by every sort")
    for by in SORTS:
        for descending in (False, True):
            sort, cursor, spent = Sort(by, descending), None, []
            for _ in range(200):
                took, page = timed(lambda sort=sort, cursor=cursor: ours_page({}, sort, cursor))
                spent.append(took)
                cursor = page.next_cursor
            print(f"  {sort!s:10} first {statistics.median(spent[:5]):6.1f} ms   200th {spent[-1]:6.1f} ms")
    print("\nword search: page and exact total")
    for query in ("family77", "company 4242", "na", "name5 vp marketing", "p123456@", "example", "zzzz"):
        took = [timed(lambda query=query: ours_page({"query": query}))[0] for _ in range(3)]
        counted = [timed(lambda query=query: ours_count({"query": query}))[0] for _ in range(3)]
        total = ours_count({"query": query})
        print(f"  {query!r:22} page {min(took):7.1f} ms   total {min(counted):7.1f} ms   {total:,} leads")
    export(tenant, chosen.leads, hand_sql, hand, workspace)
    database().dispose()


def export(tenant: Any, leads: int, hand_sql: Any, hand: Any, workspace: UUID) -> None:
    """The whole workspace as CSV, against a plain COPY of as many plain columns."""
    from cursive_app.services.leads import export as room

    print("\nexport")
    started = time.perf_counter()
    size = first = rows = 0
    for chunk in room.export_csv(tenant):
        if not first and size:
            first = time.perf_counter() - started
        size += len(chunk)
        rows += chunk.count(b"\r\n")
    spent = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"  ours: {rows - 1:,} rows, {size / 1e6:.0f} MB in {spent:.1f} s = {rows / spent:,.0f} rows/s, "
        f"first leads after {first * 1000:.0f} ms, peak memory of this process {peak} MB"
    )
    started = time.perf_counter()
    with hand.transaction(), hand.cursor() as cursor:
        hand.execute(
            "SELECT set_config('app.workspace_id', %s, true), set_config('statement_timeout', '0', true)",
            [str(workspace)],
        )
        with cursor.copy("COPY (SELECT * FROM leads ORDER BY created_at DESC, id DESC) TO STDOUT (FORMAT csv)") as copy:
            for _ in copy:
                pass
    spent_copy = time.perf_counter() - started
    print(f"  plain COPY of the same rows: {leads / spent_copy:,.0f} rows/s; ours {spent_copy / spent:.0%} of it")


def _row_columns() -> list[str]:
    from cursive_app.services.leads import LeadRow

    return list(LeadRow.__dataclass_fields__)


if __name__ == "__main__":
    sys.exit(main())

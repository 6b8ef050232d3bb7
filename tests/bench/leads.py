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
from sqlalchemy import create_engine, func, select, text

from cursive_app.integrations.audiencelab.vocabulary import states
from db.embedded import SAFE, EmbeddedPostgres

PARAMETERS = {**SAFE, "shared_buffers": "2GB", "maintenance_work_mem": "1GB", "max_wal_size": "8GB"}
SENIORITIES = ("cxo", "vp", "director", "manager", "staff")
SOURCES = ("database", "upload", "pixel")
STATES = sorted(states())[:50]

# Leads lie as the product stores them: they come in the order of their time, and ids grow with it.
LOAD = """
INSERT INTO leads (id, workspace_id, first_name, last_name, email, email_norm, email_verification, phone, phone_norm,
    phone_do_not_call, linkedin_url, linkedin_norm, job_title, job_title_norm, department, seniority, years_experience,
    company_name, company_norm, company_domain, industry, company_size, company_revenue, city, city_norm, state,
    has_email, has_verified_email, has_phone, has_linkedin, source, provider_uuid, created_at)
SELECT uuidv7(created_at - now()), :workspace, 'Name' || (i % 997), 'Family' || (i % 7919),
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
    (string_to_array('STATE_CODES', ' '))[1 + s], e, e AND v, p, l,
    (ARRAY['database','database','database','upload','pixel'])[1 + floor(5 * r6)::int], 'u' || i,
    created_at
FROM (
    SELECT i, r1, r2, r3, r4, r5, r6,
        now() - power((CAST(:of AS bigint) - i)::float / CAST(:of AS bigint), 2) * interval '700 days' AS created_at,
        floor(50 * power(random(), 2))::int AS s, (i * 7919::bigint) % 60000 AS c,
        random() < 0.7 AS e, random() < 0.6 AS v, random() < 0.5 AS p, random() < 0.65 AS l,
        (ARRAY['engineer','head of sales','vp marketing','account manager','nurse','project manager','owner',
               'software developer','office manager','director of finance'])[1 + floor(10 * random())::int]
          || ' ' || (i % 300) AS t
    FROM (SELECT i, random() r1, random() r2, random() r3, random() r4, random() r5, random() r6
          FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) i) draws
) people
""".replace("STATE_CODES", " ".join(STATES))

# Every address and number of a lead stands in a table of its own as well; one lead in five has a private address too.
CONTACTS = """
INSERT INTO lead_emails (workspace_id, lead_id, position, address, address_norm, kind, verification)
SELECT l.workspace_id, l.id, n, prefix || l.email, prefix || l.email_norm, kind, l.email_verification
FROM leads l, (VALUES (0, '', 'business'), (1, 'private.', 'personal')) AS address (n, prefix, kind)
WHERE l.workspace_id = :workspace AND l.has_email AND (n = 0 OR l.years_experience % 5 = 0);
INSERT INTO lead_phones (workspace_id, lead_id, position, e164, kind, do_not_call)
SELECT l.workspace_id, l.id, n, CASE n WHEN 0 THEN l.phone ELSE '+15125550199' END, 'mobile', l.phone_do_not_call
FROM leads l, generate_series(0, 1) AS n
WHERE l.workspace_id = :workspace AND l.has_phone AND (n = 0 OR l.years_experience % 5 = 0)
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
                connection.execute(text(LOAD), {"workspace": workspace, "first": first, "last": last, "of": count})
            for statement in CONTACTS.split(";"):
                connection.execute(text(statement), {"workspace": workspace})
            connection.execute(
                text("UPDATE workspaces SET name = :name WHERE id = :id"),
                {"id": workspace, "name": "Bench" if number == 0 else f"Other {number}"},
            )
            print(f"loaded {count:,} leads in {time.perf_counter() - started:.0f} s", flush=True)
        connection.execute(text("VACUUM ANALYZE leads, lead_emails, lead_phones"))
        connection.execute(text("CHECKPOINT"))
    return workspace


def random_filter(draw: random.Random, size: int) -> dict[str, list[str]]:
    """`size` filters as a person would set them."""
    options: dict[str, Callable[[], list[str]]] = {
        "seniority": lambda: draw.sample(SENIORITIES, draw.choice((1, 1, 2))),
        "state": lambda: draw.sample(STATES, draw.choice((1, 2, 3))),
        "industry": lambda: [f"Industry {draw.randrange(24)}"],
        "company_size": lambda: [f"size {n}" for n in draw.sample(range(8), draw.choice((1, 2)))],
        "has": lambda: draw.sample(("email", "verified_email", "phone", "linkedin"), 1),
        "source": lambda: [draw.choice(SOURCES)],
        "department": lambda: [f"department {draw.randrange(12)}"],
    }
    return {name: options[name]() for name in draw.sample(list(options), size)}


def as_segment(given: dict[str, list[str]]) -> Any:
    """The same filter as the builder of segments holds it; made directly, because the bench's values are invented."""
    from cursive_app.services.segments.filters import Condition, Filters, Group

    flags = [Condition(f"has_{name}", flag=True) for name in given.get("has", ())]
    lists = [Condition(name, include=tuple(values)) for name, values in given.items() if name != "has"]
    return Filters("leads", Group("all", (*flags, *lists)))


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


class Bench:
    """Our service and a plain connection on one workspace, both as the restricted role."""

    def __init__(self, workspace: UUID) -> None:
        from cursive_app.settings import settings
        from db.engine import psycopg_address, role_url
        from db.roles import APP_ROLE, Role
        from db.scope import Tenant

        url = psycopg_address(role_url(settings(), APP_ROLE))
        self.workspace = workspace
        self.tenant = Tenant(workspace, None, Role.OWNER)
        self.hand = psycopg.connect(url)

    def count(self, given: dict[str, Any]) -> int:
        from cursive_app.services.leads import count_leads, parse_filter

        with self.tenant.begin() as scope:
            return count_leads(scope, filter=parse_filter(given))

    def segment(self, given: dict[str, Any]) -> int:
        """The exact count through the compiler of segments."""
        from cursive_app.services.segments.compile_leads import lead_predicate
        from db.models.leads import Lead

        with self.tenant.begin() as scope:
            alive = (scope.owned(Lead), Lead.deleted_at.is_(None))
            counted = select(func.count()).select_from(Lead).where(*alive, lead_predicate(as_segment(given)))
            return scope.session.scalar(counted) or 0

    def builder(self, given: dict[str, Any], *, with_marginals: bool) -> Any:
        """What the builder of segments shows: count, all leads, first rows and, if asked, what each row does."""
        from cursive_app.services import segments

        with self.tenant.begin() as scope:
            return segments.count_leads(scope, as_segment(given), with_marginals=with_marginals)

    def page(self, given: dict[str, Any], sort: Any = None, cursor: str | None = None) -> Any:
        from cursive_app.services.leads import list_leads, parse_filter

        with self.tenant.begin() as scope:
            return list_leads(scope, filter=parse_filter(given), sort=sort, cursor=cursor, with_total=False)

    def ids(self, given: dict[str, Any]) -> list[UUID]:
        return [row.id for row in self.page(given).rows]

    def sql(self, statement: str, values: list[Any]) -> list[Any]:
        with self.hand.transaction():
            self.hand.execute("SELECT set_config('app.workspace_id', %s, true)", [str(self.workspace)])
            return self.hand.execute(statement, values).fetchall()

    def count_by_hand(self, given: dict[str, Any]) -> int:
        where, values = by_hand(self.workspace, given)
        return self.sql(f"SELECT count(*) FROM leads WHERE {where}", values)[0][0]

    def ids_by_hand(self, given: dict[str, Any]) -> list[UUID]:
        from cursive_app.services.leads import LeadRow

        where, values = by_hand(self.workspace, given)
        columns = ", ".join(LeadRow.__dataclass_fields__)
        newest = f"SELECT {columns} FROM leads WHERE {where} ORDER BY created_at DESC, id DESC LIMIT 51"
        return [row[0] for row in self.sql(newest, values)[:50]]


def compare(title: str, ours: Callable[..., Any], theirs: Callable[..., Any], rounds: int) -> None:
    """60 filters, 10 of each number of conditions; both sides must agree on every answer."""
    draw = random.Random(7)
    filters = [random_filter(draw, size) for size in range(1, 7) for _ in range(10)]
    print(f"\n{title}: {len(filters)} filters of 1 to 6 conditions, {rounds} rounds")
    mine: list[list[float]] = [[] for _ in filters]
    limit: list[list[float]] = [[] for _ in filters]
    for _ in range(rounds):
        for index, given in enumerate(filters):
            spent, result = timed(partial(ours, given))
            mine[index].append(spent)
            spent, expected = timed(partial(theirs, given))
            limit[index].append(spent)
            assert result == expected, (given, result, expected)
    a, b = [statistics.median(each) for each in mine], [statistics.median(each) for each in limit]
    for size in range(1, 7):
        x, y = a[(size - 1) * 10 : size * 10], b[(size - 1) * 10 : size * 10]
        print(f"  {size} conditions  ours {quantiles(x)}   by hand {quantiles(y)}   ratio {sum(x) / sum(y):.2f}")
    ratios = sorted(x / y for x, y in zip(a, b, strict=True))
    print(
        f"  all           ours {quantiles(a)}   by hand {quantiles(b)}   ratio of sums {sum(a) / sum(b):.2f}, "
        f"per filter min {ratios[0]:.2f} median {statistics.median(ratios):.2f} max {ratios[-1]:.2f}"
    )


def builder(bench: Bench) -> None:
    """The builder's answer with and without marginal counts; the marginals are proved by counting without each row."""
    print("\nsegment builder: count, all leads and first rows, then the same with marginal counts")
    draw = random.Random(11)
    for size in range(1, 7):
        filters = [random_filter(draw, size) for _ in range(5)]
        plain = [timed(partial(bench.builder, given, with_marginals=False))[0] for given in filters]
        full = [timed(partial(bench.builder, given, with_marginals=True)) for given in filters]
        for given, (_, answer) in zip(filters, full, strict=True):
            assert answer.count == bench.count_by_hand(given)
        given, (_, answer) = filters[0], full[0]
        first = "has" if "has" in given else next(iter(given))
        fewer = {name: values for name, values in given.items() if name != first}
        assert answer.marginals[0].removes == bench.count_by_hand(fewer) - answer.count
        print(f"  {size} conditions  without {quantiles(plain)}   with {quantiles([spent for spent, _ in full])}")


def walk(bench: Bench) -> None:
    """200 pages of every order."""
    from cursive_app.services.leads import SORTS, Sort

    print("\nfirst page and 200th page by every sort")
    for sort in (Sort(by, descending) for by in SORTS for descending in (False, True)):
        cursor, spent = None, []
        for _ in range(200):
            took, page = timed(partial(bench.page, {}, sort, cursor))
            spent.append(took)
            cursor = page.next_cursor
        print(f"  {sort!s:10} first {statistics.median(spent[:5]):6.1f} ms   200th {spent[-1]:6.1f} ms")


def words(bench: Bench) -> None:
    """Searches that match one, some, most and all leads."""
    print("\nword search: page and exact total")
    for query in ("family77", "company 4242", "na", "name5 vp marketing", "p123456@", "example", "zzzz"):
        given = {"query": query}
        pages = [timed(partial(bench.page, given))[0] for _ in range(3)]
        totals = [timed(partial(bench.count, given)) for _ in range(3)]
        spent = min(took for took, _ in totals)
        print(f"  {query!r:22} page {min(pages):7.1f} ms   total {spent:7.1f} ms   {totals[0][1]:,} leads")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--leads", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--data", type=Path, default=Path("/tmp/cursive-bench-leads"))
    options.add_argument("--export-leads", type=int, default=200_000, help="rows of one export round")
    options.add_argument("--export-only", action="store_true")
    chosen = options.parse_args()
    bench = Bench(prepare(chosen.data, chosen.leads))
    if not chosen.export_only:
        compare("exact count", bench.count, bench.count_by_hand, chosen.rounds)
        compare("exact count as a segment", bench.segment, bench.count_by_hand, chosen.rounds)
        builder(bench)
        compare("first page, newest first", bench.ids, bench.ids_by_hand, chosen.rounds)
        totals = [timed(partial(bench.count, {}))[0] for _ in range(chosen.rounds)]
        print("\nunfiltered total", quantiles(totals))
        walk(bench)
        words(bench)
    export(bench, min(chosen.leads, chosen.export_leads), chosen.rounds)


def export(bench: Bench, leads: int, rounds: int) -> None:
    """The newest leads as CSV, against a plain COPY of all columns of as many rows, in interleaved rounds."""
    print(f"\nexport of the newest {leads:,} leads, {rounds} rounds")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    taken = [(_export(bench, leads), _plain_copy(bench, leads)) for _ in range(rounds)]
    ours, first, plain = ([one[0][0] for one in taken], [one[0][1] for one in taken], [one[1] for one in taken])
    ratios = sorted(mine / limit for mine, limit in zip(ours, plain, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"  ours {statistics.median(ours):,.0f} leads/s, first leads after {statistics.median(first) * 1000:.0f} ms; "
        f"plain COPY {statistics.median(plain):,.0f} leads/s; ratio {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f}..{ratios[-1]:.2f}); peak memory {peak} MB, {before} MB of it before the first export"
    )


def _export(bench: Bench, leads: int) -> tuple[float, float]:
    """Leads per second, and seconds until the first of them."""
    from cursive_app.services.leads import export_csv

    started, first, rows = time.perf_counter(), 0.0, -1
    for chunk in export_csv(bench.tenant):
        first = first or (time.perf_counter() - started if rows >= 0 else 0.0)
        rows += chunk.count(b"\r\n")
        if rows >= leads:
            break
    return rows / (time.perf_counter() - started), first


def _plain_copy(bench: Bench, leads: int) -> float:
    """Leads per second."""
    started = time.perf_counter()
    with bench.hand.transaction(), bench.hand.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.workspace_id', %s, true), set_config('statement_timeout', '0', true)",
            [str(bench.workspace)],
        )
        newest = f"SELECT * FROM leads ORDER BY created_at DESC, id DESC LIMIT {leads:d}"
        with cursor.copy(f"COPY ({newest}) TO STDOUT (FORMAT csv)") as copy:
            rows = sum(1 for _ in copy)
    return rows / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())

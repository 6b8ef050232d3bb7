"""From an uploaded CSV to checked rows, against the bare parse and COPY of the same file in the same run.

    .venv/bin/python -m tests.bench.enrichment_reading [--rows 50000 1000000] [--rounds 3] [--data /tmp/cursive-bench]

Three ways, interleaved, each in a fresh process whose peak memory is told, with the processor time of that process and
of the database, which other work on the machine distorts less than the clock:

- bare: polars reads the file, COPY writes its eight columns as text into an unlogged table without an index
- same table: the bare parse, its cells as JSON lists written by COPY into a logged table with the columns and indexes
  of `enrichment_rows` (no row-level security, no foreign keys, nothing checked)
- ours: `open_upload` and the worker's reading: understood, stored, checked, duplicates and owned people told apart
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import polars as pl
import psycopg

from db.embedded import SAFE, EmbeddedPostgres
from db.scope import Tenant
from tests.bench.processor import server_seconds

PARAMETERS = {**SAFE, "shared_buffers": "1GB", "max_wal_size": "8GB"}
WARM_ROWS = 1_000  # read first by every way, so that what is measured is a worker at work and not its first file
WAYS = ("bare", "same table", "ours")
COLUMNS = ("E-mail", "First name", "Last name", "Phone", "Company", "Website", "City", "Notes")
PHONES = ("(512) 555-0{n:03d}", "512-555-0{n:03d}", "+1512555{m}", "512.555.0{n:03d}", "1 512 555 0{n:03d}")


class Measured(NamedTuple):
    """Rows per second, peak megabytes, and microseconds of processor time a row: the process's and the database's."""

    speed: float
    peak: float
    own: float
    servers: float


def write_file(path: Path, rows: int) -> None:
    """A list like customers' lists: 3% malformed addresses, 2% repeated people, five shapes of phone numbers, quoted
    commas, letters beyond ASCII."""
    if path.exists():
        return
    chance = random.Random(20260101)
    firsts, lasts = ("Dana", "Sam", "José", "Zoë", "Kim"), ("Testperson", "Müller", "O'Example", "Sample")
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(COLUMNS) + "\r\n")
        for n in range(rows):
            who = chance.randrange(n + 1) if chance.random() < 0.02 else n
            address = f"p{who}@company{who % 5000}.example"
            if chance.random() < 0.03:
                address = address.replace("@", " at ")
            phone = PHONES[n % 5].format(n=100 + n % 100, m=f"{(100 + n % 100):04d}")
            company = f'"Company {who % 5000}, Inc."' if n % 4 == 0 else f"Company {who % 5000}"
            file.write(
                f"{address},{firsts[n % 5]},{lasts[n % 4]},{phone},{company},company{who % 5000}.example,Austin,"
                f"row {n}\r\n"
            )


def bare(url: str, path: Path, *, same_table: bool) -> int:
    """The limit: parse and COPY."""
    table = "bench_same" if same_table else "bench_bare"
    total = 0
    with psycopg.connect(url) as connection:
        if same_table:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (LIKE enrichment_rows INCLUDING DEFAULTS INCLUDING INDEXES)"
            )
        else:
            columns = ", ".join(f"c{n} text" for n in range(len(COLUMNS)))
            connection.execute(f"CREATE UNLOGGED TABLE IF NOT EXISTS {table} ({columns})")
        connection.execute(f"TRUNCATE {table}")
        named = "(workspace_id, enrichment_id, number, line, verdict, cells)" if same_table else ""
        zero = "00000000-0000-0000-0000-000000000000"
        with connection.cursor().copy(f"COPY {table} {named} FROM STDIN (FORMAT csv)") as copy:
            for batch in pl.scan_csv(path, infer_schema=False, empty_string_is_null=False).collect_batches(
                chunk_size=20_000
            ):
                frame = batch
                if same_table:
                    cells = pl.struct(pl.concat_list(pl.all()).alias("c")).struct.json_encode()
                    numbers = pl.int_range(total + 1, total + 1 + batch.height)
                    frame = batch.select(
                        pl.lit(zero).alias("w"), pl.lit(zero).alias("e"), numbers.alias("n"), numbers.alias("l"),
                        pl.lit("valid").alias("v"), cells.str.strip_prefix('{"c":').str.strip_suffix("}").alias("c"),
                    )  # fmt: skip
                copy.write(frame.write_csv(include_header=False).encode())
                total += batch.height
    return total


def ours(tenant: Tenant, path: Path) -> int:
    from cursive_app.services import enrichment, jobs

    opened = enrichment.open_upload(tenant, path=path, filename="list.csv")
    assert opened.read_job_id is not None
    jobs.work(opened.read_job_id, enrichment.read_list, on_dead=enrichment.bury_read)
    with tenant.begin() as scope:
        ready = enrichment.get_enrichment(scope, opened.id)
    assert ready.status == "ready", ready.refusal_message
    assert ready.counts.total is not None
    return ready.counts.total


def somebody() -> Tenant:
    """What a worker has before it is given a file: its modules, its engines, and a workspace with people."""
    import cursive_app.services.enrichment  # noqa: F401
    from cursive_app.settings import settings
    from db import engine
    from tests.factories import make_cast

    engine.use(engine.connect(settings(), deadlines=engine.JOB_DEADLINES))
    return make_cast().alice


def one(way: str, url: str, path: Path) -> None:
    """A measurement of its own process: rows, seconds, peak megabytes, seconds of its processor time."""
    tenant = somebody() if way == "ours" else None
    small = path.with_name(f"list-{WARM_ROWS}.csv")
    ours(tenant, small) if tenant is not None else bare(url, small, same_table=way == "same table")
    begun, used = time.perf_counter(), time.process_time()
    rows = ours(tenant, path) if tenant is not None else bare(url, path, same_table=way == "same table")
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(rows, seconds, peak, time.process_time() - used)


def measure(way: str, server: EmbeddedPostgres, path: Path) -> Measured:
    command = [sys.executable, "-m", "tests.bench.enrichment_reading", "--one", way, "--url", server.url]
    before = server_seconds(server)
    said = subprocess.run([*command, "--file", str(path)], check=True, capture_output=True, text=True).stdout.split()
    used = server_seconds(server) - before
    rows = int(said[0])
    return Measured(rows / float(said[1]), float(said[2]), float(said[3]) / rows * 1e6, used / rows * 1e6)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=Path("/tmp/cursive-bench-lists"))
    parser.add_argument("--one", choices=WAYS)
    parser.add_argument("--url")
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.url, given.file)
        return
    given.data.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "CURSIVE_ENV": "test", "DATA_DIR": str(given.data),
        "ENRICHMENT_MAXIMUM_ROWS": "2000000", "ENRICHMENT_MAXIMUM_BYTES": str(1 << 30),
    }  # fmt: skip
    server = EmbeddedPostgres(given.data, PARAMETERS)
    server.start()
    try:
        os.environ["DATABASE_URL"] = server.url
        from cursive_app.settings import settings
        from db.migrate import migrate

        migrate(settings())
        for rows in given.rows:
            run(server, given.data / f"list-{rows}.csv", rows, given.rounds)
    finally:
        server.stop()


def run(server: EmbeddedPostgres, path: Path, rows: int, rounds: int) -> None:
    write_file(path, rows)
    write_file(path.with_name(f"list-{WARM_ROWS}.csv"), WARM_ROWS)
    found: dict[str, list[Measured]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS[number % 3 :] + WAYS[: number % 3]:
            found[way].append(measure(way, server, path))
    print(f"\n{rows:,} rows, {path.stat().st_size / 1e6:,.1f} MB, load {os.getloadavg()[0]:.1f}")
    limit = statistics.median(one.speed for one in found["bare"])
    for way, measured in found.items():
        speeds = sorted(one.speed for one in measured)
        speed = statistics.median(speeds)
        own, servers = (statistics.median(getattr(one, name) for one in measured) for name in ("own", "servers"))
        print(
            f"{way:11} {speed:12,.0f} rows/s ({speeds[0]:,.0f}..{speeds[-1]:,.0f})  {speed / limit:6.1%} of bare  "
            f"peak {max(one.peak for one in measured):,.0f} MB  processor time a row: {own:.1f} + {servers:.1f} µs"
        )


if __name__ == "__main__":
    main()

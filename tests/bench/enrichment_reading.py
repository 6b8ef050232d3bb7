"""From an uploaded CSV to checked rows, against the bare parse and COPY of the same file in the same run.

    .venv/bin/python -m tests.bench.enrichment_reading [--rows 50000 1000000] [--rounds 3] [--data /tmp/cursive-bench]

Three ways, interleaved, each in a fresh process whose peak memory is told:

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

import polars as pl
import psycopg

from db.embedded import SAFE, EmbeddedPostgres

PARAMETERS = {**SAFE, "shared_buffers": "1GB", "max_wal_size": "8GB"}
WAYS = ("bare", "same table", "ours")
COLUMNS = ("E-mail", "First name", "Last name", "Phone", "Company", "Website", "City", "Notes")
PHONES = ("(512) 555-0{n:03d}", "512-555-0{n:03d}", "+1512555{m}", "512.555.0{n:03d}", "1 512 555 0{n:03d}")


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


def ours(path: Path) -> int:
    from cursive_app.services import enrichment, jobs
    from cursive_app.settings import settings
    from db import engine
    from tests.factories import make_cast

    engine.use(engine.connect(settings(), deadlines=engine.JOB_DEADLINES))
    tenant = make_cast().alice
    opened = enrichment.open_upload(tenant, path=path, filename="list.csv")
    assert opened.read_job_id is not None
    jobs.work(opened.read_job_id, enrichment.read_list, on_dead=enrichment.bury_read)
    with tenant.begin() as scope:
        ready = enrichment.get_enrichment(scope, opened.id)
    assert ready.status == "ready", ready.refusal_message
    assert ready.counts.total is not None
    return ready.counts.total


def one(way: str, url: str, path: Path) -> None:
    """A measurement of its own process: rows, seconds, and megabytes above the start."""
    if way == "ours":  # what a worker has loaded before it is given a file
        import cursive_app.services.enrichment  # noqa: F401
    started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begun = time.perf_counter()
    rows = ours(path) if way == "ours" else bare(url, path, same_table=way == "same table")
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(rows, seconds, peak, peak - started)


def measure(way: str, url: str, path: Path) -> tuple[float, float]:
    """Rows per second and peak megabytes."""
    command = [sys.executable, "-m", "tests.bench.enrichment_reading", "--one", way, "--url", url, "--file", str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(said[0]) / float(said[1]), float(said[2])


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
            run(server.url, given.data / f"list-{rows}.csv", rows, given.rounds)
    finally:
        server.stop()


def run(url: str, path: Path, rows: int, rounds: int) -> None:
    write_file(path, rows)
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS[number % 3 :] + WAYS[: number % 3]:
            found[way].append(measure(way, url, path))
    print(f"\n{rows:,} rows, {path.stat().st_size / 1e6:,.1f} MB, load {os.getloadavg()[0]:.1f}")
    limit = statistics.median(speed for speed, _ in found["bare"])
    for way, measured in found.items():
        speeds = sorted(speed for speed, _ in measured)
        speed = statistics.median(speeds)
        peak = max(memory for _, memory in measured)
        print(
            f"{way:11} {speed:12,.0f} rows/s ({speeds[0]:,.0f}..{speeds[-1]:,.0f})  {speed / limit:6.1%} of bare  "
            f"peak {peak:,.0f} MB"
        )


if __name__ == "__main__":
    main()

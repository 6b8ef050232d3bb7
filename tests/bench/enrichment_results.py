"""From a provider's result files to the customer's file, against the bare parse and COPY of the same files in one run.

    .venv/bin/python -m tests.bench.enrichment_results [--rows 50000 1000000] [--data /tmp/cursive-bench-results]

- bare: `csv` reads the unpacked result files, COPY writes their 74 columns as text into an unlogged table without an
  index; then COPY writes the file
- ours: the run itself, from its first look at a finished provider job to its end (download, joining, outcomes, found
  columns, captures, counters: a logged table with its indexes under row-level security), then `output`

Result files are served by a process of its own. Half of the rows are matched by e-mail and name; every second result
is of somebody who fits. Afterwards rows, outcomes, credits and the file are compared.
"""

from __future__ import annotations

import argparse
import csv
import gc
import gzip
import io
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import create_engine, text

from db.embedded import SAFE, EmbeddedPostgres
from tests.bench.processor import server_seconds

PARAMETERS = {**SAFE, "shared_buffers": "1GB", "max_wal_size": "8GB"}
CHUNK = 5_000

LOAD = """
INSERT INTO enrichment_rows (workspace_id, enrichment_id, number, line, cells, verdict, identity)
SELECT :workspace, :id, n, n + 1,
    format('["p%s@list.example","Dana%s","Test%s","(512) 555-0100","Company %s","company%s.example","Austin","row %s"]',
           n, n % 97, n % 89, n, n % 5000, n)::json,
    'valid', 'email:p' || n || '@list.example'
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n
"""


@cache
def template() -> dict[str, str]:
    """A record as the provider writes them, all 74 columns. Made once, outside of what is measured."""
    import numpy as np

    from cursive_app.sandbox.population import Population

    records = Population(seed=7, size=5_000, quirks=True).records(np.arange(5_000))
    fullest = max(records, key=lambda record: sum(bool(value) for value in record.values()))
    return {name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in fullest.items()}


def write_results(folder: Path, rows: int) -> int:
    """One gzip CSV for each chunk of the list: every second row of it is known. How many results there are."""
    done = folder / "done"
    if done.exists():
        return int(done.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    record, total = template(), 0
    for number, first in enumerate(range(1, rows + 1, CHUNK), 1):
        body = io.StringIO(newline="")
        writer = csv.DictWriter(body, fieldnames=list(record))
        writer.writeheader()
        for n in range(first, min(first + CHUNK, rows + 1)):
            if n % 2:
                known = {"UUID": str(UUID(int=n)), "FIRST_NAME": f"Dana{n % 97}", "LAST_NAME": f"Test{n % 89}"}
                address = f"p{n}@list.example"
                writer.writerow(record | known | {"BUSINESS_EMAIL": address, "BUSINESS_VERIFIED_EMAILS": address})
                total += 1
        (folder / f"{number}.csv.gz").write_bytes(gzip.compress(body.getvalue().encode(), 1))
    done.write_text(str(total))
    return total


def make_list(workspace: UUID, rows: int) -> UUID:
    from datetime import timedelta

    from cursive_app.clock import now
    from cursive_app.services import credits
    from cursive_app.settings import settings
    from db.engine import owner_url
    from db.models.enrichment import Enrichment
    from db.system import system_scope

    names = ("E-mail", "First name", "Last name", "Phone", "Company", "Website", "City", "Notes")
    with system_scope() as scope:
        credits.grant(
            scope, workspace_id=workspace, amount=rows, key=f"bench:{uuid4()}", description="For the measurement"
        )
        row = scope.add(
            Enrichment(
                workspace_id=workspace, filename="bench.csv", source="upload", byte_size=1, sha256="0" * 64,
                status="ready", layout={"kind": "csv"}, columns=[{"name": name} for name in names],
                mapping={"0": "email", "1": "first_name", "2": "last_name"},
                row_count=rows, valid_count=rows, invalid_count=0, duplicate_count=0,
                owned_count=0, expires_at=now() + timedelta(days=30), created_by_label="Bench",
            )
        )  # fmt: skip
    owner = create_engine(owner_url(settings()))
    with owner.begin() as connection:
        values = {"workspace": workspace, "id": row.id, "first": 1, "last": rows}
        connection.execute(text(LOAD), values)
    owner.dispose()
    return row.id


class Files:
    """Results behind HTTP, in a process of its own; and a client for which every job is finished at once."""

    def __init__(self, folder: Path) -> None:
        from cursive_app.preflight import free_port

        self.port = free_port()
        command = [sys.executable, "-m", "http.server", str(self.port), "--bind", "127.0.0.1", "-d", str(folder)]
        self._server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.0)

    def client(self) -> Any:
        from cursive_app.integrations.audiencelab import AudienceLab, Enrichment

        base = f"http://127.0.0.1:{self.port}"

        class Finished(AudienceLab):
            def for_workspace(self, workspace_id: UUID | None) -> Any:
                return self

            def find_enrichment(self, *, name: str) -> None:
                return None

            def create_enrichment(self, *, name: str, **_: Any) -> Enrichment:
                return Enrichment(name.rsplit("-", 1)[1], name, "queued", False, None)

            def enrichment(self, job_id: str) -> Enrichment:
                return Enrichment(job_id, None, "completed", False, f"{base}/{job_id}.csv.gz")

        return Finished(base_url=base, api_key="-", timeout_seconds=30, max_concurrency=5)

    def stop(self) -> None:
        self._server.terminate()
        self._server.wait()


class Costs:
    """Processor time by step, of this process and of the database."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._spent: dict[str, tuple[float, float]] = {}
        self.start()

    def start(self) -> None:
        self._own, self._servers = time.process_time(), server_seconds(self._server)

    def note(self, step: str) -> None:
        self._spent[step] = time.process_time() - self._own, server_seconds(self._server) - self._servers
        self.start()

    def each(self, step: str, count: int) -> str:
        own, servers = (seconds / count * 1e6 for seconds in self._spent[step])
        return f"{own:.1f} + {servers:.1f} µs"


def bare(url: str, folder: Path, chunks: int, costs: Costs) -> tuple[float, float, int]:
    """Seconds to parse and COPY, seconds to COPY out, rows."""
    started, rows = time.perf_counter(), 0
    with psycopg.connect(url) as connection:
        columns = ", ".join(f"c{n} text" for n in range(len(template())))
        again = f"DROP TABLE IF EXISTS bench_results; CREATE UNLOGGED TABLE bench_results ({columns})"
        connection.execute(again)  # type: ignore[call-overload]  # our own words only
        with connection.cursor().copy("COPY bench_results FROM STDIN") as copy:
            for number in range(1, chunks + 1):
                with gzip.open(folder / f"{number}.csv.gz", "rt", newline="") as file:
                    reader = csv.reader(file)
                    next(reader)
                    for row in reader:
                        copy.write_row(row)
                        rows += 1
        read = time.perf_counter() - started
        costs.note("in")
        started = time.perf_counter()
        with connection.cursor().copy("COPY bench_results TO STDOUT (FORMAT csv)") as copy:
            for _ in copy:
                pass
        costs.note("out")
    return read, time.perf_counter() - started, rows


def run(id: UUID, workspace: UUID, lab: Any) -> float:
    """Seconds from the start of the run to its end."""
    from cursive_app.clock import now
    from cursive_app.services import enrichment, jobs
    from db.models.enrichment import Enrichment
    from db.models.jobs import Job
    from db.roles import Role
    from db.scope import Tenant
    from db.system import system_scope

    with Tenant(workspace, None, Role.OWNER).begin() as scope:
        job_id = enrichment.start(scope, id, revision=1).run_job_id
    started = time.perf_counter()
    while True:
        with system_scope() as scope:
            if scope.get(Enrichment, id).finished_at is not None:
                return time.perf_counter() - started
            scope.get(Job, job_id or "").run_after = now()
        jobs.work(job_id or "", lambda claimed: enrichment.run_enrichment(claimed, provider=lab))


def download(id: UUID, workspace: UUID, kind: str) -> tuple[float, float, int, tuple[int, int]]:
    """Seconds, seconds to the first row, bytes, rows that were matched and that were answered for."""
    from cursive_app.services import enrichment
    from db.roles import Role
    from db.scope import Tenant

    started = time.perf_counter()
    chunks: Iterator[bytes] = enrichment.output(Tenant(workspace, None, Role.OWNER), id, kind=kind).chunks  # type: ignore[arg-type]
    first = size = matched = answered = 0
    for number, chunk in enumerate(chunks):
        if number == 1:
            first = time.perf_counter() - started
        size += len(chunk)
        matched += chunk.count(b'"matched"')
        answered += chunk.count(b'"provider"')
    return time.perf_counter() - started, first, size, (matched, answered)


def memory() -> int:
    """Peak resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(data: Path, rows: int) -> None:
    from cursive_app.settings import settings
    from db.engine import JOB_DEADLINES, connect, use
    from db.migrate import migrate
    from db.models.accounts import Workspace
    from db.models.enrichment import Enrichment
    from db.system import system_scope

    folder = data / f"results-{rows}"
    expected, chunks = write_results(folder, rows), -(-rows // CHUNK)
    server = EmbeddedPostgres(data, PARAMETERS)
    server.start()
    os.environ |= {"DATABASE_URL": server.url, "DATA_DIR": str(data), "CURSIVE_ENV": "test"}
    settings.cache_clear()
    migrate(settings())
    use(connect(settings(), deadlines=JOB_DEADLINES))
    with system_scope() as scope:
        workspace = scope.add(Workspace(name="Bench", slug=uuid4().hex)).id
    id = make_list(workspace, rows)
    files = Files(folder)
    gc.collect()
    gc.freeze()  # as the worker does; for both
    try:
        template()
        limit = Costs(server)
        read, written, count = bare(server.url, folder, chunks, limit)
        assert count == expected
        import_module("cursive_app.services.enrichment")  # as a worker has, before its first list
        costs = Costs(server)
        spent = run(id, workspace, files.client())
        costs.note("in")
        peak = memory()
        with system_scope() as scope:
            row = scope.get(Enrichment, id)
        assert (row.matched_count, row.no_match_count) == (expected, rows - expected), row.message
        assert row.credits_captured == expected * row.price
        print(f"\n{rows:,} rows, {expected:,} results in {chunks:,} files")
        print(
            f"  results in:  bare {expected / read:10,.0f} results/s   ours {expected / spent:10,.0f} results/s "
            f"({rows / spent:,.0f} rows of the list/s), {read / spent:.0%} of bare; peak memory {peak} MB\n"
            f"  processor time a result: bare {limit.each('in', expected)}, ours {costs.each('in', expected)}"
        )
        for kind in ("csv", "xlsx") if rows <= 1_000_000 else ("csv",):
            costs.start()
            took, first, size, counted = download(id, workspace, kind)
            costs.note(kind)
            assert kind == "xlsx" or counted == (expected, rows)
            print(
                f"  {kind} out:    bare {expected / written:10,.0f} rows/s      ours {rows / took:10,.0f} rows/s, "
                f"{size / 1e6:,.0f} MB, first rows after {first * 1000:,.0f} ms, peak memory {memory()} MB\n"
                f"  processor time a row: bare {limit.each('out', expected)}, ours {costs.each(kind, rows)}"
            )
    finally:
        files.stop()
        server.stop()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[50_000, 1_000_000])
    options.add_argument("--data", type=Path, default=Path("/tmp/cursive-bench-results"))
    chosen = options.parse_args()
    for rows in chosen.rows:
        measure(chosen.data, rows)


if __name__ == "__main__":
    sys.exit(main())

"""Makers of lists that were read and checked, the worker's part of a run without a worker process, and the checker of
what must be true of a list after anything that can happen to it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import JSON, ColumnElement, Text, bindparam, cast, func, insert, literal, select, update

from cursive_app.clock import now
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.services import enrichment, jobs
from cursive_app.services.enrichment.stored_found import packed
from cursive_app.settings import settings
from db.models.credits import CreditLine
from db.models.enrichment import Enrichment, EnrichmentChunk, EnrichmentRow
from db.models.jobs import Job
from db.scope import Tenant
from db.system import system_scope
from tests.factories_credits import balance_of, fund, sums_of

COLUMNS = ("E-mail", "First", "Last", "Note")
FIELDS = {"0": "email", "1": "first_name", "2": "last_name"}


@dataclass(frozen=True)
class Line:
    """One row of a list to make: its cells, what is sent of it (as it follows from them), and how it was judged."""

    cells: tuple[str, ...]
    record: dict[str, str]
    verdict: str = "valid"
    problems: tuple[dict[str, Any], ...] = ()
    duplicate_of: int | None = None


def known_people(population: Any, count: int, *, start: int = 0) -> list[dict[str, Any]]:
    """Records of people of the sandbox who have a business address of their own."""
    found: list[dict[str, Any]] = []
    for first in range(start, population.size, 1_000):
        for record in population.records(np.arange(first, min(first + 1_000, population.size))):
            if record["BUSINESS_EMAIL"]:
                found.append(record)
            if len(found) == count:
                return found
    raise AssertionError("the sandbox is too small")


def known_line(record: dict[str, Any], note: str = "") -> Line:
    """A row about somebody the provider knows."""
    address = record["BUSINESS_EMAIL"].split(",")[0].strip()
    first, last = record["FIRST_NAME"], record["LAST_NAME"]
    return Line((address, first, last, note), {"email": address, "first_name": first, "last_name": last})


def unknown_line(number: int, note: str = "") -> Line:
    """A row about somebody the provider has never heard of."""
    address = f"nobody{number}@unheard-of.example"
    return Line((address, "No", "Body", note), {"email": address, "first_name": "No", "last_name": "Body"})


def mixed_lines(population: Any, *, known: int, unknown: int, start: int = 0) -> list[Line]:
    """Known and unknown people in turns."""
    lines = [known_line(record) for record in known_people(population, known, start=start)]
    for number in range(unknown):
        lines.insert(min(number * 2, len(lines)), unknown_line(number))
    return lines


def make_list(tenant: Tenant, lines: Sequence[Line], *, filename: str = "people.csv", **values: Any) -> UUID:
    """A list in state 'ready' with these rows."""
    counts = {
        verdict: sum(line.verdict == verdict for line in lines)
        for verdict in ("valid", "invalid", "duplicate", "owned")
    }
    columns = [{"name": name, "samples": []} for name in values.pop("columns", COLUMNS)]
    with tenant.begin() as scope:
        row = scope.add(
            Enrichment(
                filename=filename,
                source=values.pop("source", "upload"),
                byte_size=1,
                sha256="0" * 64,
                status=values.pop("status", "ready"),
                layout={"kind": "csv"},
                columns=columns,
                mapping=values.pop("mapping", FIELDS),
                row_count=len(lines),
                **{f"{verdict}_count": count for verdict, count in counts.items()},
                expires_at=now() + timedelta(days=30),
                created_by=tenant.user_id,
                created_by_label="Alice",
                **values,
            )
        )
        judged = [
            {
                "number": number,
                "line": number + 1,
                "texts": json.dumps(line.cells, ensure_ascii=False, separators=(",", ":")),  # as `checking` writes them
                "verdict": line.verdict,
                "problems": list(line.problems) or None,
                "duplicate_of": line.duplicate_of,
                "identity": f"email:{line.record['email']}" if line.record.get("email") else None,
            }
            for number, line in enumerate(lines, 1)
        ]
        if judged:
            mine = {"workspace_id": scope.workspace_id, "enrichment_id": row.id}
            cells = cast(bindparam("texts", type_=Text), JSON)
            scope.session.execute(insert(EnrichmentRow).values(cells=cells, **mine), judged)
        return row.id


def as_stored(found: Mapping[str, str]) -> ColumnElement[Any]:
    """What was found of a row, as a run stores it."""
    return cast(literal(packed(found), Text), JSON)


def start_run(tenant: Tenant, id: UUID, **values: Any) -> enrichment.EnrichmentView:
    with tenant.begin() as scope:
        return enrichment.start(scope, id, **{"revision": 1, **values})


def start_mixed(
    tenant: Tenant, population: Any, *, known: int, unknown: int, credits: int | str = 100, **values: Any
) -> UUID:
    """A list of known and unknown people whose run was just started; `values` are those of the start."""
    fund(tenant.workspace_id, credits)
    id = make_list(tenant, mixed_lines(population, known=known, unknown=unknown))
    start_run(tenant, id, **values)
    return id


def list_row(id: UUID) -> Enrichment:
    with system_scope() as scope:
        return scope.get(Enrichment, id)


def run_job_id(id: UUID) -> UUID:
    job_id = list_row(id).run_job_id
    assert job_id is not None
    return job_id


def hurry(id: UUID) -> None:
    """As if the times that the job and its chunks wait for had come."""
    with system_scope() as scope:
        row = scope.get(Enrichment, id)
        for job_id in (row.run_job_id, row.sample_job_id):
            if job_id is not None:
                scope.get(Job, job_id).run_after = now()
        chunks = update(EnrichmentChunk).where(EnrichmentChunk.enrichment_id == id)
        scope.session.execute(chunks.values(looked_at=now() - timedelta(hours=1)))


def step(id: UUID, lab: AudienceLab) -> None:
    """One attempt of the run, at once."""
    hurry(id)
    jobs.work(
        run_job_id(id),
        lambda claimed: enrichment.run_enrichment(claimed, provider=lab),
        on_dead=enrichment.bury_enrichment,
    )


def work_off(id: UUID, lab: AudienceLab, *, steps: int = 80) -> Enrichment:
    """Attempts until the run has ended or is paused."""
    for _ in range(steps):
        step(id, lab)
        row = list_row(id)
        if row.status not in ("queued", "running"):
            return row
    raise AssertionError(f"the run did not end in {steps} attempts: {list_row(id).message}")


def step_sample(id: UUID, lab: AudienceLab) -> None:
    hurry(id)
    job_id = list_row(id).sample_job_id
    assert job_id is not None
    jobs.work(job_id, lambda claimed: enrichment.run_sample(claimed, provider=lab), on_dead=enrichment.bury_sample)


def rows_of(id: UUID) -> list[EnrichmentRow]:
    with system_scope() as scope:
        mine = select(EnrichmentRow).where(EnrichmentRow.enrichment_id == id).order_by(EnrichmentRow.number)
        return list(scope.session.scalars(mine))


def chunks_of(id: UUID) -> list[EnrichmentChunk]:
    with system_scope() as scope:
        mine = select(EnrichmentChunk).where(EnrichmentChunk.enrichment_id == id).order_by(EnrichmentChunk.number)
        return list(scope.session.scalars(mine))


def read_csv(tenant: Tenant, id: UUID, **options: Any) -> list[dict[str, str]]:
    """The downloaded CSV, read by another reader than ours."""
    found = enrichment.output(tenant, id, **options)
    text = b"".join(found.chunks).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def check(tenant: Tenant, id: UUID) -> None:
    """What must hold of a list and its workspace at any time, and the rest of it once the run has ended."""
    row, rows = list_row(id), rows_of(id)
    assert balance_of(tenant) == sums_of(tenant.workspace_id), "the balances are the sums of the lines"
    held, captured, released = _lines(row)
    assert (row.credits_held, row.credits_captured, row.credits_released) == (held, captured, released)
    charged = [one for one in rows if one.charged]
    assert captured == len(charged) * row.price, "captured is the price of the charged rows"
    assert all(one.outcome == "matched" for one in charged)
    people = [one.person for one in charged if one.person]
    assert len(people) == len(set(people)), "nobody is charged for twice"
    if row.ceiling is not None:
        assert captured <= row.ceiling
    by_outcome = {
        name: sum(one.outcome == name for one in rows) for name in ("matched", "no_match", "skipped", "error")
    }
    job = _job(row)
    if row.finished_at is None:
        assert held - captured - released >= 0
        return
    assert held == captured + released, "the hold is fully answered"
    assert row.hold_id is None
    assert all(one.outcome is not None for one in rows), "every row has exactly one outcome"
    assert (row.matched_count, row.no_match_count, row.skipped_count, row.error_count) == tuple(by_outcome.values())
    assert sum(by_outcome.values()) == row.row_count == len(rows), "no row is lost"
    assert all((one.found is not None) == (one.outcome == "matched") for one in rows)
    assert all(one.reason for one in rows if one.outcome != "matched")
    assert all(chunk.status not in ("pending", "sent") for chunk in chunks_of(id) if chunk.number)
    assert job.status == row.status, (job.status, row.status)
    assert job.attempt_token is None
    assert (job.credits_held, job.credits_captured, job.credits_released) == (held, captured, released)


def _lines(row: Enrichment) -> tuple[Decimal, Decimal, Decimal]:
    """What the ledger says was held, captured and released for a list."""
    reference = f"enrichment:{row.id}"
    with system_scope() as scope:
        holds = select(CreditLine).where(CreditLine.kind == "hold", CreditLine.reference == reference)
        ids = [line.id for line in scope.session.scalars(holds)]

        def total(kind: str) -> Decimal:
            column = CreditLine.id if kind == "hold" else CreditLine.answers_id
            statement = select(func.coalesce(func.sum(CreditLine.amount), 0)).where(
                CreditLine.workspace_id == row.workspace_id, CreditLine.kind == kind, column.in_(ids)
            )
            return Decimal(scope.session.scalar(statement) or 0)

        return total("hold"), total("capture"), total("release")


def _job(row: Enrichment) -> Job:
    assert row.run_job_id is not None
    with system_scope() as scope:
        return scope.get(Job, row.run_job_id)


def set_chunk_rows(monkeypatch: Any, rows: int, **more: str) -> None:
    """Let lists travel in chunks of `rows`; `more`: other settings by variable."""
    for name, value in {"ENRICHMENT_CHUNK_ROWS": str(rows), **more}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()


@contextmanager
def chunks_of_rows(rows: int) -> Iterator[None]:
    """Lists of any size, which travel in chunks of `rows`, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        set_chunk_rows(patch, rows, ENRICHMENT_MINIMUM_ROWS="1")
        yield
    settings.cache_clear()


def make_chunk(id: UUID, number: int, status: str, *, rows: int = 10, **values: Any) -> None:
    """A chunk of a list's run, as if it had come this far: `rows` rows after those of the chunks before it."""
    with system_scope() as scope:
        scope.session.add(
            EnrichmentChunk(
                workspace_id=scope.get(Enrichment, id).workspace_id,
                enrichment_id=id,
                number=number,
                status=status,
                first_number=(number - 1) * rows + 1,
                last_number=number * rows,
                row_count=rows,
                provider_name=f"cursive-{id}-{number}",
                **values,
            )
        )

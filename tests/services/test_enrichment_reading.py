"""From an uploaded file to checked rows: what is understood, refused, counted, shown, and who may not see it."""

from __future__ import annotations

import errno
import gzip
import io
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import xlsxwriter

from cursive_app.services import enrichment, jobs
from cursive_app.services.enrichment import looking, reading
from cursive_app.services.enrichment.views import EnrichmentView
from cursive_app.settings import settings
from db.models.jobs import Job
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_jobs import grow_stale, job_row

PEOPLE = (
    "Full Name,E-Mail,Phone,Company,Website,Notes\n"
    "Dana Testperson,Dana@Acme.example,(512) 555-0101,Acme,https://www.acme.example/about,=1+1\n"
    "Sam Sample,sam@acme.example,512.555.0102,Acme,acme.example,\n"
    "Dana T.,DANA@acme.example,,Acme,acme.example,again\n"
    "Nobody,,,Acme,,\n"
    "Kim Example,kim@,+1 512 555 0103,Acme,acme.example,phone only\n"
)


def upload(tenant: Tenant, body: bytes | str, tmp_path: Path, *, filename: str = "people.csv") -> EnrichmentView:
    path = tmp_path / "upload"
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return enrichment.open_upload(tenant, path=path, filename=filename)


def read(tenant: Tenant, view: EnrichmentView) -> EnrichmentView:
    """The worker's part, at once."""
    assert view.read_job_id is not None
    jobs.work(view.read_job_id, enrichment.read_list, on_dead=enrichment.bury_read)
    return look(tenant, view.id)


def look(tenant: Tenant, id: UUID) -> EnrichmentView:
    with tenant.begin() as scope:
        return enrichment.get_enrichment(scope, id)


def do(tenant: Tenant, use_case: Any, *arguments: Any, **values: Any) -> Any:
    with tenant.begin() as scope:
        return use_case(scope, *arguments, **values)


def rows(tenant: Tenant, id: UUID, **values: Any) -> Any:
    return do(tenant, enrichment.list_rows, id, **values)


def verdicts(tenant: Tenant, id: UUID) -> list[str]:
    return [row.verdict for row in rows(tenant, id).rows]


def test_a_file_is_understood_at_once_and_checked_by_the_worker(cast: Cast, tmp_path: Path) -> None:
    opened = upload(cast.alice, PEOPLE, tmp_path)
    assert opened.status == "received"
    assert opened.layout is not None
    assert (opened.layout.kind, opened.layout.delimiter, opened.layout.header_row) == ("csv", ",", 1)
    assert [column.field for column in opened.columns] == [
        "full_name", "email", "phone", "company_name", "company_domain", None
    ]  # fmt: skip
    assert opened.columns[1].samples == ("Dana@Acme.example", "sam@acme.example", "DANA@acme.example")
    assert opened.counts.total is None
    assert rows(cast.alice, opened.id).rows == ()

    ready = read(cast.alice, opened)
    assert ready.status == "ready"
    counts = ready.counts
    assert (counts.total, counts.valid, counts.invalid, counts.duplicate, counts.owned) == (5, 3, 1, 1, 0)
    page = rows(cast.alice, ready.id)
    assert [row.verdict for row in page.rows] == ["valid", "valid", "duplicate", "invalid", "valid"]
    assert page.rows[0].cells[5] == "=1+1"
    assert [row.line for row in page.rows] == [2, 3, 4, 5, 6]
    assert page.rows[2].duplicate_of == 1
    kim = page.rows[4]
    assert [(problem.column, problem.level, problem.code) for problem in kim.problems] == [
        (1, "warning", "email_malformed")
    ]
    assert "kim@" in kim.problems[0].message


@pytest.mark.parametrize("packed", [False, True])
def test_a_gzip_is_read_like_what_is_in_it(cast: Cast, tmp_path: Path, packed: bool) -> None:
    body = gzip.compress(PEOPLE.encode()) if packed else PEOPLE.encode()
    ready = read(cast.alice, upload(cast.alice, body, tmp_path))
    assert ready.counts.total == 5
    assert ready.layout is not None
    assert ready.layout.compression == ("gzip" if packed else None)


def test_people_are_told_apart_across_batches_and_a_killed_reading_begins_again(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_ROWS", 2)
    body = "E-mail,Note\n" + "".join(f"P{n % 4}@acme.example,{n}\n" for n in range(11)) + "nobody,x\n"
    opened = upload(cast.alice, body, tmp_path)
    assert opened.read_job_id is not None
    written = reading.insert_rows
    batches = 0

    def dying(*arguments: Any) -> None:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise SystemExit  # as a kill: nothing of ours handles it
        written(*arguments)

    monkeypatch.setattr(reading, "insert_rows", dying)
    with pytest.raises(SystemExit):
        jobs.work(opened.read_job_id, enrichment.read_list, on_dead=enrichment.bury_read)
    half = look(cast.alice, opened.id)
    assert (half.status, half.counts.total) == ("reading", None)
    assert rows(cast.alice, opened.id).rows == ()

    grow_stale(opened.read_job_id)
    monkeypatch.setattr(reading, "insert_rows", written)
    ready = read(cast.alice, opened)
    assert (ready.counts.total, ready.counts.valid, ready.counts.invalid, ready.counts.duplicate) == (12, 4, 1, 7)
    found = rows(cast.alice, ready.id).rows
    assert [row.number for row in found] == list(range(1, 13))
    assert [row.duplicate_of for row in found] == [None] * 4 + [1, 2, 3, 4, 1, 2, 3, None]
    assert [row.cells[1] for row in found] == [*map(str, range(11)), "x"]


def test_a_full_disk_delays_a_workbook_and_loses_nothing(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.add_worksheet().write_column(0, 0, ["E-mail", "dana@acme.example"])
    book.close()
    opened = upload(cast.alice, out.getvalue(), tmp_path, filename="people.xlsx")
    assert opened.read_job_id is not None

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(looking.tempfile, "mkstemp", full)
        waiting = read(cast.alice, opened)
    assert waiting.status == "reading"
    assert job_row(opened.read_job_id).status == "processing"
    with system_scope() as scope:
        scope.get(Job, opened.read_job_id).run_after = None
    ready = read(cast.alice, opened)
    assert (ready.status, ready.counts.valid) == ("ready", 1)
    assert list(settings().spool_dir.glob("list-*")) == []


def test_a_reading_that_cannot_succeed_says_so_and_keeps_no_row(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = upload(cast.alice, PEOPLE, tmp_path)
    assert opened.read_job_id is not None

    def broken(*_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(reading, "check", broken)
    for _ in range(jobs.MAX_ATTEMPTS):
        with system_scope() as scope:
            scope.get(Job, opened.read_job_id).run_after = None
        ended = read(cast.alice, opened)
    assert (ended.status, ended.refusal_code) == ("refused", "read_failed")
    assert rows(cast.alice, opened.id).rows == ()


def test_the_companies_of_an_index_are_understood_and_explained(cast: Cast, tmp_path: Path) -> None:
    body = (
        "Symbol,Security,GICS Sector,GICS Sub-Industry,Headquarters Location,Date added,CIK,Founded\n"
        'MMM,3M,Industrials,Industrial Conglomerates,"Saint Paul, Minnesota",1957-03-04,66740,1902\n'
        'AOS,A. O. Smith,Industrials,Building Products,"Milwaukee, Wisconsin",2017-07-26,91142,1916\n'
    )
    ready = read(cast.alice, upload(cast.alice, body, tmp_path, filename="companies.csv"))
    assert (ready.status, ready.counts.total, ready.counts.valid) == ("ready", 2, 0)
    assert not {column.field for column in ready.columns} & {"email", "phone", "linkedin_url", "company_domain"}
    assert ready.why_not is not None
    assert ready.why_not.startswith("No column identifies a person")

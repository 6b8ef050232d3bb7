"""From an uploaded file to checked rows: what is understood, refused, counted, shown, and who may not see it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cursive_app.services import enrichment, jobs
from cursive_app.services.enrichment.views import EnrichmentView
from db.scope import Tenant
from tests.factories import Cast

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

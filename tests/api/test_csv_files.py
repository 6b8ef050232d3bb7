"""CSV for people begins with the mark that spreadsheets need; for programs it is the bare text; both say the same."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from cursive_app.api.app import create
from cursive_app.services import accounts, enrichment, jobs
from db.models.enrichment import EnrichmentRow
from db.scope import Tenant
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_enrichment import Line, list_row, make_list, rows_of
from tests.factories_leads import make_lead

ROWS = [Line(("dana@acme.example", "Zoë", "Müller", "=1+1"), {"email": "dana@acme.example"})]


@pytest.fixture
def list_id(cast: Cast) -> UUID:
    """A list that has ended, with letters that no single-byte encoding shares with UTF-8."""
    made = make_list(cast.alice, ROWS, columns=("Café", "First", "Last", "Note"), status="completed")
    with cast.alice.begin() as scope:
        mine = (scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == made)
        scope.session.execute(update(EnrichmentRow).where(*mine).values(outcome="no_match"))
    make_lead(cast.alice, last_name="Müller")
    fund(cast.workspace_id, 5)
    return made


def program(tenant: Tenant) -> TestClient:
    """A client with an API key."""
    with tenant.begin() as scope:
        made = accounts.create_api_key(scope, name="nightly", scopes=[one.value for one in accounts.KEY_SCOPES])
    client = browser(create(), None, origin=None)
    client.headers["authorization"] = f"Bearer {made.key}"
    return client


def test_people_get_the_mark_and_programs_the_bare_text(cast: Cast, list_id: UUID) -> None:
    person, key = browser(create(), cast.alice), program(cast.alice)
    for path in (
        f"/api/v1/enrichments/{list_id}/download",
        f"/api/audiencelab/batch-enrichment/{list_id}/download",
        "/api/v1/leads/export.csv",
        "/api/v1/credits/ledger.csv",
    ):
        seen, read = person.get(path), key.get(path)
        assert (seen.status_code, read.status_code) == (200, 200), path
        assert seen.headers["content-type"] == read.headers["content-type"] == "text/csv; charset=utf-8"
        assert seen.content == codecs.BOM_UTF8 + read.content, path
        assert read.content[:1] in (b'"', b"n"), path
        assert "\ufeff" not in read.text


def test_a_link_gives_what_its_maker_would_get(cast: Cast, list_id: UUID) -> None:
    anybody = browser(create(), None, origin=None)
    for maker, begins in ((browser(create(), cast.alice), True), (program(cast.alice), False)):
        link = maker.post(f"/api/v1/enrichments/{list_id}/download-link").json()["url"]
        assert anybody.get(link).content.startswith(codecs.BOM_UTF8) is begins


def test_a_workbook_has_no_mark(cast: Cast, list_id: UUID) -> None:
    got = browser(create(), cast.alice).get(f"/api/v1/enrichments/{list_id}/download", params={"format": "xlsx"})
    assert got.content[:2] == b"PK"


def test_what_was_downloaded_is_read_again_as_it_was(cast: Cast, list_id: UUID, tmp_path: Path) -> None:
    got = browser(create(), cast.alice).get(f"/api/v1/enrichments/{list_id}/download").content
    path = tmp_path / "upload"
    path.write_bytes(got)
    again = enrichment.open_upload(cast.alice, path=path, filename="people-enriched.csv")
    job = list_row(again.id).read_job_id
    assert job is not None
    jobs.work(job, enrichment.read_list, on_dead=enrichment.bury_read)
    header, *lines = csv.reader(io.StringIO(got.decode("utf-8-sig"), newline=""))
    assert [column["name"] for column in list_row(again.id).columns] == header
    assert header[0] == "Café"
    assert [row.cells for row in rows_of(again.id)] == lines

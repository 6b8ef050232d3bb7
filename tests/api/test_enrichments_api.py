"""The list over HTTP: every way of sending one, and what comes back of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from cursive_app.api.app import create
from cursive_app.services import accounts, enrichment, jobs
from cursive_app.settings import settings
from db.scope import Tenant
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_enrichment import list_row
from tests.sandbox_fixtures import sandbox, sandbox_server

__all__ = ["sandbox", "sandbox_server"]
PATH = "/api/v1/enrichments"
CSV = b"E-mail,First,Note\r\ndana@acme.example,Dana,=1+1\r\nlee@globex.example,Lee,\r\n"


@pytest.fixture
def alice(cast: Cast) -> TestClient:
    return browser(create(), cast.alice)


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: object) -> Path:
    """A spool of the test's own."""
    monkeypatch.setenv("UPLOAD_DIR", str(tmp_path / "spool"))
    settings.cache_clear()
    yield tmp_path / "spool"
    assert list((tmp_path / "spool").glob("*")) == [], "whatever happens, no file stays"
    monkeypatch.undo()
    settings.cache_clear()


def read(id: str) -> dict[str, Any]:
    """What the worker does with a new list."""
    job_id = list_row(UUID(id)).read_job_id
    assert job_id is not None
    jobs.work(job_id, enrichment.read_list, on_dead=enrichment.bury_read)
    return {}


def headers_of(tenant: Tenant, *scopes: accounts.Permission) -> dict[str, str]:
    names = [one.value for one in scopes or accounts.KEY_SCOPES]
    with tenant.begin() as scope:
        return {"Authorization": f"Bearer {accounts.create_api_key(scope, name='api', scopes=names).key}"}


def test_a_form_becomes_a_list(alice: TestClient) -> None:
    answer = alice.post(PATH, files={"file": ("my people.csv", CSV, "text/csv")}, data={"note": "passed over"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["filename"], made["byte_size"], made["source"]) == ("my people.csv", len(CSV), "upload")
    assert answer.headers["location"] == f"{PATH}/{made['id']}"
    assert answer.headers["etag"] == '"1"'
    read(made["id"])
    seen = alice.get(f"{PATH}/{made['id']}").json()
    assert (seen["status"], seen["counts"]["total"], seen["columns"][0]["field"]) == ("ready", 2, "email")
    rows = alice.get(f"{PATH}/{made['id']}/rows").json()
    assert [row["cells"] for row in rows["rows"]] == [
        ["dana@acme.example", "Dana", "=1+1"], ["lee@globex.example", "Lee", ""],
    ]  # fmt: skip
    assert [one["id"] for one in alice.get(PATH, params={"q": "people", "status": "ready"}).json()["items"]] == [
        made["id"]
    ]

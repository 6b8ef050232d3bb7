"""Health: alive without a database, ready only with the schema this code expects, details for staff only (D-26)."""

from __future__ import annotations

import time

import pytest
from starlette.testclient import TestClient

from cursive_app.api import health as route
from cursive_app.api.app import create
from cursive_app.services import health
from cursive_app.services.health import Part, Report
from db import engine as db_engine
from db.engine import Database, make_engine
from db.models.accounts import User
from db.system import system_scope
from tests.api.client import browser
from tests.factories import Cast


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "_REPORT", route._Report())


def client() -> TestClient:
    return TestClient(create(), raise_server_exceptions=False)


def test_ready_with_a_database_at_head(database: Database) -> None:
    assert client().get("/readyz").json() == {"status": "ok"}
    assert health.check_database().milliseconds >= 0


def test_alive_but_not_ready_without_a_database(database: Database) -> None:
    nowhere = make_engine(database.app.url.set(host="127.0.0.1", port=1, query={}), pool_size=1, deadlines={})
    former = db_engine.use(Database(app=nowhere, system=nowhere))
    try:
        asking = client()
        assert asking.get("/livez").status_code == 200
        response = asking.get("/readyz")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "2"
        assert asking.get("/healthz").status_code == 503
    finally:
        db_engine.use(former)
        nowhere.dispose()


def test_not_ready_with_another_schema(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_expected_revision", lambda: "9999")
    response = client().get("/readyz")
    assert response.status_code == 503
    assert "9999" in response.json()["reason"]


def test_a_database_that_hangs_does_not_hang_the_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_WATCHDOG", health._Watchdog())
    monkeypatch.setattr(health, "DATABASE_SECONDS", 0.05)
    monkeypatch.setattr(health, "_database_problem", lambda: time.sleep(1))
    started = time.perf_counter()
    for _ in range(5):
        assert "did not answer" in (health.check_database().problem or "")
    assert time.perf_counter() - started < 0.9


def test_a_vendor_that_is_down_is_degraded_not_unavailable(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = (Part("database", None, 1.0), Part("provider", "It does not answer at port 1 (refused).", 2.0))
    monkeypatch.setattr(health, "check_all", lambda: Report(parts))
    response = client().get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "degraded"})


def test_the_parts_are_for_staff(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "check_all", lambda: Report((Part("database", None, 1.0),)))
    app = create()
    assert "parts" not in browser(app, cast.alice).get("/healthz").json()
    with system_scope() as scope:
        scope.get(User, cast.alice.user_id).staff_role = "all"  # type: ignore[arg-type]
    assert browser(app, cast.alice).get("/healthz").json()["parts"][0]["name"] == "database"


def test_the_report_is_made_once_in_fifteen_seconds(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(health, "check_all", lambda: made.append(1) or Report((Part("database", None, 1.0),)))
    asking = client()
    for _ in range(4):
        asking.get("/healthz")
    assert len(made) == 1

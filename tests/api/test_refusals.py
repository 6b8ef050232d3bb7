"""What the API refuses for a role or a foreign id stands in the trail, and its effect nowhere (T15)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from fastapi import FastAPI

from cursive_app.api.app import rest
from cursive_app.services import accounts, segments
from db.engine import Database
from db.roles import Role
from tests.api.client import browser
from tests.factories import Cast, make_member, make_user
from tests.factories_segments import TEXANS, make_segment
from tests.services.test_refusals import refused


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    return rest()


def test_a_reader_who_writes_and_exports(app: FastAPI, cast: Cast) -> None:
    viewer = make_member(cast.workspace_id, make_user("Vera"), Role.READ_ONLY)
    client = browser(app, viewer)
    assert client.post("/api/v1/segments", json={"name": "x", "filters": TEXANS}).status_code == 403
    assert client.get("/api/v1/leads/export.csv").status_code == 403
    assert client.post("/api/v1/segments", json={"name": "y", "filters": TEXANS}).status_code == 403
    written = [(entry.actor_label, entry.action, entry.object_id) for entry in refused(viewer)]
    assert written == [
        ("Vera", "refused.create_segment", "segments:write"), ("Vera", "refused.export_leads", "leads:export"),
    ]  # fmt: skip
    with cast.alice.begin() as scope:
        assert segments.list_segments(scope).segments == ()


def test_a_stranger_who_tries_ids(app: FastAPI, cast: Cast) -> None:
    segment = make_segment(cast.alice)
    client = browser(app, cast.charlie)
    for id in (segment.id, uuid4()):
        assert client.delete(f"/api/v1/segments/{id}").status_code == 404
    (entry,) = refused(cast.charlie)  # the second try within the minute is the same entry
    assert (entry.action, entry.object_type, entry.object_id) == (
        "refused.delete_segment", "saved_segments", str(segment.id),
    )  # fmt: skip
    assert refused(cast.alice) == []


def test_a_key_beyond_its_scopes(app: FastAPI, cast: Cast) -> None:
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="Reader", scopes=["segments:read"])
    client = browser(app, None, origin=None)
    headers = {"Authorization": f"Bearer {key.key}", "Idempotency-Key": uuid4().hex}
    body = {"name": "x", "filters": TEXANS}
    assert client.post("/api/v1/segments", json=body, headers=headers).status_code == 403
    (entry,) = refused(cast.alice)
    assert (entry.actor_label, entry.actor_user_id) == ("API key “Reader”", None)
    assert entry.object_id == "segments:write"


def test_a_key_of_somebody_who_left(app: FastAPI, cast: Cast) -> None:
    boss = make_member(cast.workspace_id, make_user("Boss"), Role.ADMIN)
    with boss.begin() as scope:
        key = accounts.create_api_key(scope, name="Boss", scopes=["segments:read"])
    client = browser(app, None, origin=None)
    headers = {"X-Api-Key": key.key}
    assert client.get("/api/v1/segments", headers=headers).status_code == 200
    accounts.remove_member(cast.alice, user_id=str(boss.user_id))
    assert client.get("/api/v1/segments", headers=headers).status_code == 401
    (entry,) = refused(cast.alice)
    assert (entry.action, entry.actor_label) == ("refused.api_key", "API key “Boss”")


def test_what_works_leaves_no_refusal(app: FastAPI, cast: Cast) -> None:
    client = browser(app, cast.alice)
    assert client.get("/api/v1/segments").status_code == 200
    assert client.post("/api/v1/segments", json={"name": "", "filters": TEXANS}).status_code == 422
    assert client.get("/api/v1/nothing").status_code == 404
    assert refused(cast.alice) == []

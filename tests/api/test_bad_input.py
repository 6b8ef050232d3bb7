"""Bad input at the API: each refused with what is wrong, where, and how to put it right, and nothing is changed (P12).

What a page event does with the same input stands in tests/state/test_bad_input.py, the grammar's own refusals in
tests/unit/test_segment_filters.py.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from cursive_app.api.app import rest
from cursive_app.services import accounts
from db.engine import Database
from db.models.jobs import Job
from db.models.segments import SavedSegment, SegmentRun
from db.scope import Tenant
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_leads import make_lead
from tests.factories_segments import TEXANS, make_segment, start, where

URL = "/api/v1/segments"
TEXTS = {
    "sql": "Robert'); DROP TABLE leads; --",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "emoji": "👩🏽‍💻 Größe ﷽",
    "template": "{{7*7}} ${7*7} %s %_\\",
    "right to left": "אבג 12 دبي",
}


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    return rest()


def state_of(tenant: Tenant) -> tuple[Any, ...]:
    """What a refused request must leave as it was."""
    with tenant.begin() as scope:
        segments = scope.session.scalars(scope.select(SavedSegment).order_by(SavedSegment.id)).all()
        rows = [(row.id, row.name, row.version, row.status, str(row.filters)) for row in segments]
        counts = [
            scope.session.scalar(select(func.count()).select_from(model).where(scope.owned(model)))
            for model in (SegmentRun, Job)
        ]
    return rows, counts, balance_of(tenant)


def nested(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"field": "state", "include": ["TX"]}
    for _ in range(depth):
        node = {"all": [node]}
    return {"version": 1, "scope": "provider", "where": node}


STATE = {"field": "state", "include": ["TX"]}
FILTERS: dict[str, tuple[Any, str, str]] = {
    "unknown filter": (where({"field": "shoe_size", "include": ["44"]}), "where.all.0.field", "no field “shoe_size”"),
    "a column of another table": (
        where({"field": "password_hash", "include": ["x"]}), "where.all.0.field", "no field “password_hash”",
    ),
    "wrong type of a value": (where({"field": "state", "include": [7]}), "where.all.0.include.0", "Expected text"),
    "wrong type of a list": (where({"field": "state", "include": "TX"}), "where.all.0.include", "Expected a list"),
    "wrong type of a number": (
        where({"field": "years_experience", "min": "5"}), "where.all.0.min", "whole numbers from 0 to",
    ),
    "an operator of another type": (
        where({"field": "has_email", "include": ["x"]}), "where.all.0.include", "takes is only",
    ),
    "10,000 values": (
        where({"field": "state", "include": ["TX"] * 10_000}),
        "where.all.0.include",
        "100 values at most; this one has 10,000",
    ),
    "nested 50 deep": (nested(50), "where", "nested 5 deep at most"),
    "min above max": (
        where({"field": "years_experience", "min": 10, "max": 5}),
        "where.all.0.min",
        "minimum 10 is above the maximum 5",
    ),
    "a value of 10,000 characters": (
        where({"field": "job_title", "include": ["x" * 10_000]}), "where.all.0.include.0", "100 characters at most",
    ),
    "a number beyond the column": (
        where({"field": "years_experience", "min": 2**70}), "where.all.0.min", "whole numbers from 0 to",
    ),
    "a row without a value": (where(STATE, {"field": "city"}), "where.all.1", "add one or remove the row"),
    "no rows": (where(), "where.all", ""),
    "a value that is none": (where({"field": "state", "include": ["Atlantis"]}), "where.all.0.include.0", "Atlantis"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_bad_filter_is_refused_under_its_path(app: FastAPI, cast: Cast, name: str, method: str) -> None:
    filters, path, words = FILTERS[name]
    segment = make_segment(cast.alice)
    before, client = state_of(cast.alice), browser(app, cast.alice)
    if method == "POST":
        answer = client.post(URL, json={"name": "Bad", "filters": filters})
    else:
        answer = client.patch(f"{URL}/{segment.id}", json={"version": 1, "filters": filters})
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    said = {key: text for key, text in problem["fields"].items() if key.startswith(path)}
    assert said, problem
    assert any(words in text for text in said.values()), said
    assert all(text[:1] in "“0123456789" or text[:1].isupper() for text in problem["fields"].values()), problem
    assert all(text.endswith((".", "!", ")")) for text in problem["fields"].values()), problem
    assert state_of(cast.alice) == before


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"name": "", "filters": TEXANS}, "name", "name"),
        ({"name": " \t ", "filters": TEXANS}, "name", "name"),
        ({"name": "x" * 10_000, "filters": TEXANS}, "name", "100"),
        ({"name": "a\x00b", "filters": TEXANS}, "body", "NUL"),
        ({"name": "a\x07b", "filters": TEXANS}, "name", "printable"),
        ({"name": "abc\u202etxt.exe", "filters": TEXANS}, "name", "printable"),
        ({"name": 7, "filters": TEXANS}, "name", "Send text"),
        ({"name": "x", "filters": TEXANS, "description": "x" * 10_000}, "description", "500"),
        ({"name": "x", "filters": TEXANS, "workspace_id": str(uuid4())}, "workspace_id", "no field of this name"),
        ({"name": "x", "filters": TEXANS, "status": "archived"}, "status", "no field of this name"),
        ({"name": "x", "filters": TEXANS, "ceiling": "0"}, "ceiling", ""),
        ({"name": "x", "filters": TEXANS, "ceiling": "1e400"}, "ceiling", ""),
        ({"name": "x", "filters": TEXANS, "max_leads": 0}, "max_leads", ""),
    ],
)
def test_a_bad_field_is_named(app: FastAPI, cast: Cast, body: dict[str, Any], field: str, words: str) -> None:
    before = state_of(cast.alice)
    answer = browser(app, cast.alice).post(URL, json=body)
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["fields"][field], answer.json()
    assert state_of(cast.alice) == before


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_any_text_is_only_text(app: FastAPI, cast: Cast, text: str) -> None:
    """In every text a request can carry: stored as it came or refused under its field, never obeyed."""
    client = browser(app, cast.alice)
    made = client.post(
        URL,
        json={
            "name": text,
            "description": text,
            "filters": where({"field": "job_title", "include": [text]}, {"field": "company_name", "exclude": [text]}),
        },
    )
    assert made.status_code == 201, made.text
    body = client.get(f"{URL}/{made.json()['id']}").json()
    assert (body["name"], body["description"]) == (text, text)
    kept = body["filters"]["where"]["all"][0]["include"][0]
    assert kept.casefold() == text.casefold()
    assert [one["name"] for one in client.get(URL, params={"q": text[:100]}).json()["items"]] == [text]
    make_lead(cast.alice)
    for path in ("/api/v1/leads", "/api/v1/leads/export.csv"):
        assert client.get(path, params={"q": text}).status_code == 200
    for path in ("/api/v1/leads", "/api/v1/jobs", "/api/v1/credits/lines", URL):
        for name in ("cursor", "status", "kind", "sort", "limit", "seniority", "state"):
            assert client.get(path, params={name: text}).status_code in (200, 404, 422), (path, name)
    assert client.get("/api/v1/leads").json()["items"], "nothing was dropped"


@pytest.mark.parametrize("bad", ["not-a-uuid", "1", "null", "0" * 400, "%00", "{}", "' OR 1=1 --", "٣" * 32])
def test_an_id_that_is_none_is_refused_in_words(app: FastAPI, cast: Cast, bad: str) -> None:
    client = browser(app, cast.alice)
    for method, path, body in (
        ("GET", f"{URL}/{bad}", None),
        ("PATCH", f"{URL}/{bad}", {"version": 1, "name": "x"}),
        ("DELETE", f"{URL}/{bad}", None),
        ("POST", f"{URL}/{bad}/run", {}),
        ("GET", f"/api/v1/leads/{bad}", None),
        ("GET", f"/api/v1/jobs/{bad}", None),
    ):
        answer = client.request(method, path, json=body)
        assert answer.status_code in (404, 422), (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


def test_a_run_with_a_ceiling_of_zero_says_so(app: FastAPI, cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    segment, client = make_segment(cast.alice), browser(app, cast.alice)
    before = state_of(cast.alice)
    for ceiling in ("0", "0.00", "-1", "0.001", "NaN", "Infinity", "1e309", "many"):
        answer = client.post(f"{URL}/{segment.id}/run", json={"ceiling": ceiling})
        assert answer.status_code == 422, ceiling
        assert answer.json()["fields"]["ceiling"], ceiling
    assert state_of(cast.alice) == before


def test_a_run_of_an_archived_paused_or_deleted_segment(app: FastAPI, cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    client = browser(app, cast.alice)
    for status, how in (("archived", "Restore"), ("paused", "Resume")):
        segment = make_segment(cast.alice)
        client.patch(f"{URL}/{segment.id}", json={"version": 1, "status": status})
        before = state_of(cast.alice)
        answer = client.post(f"{URL}/{segment.id}/run", json={})
        assert (answer.status_code, answer.json()["reason"]) == (409, "not_active")
        assert how in answer.json()["detail"]
        assert state_of(cast.alice) == before
    client.delete(f"{URL}/{segment.id}")
    assert client.post(f"{URL}/{segment.id}/run", json={}).status_code == 404


def test_a_stale_version_says_who_and_what_to_do(app: FastAPI, cast: Cast) -> None:
    segment = make_segment(cast.bob)
    assert browser(app, cast.bob).patch(f"{URL}/{segment.id}", json={"version": 1, "name": "Mine"}).status_code == 200
    before, client = state_of(cast.alice), browser(app, cast.alice)
    for answer in (
        client.patch(f"{URL}/{segment.id}", json={"version": 1, "name": "Hers"}),
        client.delete(f"{URL}/{segment.id}", headers={"if-match": '"1"'}),
        client.post(f"{URL}/{segment.id}/run", json={"version": 1}),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (409, "stale_version")
        assert "Bob changed this segment" in answer.json()["detail"]
        assert "Reload" in answer.json()["detail"]
    assert state_of(cast.alice) == before


def test_a_key_revoked_mid_run_is_refused_at_its_next_request(app: FastAPI, cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    segment = make_segment(cast.alice)
    with cast.alice.begin() as scope:
        scopes = ["segments:read", "segments:run", "jobs:read"]
        key = accounts.create_api_key(scope, name="Nightly", scopes=scopes)
    client = browser(app, None, origin=None)
    headers = {"Authorization": f"Bearer {key.key}"}
    run = client.post(f"{URL}/{segment.id}/run", json={"max_leads": 5}, headers=headers).json()["run"]
    assert client.get(f"{URL}/{segment.id}/runs/{run['id']}", headers=headers).status_code == 200
    with cast.alice.begin() as scope:
        accounts.revoke_api_key(scope, key_id=key.id)
    for method, path in (("GET", f"/runs/{run['id']}"), ("POST", f"/runs/{run['id']}/cancel"), ("POST", "/run")):
        answer = client.request(method, f"{URL}/{segment.id}{path}", headers=headers)
        assert answer.status_code == 401
        assert "may be revoked, expired or mistyped" in answer.json()["detail"]
    assert browser(app, cast.alice).get(f"{URL}/{segment.id}/runs/{run['id']}").json()["status"] == "queued"


def test_a_second_run_while_one_works_changes_nothing(app: FastAPI, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    segment = make_segment(cast.alice)
    start(cast.alice, segment.id, max_leads=10)
    before = state_of(cast.alice)
    answer = browser(app, cast.alice).post(f"{URL}/{segment.id}/run", json={"max_leads": 10})
    assert (answer.status_code, answer.json()["reason"]) == (409, "running")
    assert "stop it" in answer.json()["detail"]
    assert state_of(cast.alice) == before

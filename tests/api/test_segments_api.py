"""/api/v1/segments through the real application: statuses, versions, runs, and what bad bodies get."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI

from cursive_app.api.app import rest
from db.engine import Database
from db.roles import Role
from tests.api.client import browser
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import balance_of, fund
from tests.factories_segments import TEXANS, make_segment, where

URL = "/api/v1/segments"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    return rest()


def test_the_life_of_a_segment(app: FastAPI, cast: Cast) -> None:
    client = browser(app, cast.alice)
    made = client.post(URL, json={"name": "Texans", "filters": TEXANS, "ceiling": "50.00"})
    assert made.status_code == 201
    body = made.json()
    address = made.headers["location"]
    assert (made.headers["etag"], body["version"], body["last_count"]) == ('"1"', 1, None)
    assert body["sentence"] == "People in the database whose state is Texas."
    assert client.get(address).json() == body
    renamed = client.patch(address, json={"name": "All Texans"}, headers={"if-match": '"1"'})
    assert (renamed.status_code, renamed.json()["version"]) == (200, 2)
    stale = client.patch(address, json={"version": 1, "name": "Mine"})
    assert (stale.status_code, stale.headers["content-type"]) == (409, PROBLEM)
    assert stale.json()["reason"] == "stale_version"
    assert client.patch(address, json={"name": "Mine"}).status_code == 422
    assert client.post(URL, json={"name": "all TEXANS", "filters": TEXANS}).status_code == 409
    assert [item["name"] for item in client.get(URL).json()["items"]] == ["All Texans"]
    assert client.delete(address, headers={"if-match": '"1"'}).status_code == 409
    assert client.delete(address, headers={"if-match": '"²"'.encode()}).status_code == 422
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


def test_the_addresses_of_the_roadmap_answer_too(app: FastAPI, cast: Cast) -> None:
    segment = make_segment(cast.alice)
    client = browser(app, cast.alice)
    assert client.get("/api/segments").json() == client.get(URL).json()
    assert client.get(f"/api/segments/{segment.id}").status_code == 200


def test_a_pull_starts_one_run_however_often_it_is_sent(app: FastAPI, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    address = f"{URL}/{make_segment(cast.alice).id}"

    def pull(key: str | None) -> Any:
        headers = {"idempotency-key": key} if key else {}
        return browser(app, cast.alice).post(f"{address}/run", json={"mode": "pull", "max_leads": 10}, headers=headers)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(pull, ["same-key"] * 8))
    assert {answer.status_code for answer in answers} <= {202, 409, 503}
    started = [answer.json()["run"]["id"] for answer in answers if answer.status_code == 202]
    assert len(set(started)) == 1
    assert pull("same-key").json()["run"]["id"] == started[0]
    assert pull(None).status_code == 409
    assert balance_of(cast.alice) == (95, 5)
    client = browser(app, cast.alice)
    runs = client.get(f"{address}/runs").json()["items"]
    assert [run["id"] for run in runs] == [started[0]]
    assert client.get(f"{address}/runs/{started[0]}").json()["status"] == "queued"
    assert client.post(f"{address}/runs/{started[0]}/cancel").status_code == 202


def test_refusals_of_a_run(app: FastAPI, cast: Cast) -> None:
    client = browser(app, cast.alice)
    address = f"{URL}/{make_segment(cast.alice).id}/run"
    poor = client.post(address, json={"max_leads": 10})
    assert (poor.status_code, poor.headers["content-type"]) == (402, PROBLEM)
    for body in ({"ceiling": "0"}, {"ceiling": "-1"}, {"ceiling": "0.001"}, {"max_leads": 0}, {"max_leads": "5"},
                 {"max_leads": True}, {"max_leads": 10**12}, {"mode": "steal"}, {"price": 0}):  # fmt: skip
        assert client.post(address, json=body).status_code == 422, body
    archived = make_segment(cast.alice)
    client.patch(f"{URL}/{archived.id}", json={"version": 1, "status": "archived"})
    assert client.post(f"{URL}/{archived.id}/run", json={}).json()["reason"] == "not_active"


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "x"}, {"name": "", "filters": TEXANS}, {"name": "x" * 10_000, "filters": TEXANS},
        {"name": "x", "filters": None}, {"name": "x", "filters": []},
        {"name": "x", "filters": where({"field": "nope", "include": ["x"]})},
        {"name": "x", "filters": where({"field": "state", "include": ["TX"] * 10_000})},
        {"name": "x", "filters": TEXANS, "workspace_id": "00000000-0000-0000-0000-000000000000"},
        {"name": "x", "filters": TEXANS, "is_shared": "yes"}, {"name": "x", "filters": TEXANS, "max_leads": -1},
        {"name": "x", "filters": TEXANS, "ceiling": "NaN"},
    ],
)  # fmt: skip
def test_bad_bodies_are_named_and_change_nothing(app: FastAPI, cast: Cast, body: dict[str, Any]) -> None:
    client = browser(app, cast.alice)
    answer = client.post(URL, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert client.get(URL).json()["items"] == []


def test_roles_and_strangers(app: FastAPI, cast: Cast) -> None:
    segment = make_segment(cast.alice)
    viewer = browser(app, make_member(cast.workspace_id, make_user("Vera"), Role.READ_ONLY))
    assert viewer.get(f"{URL}/{segment.id}").json()["may_edit"] is False
    assert viewer.post(URL, json={"name": "x", "filters": TEXANS}).status_code == 403
    assert viewer.post(f"{URL}/{segment.id}/run", json={}).status_code == 403
    stranger = browser(app, cast.charlie)
    unknown = "00000000-0000-0000-0000-000000000000"
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"version": 1, "name": "mine"}),
        ("DELETE", "", None),
        ("POST", "/run", {"mode": "pull"}),
        ("POST", "/run", {"mode": "preview"}),
        ("GET", "/runs", None),
        ("GET", f"/runs/{unknown}", None),
        ("POST", f"/runs/{unknown}/cancel", None),
    ):
        theirs = stranger.request(method, f"{URL}/{segment.id}{path}", json=body)
        nobodys = stranger.request(method, f"{URL}/{unknown}{path}", json=body)
        assert theirs.status_code == nobodys.status_code == 404, (method, path)
        assert theirs.json()["detail"] == nobodys.json()["detail"]
    assert stranger.get(f"{URL}/not-a-uuid").status_code in (404, 422)
    assert browser(app, None).get(URL).status_code == 401

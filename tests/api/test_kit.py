"""What the gate does for every route: who may enter, how often, how much, and that asking twice acts once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Event
from uuid import uuid4

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, Request
from sqlalchemy import text, update
from starlette.testclient import TestClient

from cursive_app.api.app import create, rest
from cursive_app.api.auth import tenant_of
from cursive_app.api.gate import idempotency_key_of
from cursive_app.clock import now
from cursive_app.errors import UpstreamFailed
from cursive_app.services import accounts, credits
from cursive_app.services.limits import API, take
from db.models.credits import IdempotencyRecord
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.api.client import browser
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import balance_of, fund
from tests.factories_segments import TEXANS

WAIT = Event()
trial = APIRouter(prefix="/trial")


@trial.post("/spend", status_code=201)
def spend(request: Request, amount: str = Body(embed=True), tenant: Tenant = Depends(tenant_of)) -> dict[str, str]:
    with tenant.begin() as scope:
        key = idempotency_key_of(request) or str(uuid4())
        line = credits.debit(scope, amount=amount, key=f"api:{key}", description="Trial")
    return {"line": str(line.id)}


@trial.post("/slow")
def slow(tenant: Tenant = Depends(tenant_of)) -> dict[str, bool]:
    assert WAIT.wait(20)
    return {"done": True}


@trial.post("/defect")
def defect() -> None:
    raise RuntimeError("password=hunter2")


@trial.post("/vendor")
def vendor() -> None:
    raise UpstreamFailed(port="provider")


@pytest.fixture
def app(database: object) -> FastAPI:
    api = rest()
    api.include_router(trial, prefix="/api/v1")
    return api


@pytest.fixture
def alice(app: FastAPI, cast: Cast) -> Iterator[TestClient]:
    with browser(app, cast.alice) as client:
        yield client


def problem(response, status: int, code: str) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["title"]
    assert body["detail"]
    return body


def test_nobody_gets_401_and_is_told_how(app: FastAPI, database: object) -> None:
    client = browser(app, None)
    response = client.get("/api/v1/me")
    assert "API key" in problem(response, 401, "unauthenticated")["detail"]
    assert response.headers["www-authenticate"].startswith("Bearer")
    problem(client.get("/api/v1/me", headers={"authorization": "Basic abc"}), 401, "unauthenticated")
    problem(client.get("/api/v1/me", params={"api_key": "cur_x", "key": "cur_x"}), 401, "unauthenticated")


def test_me_says_who_and_what(alice: TestClient, cast: Cast) -> None:
    body = alice.get("/api/v1/me").json()
    assert (body["workspace_id"], body["role"]) == (str(cast.workspace_id), "owner")
    assert "credits:read" in body["permissions"]


def test_unknown_addresses_and_methods_are_problems(alice: TestClient) -> None:
    problem(alice.get("/api/v1/nothing"), 404, "not_found")
    response = alice.put("/api/v1/me", json={})
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver", "sec-fetch-site": "cross-site"},
        {"origin": "http://testserver", "sec-fetch-site": "same-site"},
        {"origin": "http://testserver.evil.example"},
    ],
)
def test_another_site_cannot_spend_with_the_cookie(alice: TestClient, cast: Cast, headers: dict[str, str]) -> None:
    fund(cast.workspace_id, 5)
    problem(alice.post("/api/v1/trial/spend", json={"amount": "1"}, headers=headers), 403, "forbidden")
    assert balance_of(cast.alice)[0] == 5


def test_a_request_without_any_origin_cannot_spend_with_the_cookie(app: FastAPI, cast: Cast) -> None:
    client = browser(app, cast.alice, origin=None)
    problem(client.post("/api/v1/trial/spend", json={"amount": "1"}), 403, "forbidden")
    assert client.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"amount=1", "application/x-www-form-urlencoded", 415, "not_json"),
        (b'{"amount": "1"}', "text/plain", 415, "not_json"),
        (b'{"amount": ', "application/json", 422, "invalid"),
        (b"\xff\xfe", "application/json", 422, "invalid"),
        (b'{"amount": "1", "amount": "2"}', "application/json", 422, "invalid"),
        (b'{"amount": NaN}', "application/json", 422, "invalid"),
        (b'{"amount": 1e999}', "application/json", 422, "invalid"),
        (b'{"amount": "1\\u0000"}', "application/json", 422, "invalid"),
        (b'{"amount": "\\ud800"}', "application/json", 422, "invalid"),
        (b'{"amount": "1"}garbage', "application/json", 422, "invalid"),
        (b"[" * 129 + b"]" * 129, "application/json", 422, "invalid"),
        (b"[" * 200_000, "application/json", 422, "invalid"),
        (b'{"amount": "' + b"x" * 1_000_000 + b'"}', "application/json", 413, "too_large"),
        (b"{}", "application/json", 422, "invalid"),
        (b'{"amount": true}', "application/json", 422, "invalid"),
    ],
)
def test_a_body_that_is_none_is_refused(
    alice: TestClient, cast: Cast, body: bytes, kind: str, status: int, code: str
) -> None:
    fund(cast.workspace_id, 5)
    response = alice.post("/api/v1/trial/spend", content=body, headers={"content-type": kind})
    problem(response, status, code)
    assert balance_of(cast.alice)[0] == 5


def test_brackets_inside_text_are_not_nesting(alice: TestClient, cast: Cast) -> None:
    fund(cast.workspace_id, 5)
    answer = alice.post("/api/v1/trial/spend", json={"amount": "[" * 100 + '"\\{'})
    assert "number" in problem(answer, 422, "invalid")["fields"]["amount"]


def test_a_wrong_amount_names_its_field(alice: TestClient) -> None:
    answer = alice.post("/api/v1/trial/spend", json={"amount": "-5"})
    assert problem(answer, 422, "invalid")["fields"] == {"amount": "The amount must be more than 0."}


def test_402_says_what_is_missing(alice: TestClient, cast: Cast) -> None:
    fund(cast.workspace_id, 2)
    body = problem(alice.post("/api/v1/trial/spend", json={"amount": "5"}), 402, "insufficient_credits")
    assert (body["needed"], body["available"], body["missing"]) == ("5.00", "2.00", "3.00")


def test_a_defect_is_500_without_a_trace(alice: TestClient) -> None:
    response = alice.post("/api/v1/trial/defect")
    problem(response, 500, "internal")
    assert "hunter2" not in response.text
    assert "Traceback" not in response.text
    problem(alice.post("/api/v1/trial/vendor"), 502, "upstream_failed")


def test_a_repeated_key_gets_the_first_answer(alice: TestClient, cast: Cast) -> None:
    fund(cast.workspace_id, 5)
    answers = [
        alice.post("/api/v1/trial/spend", json={"amount": "2"}, headers={"idempotency-key": "k1"}) for _ in range(3)
    ]
    assert [one.status_code for one in answers] == [201, 201, 201]
    assert len({one.text for one in answers}) == 1
    assert [one.headers.get("idempotent-replayed") for one in answers] == [None, "true", "true"]
    assert balance_of(cast.alice)[0] == Decimal("3.00")


def test_a_key_with_another_request_is_422(alice: TestClient, cast: Cast) -> None:
    fund(cast.workspace_id, 5)
    alice.post("/api/v1/trial/spend", json={"amount": "2"}, headers={"idempotency-key": "k1"})
    answer = alice.post("/api/v1/trial/spend", json={"amount": "3"}, headers={"idempotency-key": "k1"})
    assert "another request" in problem(answer, 422, "invalid")["fields"]["Idempotency-Key"]
    assert balance_of(cast.alice)[0] == Decimal("3.00")


def test_a_key_of_another_workspace_is_not_answered_with_ours(app: FastAPI, alice: TestClient, cast: Cast) -> None:
    fund(cast.workspace_id, 5)
    fund(cast.charlie.workspace_id, 5)
    mine = alice.post("/api/v1/trial/spend", json={"amount": "2"}, headers={"idempotency-key": "k1"})
    with browser(app, cast.charlie) as charlie:
        his = charlie.post("/api/v1/trial/spend", json={"amount": "2"}, headers={"idempotency-key": "k1"})
    assert his.status_code == 201
    assert his.json() != mine.json()
    assert "idempotent-replayed" not in his.headers


def test_a_key_gives_its_answer_to_nobody_who_may_do_less(app: FastAPI, alice: TestClient, cast: Cast) -> None:
    """T15: what a colleague was answered is not repeated to a role or an API key that would have been refused."""
    send = {"json": {"name": "Once", "filters": TEXANS}, "headers": {"idempotency-key": "k1"}}
    made = alice.post("/api/v1/segments", **send)
    assert made.status_code == 201
    reader = make_member(cast.workspace_id, make_user("Vera"), Role.READ_ONLY)
    with cast.alice.begin() as scope:
        keys = [
            accounts.create_api_key(scope, name="k", scopes=scopes).key
            for scopes in (["leads:read"], ["segments:write"], ["segments:write"])
        ]
    answers = [browser(app, reader).post("/api/v1/segments", **send)]
    for key in keys:
        headers = {"authorization": f"Bearer {key}", **send["headers"]}
        answers.append(browser(app, None, origin=None).post("/api/v1/segments", json=send["json"], headers=headers))
    for answer in answers:
        assert "Idempotency-Key" in problem(answer, 422, "invalid")["fields"]
        assert made.json()["id"] not in answer.text
    assert alice.post("/api/v1/segments", **send).json() == made.json()


def test_a_key_that_replaces_another_gets_its_answers(app: FastAPI, cast: Cast) -> None:
    with cast.alice.begin() as scope:
        old = accounts.create_api_key(scope, name="k", scopes=["segments:read", "segments:write"])
    with cast.alice.begin() as scope:
        new = accounts.rotate_api_key(scope, key_id=old.id)
    client, body = browser(app, None, origin=None), {"name": "Once", "filters": TEXANS}
    first, second = (
        client.post("/api/v1/segments", json=body, headers={"authorization": f"Bearer {key}", "idempotency-key": "k1"})
        for key in (old.key, new.key)
    )
    assert first.status_code == second.status_code == 201
    assert second.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "tab\there"])
def test_a_key_is_visible_and_not_endless(alice: TestClient, key: str) -> None:
    answer = alice.post("/api/v1/trial/spend", json={"amount": "2"}, headers={"idempotency-key": key})
    assert "Idempotency-Key" in problem(answer, 422, "invalid")["fields"]


def test_a_refusal_leaves_the_key_free(alice: TestClient, cast: Cast) -> None:
    send = {"json": {"amount": "2"}, "headers": {"idempotency-key": "k1"}}
    problem(alice.post("/api/v1/trial/spend", **send), 402, "insufficient_credits")
    fund(cast.workspace_id, 5)
    assert alice.post("/api/v1/trial/spend", **send).status_code == 201
    assert balance_of(cast.alice)[0] == Decimal("3.00")


def test_a_twin_that_runs_is_409(alice: TestClient) -> None:
    WAIT.clear()
    key = str(uuid4())  # of nobody else, or another test's reservation would be taken for ours
    with ThreadPoolExecutor(1) as pool:
        try:
            first = pool.submit(alice.post, "/api/v1/trial/slow", headers={"idempotency-key": key})
            second = None
            while second is None:
                if _reserved(key):
                    second = alice.post("/api/v1/trial/slow", headers={"idempotency-key": key})
            body = problem(second, 409, "conflict")
            assert body["reason"] == "in_progress"
            assert second.headers["retry-after"] == "1"
        finally:
            WAIT.set()
        assert first.result(20).json() == {"done": True}
    again = alice.post("/api/v1/trial/slow", headers={"idempotency-key": key})
    assert again.headers["idempotent-replayed"] == "true"


def test_fifty_twins_spend_once(app: FastAPI, cast: Cast) -> None:
    """F18: the same POST fifty times in parallel, one effect."""
    fund(cast.workspace_id, 50)
    client = browser(app, cast.alice)

    def post(_: int) -> int:
        return client.post("/api/v1/trial/spend", json={"amount": "1"}, headers={"idempotency-key": "twin"}).status_code

    with client, ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(post, range(50)))
    assert set(statuses) <= {201, 409, 503}
    assert 201 in statuses
    assert balance_of(cast.alice)[0] == Decimal("49.00")


def test_a_reservation_of_a_dead_process_is_taken_over_without_a_second_effect(alice: TestClient, cast: Cast) -> None:
    """The process died after the effect and before the answer was stored: the effect carries the key as well."""
    fund(cast.workspace_id, 5)
    send = {"json": {"amount": "2"}, "headers": {"idempotency-key": "k1"}}
    first = alice.post("/api/v1/trial/spend", **send)
    with system_scope() as scope:
        scope.session.execute(
            update(IdempotencyRecord)
            .where(IdempotencyRecord.workspace_id == cast.workspace_id)
            .values(status=None, body=None, locked_until=now())
        )
    again = alice.post("/api/v1/trial/spend", **send)
    assert "idempotent-replayed" not in again.headers
    assert again.json() == first.json()
    assert balance_of(cast.alice)[0] == Decimal("3.00")


def test_the_rate_is_exact_and_says_when_to_come_back(alice: TestClient, cast: Cast) -> None:
    first = alice.get("/api/v1/me")
    assert first.headers["x-ratelimit-limit"] == str(API.limit)
    assert int(first.headers["x-ratelimit-remaining"]) == API.limit - 1
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: take(cast.bob), range(API.limit + 5)))
    started = [one for one in taken if one.allowed]
    assert API.limit - 1 <= len(started) <= API.limit + 3  # what is refilled meanwhile
    refused = alice.get("/api/v1/me")
    while refused.status_code == 200:  # a slot may have come back
        refused = alice.get("/api/v1/me")
    problem(refused, 429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert take(cast.charlie).allowed


def test_openapi_is_served_without_a_key(app: FastAPI) -> None:
    document = browser(app, None).get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    responses = document["paths"]["/api/v1/credits"]["get"]["responses"]
    assert {"200", "401", "403", "422", "429"} <= set(responses)
    assert "HTTPValidationError" not in json.dumps(document)


def test_older_addresses_with_shapes_of_their_own_are_described_as_aliases(app: FastAPI, cast: Cast) -> None:
    document = app.openapi()
    root = "/api/audiencelab/batch-enrichment"
    aliases = {path: methods for path, methods in document["paths"].items() if not path.startswith("/api/v1/")}
    assert set(aliases) == {root} | {
        f"{root}/{{enrichment_id}}{action}" for action in ("", "/start", "/cancel", "/download")
    }
    for methods in aliases.values():
        for operation in methods.values():
            assert operation["tags"] == ["Aliases"]
            assert operation["summary"].endswith("(alias)")
            assert "/api/v1/enrichments" in operation["description"]
    answer = browser(app, cast.alice).get(f"{root}/{uuid4()}", params={"no_such_parameter": "1"})
    assert problem(answer, 422, "invalid")["fields"] == {"no_such_parameter": "There is no such parameter."}


def test_the_front_keeps_api_and_pages_apart(database: object) -> None:
    client = TestClient(create(), raise_server_exceptions=False)
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    problem(client.get("/api/v1/anything"), 401, "unauthenticated")
    problem(client.get("/api/other"), 401, "unauthenticated")
    assert client.get("/other").status_code == 404
    report = client.get("/healthz")
    assert report.status_code == 200
    assert set(report.json()) == {"status"}


def _reserved(key: str) -> bool:
    with system_scope() as scope:
        found = scope.session.scalar(text("SELECT count(*) FROM idempotency_records WHERE key = :k"), {"k": key})
    return bool(found)

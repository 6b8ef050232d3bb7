"""Leads over HTTP: paging, filters, detail, the CSV, and what is refused."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest
from fastapi import FastAPI

from cursive_app.api.app import rest
from db.engine import Database
from db.roles import Role
from tests.api.client import browser
from tests.factories import Cast, make_member, make_user
from tests.factories_leads import make_lead, make_leads

ROOT = "/api/v1/leads"


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    return rest()


def test_pages_follow_each_other(app: FastAPI, cast: Cast) -> None:
    make_leads(cast.alice, 7)
    client, seen, cursor = browser(app, cast.alice), [], None
    while True:
        params = {"limit": 3, "sort": "name"} | ({"cursor": cursor} if cursor else {})
        answer = client.get(ROOT, params=params).json()
        assert answer["total"] == 7
        seen += [item["first_name"] for item in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert len(seen) == 7
    assert client.get(ROOT, params={"with_total": "false"}).json()["total"] is None


def test_filters_narrow(app: FastAPI, cast: Cast) -> None:
    make_leads(cast.alice, 10)
    client = browser(app, cast.alice)
    for params, total in (
        ({"seniority": ["vp", "cxo"]}, 4),
        ({"q": "person00003"}, 1),
        ({"has": ["email", "phone"], "state": "TX"}, 2),
        ({"run": str(uuid4())}, 0),
        ({"source": "upload"}, 0),
    ):
        assert client.get(ROOT, params=params).json()["total"] == total, params


def test_one_lead_has_everything_but_restricted_facts(app: FastAPI, cast: Cast) -> None:
    lead = make_lead(cast.alice)
    answer = browser(app, cast.alice).get(f"{ROOT}/{lead}").json()
    assert answer["id"] == str(lead)
    assert answer["emails"][0] == {"address": answer["email"], "kind": "business", "verification": "verified"}
    assert answer["phones"][0]["do_not_call"] is False
    assert answer["receipts"][0]["cost"] == "0.00"
    assert "raw" not in answer
    assert "search_text" not in answer


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "password_hash"},
        {"cursor": "forged"},
        {"limit": "0"},
        {"limit": "201"},
        {"has": "money"},
        {"run": "not-a-uuid"},
        {"q": "x" * 201},
        {"q": "a\x00b"},
        {"state": "\x00"},
        {"state": [f"S{i}" for i in range(51)]},
    ],
)
def test_a_wrong_request_is_a_problem_that_says_why(app: FastAPI, cast: Cast, params: dict[str, object]) -> None:
    for path in (ROOT, f"{ROOT}/export.csv"):
        if path.endswith("csv") and params.keys() & {"cursor", "limit"}:
            continue
        answer = browser(app, cast.alice).get(path, params=params)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "invalid"


def test_the_csv_is_the_whole_filter(app: FastAPI, cast: Cast) -> None:
    make_leads(cast.alice, 12)
    answer = browser(app, cast.alice).get(f"{ROOT}/export.csv", params={"seniority": "vp", "sort": "name"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="leads-')
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), strict=True))
    assert [row["seniority"] for row in rows] == ["vp"] * 3


def test_others_see_nothing_and_learn_nothing(app: FastAPI, cast: Cast) -> None:
    lead = make_lead(cast.alice)
    charlie = browser(app, cast.charlie)
    assert charlie.get(ROOT).json()["items"] == []
    assert len(charlie.get(f"{ROOT}/export.csv").text.splitlines()) == 1
    foreign, unknown = charlie.get(f"{ROOT}/{lead}"), charlie.get(f"{ROOT}/{uuid4()}")
    assert foreign.status_code == unknown.status_code == 404
    assert {k: v for k, v in foreign.json().items() if k not in ("request_id", "instance")} == {
        k: v for k, v in unknown.json().items() if k not in ("request_id", "instance")
    }
    assert browser(app, None).get(ROOT).status_code == 401


def test_roles_decide(app: FastAPI, cast: Cast) -> None:
    lead = make_lead(cast.alice)
    billing = browser(app, make_member(cast.workspace_id, make_user("Bill"), Role.BILLING))
    assert [billing.get(path).status_code for path in (ROOT, f"{ROOT}/{lead}", f"{ROOT}/export.csv")] == [403] * 3
    reader = browser(app, make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY))
    assert [reader.get(path).status_code for path in (ROOT, f"{ROOT}/{lead}", f"{ROOT}/export.csv")] == [200, 200, 403]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"bogus": "1"}, "bogus"),
        ({"seniorty": "vp"}, "seniorty"),
        ({"state": "Atlantis"}, "state"),
        ({"seniority": "emperor"}, "seniority"),
    ],
)
@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/export.csv"])
def test_what_the_list_does_not_know_is_refused_by_name(
    app: FastAPI, cast: Cast, path: str, params: dict[str, str], named: str
) -> None:
    make_lead(cast.alice)
    answer = browser(app, cast.alice).get(path, params=params)
    assert answer.status_code == 422, answer.text
    assert named in answer.json()["fields"]


def test_a_state_may_be_spelled_out(app: FastAPI, cast: Cast) -> None:
    make_lead(cast.alice, state="TX")
    client = browser(app, cast.alice)
    assert [client.get(ROOT, params={"state": state}).json()["total"] for state in ("tx", "Texas", "NY")] == [1, 1, 0]
    assert client.get(ROOT).json()["items"][0]["state_from_company"] is False


@pytest.mark.parametrize(
    ("params", "total"),
    [
        ({"department": "Marketing"}, 1),
        ({"department": ["growth hacking", "Sales"]}, 0),
        ({"industry": "software DEVELOPMENT"}, 1),
        ({"industry": "Basket weaving, by hand"}, 1),
        ({"industry": "Alchemy"}, 0),
        ({"company_size": "11-25"}, 1),
        ({"company_size": "a handful"}, 1),
    ],
)
def test_open_vocabularies_are_never_refused_and_known_words_found_in_any_spelling(
    app: FastAPI, cast: Cast, params: dict[str, object], total: int
) -> None:
    make_lead(cast.alice, department="marketing", industry="Software Development", company_size="11 to 25")
    other = {"department": None, "industry": "Basket weaving, by hand", "company_size": "a handful"}
    make_lead(cast.alice, email="weaver@acme.example", **other)
    answer = browser(app, cast.alice).get(ROOT, params=params)
    assert (answer.status_code, answer.json()["total"]) == (200, total)


def test_one_fact_has_one_name(app: FastAPI, cast: Cast) -> None:
    lead, client = make_lead(cast.alice), browser(app, cast.alice)
    listed, detail = client.get(ROOT).json()["items"][0], client.get(f"{ROOT}/{lead}").json()
    assert not [name for name in detail if "derived" in name]
    assert {name: detail[name] for name in listed} == listed


def test_a_parameter_of_one_value_is_given_once(app: FastAPI, cast: Cast) -> None:
    """Row 86: of two that contradict each other neither is chosen, at any list."""
    client, tried = browser(app, cast.alice), []
    for path, methods in app.openapi()["paths"].items():
        if "get" not in methods or "{" in path:
            continue
        for one in methods["get"].get("parameters", ()):
            if one["in"] == "query" and "array" not in str(one["schema"]):
                answer = client.get(path, params=[(one["name"], "1"), (one["name"], "2")])
                assert answer.status_code == 422, (path, one["name"])
                tried.append((path, one["name"]))
                if answer.json()["fields"].get(one["name"]) is None:
                    raise AssertionError((path, one["name"], answer.json()))
    assert (ROOT, "limit") in tried
    repeated = client.get(ROOT, params=[("limit", "5"), ("limit", "6")])
    assert repeated.json()["fields"] == {"limit": "Send this parameter once; it takes one value."}
    assert client.get(ROOT, params=[("state", "TX"), ("state", "CA")]).status_code == 200


def test_no_list_ignores_a_parameter(app: FastAPI, cast: Cast) -> None:
    client, tried = browser(app, cast.alice), []
    for path, methods in app.openapi()["paths"].items():
        if "get" not in methods or "{" in path or "/admin/" in path:
            continue
        answer = client.get(path, params={"no_such_parameter": "1"})
        assert answer.status_code == 422, path
        assert answer.json()["fields"] == {"no_such_parameter": "There is no such parameter."}, path
        tried.append(path)
    assert {ROOT, "/api/v1/segments", "/api/v1/jobs", "/api/v1/credits/ledger"} <= set(tried)
    assert client.get("/api/segments", params={"no_such_parameter": "1"}).status_code == 422  # the older address
    assert client.get("/api/segments", params={"status": "active"}).status_code == 200

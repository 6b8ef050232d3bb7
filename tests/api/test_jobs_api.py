"""GET /api/v1/jobs, …/{id}, POST …/cancel through the real application."""

from __future__ import annotations

from uuid import uuid4

import pytest
from fastapi import FastAPI

from cursive_app.api.app import rest
from cursive_app.services import jobs
from db.engine import Database
from db.roles import Role
from tests.api.client import browser
from tests.factories import Cast, make_member, make_user
from tests.factories_jobs import job_row, make_job

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    return rest()


def test_list_and_detail(app: FastAPI, cast: Cast) -> None:
    made = [str(make_job(cast.alice, total=10, links={"run_id": "r"}).id) for _ in range(3)]
    client = browser(app, cast.bob)
    page = client.get("/api/v1/jobs", params={"limit": 2}).json()
    assert [item["id"] for item in page["items"]] == made[:0:-1]
    rest_of = client.get("/api/v1/jobs", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [item["id"] for item in rest_of["items"]] == made[:1]
    assert rest_of["next_cursor"] is None
    one = client.get(f"/api/v1/jobs/{made[0]}").json()
    assert (one["status"], one["total"], one["links"]) == ("pending", 10, {"run_id": "r"})
    assert [line["message"] for line in one["events"]] == ["Queued"]
    assert one["credits_held"] == "0.00"
    assert one["per_second"] is None
    assert client.get("/api/v1/jobs", params={"status": ["completed", "failed"]}).json()["items"] == []


def test_internals_stay_inside(app: FastAPI, cast: Cast) -> None:
    links = {"run_id": "77"}
    job = make_job(cast.alice, arguments={"secret": "x"}, links=links)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.fail(scope, claimed, code="internal", message="It failed.", internal="Traceback of the house")
    text = browser(app, cast.alice).get(f"/api/v1/jobs/{job.id}").text
    assert "It failed." in text
    beside = browser(app, cast.alice).get(f"/api/v1/jobs/{make_job(cast.alice, links=links).id}").text
    assert '"relation":"same"' in beside
    assert str(job.id) in beside
    for hidden in ("Traceback", "secret", "attempt_token", "workspace_id", "task", "fingerprint", "idempotency"):
        assert hidden not in text + beside


def test_what_belongs_together_came_to(app: FastAPI, cast: Cast) -> None:
    """Two runs of one segment; somebody else's of the same segment does not count."""
    segment = str(uuid4())
    mine, other = (make_job(cast.alice, links={"segment_id": segment, "run_id": str(uuid4())}) for _ in range(2))
    make_job(cast.charlie, links={"segment_id": segment, "run_id": str(uuid4())})
    found = browser(app, cast.alice).get(f"/api/v1/jobs/{mine.id}").json()
    assert [(one["relation"], one["job"]["id"]) for one in found["related"]] == [("segment", str(other.id))]
    assert found["related_sum"] == {
        "jobs": 2, "ended": 0, "by_status": {"pending": 2}, "credits_captured": "0.00", "credits_held": "0.00",
    }  # fmt: skip
    assert browser(app, cast.alice).get(f"/api/v1/jobs/{make_job(cast.alice).id}").json()["related_sum"] is None


def test_cancel(app: FastAPI, cast: Cast) -> None:
    job = make_job(cast.alice)
    client = browser(app, cast.alice)
    first = client.post(f"/api/v1/jobs/{job.id}/cancel")
    assert (first.status_code, first.json()["cancel_requested"]) == (202, True)
    assert client.post(f"/api/v1/jobs/{job.id}/cancel").status_code == 202
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.cancelled(scope, claimed)
    late = client.post(f"/api/v1/jobs/{job.id}/cancel")
    assert late.status_code == 409
    assert late.headers["content-type"].startswith(PROBLEM)
    assert client.post(f"/api/v1/jobs/{job.id}/resume").status_code == 409


def test_another_workspaces_job_reads_like_an_unknown_one(app: FastAPI, cast: Cast) -> None:
    job = make_job(cast.alice)
    client = browser(app, cast.charlie)
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/resume")):
        theirs = client.request(method, f"/api/v1/jobs/{job.id}{path}")
        nobodys = client.request(method, f"/api/v1/jobs/{uuid4()}{path}")
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json()["title"] == nobodys.json()["title"]
    assert client.get("/api/v1/jobs").json()["items"] == []
    assert job_row(job.id).cancel_requested_at is None


def test_rights(app: FastAPI, cast: Cast) -> None:
    job = make_job(cast.alice)
    reader = browser(app, make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY))
    assert reader.get(f"/api/v1/jobs/{job.id}").status_code == 200
    assert reader.post(f"/api/v1/jobs/{job.id}/cancel").status_code == 403
    assert browser(app, None).get("/api/v1/jobs").status_code == 401
    foreign = browser(app, cast.alice, origin="https://evil.example")
    assert foreign.post(f"/api/v1/jobs/{job.id}/cancel").status_code == 403
    assert job_row(job.id).cancel_requested_at is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=1000000000", "limit=abc", "cursor=abc", "status=done", "cursor=newer-x"]
)
def test_bad_questions_are_422_with_words(app: FastAPI, cast: Cast, query: str) -> None:
    answer = browser(app, cast.alice).get(f"/api/v1/jobs?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith(PROBLEM)


@pytest.mark.parametrize("bad", ["1", "null", "%27", "{}", "00000000-0000-0000-0000-00000000000g"])
def test_a_bad_id_is_refused(app: FastAPI, cast: Cast, bad: str) -> None:
    assert browser(app, cast.alice).get(f"/api/v1/jobs/{bad}").status_code in (404, 422)

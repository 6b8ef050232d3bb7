"""The staff's API of queues, and the document that describes what staff may ask for."""

from __future__ import annotations

from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from cursive_app.api.app import operations, rest
from cursive_app.services import jobs
from db.engine import Database
from db.models.jobs import StaffAction
from db.system import system_scope
from tests.api.test_admin_jobs import as_staff
from tests.factories import Cast

QUEUES = "/api/v1/admin/queues"


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    return rest()


@pytest.fixture
def queue(cast: Cast) -> str:
    """A queue of this test alone, with work in it."""
    name = f"spare-{uuid4().hex[:8]}"
    with cast.alice.begin() as scope:
        jobs.open_job(scope, kind="trial", title="Spare", task="trial.run", queue=name)
    return name


def written(queue: str) -> list[tuple[str, object]]:
    """What was done to the queue or refused, with the new limit."""
    with system_scope() as scope:
        found = select(StaffAction.action, StaffAction.details).where(StaffAction.object_id == queue)
        rows = scope.session.execute(found.order_by(StaffAction.id)).all()
    return [(action, details.get("after")) for action, details in rows]


def test_a_limit_is_set_changed_and_ended_once_each(app: FastAPI, cast: Cast, queue: str) -> None:
    client = as_staff(app, cast, "operate")
    address = f"{QUEUES}/{queue}/limit"
    for at_most in (2, 2, 3, None, None):
        answer = client.put(address, json={"at_most": at_most, "reason": "The provider is slow"})
        assert answer.status_code == 200
        assert (answer.json()["name"], answer.json()["waiting"]) == (queue, 1)
        limit = answer.json()["limit"]
        assert (limit and limit["at_most"]) == at_most
    assert written(queue) == [("queue.limit", 2), ("queue.limit", 3), ("queue.limit", None)]
    assert queue in [one["name"] for one in client.get(QUEUES).json()["queues"]]


def test_pausing_and_resuming_twice_is_once(app: FastAPI, cast: Cast, queue: str) -> None:
    client = as_staff(app, cast, "operate")
    for action, reason in (("pause", "First"), ("pause", "Second"), ("resume", "Back"), ("resume", "Back")):
        answer = client.post(f"{QUEUES}/{queue}/{action}", json={"reason": reason})
        assert answer.status_code == 200
        paused = answer.json()["paused"]
        assert (paused and paused["reason"]) == ("First" if action == "pause" else None)
    assert [action for action, _ in written(queue)] == ["queue.pause", "queue.resume"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"at_most": 0, "reason": "Slow"}, "at_most"),
        ({"at_most": 1_001, "reason": "Slow"}, "at_most"),
        ({"at_most": "2", "reason": "Slow"}, "at_most"),
        ({"at_most": True, "reason": "Slow"}, "at_most"),
        ({"reason": "Slow"}, "at_most"),
        ({"at_most": 2, "reason": " "}, "reason"),
        ({"at_most": 2}, "reason"),
        ({"at_most": 2, "reason": "Slow", "queue": "runs"}, "queue"),
    ],
)
def test_a_limit_that_is_none_is_refused(
    app: FastAPI, cast: Cast, queue: str, body: dict[str, object], field: str
) -> None:
    answer = as_staff(app, cast, "operate").put(f"{QUEUES}/{queue}/limit", json=body)
    assert answer.status_code == 422
    assert any(field in name for name in answer.json()["fields"])
    assert written(queue) == []


def test_a_reader_looks_and_changes_nothing(app: FastAPI, cast: Cast, queue: str) -> None:
    client = as_staff(app, cast, "read_only")
    assert client.get(QUEUES).status_code == 200
    assert client.put(f"{QUEUES}/{queue}/limit", json={"at_most": 1, "reason": "Slow"}).status_code == 403
    for action in ("pause", "resume"):
        assert client.post(f"{QUEUES}/{queue}/{action}", json={"reason": "Slow"}).status_code == 403
    assert [action for action, _ in written(queue)] == ["refused.queue.limit", "refused.queue.pause",
                                                        "refused.queue.resume"]  # fmt: skip
    (line,) = [one for one in client.get(QUEUES).json()["queues"] if one["name"] == queue]
    assert (line["limit"], line["paused"]) == (None, None)


def test_there_must_be_such_a_queue(app: FastAPI, cast: Cast) -> None:
    client, name = as_staff(app, cast, "operate"), f"none-{uuid4().hex[:8]}"
    assert client.put(f"{QUEUES}/{name}/limit", json={"at_most": 1, "reason": "Slow"}).status_code == 404
    for action in ("pause", "resume"):
        assert client.post(f"{QUEUES}/{name}/{action}", json={"reason": "Slow"}).status_code == 404
    with system_scope() as scope:
        done = select(func.count()).where(StaffAction.object_id == name, ~StaffAction.action.startswith("refused."))
        assert scope.session.scalar(done) == 0


def test_staff_read_what_they_may_ask_for_in_a_document_of_their_own(app: FastAPI, cast: Cast) -> None:
    document = as_staff(app, cast, "read_only").get("/api/v1/admin/openapi.json").json()
    assert set(document["paths"]) == {
        f"{prefix}{path}"
        for prefix in ("/api/v1/admin/jobs", "/api/admin/audiencelab/jobs")
        for path in ("", "/history.csv", "/{job_id}", "/{job_id}/retry", "/{job_id}/cancel")
    } | {
        "/api/v1/admin/openapi.json",
        "/api/v1/admin/actions.csv",
        QUEUES,
        *(f"{QUEUES}/{{queue}}/{action}" for action in ("pause", "resume", "limit")),
    }
    assert document["security"] == [{"session": []}]
    limit = document["paths"][f"{QUEUES}/{{queue}}/limit"]["put"]
    assert {"200", "403", "404", "409", "422", "429"} <= set(limit["responses"])
    assert "tags" in document["components"]["schemas"]["AdminJobRow"]["properties"]
    assert {path for _, path in operations(app) if "/admin/" in path} == set(document["paths"])

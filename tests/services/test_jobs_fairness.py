"""Workspaces take turns at the workers: a backlog of one does not stand in front of another's only job."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from cursive_app.services import jobs
from cursive_app.services.segments import run as segment_run
from db.system import system_scope
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_jobs import forget_tasks, grow_stale, job_row, make_job
from tests.factories_segments import lead_count, look, make_segment, run_row, start, step, work_off
from tests.sandbox_fixtures import Sandbox, sandbox, sandbox_server

__all__ = ["sandbox", "sandbox_server"]


@pytest.fixture
def queue() -> str:
    """A queue that no other test uses."""
    return f"trial-{uuid4().hex[:8]}"


def served(queue: str) -> list[UUID]:
    """The jobs whose tasks wait in a queue, in the order in which a worker takes them."""
    order: list[UUID] = []
    with system_scope() as scope:
        worker = scope.session.scalar(text("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"))
        fetch = text("SELECT args->>'job_id' FROM procrastinate_fetch_job_v2(ARRAY[:queue]::varchar[], :worker)")
        while found := scope.session.scalar(fetch, {"queue": queue, "worker": worker}):
            order.append(UUID(found))
    return order


def test_workspaces_take_turns(cast: Cast, queue: str) -> None:
    backlog = [make_job(cast.alice, queue=queue).id for _ in range(5)]
    late = [make_job(cast.charlie, queue=queue).id for _ in range(2)]
    assert served(queue) == [backlog[0], late[0], backlog[1], late[1], *backlog[2:]]


def test_jobs_that_have_ended_do_not_count(cast: Cast, queue: str) -> None:
    first = make_job(cast.alice, queue=queue).id
    claimed = jobs.claim(first)
    assert claimed is not None
    with claimed.tenant.begin() as scope:
        jobs.finish(scope, claimed)
    forget_tasks(first)
    second = make_job(cast.alice, queue=queue).id
    other = make_job(cast.charlie, queue=queue).id
    assert served(queue) == [second, other]


def test_a_job_that_is_woken_again_keeps_its_workspaces_turn(cast: Cast, queue: str) -> None:
    backlog = [make_job(cast.alice, queue=queue).id for _ in range(3)]
    claimed = jobs.claim(backlog[2])
    assert claimed is not None
    for job_id in backlog:
        forget_tasks(job_id)
    grow_stale(backlog[2])
    jobs.rescue_stalled()
    other = make_job(cast.charlie, queue=queue).id
    assert served(queue) == [other, backlog[2]]


def test_a_cancel_waits_for_no_turn(cast: Cast, queue: str) -> None:
    backlog = [make_job(cast.alice, queue=queue).id for _ in range(3)]
    with cast.alice.begin() as scope:
        jobs.request_cancel(scope, backlog[2])
    assert served(queue)[:2] == [backlog[2], backlog[0]]


def test_a_long_run_lets_others_have_the_worker(cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_run, "TURN_SECONDS", 0.0)
    fund(cast.workspace_id, 100)
    run, lab = start(cast.alice, make_segment(cast.alice).id, max_leads=60), sandbox.client(page_size=20)
    while run_row(run).next_page == 1:
        step(run, lab)
    assert (look(cast.alice, run).status, run_row(run).next_page) == ("running", 2)
    assert run.job_id is not None
    waiting = job_row(run.job_id)
    assert (waiting.attempt_token, waiting.status, waiting.attempts) == (None, "processing", 0)
    assert work_off(cast.alice, run, lab).new_leads == 60 == lead_count(cast.alice)

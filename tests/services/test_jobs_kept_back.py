"""What a workspace learns of a pause that keeps its jobs back: that they wait, and since when."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from cursive_app.services import jobs
from cursive_app.services.jobs import admin
from db.models.jobs import QueuePause
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_jobs import job_row, make_job

REASON = "Acme Data Ltd does not answer"


@pytest.fixture
def queue() -> str:
    return f"spare-{uuid4().hex[:8]}"


def since(tenant: Tenant, job: UUID) -> datetime | None:
    """As one job, as a row of the list and as a row that is looked at again."""
    with tenant.begin() as scope:
        one = jobs.get_job(scope, job).job
        rows = (*jobs.list_jobs(scope).jobs, *jobs.refresh_jobs(scope, ids=[job]).jobs)
    assert {row.kept_back_since for row in rows if row.id == job} == {one.kept_back_since}
    return one.kept_back_since


def test_a_job_waits_since_the_pause_or_since_it_was_made(cast: Cast, queue: str) -> None:
    early, other = make_job(cast.alice, queue=queue).id, make_job(cast.alice).id
    assert since(cast.alice, early) is None
    admin.pause_queue(staff(), queue, reason=REASON)
    late = make_job(cast.charlie, queue=queue).id
    with system_scope() as scope:
        pause = scope.session.get(QueuePause, queue)
        assert pause is not None
        paused_at = pause.paused_at
    assert since(cast.alice, early) == paused_at
    assert since(cast.charlie, late) == job_row(late).created_at
    assert since(cast.alice, other) is None
    admin.resume_queue(staff(), queue, reason="It is back")
    assert since(cast.alice, early) is since(cast.charlie, late) is None


def test_only_what_really_waits_is_kept_back(cast: Cast, queue: str) -> None:
    running, stopping, ended = (make_job(cast.alice, queue=queue).id for _ in range(3))
    held, done = jobs.claim(running), jobs.claim(ended)
    assert held is not None
    assert done is not None
    with cast.alice.begin() as scope:
        jobs.finish(scope, done)
        jobs.request_cancel(scope, stopping)
    admin.pause_queue(staff(), queue, reason=REASON)
    assert [since(cast.alice, job) for job in (running, stopping, ended)] == [None] * 3
    with cast.alice.begin() as scope:
        jobs.postpone(scope, held, until=job_row(running).created_at)
    assert since(cast.alice, running) is not None
    admin.resume_queue(staff(), queue, reason="It is back")


def test_nobody_learns_of_another_workspace_or_of_what_staff_wrote(cast: Cast, queue: str) -> None:
    mine = make_job(cast.alice, queue=queue).id
    admin.pause_queue(staff(), queue, reason=REASON)
    asked = text("SELECT * FROM jobs_kept_back(CAST(:ids AS uuid[]))")
    with cast.charlie.begin() as scope:
        assert scope.session.execute(asked, {"ids": [mine]}).all() == []
    with cast.alice.begin() as scope:
        (row,) = scope.session.execute(asked, {"ids": [mine]}).all()
        assert row.job_id == mine
        assert len(row) == 2
        assert REASON not in str(jobs.get_job(scope, mine))
    admin.resume_queue(staff(), queue, reason="It is back")

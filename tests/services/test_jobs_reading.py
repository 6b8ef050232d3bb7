"""The customer's side: own jobs only, honest pages, cancel and resume with rights."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event

from cursive_app.clock import now
from cursive_app.errors import Conflict, Forbidden, Invalid, NotFound
from cursive_app.services import jobs
from db.engine import Database
from db.roles import Role
from db.scope import Tenant
from tests.factories import Cast, make_member, make_user
from tests.factories_jobs import forget_tasks, job_row, make_job, messages, waiting_tasks


def test_charlie_sees_nothing(cast: Cast) -> None:
    job = make_job(cast.alice)
    with cast.charlie.begin() as scope:
        assert jobs.list_jobs(scope).jobs == ()
        assert set(jobs.count_jobs(scope).by_status.values()) == {0}
        assert jobs.refresh_jobs(scope, ids=[job.id]) == jobs.JobRefresh(jobs=(), newest=None)
        for reach in (jobs.get_job, jobs.request_cancel, jobs.resume):
            with pytest.raises(NotFound):
                reach(scope, job.id)
    assert job_row(job.id).cancel_requested_at is None


def test_pages_meet_without_gap_or_overlap(cast: Cast) -> None:
    made = [make_job(cast.alice).id for _ in range(7)]
    seen, cursor = [], None
    while True:
        with cast.bob.begin() as scope:
            page = jobs.list_jobs(scope, limit=3, cursor=cursor)
        seen += [job.id for job in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == made[::-1]


def test_the_way_back_shows_the_same_pages(cast: Cast) -> None:
    made = [make_job(cast.alice).id for _ in range(7)][::-1]
    with cast.alice.begin() as scope:
        pages = [jobs.list_jobs(scope, limit=3)]
        while (cursor := pages[-1].next_cursor) is not None:
            pages.append(jobs.list_jobs(scope, limit=3, cursor=cursor))
        assert pages[0].previous_cursor is None
        second = jobs.list_jobs(scope, limit=3, cursor=pages[2].previous_cursor)
        first = jobs.list_jobs(scope, limit=3, cursor=second.previous_cursor)
    assert [job.id for job in second.jobs] == made[3:6]
    assert [job.id for job in first.jobs] == made[:3]
    assert first.previous_cursor is None
    assert first.next_cursor == pages[0].next_cursor


def test_a_refresh_says_what_changed_and_what_is_new(cast: Cast) -> None:
    first = make_job(cast.alice)
    jobs.claim(first.id)
    second = make_job(cast.alice)
    with cast.alice.begin() as scope:
        fresh = jobs.refresh_jobs(scope, ids=[first.id])
    assert [(job.id, job.status) for job in fresh.jobs] == [(first.id, "processing")]
    assert fresh.newest == second.id


def test_filters(cast: Cast) -> None:
    done, waiting = make_job(cast.alice, kind="a"), make_job(cast.alice, kind="b")
    claimed = jobs.claim(done.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.finish(scope, claimed)
        assert [job.id for job in jobs.list_jobs(scope, statuses=["completed"]).jobs] == [done.id]
        assert [job.id for job in jobs.list_jobs(scope, kinds=["b"]).jobs] == [waiting.id]
        counts = jobs.count_jobs(scope)
    assert [counts.by_status[name] for name in ("completed", "pending", "failed")] == [1, 1, 0]
    assert counts.by_kind == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    "options",
    [{"limit": 0}, {"limit": -1}, {"limit": 10**9}, {"cursor": "x"}, {"cursor": "' OR 1=1--"}, {"statuses": ["done"]}],
)
def test_bad_questions_are_refused_in_words(cast: Cast, options: dict) -> None:
    with cast.alice.begin() as scope, pytest.raises(Invalid) as refused:
        jobs.list_jobs(scope, **options)
    assert refused.value.fields


@pytest.mark.parametrize("bad", ["", "x", "../..", "0" * 40, "7f0e1a2b-3c4d-4e5f-8a6b-7c8d9e0f1a2b"])
def test_an_unknown_id_is_not_found(cast: Cast, bad: str) -> None:
    with cast.alice.begin() as scope, pytest.raises(NotFound):
        jobs.get_job(scope, bad)


def test_a_list_costs_one_query_and_one_more_while_something_waits(cast: Cast, database: Database) -> None:
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        statements.append(statement)

    def cost() -> int:
        statements.clear()
        with cast.alice.begin() as scope:
            jobs.list_jobs(scope)
        return len([statement for statement in statements if "jobs" in statement])

    made = [make_job(cast.alice).id for _ in range(5)]
    event.listen(database.app, "before_cursor_execute", note)
    try:
        assert cost() == 2
        for id in made:
            assert jobs.claim(id) is not None
        assert cost() == 1
    finally:
        event.remove(database.app, "before_cursor_execute", note)


def test_the_timeline_has_no_internals(cast: Cast) -> None:
    job = make_job(cast.alice)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.fail(scope, claimed, code="upstream_failed", message="The provider did not answer.", internal="Traceback")
        detail = jobs.get_job(scope, job.id)
    assert [line.message for line in detail.events] == ["Queued", "Started", "The provider did not answer."]
    assert detail.earlier_events == 0
    assert "Traceback" not in repr(detail)


def test_a_cancel_wakes_a_waiting_job_at_once(cast: Cast) -> None:
    job = make_job(cast.alice)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    forget_tasks(job.id)
    with cast.alice.begin() as scope:
        jobs.postpone(scope, claimed, until=now() + timedelta(hours=1))
    assert jobs.claim(job.id) is None
    with cast.bob.begin() as scope:
        assert jobs.request_cancel(scope, job.id).cancel_requested
        jobs.request_cancel(scope, job.id)
    assert waiting_tasks(job.id) == [f"job:{job.id}", f"job:{job.id}:cancel"]
    again = jobs.claim(job.id)
    assert again is not None
    with cast.alice.begin() as scope:
        assert jobs.cancel_requested(scope, again)
        jobs.cancelled(scope, again)
    assert job_row(job.id).status == "cancelled"
    assert sum("Stop requested" in message for message in messages(job.id)) == 1
    with cast.alice.begin() as scope, pytest.raises(Conflict):
        jobs.request_cancel(scope, job.id)


def test_rights(cast: Cast) -> None:
    job = make_job(cast.alice)
    reader = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    with reader.begin() as scope:
        assert jobs.get_job(scope, job.id).job.id == job.id
        with pytest.raises(Forbidden):
            jobs.request_cancel(scope, job.id)
    key = Tenant(cast.workspace_id, None, Role.ADMIN, scopes=frozenset({"leads:read"}), api_key_id=uuid4())
    with key.begin() as scope, pytest.raises(Forbidden):
        jobs.list_jobs(scope)


def test_a_paused_job_waits_for_a_person(cast: Cast) -> None:
    job = make_job(cast.alice)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.pause(scope, claimed, code="insufficient_credits", message="Out of credits.")
    assert jobs.claim(job.id) is None
    forget_tasks(job.id)
    with cast.alice.begin() as scope:
        assert jobs.resume(scope, job.id).status == "pending"
    assert waiting_tasks(job.id) == [f"job:{job.id}"]
    with cast.alice.begin() as scope, pytest.raises(Conflict):
        jobs.resume(scope, job.id)
    assert jobs.claim(job.id) is not None

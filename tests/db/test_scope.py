"""The door to a session: commit at exit, roll back on exception, one workspace only."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text

from cursive_app.errors import NotFound, Unavailable
from db.engine import Database
from db.models.jobs import Job
from db.system import system_scope
from tests.factories import Cast
from tests.factories_jobs import make_job


def test_a_block_commits_at_its_end(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        job = scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
    with cast.bob.begin() as scope:
        assert scope.get(Job, job.id).title == "Demo"


def test_an_exception_rolls_everything_back(cast: Cast) -> None:
    with pytest.raises(ZeroDivisionError), cast.alice.begin() as scope:
        scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
        scope.defer("demo.task")
        raise ZeroDivisionError
    with cast.alice.begin() as scope:
        assert scope.session.scalar(select(func.count()).select_from(scope.select(Job).subquery())) == 0


def test_another_workspace_finds_nothing_under_the_id(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        job = scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
    for wrong in (job.id, "not-a-uuid", "", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(NotFound), cast.charlie.begin() as scope:
            scope.get(Job, wrong)


def test_row_level_security_holds_when_the_predicate_is_forgotten(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
    with cast.charlie.begin() as scope:
        assert scope.session.scalars(select(Job)).all() == []
        assert scope.session.execute(text("UPDATE jobs SET title = 'mine'")).rowcount == 0


def test_no_workspace_or_garbage_sees_no_row(database: Database, cast: Cast) -> None:
    with cast.alice.begin() as scope:
        scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
    with database.app.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 0
        connection.execute(text("SELECT set_config('app.workspace_id', '', true)"))
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 0


def test_the_restricted_role_cannot_read_the_queue(cast: Cast) -> None:
    with pytest.raises(Exception, match="permission denied"), cast.alice.begin() as scope:
        scope.session.execute(text("SELECT * FROM procrastinate_jobs"))


def test_a_lock_that_is_held_too_long_is_unavailable_not_a_crash(cast: Cast, database: Database) -> None:
    with cast.alice.begin() as scope:
        job = scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
    with database.system.begin() as holder:
        holder.execute(text("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE"), {"id": job.id})
        with pytest.raises(Unavailable), cast.alice.begin() as scope:
            scope.session.execute(text("SET LOCAL lock_timeout = '50ms'"))
            scope.get(Job, job.id, lock=True)


def test_a_locked_row_says_what_the_transaction_before_it_left(cast: Cast) -> None:
    """Also when the transaction had read the row before it waited for the lock."""
    job = make_job(cast.alice)
    for opened, words in ((cast.alice.begin(), "first"), (system_scope(), "second")):
        with opened as scope:
            before = scope.get(Job, job.id)
            assert before.title != words
            with system_scope() as other:
                other.get(Job, job.id).title = words
            assert scope.get(Job, job.id, lock=True).title == words

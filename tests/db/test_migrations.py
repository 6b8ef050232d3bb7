"""Migrations: from nothing to the newest schema and back, no step forgotten, and the models say the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, text

from cursive_app.settings import Settings
from db.engine import owner_url
from db.migrate import UnsuitableDatabase, alembic_config, current, head, migrate_engine


@pytest.fixture
def empty(config: Settings) -> Iterator[Engine]:
    """A database of its own on the test server."""
    server = create_engine(owner_url(config), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS migrations WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE migrations"))
    engine = create_engine(owner_url(config).set(database="migrations"))
    yield engine
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE migrations WITH (FORCE)"))
    server.dispose()


def _relations(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(
            connection.scalars(
                text(
                    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                    "AND relname NOT LIKE 'alembic%' UNION ALL "
                    "SELECT proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS "
                    "(SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') UNION ALL "
                    "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')"
                )
            )
        )


def test_the_models_say_what_the_migrations_made(config: Settings, empty: Engine) -> None:
    migrate_engine(config, empty)
    assert current(empty) == head()
    with empty.connect() as connection:
        command.check(alembic_config(connection))


def test_every_migration_can_be_undone_and_done_again(config: Settings, empty: Engine) -> None:
    migrate_engine(config, empty)
    before = sorted(_relations(empty))
    migrate_engine(config, empty, revision="base")
    assert _relations(empty) == []
    migrate_engine(config, empty)
    assert sorted(_relations(empty)) == before


def test_jobs_from_before_get_the_tags_they_would_have(config: Settings, empty: Engine) -> None:
    """0013: what is written down of a job says how it began and what was done to it."""
    migrate_engine(config, empty, revision="0012")
    with empty.begin() as connection:
        connection.execute(
            text(
                """
                WITH demo AS (INSERT INTO workspaces (id, name, slug, is_demo)
                              VALUES (gen_random_uuid(), 'D', 'd', true) RETURNING id),
                     made AS (INSERT INTO jobs (id, workspace_id, kind, title, task, queue, actor_kind)
                              SELECT gen_random_uuid(), demo.id, it.kind, it.title, 't', 'runs', it.actor
                                FROM demo, (VALUES ('enrichment_sample', 'sample', 'user'),
                                                   ('segment_run', 'edited', 'api_key'),
                                                   ('segment_run', 'lost', 'system')) AS it (kind, title, actor)
                              RETURNING id, workspace_id, title),
                     lost AS (INSERT INTO job_attempts (job_id, workspace_id, number, token, worker, stage, outcome)
                              SELECT id, workspace_id, 1, gen_random_uuid(), 'w', 's', 'lost'
                                FROM made WHERE title = 'lost')
                INSERT INTO staff_actions (actor_label, action, object_type, object_id)
                SELECT 'Sam', 'job.retry_edited', 'job', id::text FROM made WHERE title = 'edited'
                """
            )
        )
    migrate_engine(config, empty)
    with empty.connect() as connection:
        found = {row.title: row.tags for row in connection.execute(text("SELECT title, tags FROM jobs"))}
    assert found == {
        "sample": ["person", "dry-run", "demo"],
        "edited": ["api", "demo", "retry", "edited", "staff"],
        "lost": ["system", "demo", "rescued"],
    }


def test_jobs_from_before_keep_the_first_start_that_is_known(config: Settings, empty: Engine) -> None:
    """0017: a job's own start, or that of its oldest try where a retry began its time anew."""
    migrate_engine(config, empty, revision="0016")
    with empty.begin() as connection:
        connection.execute(
            text(
                """
                WITH home AS (INSERT INTO workspaces (id, name, slug)
                              VALUES (gen_random_uuid(), 'D', 'd') RETURNING id),
                     made AS (INSERT INTO jobs (id, workspace_id, kind, title, task, queue, started_at)
                              SELECT gen_random_uuid(), home.id, 'segment_run', it.title, 't', 'runs', it.began
                                FROM home, (VALUES ('new', null), ('plain', timestamptz '2026-01-01 10:00Z'),
                                                   ('waits again', null),
                                                   ('goes on', '2026-01-01 12:00Z')) AS it (title, began)
                              RETURNING id, workspace_id, title)
                INSERT INTO job_attempts (job_id, workspace_id, number, token, worker, stage, started_at)
                SELECT id, workspace_id, number, gen_random_uuid(), 'w', 's',
                       timestamptz '2026-01-01 10:00Z' + make_interval(hours => number)
                  FROM made, generate_series(1, 2) AS number WHERE title IN ('waits again', 'goes on')
                """
            )
        )
    migrate_engine(config, empty)
    with empty.connect() as connection:
        hours = text("SELECT title, extract(hour FROM first_started_at AT TIME ZONE 'UTC') AS hour FROM jobs")
        found = {row.title: row.hour for row in connection.execute(hours)}
    assert found == {"new": None, "plain": 10, "waits again": 11, "goes on": 11}


def test_running_them_twice_changes_nothing(config: Settings, empty: Engine) -> None:
    migrate_engine(config, empty)
    before = sorted(_relations(empty))
    migrate_engine(config, empty)
    assert sorted(_relations(empty)) == before


def test_a_server_that_is_too_old_is_refused_in_words(
    config: Settings, empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.migrate.MINIMUM_POSTGRES", 990_000)
    with pytest.raises(UnsuitableDatabase, match="is needed; this server says"):
        migrate_engine(config, empty)

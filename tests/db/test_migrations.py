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

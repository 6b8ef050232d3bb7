"""Bringing a database to the newest schema: the two roles first, then the migrations, as the owner."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine

from cursive_app.settings import ROOT, Settings
from db.engine import owner_url, role_password
from db.roles import APP_ROLE, SYSTEM_ROLE

MINIMUM_POSTGRES = 160_000


class UnsuitableDatabase(RuntimeError):
    """The server cannot hold Cursive; the message says why in one sentence."""


def migrate(config: Settings, *, revision: str = "head") -> None:
    """Create or update our roles and run all migrations. Two at once queue behind an advisory lock."""
    engine = create_engine(owner_url(config))
    try:
        migrate_engine(config, engine, revision=revision)
    finally:
        engine.dispose()


def migrate_engine(config: Settings, engine: Engine, *, revision: str = "head") -> None:
    """As `migrate`, on an engine the caller holds (tests)."""
    with engine.connect() as connection:
        ensure_roles(config, connection)
        connection.commit()
        alembic = alembic_config(connection)
        if revision.startswith("-") or revision == "base":
            command.downgrade(alembic, revision)
        else:
            command.upgrade(alembic, revision)
            # Readiness checks compare it with `head()`; it says nothing about anybody.
            connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {APP_ROLE}, {SYSTEM_ROLE}")
        connection.commit()


def alembic_config(connection: Connection | None = None) -> Config:
    alembic = Config(str(ROOT / "alembic.ini"))
    alembic.set_main_option("script_location", str(Path(ROOT) / "db" / "migrations"))
    alembic.attributes["connection"] = connection
    return alembic


def ensure_roles(config: Settings, connection: Connection) -> None:
    """Both roles may log in with their derived passwords; neither owns, bypasses or creates anything (T23).

    The owner becomes a member of the system role, so that its SECURITY DEFINER functions pass the system policies
    without any role that bypasses row-level security (ADR 0002).
    """
    raw = connection.connection.driver_connection
    assert raw is not None
    if raw.info.server_version < MINIMUM_POSTGRES:
        raise UnsuitableDatabase(
            f"Postgres 16 or newer is needed; this server says {raw.info.server_version // 10_000}."
        )
    for role in (APP_ROLE, SYSTEM_ROLE):
        name = sql.Identifier(role)
        exists = raw.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        if not exists:
            raw.execute(sql.SQL("CREATE ROLE {}").format(name))
        raw.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(role_password(config, role))))
        # Not always: an owner who may not create databases may not say either that somebody else must not.
        if raw.execute(
            "SELECT 1 FROM pg_roles WHERE rolname = %s AND (rolcreatedb OR rolcreaterole)", (role,)
        ).fetchone():
            raw.execute(sql.SQL("ALTER ROLE {} NOCREATEDB NOCREATEROLE").format(name))
        database = sql.Identifier(raw.info.dbname)
        raw.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, name))
        raw.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
    raw.execute(sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE").format(sql.Identifier(SYSTEM_ROLE)))
    raw.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    raw.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(raw.info.dbname)))


def head() -> str:
    """The revision this code was written for."""
    revision = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert revision is not None
    return revision


def current(engine: Engine) -> str | None:
    """The revision the database is at; None before the first migration."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()

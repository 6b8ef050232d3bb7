"""What an operator asks about the database: is it there, is its schema ours, who works on it (`cursive doctor`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from cursive_app.clock import now
from cursive_app.errors import Unavailable
from cursive_app.settings import Settings
from db.engine import WEB_DEADLINES, make_engine, role_url
from db.migrate import head
from db.roles import APP_ROLE, SYSTEM_ROLE

WORKER_SEEN_SECONDS = 30
LEADER_SEEN_SECONDS = 30
NEVER_OFF = ("synchronous_commit", "fsync")


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """`problem` is one sentence, or None when the database can be used; the rest is known as far as it answered.
    `durability` is one too, or None when what is committed survives a crash, and `tenancy` is one, or None when the
    database keeps workspaces apart."""

    problem: str | None
    durability: str | None = None
    tenancy: str | None = None
    version: str | None = None
    revision: str | None = None
    workers: int | None = None
    leader_seen_at: datetime | None = None

    @property
    def has_leader(self) -> bool:
        """Whether a worker kept the clock within the last half minute."""
        seen = self.leader_seen_at
        return seen is not None and (now() - seen).total_seconds() < LEADER_SEEN_SECONDS


def examine(config: Settings) -> DatabaseHealth:
    """Look at the database as both of our roles would. Never raises for a database that is missing or wrong."""
    durability = tenancy = None
    for role in (APP_ROLE, SYSTEM_ROLE):
        try:
            url = role_url(config, role)
        except Unavailable as error:  # in production, when its login is not configured
            return DatabaseHealth(problem=error.message)
        engine = make_engine(url, pool_size=1, deadlines=WEB_DEADLINES)
        try:
            with engine.connect() as connection:
                found = _look(connection, system=role == SYSTEM_ROLE)
                durability = durability or durability_problem(connection)
                tenancy = tenancy or (tenancy_problem(connection) if role == APP_ROLE else None)
        except SQLAlchemyError as error:
            own = config.database_app_url if role == APP_ROLE else config.database_system_url
            return DatabaseHealth(problem=reason(error, role, derived=own is None))
        finally:
            engine.dispose()
    return replace(found, durability=durability, tenancy=tenancy)


def durability_problem(connection: Connection) -> str | None:
    """Why a crash may take back what this connection was told to be committed (P2), in one sentence; None when not.

    Asked through the connections that write: a role or a database may have other values than its server.
    """
    off = [name for name in NEVER_OFF if connection.scalar(text(f"SHOW {name}")) == "off"]
    if not off:
        return None
    return (
        f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} off: a crash would take back spends that were "
        "confirmed. Switch on for the server, the database and both roles."
    )


def tenancy_problem(connection: Connection) -> str | None:
    """Why the login of the restricted role sees the rows of every workspace, in one sentence; None when it does not.

    It may be somebody else's (DATABASE_APP_URL), and nobody would notice: every page goes on showing its own rows.
    """
    free = connection.execute(_SEES_EVERYTHING, {"system": SYSTEM_ROLE}).first()
    if free is None:
        return None
    return (
        f"The login of web and workers, {free.name}, sees the rows of every workspace: it {free.why}. Set "
        f"DATABASE_APP_URL to the login of {APP_ROLE}, or unset it."
    )


_SEES_EVERYTHING = text(
    """
    SELECT rolname AS name,
           CASE WHEN rolsuper THEN 'is a superuser'
                WHEN rolbypassrls THEN 'bypasses row-level security'
                ELSE 'has the rights of ' || :system END AS why
      FROM pg_roles
     WHERE rolname = current_user
       AND (rolsuper OR rolbypassrls OR coalesce(pg_has_role(oid, CAST(to_regrole(:system) AS oid), 'MEMBER'), false))
    """
)


def _look(connection: Connection, *, system: bool) -> DatabaseHealth:
    version = str(connection.scalar(text("SHOW server_version"))).split()[0]
    if not system:
        return DatabaseHealth(problem=None, version=version)
    if connection.scalar(text("SELECT to_regclass('public.alembic_version')")) is None:
        return DatabaseHealth(problem="The schema is missing; run `cursive migrate`.", version=version)
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if revision != head():
        problem = f"The schema is at {revision} and this release needs {head()}; run `cursive migrate`."
        return DatabaseHealth(problem=problem, version=version, revision=revision)
    workers = connection.scalar(
        text(
            "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :seconds)"
        ),
        {"seconds": WORKER_SEEN_SECONDS},
    )
    leader = connection.scalar(text("SELECT max(seen_at) FROM clock_leaders"))
    return DatabaseHealth(None, version=version, revision=revision, workers=workers, leader_seen_at=leader)


def reason(error: SQLAlchemyError, role: str, *, derived: bool) -> str:
    """Why a role could not connect, in one or two sentences. `derived`: its password comes from SECRET_KEY."""
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    if any("does not exist" in line and role in line for line in said):
        return f"The role {role} does not exist; run `cursive migrate`."
    sentence = f"The database is out of reach: {said[0].rstrip('.') if said else 'no reason given'}."
    if derived and any("password authentication failed" in line for line in said):
        return (
            f"{sentence} If it is new, or SECRET_KEY is, run `cursive migrate`: it makes the roles and their passwords."
        )
    return sentence

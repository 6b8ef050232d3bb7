"""Runs migrations as the owner, one deploy at a time, never waiting long for a lock (`cursive migrate`)."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, text

from cursive_app.settings import settings
from db import models  # noqa: F401  (registers every table)
from db.base import Base
from db.engine import owner_url

ADVISORY_LOCK = 7_283_001
IGNORED_PREFIXES = ("procrastinate_", "provider_calls_")  # the queue's own tables; month partitions


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(IGNORED_PREFIXES))


def run(connection: Connection) -> None:
    connection.execute(text(f"SELECT pg_advisory_lock({ADVISORY_LOCK})"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        compare_type=True,
        transaction_per_migration=True,
    )
    try:
        with context.begin_transaction():
            connection.execute(text("SET LOCAL lock_timeout = '4s'"))
            context.run_migrations()
    finally:
        connection.execute(text(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})"))
        connection.commit()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(owner_url(settings()))
    with engine.connect() as fresh:
        run(fresh)
    engine.dispose()

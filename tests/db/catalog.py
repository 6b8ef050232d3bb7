"""Facts about the database's catalog, and one synthetic row per table for the tests that walk all of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql

from db import models  # noqa: F401  (registers every table)
from db.base import Base

SHARED = frozenset({"provider_words"})
"""Tables everybody may read and nobody but the system role may write: words of the provider, of no workspace."""

GARBAGE = (
    "garbage",
    "'; SELECT 1; --",
    "00000000",
    "null",
    "{}",
    "\u2603",
    "00000000-0000-0000-0000-00000000000g",
    " ",
)
"""Settings that are no workspace's id."""

OVERRIDES: dict[str, dict[str, Any]] = {"credit_ledger": {"held_change": 0}}
"""Values of synthetic rows that a table's own checks ask for."""


def tables() -> list[Table]:
    """Every table of the product; parents come before children."""
    return list(Base.metadata.sorted_tables)


def workspace_column(table: Table) -> str | None:
    """The column that says whose row it is, if the table belongs to workspaces."""
    if key := table.info.get("tenant_key"):
        return str(key)
    return "workspace_id" if "workspace_id" in table.c else None


def relations(connection: Connection) -> Iterator[sa.Row[Any]]:
    """Every table, partition, view and materialized view of our schema except the queue's: name, kind, flags."""
    yield from connection.execute(
        text(
            "SELECT c.oid, c.relname AS name, c.relkind AS kind, c.relispartition AS partition, "
            "c.relrowsecurity AS rls, "
            "c.relforcerowsecurity AS forced, c.reloptions AS options FROM pg_class c "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
            r"AND c.relname NOT LIKE 'procrastinate\_%' AND c.relname <> 'alembic_version' ORDER BY 2"
        )
    )


def may(connection: Connection, role: str, relation: str) -> set[str]:
    """What a role may do to a relation or to any of its columns."""
    found = set()
    for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
        whole = connection.scalar(
            text("SELECT has_table_privilege(:r, :t, :p)"), {"r": role, "t": relation, "p": privilege}
        )
        column = privilege in ("SELECT", "INSERT", "UPDATE", "REFERENCES") and connection.scalar(
            text("SELECT has_any_column_privilege(:r, :t, :p)"), {"r": role, "t": relation, "p": privilege}
        )
        if whole or column:
            found.add(privilege)
    return found


def insert_synthetic(connection: Connection, table: Table, workspace: UUID) -> None:
    """Put one row of a workspace into a table, past foreign keys and triggers (as owner, in replica mode)."""
    values = {column.name: _value(table, column) for column in table.c if _needs_value(column)}
    values.update(OVERRIDES.get(table.name, {}))
    owner = workspace_column(table)
    assert owner is not None
    values[owner] = workspace
    connection.execute(sa.insert(table).values(values))


def _needs_value(column: sa.Column[Any]) -> bool:
    return not column.nullable and column.server_default is None and column.computed is None and column.identity is None


def _value(table: Table, column: sa.Column[Any]) -> Any:
    allowed = _allowed_texts(table, column.name)
    kind = column.type
    if allowed:
        return allowed[0]
    if isinstance(kind, sa.Uuid):
        return uuid4()
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, sa.Numeric):
        return Decimal(1)
    if isinstance(kind, sa.Integer):
        return 1
    if isinstance(kind, sa.DateTime):
        return dt.datetime.now(dt.UTC)
    if isinstance(kind, sa.Date):
        return dt.datetime.now(dt.UTC).date()
    if isinstance(kind, postgresql.JSONB | sa.JSON):
        return {}
    if isinstance(kind, sa.ARRAY | postgresql.ARRAY):
        return []
    if isinstance(kind, sa.LargeBinary):
        return b"x" * 32
    return f"x-{uuid4().hex[:12]}"


def _allowed_texts(table: Table, column: str) -> list[str]:
    """The words a check constraint allows in a column: `status IN ('a', 'b')`."""
    for constraint in table.constraints:
        if isinstance(constraint, sa.CheckConstraint):
            found = re.match(rf"\s*{column}\s+IN\s*\((.*)\)\s*$", str(constraint.sqltext), re.IGNORECASE | re.DOTALL)
            if found:
                return re.findall(r"'([^']*)'", found.group(1))
    return []

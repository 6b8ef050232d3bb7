"""What the catalog tests leave open: a setting that is garbage, a row moved elsewhere, a key that tells of others."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DBAPIError

from db.engine import Database
from db.models.jobs import Job
from tests.db.catalog import GARBAGE, insert_synthetic, workspace_column
from tests.db.test_catalog import OWNED, catalog, owner, victims
from tests.factories import Cast

__all__ = ["catalog", "owner", "victims"]

HASHES = {"token_hash", "next_token_hash", "former_token_hash", "key_hash"}
UNGUESSABLE = {"id", "token", "slug", "provider_name", *HASHES}
"""Columns that make a key unique across workspaces tell nothing: ids and tokens that we make ourselves, hashes of 256
random bits, names that carry an id, and a slug that ends in random letters; nobody chooses any of them (T7)."""


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_setting_that_is_no_workspace_shows_nothing(database: Database, cast: Cast, garbage: str) -> None:
    """T3: no row and no error, in tables and in the functions that look for themselves."""
    with cast.alice.begin() as scope:
        scope.add(Job(kind="demo", title="Demo", task="demo", queue="default"))
    with database.app.connect() as connection:
        connection.execute(text("SELECT set_config('app.workspace_id', :w, true)"), {"w": garbage})
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 0
        assert connection.execute(text("SELECT person_label(:p)"), {"p": cast.alice.user_id}).scalar_one() is None
        assert connection.execute(text("SELECT * FROM search_leads(ARRAY['%'], 10)")).all() == []
        assert connection.execute(text("UPDATE jobs SET title = 'mine'")).rowcount == 0
        with pytest.raises(DBAPIError, match="row-level security"):
            insert_synthetic(connection, Job.__table__, cast.workspace_id)  # type: ignore[arg-type]


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
def test_no_row_can_be_moved_into_another_workspace(
    database: Database, victims: UUID, cast: Cast, table: Table
) -> None:
    """T4: as the owner of a row, give it to Charlie."""
    column = table.c[workspace_column(table)]
    with database.app.connect() as connection:
        connection.execute(text("SELECT set_config('app.workspace_id', :w, true)"), {"w": str(victims)})
        with pytest.raises(DBAPIError) as refused:
            connection.execute(table.update().where(column == victims).values({column.name: cast.charlie.workspace_id}))
        connection.rollback()
    assert "row-level security" in str(refused.value.orig) or "permission denied" in str(refused.value.orig)


def test_unique_keys_are_each_workspaces_own(catalog: Connection) -> None:
    """T7: a key unique across workspaces says by its refusal what others have."""
    rows = catalog.execute(
        text(
            "SELECT t.relname AS table, i.relname AS name, x.indisprimary AS primary, "
            "ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY(x.indkey)) AS cols "
            "FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid "
            "WHERE x.indisunique AND t.relnamespace = 'public'::regnamespace"
        )
    ).all()
    mine = {table.name: str(workspace_column(table)) for table in OWNED}
    wide = [
        f"{row.table}.{row.name} ({', '.join(row.cols)})"
        for row in rows
        if row.table in mine and mine[row.table] not in row.cols and not UNGUESSABLE & set(row.cols)
    ]
    assert wide == []

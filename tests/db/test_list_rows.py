"""What foreign keys would say of rows of lists, which triggers say instead (ADR 0030); and the way back from there."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.exc import IntegrityError

from cursive_app.settings import Settings
from db.engine import Database
from db.migrate import alembic_config, migrate_engine
from db.models.accounts import Workspace
from db.models.enrichment import Enrichment, EnrichmentRow
from db.system import system_scope
from tests.db.test_migrations import empty  # noqa: F401  # a fixture
from tests.factories import Cast, make_cast
from tests.factories_enrichment import make_list, unknown_line


def _rows_of(*lists: object) -> int:
    with system_scope() as scope:
        counted = select(func.count()).select_from(EnrichmentRow).where(EnrichmentRow.enrichment_id.in_(lists))
        return scope.session.scalar(counted) or 0


def _row(**values: object) -> EnrichmentRow:
    return EnrichmentRow(**{"number": 1, "line": 2, "cells": ["a"], "verdict": "valid", **values})


def test_a_row_needs_a_list_of_its_own_workspace(cast: Cast) -> None:
    theirs = make_list(cast.charlie, [unknown_line(1)])
    for list_id in (uuid4(), theirs):
        with pytest.raises(IntegrityError, match="a list that does not exist"), cast.alice.begin() as scope:
            scope.session.add(_row(workspace_id=scope.workspace_id, enrichment_id=list_id))
            scope.session.flush()
    with pytest.raises(IntegrityError, match="a list that does not exist"), system_scope() as scope:
        scope.session.add(_row(workspace_id=cast.workspace_id, enrichment_id=theirs))
        scope.session.flush()


def test_a_row_stays_in_its_list(cast: Cast) -> None:
    mine, other = (make_list(cast.alice, [unknown_line(n) for n in range(2)]) for _ in range(2))
    with pytest.raises(IntegrityError, match="stays in its list"), cast.alice.begin() as scope:
        moved = update(EnrichmentRow).where(EnrichmentRow.enrichment_id == mine, EnrichmentRow.number == 2)
        scope.session.execute(moved.values(enrichment_id=other, number=3))
    assert _rows_of(mine) == 2


def test_rows_go_with_their_list_and_their_workspace(database: Database) -> None:
    cast = make_cast()
    one, two = (make_list(cast.alice, [unknown_line(n) for n in range(3)]) for _ in range(2))
    theirs = make_list(cast.charlie, [unknown_line(1)])
    with system_scope() as scope:
        scope.session.execute(delete(Enrichment).where(Enrichment.id == one))
    assert (_rows_of(one), _rows_of(two)) == (0, 3)
    with system_scope() as scope:
        scope.session.execute(delete(Workspace).where(Workspace.id == cast.workspace_id))
    assert (_rows_of(one, two), _rows_of(theirs)) == (0, 1)


def test_stored_lists_survive_both_ways(config: Settings, empty: Engine) -> None:  # noqa: F811
    """Cells, problems and results stay what they are; what is sent can be read from the cells again."""
    before = ScriptDirectory.from_config(alembic_config()).get_revision("0010").down_revision
    migrate_engine(config, empty, revision=str(before))
    expected = [([" d@a.example", "ü\n", "Dana van Test"], None, None), (["x"], [{"code": "few"}], {"UUID": "1"})]
    workspace, list_id = uuid4(), uuid4()
    values = {"workspace": workspace, "list": list_id}
    with empty.begin() as connection:
        connection.execute(text("INSERT INTO workspaces (id, name, slug) VALUES (:workspace, 'A', 'a')"), values)
        connection.execute(
            text(
                "INSERT INTO enrichments (id, workspace_id, filename, source, byte_size, sha256, mapping, expires_at, "
                "created_by_label) VALUES (:list, :workspace, 'a.csv', 'upload', 1, '', "
                '\'{"0": "email", "2": "full_name"}\', now(), \'\')'
            ),
            values,
        )
        insert = text(
            "INSERT INTO enrichment_rows (workspace_id, enrichment_id, number, line, cells, problems, verdict, "
            "identity, record, outcome, found) VALUES (:workspace, :list, :number, 2, CAST(:cells AS jsonb), "
            "CAST(:problems AS jsonb), 'valid', :identity, '{}', :outcome, CAST(:found AS jsonb))"
        )
        for number, (cells, problems, found) in enumerate(expected, 1):
            row = {"number": number, "cells": json.dumps(cells), "problems": json.dumps(problems)}
            ended = {"outcome": "matched", "identity": None, "found": json.dumps(found)}
            waits = {"outcome": None, "identity": "email:d@a.example", "found": None}
            connection.execute(insert, {**values, **row, **(ended if found else waits)})
    stored = "SELECT cells::jsonb, problems::jsonb, found::jsonb FROM enrichment_rows ORDER BY number"
    migrate_engine(config, empty)
    with empty.connect() as connection:
        assert [tuple(row) for row in connection.execute(text(stored))] == expected
    with empty.connect() as connection:
        command.downgrade(alembic_config(connection), str(before))
        connection.commit()
    with empty.connect() as connection:
        assert [tuple(row) for row in connection.execute(text(stored))] == expected
        records = connection.scalars(text("SELECT record FROM enrichment_rows ORDER BY number")).all()
    assert records == [{"email": "d@a.example", "first_name": "Dana", "last_name": "van Test"}, None]

"""The fast way out of Postgres: COPY, inside a scope's transaction and under its row-level security."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from cursive_app.errors import Unavailable
from db.scope import Scope

_DIALECT = PGDialect_psycopg()


def copy_csv(scope: Scope, statement: Select[Any], **values: Any) -> Iterator[bytes]:
    """The rows of a SELECT as CSV lines without a header: UTF-8, every known value in quotes, nothing for NULL, ended
    by one line feed. COPY takes no parameters, so psycopg quotes the values (single ones: not `in_`, but `any_`).

    Read it to the end before the transaction ends: a reader that waits would hold the connection, and no deadline of
    Postgres ends a COPY whose reader has stopped reading. Raises Unavailable as `Tenant.begin` does.
    """
    compiled = statement.compile(dialect=_DIALECT)
    query = f"COPY ({compiled.string}) TO STDOUT (FORMAT csv, FORCE_QUOTE *, ENCODING 'UTF8')"
    connection: Any = scope.session.connection().connection.driver_connection
    try:
        with connection.cursor() as cursor, cursor.copy(query, compiled.construct_params(values)) as copy:
            for line in copy:  # the protocol sends one message per row
                yield bytes(line)
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        if connection.broken:
            scope.session.connection().invalidate()
        raise Unavailable from error

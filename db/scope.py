"""Tenant and Scope: the only door to a session, and the first two of the three locks (design §5).

A `Tenant` says whose data is meant and comes only from `accounts.authenticate` or from a claimed row. `tenant.begin()`
opens one transaction as the restricted role with the workspace set for row-level security; it commits at the end of the
block and rolls back on any exception. Nothing else commits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from sqlalchemy import ColumnElement, Engine, Select, event, select
from sqlalchemy import exc as sa_exc
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from cursive_app.errors import Invalid, NotFound, Unavailable
from db.base import Base, WorkspaceOwned
from db.engine import database, opened_with
from db.queue import defer
from db.roles import Role

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose request this is. `user_id` is None when an API key or a worker acts; `actor` names it in history."""

    workspace_id: UUID
    user_id: UUID | None
    role: Role
    scopes: frozenset[str] | None = None  # of an API key; None: a person, limited by the role alone
    api_key_id: UUID | None = None

    @contextmanager
    def begin(self) -> Iterator[Scope]:
        """One transaction inside this workspace.

        Raises Unavailable when the database is out of reach, the pool is empty or a deadline passes.
        """
        naming = f"BEGIN; SELECT set_config('app.workspace_id', '{UUID(str(self.workspace_id))}', true)"
        with transaction(database().app, opening=naming) as session:
            yield Scope(tenant=self, session=session)


@dataclass(frozen=True, slots=True)
class Scope:
    """One open transaction of one tenant. Use cases take it as their first parameter."""

    tenant: Tenant
    session: Session

    @property
    def workspace_id(self) -> UUID:
        return self.tenant.workspace_id

    def owned(self, model: type[Base]) -> ColumnElement[bool]:
        """The workspace predicate of a workspace-owned table."""
        if not issubclass(model, WorkspaceOwned):
            raise TypeError(f"{model.__name__} is not owned by a workspace; it must not be read through a scope")
        return model.workspace_id == self.tenant.workspace_id

    def select(self, model: type[Row]) -> Select[Row]:
        """`SELECT` of this workspace's rows of a table."""
        return select(model).where(self.owned(model))

    def get(self, model: type[Row], id: UUID | str, *, lock: bool = False) -> Row:
        """One row by id. Raises NotFound for an unknown id, another workspace's id and text that is no id alike.

        `lock`: what the row says is read again under the lock, also when it is known from before: who waited for
        another transaction must decide by what that one left."""
        wanted = parse_id(id)
        statement = self.select(model).where(model.id == wanted)  # type: ignore[attr-defined]  # Identified
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        row = self.session.scalar(statement)
        if row is None:
            raise NotFound(object_type=model.__tablename__, object_id=str(wanted))
        return row

    def add(self, row: Row) -> Row:
        """Stamp the workspace on a new row and insert it."""
        if not isinstance(row, WorkspaceOwned):
            raise TypeError(f"{type(row).__name__} is not owned by a workspace")
        row.workspace_id = self.tenant.workspace_id
        self.session.add(row)
        self.session.flush()
        return row

    def defer(
        self,
        task: str,
        *,
        queue: str = "default",
        lock: str | None = None,
        queueing_lock: str | None = None,
        at: datetime | None = None,
        priority: int = 0,
        **arguments: Any,
    ) -> int | None:
        """Put a task on the queue inside this transaction: it exists exactly if the transaction commits.

        Returns the queue's id, or None when `queueing_lock` says such a task already waits.
        """
        return defer(
            self.session,
            task,
            queue=queue,
            lock=lock,
            queueing_lock=queueing_lock,
            at=at,
            priority=priority,
            **arguments,
        )


def parse_id(value: UUID | str) -> UUID:
    """A uuid from what a URL or an event carried. Raises NotFound for anything that is not one (T13: no oracle)."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        raise NotFound from None


@contextmanager
def transaction(engine: Engine, *, opening: str = "BEGIN") -> Iterator[Session]:
    """A session in one transaction; database trouble that may pass becomes Unavailable, bad text becomes Invalid."""
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            _open(session, opening)
            yield session
    except sa_exc.TimeoutError as error:
        raise Unavailable from error
    except sa_exc.DBAPIError as error:
        translated = _translate(error)
        if translated is None:
            raise
        raise translated from error


def _open(session: Session, opening: str) -> None:
    with opened_with(opening):
        try:
            session.connection()
        except sa_exc.InvalidRequestError as error:  # the server ended each of the pool's two tries at once
            raise Unavailable from error


_PASSING = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.CannotConnectNow,
    psycopg.errors.TooManyConnections,
    psycopg.errors.DiskFull,
    psycopg.InterfaceError,
)


def _translate(error: sa_exc.DBAPIError) -> Exception | None:
    cause = error.orig
    if isinstance(cause, _PASSING) or error.connection_invalidated:
        return Unavailable()
    is_lost = isinstance(cause, psycopg.OperationalError) or type(cause) is psycopg.DatabaseError
    if is_lost and getattr(cause, "sqlstate", None) is None:
        return Unavailable()  # refused, reset or vanished connection: no server said anything
    if isinstance(cause, psycopg.DataError) and "NUL (0x00)" in str(cause):
        return Invalid("Text must not contain NUL characters.")
    return None


@event.listens_for(Engine, "checkin")
def _close_if_inside_transaction(connection: Any, _entry: ConnectionPoolEntry) -> None:
    """Close a connection that comes back to the pool inside a transaction, instead of lending it again.

    A pooled connection must never remember a workspace (D-9). The setting is transaction-local, so ending the
    transaction clears it, and the pool rolls back before this runs; when that did not work, the connection goes.
    """
    if connection is not None and getattr(connection, "info", None) is not None:
        status = connection.info.transaction_status
        if status not in (psycopg.pq.TransactionStatus.IDLE, psycopg.pq.TransactionStatus.UNKNOWN):
            connection.close()

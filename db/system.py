"""The system scope: every workspace at once.

Only account use cases (who is this?), queue claims, reconciliation and staff use cases may import this module; an
import contract and a test hold the list. Whatever it reads for a customer must repeat the workspace predicate itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from cursive_app.errors import NotFound
from db.base import Base
from db.engine import database
from db.queue import defer
from db.scope import parse_id, transaction

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True, slots=True)
class SystemScope:
    """One transaction as the system role."""

    session: Session

    def get(self, model: type[Row], id: UUID | str, *, lock: bool = False) -> Row:
        """One row by id, of any workspace; with `lock`, as it stands under the lock. Raises NotFound."""
        row = self.session.get(model, parse_id(id), with_for_update=lock or None, populate_existing=lock)
        if row is None:
            raise NotFound
        return row

    def add(self, row: Row) -> Row:
        self.session.add(row)
        self.session.flush()
        return row

    def defer(self, task: str, *, at: datetime | None = None, **options: Any) -> int | None:
        """As `Scope.defer`."""
        return defer(self.session, task, at=at, **options)


@contextmanager
def system_scope() -> Iterator[SystemScope]:
    """One transaction that row-level security does not narrow. Raises Unavailable as `Tenant.begin` does."""
    with transaction(database().system) as session:
        yield SystemScope(session=session)

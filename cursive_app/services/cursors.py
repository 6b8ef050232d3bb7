"""Keyset pages: one walk in both directions for every list, and cursors that work in one place alone.

A cursor says after (or before) which row a page starts. It is signed for one workspace and one list as it is filtered
and sorted: a guessed, changed or foreign one is refused instead of giving a hint (T11). It does not expire by itself,
because a position in a list does not age; one of a former secret key is refused like any that we did not write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from cursive_app.errors import Invalid
from cursive_app.settings import settings
from db.scope import Scope

Row = TypeVar("Row")
Place = TypeVar("Place")


class Cursors:
    """The cursors of one list: `workspace_id` is None for the staff's lists, `choices` are its filter and order."""

    def __init__(self, list_name: str, workspace_id: UUID | None, *choices: Any) -> None:
        bound_to = json.dumps(["cursor", list_name, workspace_id, *choices], default=str)
        self._signer = URLSafeSerializer(settings().secret_key.get_secret_value(), salt=bound_to)

    def write(self, *place: str | int | None, backward: bool = False) -> str:
        """A position as text for a URL."""
        return self._signer.dumps([*place, backward])

    def read(self, cursor: str | None, parse: Callable[..., Place]) -> tuple[Place | None, bool]:
        """The position, from its parts by `parse`, and whether the page ends before it; (None, False) without a cursor.

        Raises Invalid unless we wrote it for this list, workspace, filter and order.
        """
        if not cursor:
            return None, False
        try:
            *place, backward = self._signer.loads(cursor)
            return parse(*place), bool(backward)
        except (BadSignature, ValueError, TypeError):
            raise Invalid(
                fields={"cursor": "This page link no longer works. Start again from the first page."}
            ) from None


def moment_and_id(at: str, id: str) -> tuple[datetime, UUID]:
    """The position in a list that is ordered by a time, then by id."""
    return datetime.fromisoformat(at), UUID(id)


@dataclass(frozen=True, slots=True)
class Walk(Generic[Row]):
    """Rows in the order of their list, and whether there is more on either side of them."""

    rows: list[Row]
    has_next: bool
    has_previous: bool


def walk(
    run: Callable[[Any], Iterable[Row]],
    statement: Select[*tuple[Any, ...]],
    *,
    key: Sequence[InstrumentedAttribute[Any]],
    position: Sequence[Any] | None,
    backward: bool,
    limit: int,
    ascending: bool = False,
) -> Walk[Row]:
    """At most `limit` rows after `position` (before it when `backward`); without one, from the start of the list.

    `key` orders the list, unique together, the largest first unless `ascending`; `position` is the key of a row.
    """
    upward = ascending != backward
    if position is not None:
        edge = tuple_(*key)
        statement = statement.where(edge > tuple(position) if upward else edge < tuple(position))
    order = [column.asc() if upward else column.desc() for column in key]
    found = list(run(statement.order_by(*order).limit(limit + 1)))
    more, rows = len(found) > limit, found[:limit]
    if backward:
        rows.reverse()
    return Walk(
        rows=rows,
        has_next=bool(rows) and (more or backward),
        has_previous=bool(rows) and (more if backward else position is not None),
    )


@dataclass(frozen=True, slots=True)
class TimePage(Generic[Row]):
    """Rows, newest first, and the cursors of the pages beside them; None where there is none."""

    rows: list[Row]
    next_cursor: str | None
    previous_cursor: str | None


def page_by_time(
    scope: Scope,
    statement: Select[Row],
    *,
    by: InstrumentedAttribute[Any],
    cursor: str | None,
    binding: str,
    limit: int,
) -> TimePage[Row]:
    """The page of at most `limit` rows that `cursor` names, the first one without a cursor; newest first by the time
    `by`, then by id.

    A cursor is bound to the workspace and to the list that `binding` names. Raises Invalid for one that was made up or
    belongs to another list.
    """
    cursors = Cursors(binding, scope.workspace_id)
    position, backward = cursors.read(cursor, moment_and_id)
    key = (by, by.class_.id)
    found = walk(scope.session.scalars, statement, key=key, position=position, backward=backward, limit=limit)

    def cursor_at(row: Row, *, backward: bool) -> str:
        at, id = (getattr(row, column.key) for column in key)
        return cursors.write(at.isoformat(), id.hex, backward=backward)

    return TimePage(
        rows=found.rows,
        next_cursor=cursor_at(found.rows[-1], backward=False) if found.has_next else None,
        previous_cursor=cursor_at(found.rows[0], backward=True) if found.has_previous else None,
    )

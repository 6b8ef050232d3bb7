"""Keyset pages: one walk in both directions for every list, and signed cursors for lists ordered by a time."""

from __future__ import annotations

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
    signer = _signer(f"{scope.workspace_id}:{binding}")
    position, backward = _read(signer, cursor) if cursor else (None, False)
    key = (by, by.class_.id)
    found = walk(scope.session.scalars, statement, key=key, position=position, backward=backward, limit=limit)

    def cursor_at(row: Row, *, backward: bool) -> str:
        at, id = (getattr(row, column.key) for column in key)
        return signer.dumps([at.isoformat(), id.hex, backward])

    return TimePage(
        rows=found.rows,
        next_cursor=cursor_at(found.rows[-1], backward=False) if found.has_next else None,
        previous_cursor=cursor_at(found.rows[0], backward=True) if found.has_previous else None,
    )


def _read(signer: URLSafeSerializer, cursor: str) -> tuple[tuple[datetime, UUID], bool]:
    try:
        at, id, backward = signer.loads(cursor)
        return (datetime.fromisoformat(at), UUID(id)), bool(backward)
    except (BadSignature, ValueError, TypeError):
        raise Invalid(fields={"cursor": "This page link no longer works. Go back to the first page."}) from None


def _signer(binding: str) -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key.get_secret_value(), salt=f"cursor:{binding}")

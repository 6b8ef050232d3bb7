"""Pages of a list that is ordered by a time, newest first, walked by signed cursors in both directions.

A cursor is bound to one workspace and list (`binding`), so that a made-up one, or one of another list, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
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
class KeysetPage(Generic[Row]):
    """Rows, newest first, and the cursors of the pages beside them; None where there is none."""

    rows: list[Row]
    next_cursor: str | None
    previous_cursor: str | None


def page_by_time(
    scope: Scope,
    statement: Select[Row],
    *,
    at: InstrumentedAttribute[Any],
    id: InstrumentedAttribute[UUID],
    place: Callable[[Row], tuple[datetime, UUID]],
    cursor: str | None,
    binding: str,
    limit: int,
) -> KeysetPage[Row]:
    """The page of at most `limit` rows that `cursor` names, the first one without a cursor.

    `place` reads a row's `at` and `id`. Raises Invalid for a cursor that was not written for this very list.
    """
    key = tuple_(at, id)
    after, backward = _read(cursor, binding) if cursor else (None, False)
    if after is not None:
        statement = statement.where(key > after if backward else key < after)
    order = (at.asc(), id.asc()) if backward else (at.desc(), id.desc())
    found = list(scope.session.scalars(statement.order_by(*order).limit(limit + 1)))
    more, rows = len(found) > limit, found[:limit]
    if backward:
        rows.reverse()
    has_next, has_previous = (True, more) if backward else (more, after is not None)
    return KeysetPage(
        rows=rows,
        next_cursor=_write(place(rows[-1]), binding, backward=False) if has_next and rows else None,
        previous_cursor=_write(place(rows[0]), binding, backward=True) if has_previous and rows else None,
    )


def _write(place: tuple[datetime, UUID], binding: str, *, backward: bool) -> str:
    at, id = place
    return _signer(binding).dumps([at.isoformat(), id.hex, backward])


def _read(cursor: str, binding: str) -> tuple[tuple[datetime, UUID], bool]:
    try:
        at, id, backward = _signer(binding).loads(cursor)
        return (datetime.fromisoformat(at), UUID(id)), bool(backward)
    except (BadSignature, ValueError, TypeError):
        raise Invalid(fields={"cursor": "This page link no longer works. Go back to the first page."}) from None


def _signer(binding: str) -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key.get_secret_value(), salt=f"cursor:{binding}")

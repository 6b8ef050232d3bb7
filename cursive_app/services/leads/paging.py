"""Keyset pages: sorting, and positions in a sorted list.

Rows without a value come last in both directions; they are a second stretch of the same index, so no page is slower
than the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from cursive_app.errors import Invalid
from cursive_app.services.cursors import Cursors
from db.models.leads import Lead

SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "created": Lead.created_at,
    "name": Lead.name_sort,
    "company": Lead.company_norm,
    "title": Lead.job_title_norm,
    "state": Lead.state,
    "city": Lead.city_norm,
    "industry": Lead.industry,
}
AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]
NEVER_EMPTY = frozenset({"created"})


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a list; `by` is a key of `SORTS`."""

    by: str = "created"
    descending: bool = True

    @property
    def column(self) -> InstrumentedAttribute[Any]:
        return SORTS[self.by]

    def __str__(self) -> str:
        return f"-{self.by}" if self.descending else self.by


@dataclass(frozen=True, slots=True)
class Position:
    """The row a page starts after, or ends before when `backward`. `page` is the number of the page it leads to."""

    value: Any
    id: UUID
    backward: bool
    page: int


def parse_sort(text: str) -> Sort:
    """ "-created" or "name". Raises Invalid for a column that cannot be sorted by."""
    if not text:
        return Sort()
    by = text.removeprefix("-")
    if by not in SORTS:
        raise Invalid(fields={"sort": f"Sort by one of {', '.join(SORTS)}; put - in front for descending order."})
    return Sort(by=by, descending=text.startswith("-"))


def write_cursor(cursors: Cursors, position: Position) -> str:
    """A position as text for a URL."""
    value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
    return cursors.write(value, position.id.hex, position.page, backward=position.backward)


def read_cursor(cursors: Cursors, sort: Sort, cursor: str | None) -> Position | None:
    """The position in a cursor of a list in this order. Raises Invalid unless we wrote it for that list."""

    def parts(value: Any, id: str, page: int) -> tuple[Any, UUID, int]:
        return datetime.fromisoformat(value) if sort.by == "created" else value, UUID(id), page

    place, backward = cursors.read(cursor, parts)
    if place is None:
        return None
    value, id, page = place
    return Position(value=value, id=id, backward=backward, page=page)


def fetch(
    run: Callable[[AnySelect], list[AnyRow]],
    statement: AnySelect,
    *,
    sort: Sort,
    position: Position | None,
    limit: int,
) -> list[AnyRow]:
    """Up to `limit` rows after (or before) a position, always in the order of the list.

    `statement` selects from leads with all conditions and must not order; its rows need `sort_value` and `id`.
    """
    rows: list[AnyRow] = []
    for part in in_order(statement, sort=sort, position=position):
        rows += run(part.limit(limit - len(rows)))
        if len(rows) == limit:
            break
    return rows[::-1] if position is not None and position.backward else rows


def in_order(statement: AnySelect, *, sort: Sort, position: Position | None) -> Iterator[AnySelect]:
    """The statements that together walk the list from a position, one after the other: leads with a value, then those
    without, each by keyset; backwards from a position that says so. `statement` as for `fetch`."""
    backward = position is not None and position.backward
    stretches: list[Literal["known", "empty"]] = ["known"] if sort.by in NEVER_EMPTY else ["known", "empty"]
    if backward:
        stretches.reverse()
    if position is not None:
        stretches = stretches[stretches.index("known" if position.value is not None else "empty") :]
    ascending = sort.descending == backward
    for index, stretch in enumerate(stretches):
        part = _stretch(statement, sort, stretch, ascending=ascending)
        if position is not None and index == 0:
            part = part.where(_beyond(sort, stretch, position, ascending=ascending))
        yield part


def _stretch(statement: AnySelect, sort: Sort, stretch: str, *, ascending: bool) -> AnySelect:
    id_order = Lead.id.asc() if ascending else Lead.id.desc()
    if stretch == "empty":
        return statement.where(sort.column.is_(None)).order_by(id_order)
    if sort.by not in NEVER_EMPTY:
        statement = statement.where(sort.column.is_not(None))
    return statement.order_by(sort.column.asc() if ascending else sort.column.desc(), id_order)


def _beyond(sort: Sort, stretch: str, position: Position, *, ascending: bool) -> ColumnElement[bool]:
    if stretch == "empty":
        return Lead.id > position.id if ascending else Lead.id < position.id
    here, there = tuple_(sort.column, Lead.id), tuple_(position.value, position.id)
    return here > there if ascending else here < there

"""Finding leads: one page of a filtered, sorted list, its exact total, and what the filters may be set to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, Uuid, bindparam, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from cursive_app.errors import Invalid
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.cursors import Cursors
from cursive_app.services.leads.filters import FIELDS, LeadFilter, conditions
from cursive_app.services.leads.paging import AnyRow, Position, Sort, fetch, read_cursor, write_cursor
from cursive_app.services.leads.views import LeadPage, LeadRow, Relaxed
from db.models.leads import Lead
from db.scope import Scope

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
MAX_CHOICES = 500
INDEXED_FIELDS = ("seniority", "state", "industry")  # an index starts with them, so their values are cheap to list
ROW_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = tuple(
    getattr(Lead, name) for name in LeadRow.__dataclass_fields__
)


def list_leads(
    scope: Scope,
    *,
    filter: LeadFilter | None = None,
    sort: Sort | None = None,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
    with_total: bool = True,
) -> LeadPage:
    """One page of the leads that match, at most `limit` (1 to 200).

    Raises Forbidden; Invalid for a cursor that was not made for this workspace, filter and order.
    """
    require(scope, Permission.VIEW_LEADS)
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise Invalid(fields={"limit": f"Ask for 1 to {MAX_PAGE_SIZE} leads."})
    filter, sort = filter or LeadFilter(), sort or Sort()
    cursors = Cursors("leads", scope.workspace_id, str(sort), *filter.choices)
    position = read_cursor(cursors, sort, cursor)
    where = conditions(scope, filter)
    found = fetch(
        lambda statement: list(scope.session.execute(statement)),
        select(*ROW_COLUMNS, sort.column.label("sort_value")).where(*where),
        sort=sort,
        position=position,
        limit=limit + 1,
    )
    more = len(found) > limit
    backward = position is not None and position.backward
    rows = found[-limit:] if backward else found[:limit]
    number = max(position.page, 1) if position else 1
    if backward and not more:
        number = 1

    def cursor_at(row: AnyRow, *, before: bool) -> str:
        step = Position(row.sort_value, row.id, backward=before, page=number - 1 if before else number + 1)
        return write_cursor(cursors, step)

    has_next = bool(rows) and (backward or more)
    has_previous = bool(rows) and (more if backward else position is not None)
    return LeadPage(
        rows=tuple(lead_row(row) for row in rows),
        total=_count(scope, where) if with_total else None,
        number=number,
        next_cursor=cursor_at(rows[-1], before=False) if has_next else None,
        previous_cursor=cursor_at(rows[0], before=True) if has_previous else None,
    )


def lead_row(row: AnyRow) -> LeadRow:
    return LeadRow(*row[: len(ROW_COLUMNS)])


def count_leads(scope: Scope, *, filter: LeadFilter | None = None) -> int:
    """Exactly how many leads match."""
    require(scope, Permission.VIEW_LEADS)
    return _count(scope, conditions(scope, filter or LeadFilter()))


def _count(scope: Scope, where: Sequence[SQLColumnExpression[bool]]) -> int:
    return scope.session.scalar(select(func.count()).select_from(Lead).where(*where)) or 0


def owns_any(scope: Scope) -> bool:
    """Whether the workspace has a lead at all."""
    require(scope, Permission.VIEW_LEADS)
    return bool(scope.session.scalar(select(exists().where(*conditions(scope, LeadFilter())))))


def relax(scope: Scope, *, filter: LeadFilter) -> tuple[Relaxed, ...]:
    """For a filter that matches nothing: which single part to drop to find someone, the most helpful first."""
    require(scope, Permission.VIEW_LEADS)
    found = [Relaxed(part, _count(scope, conditions(scope, filter.without(part)))) for part in filter.parts]
    return tuple(sorted((each for each in found if each.total), key=lambda each: -each.total))


def choices(scope: Scope, *, field: str) -> tuple[str, ...]:
    """The values a field has among this workspace's leads, in order (at most 500), for a filter's menu.

    Hops from value to value along an index, so a million leads with fifty states cost fifty look-ups.
    """
    require(scope, Permission.VIEW_LEADS)
    if field not in INDEXED_FIELDS:
        raise Invalid(fields={"field": f"Choose one of {', '.join(INDEXED_FIELDS)}."})
    return tuple(scope.session.scalars(_hops(field), {"workspace": scope.workspace_id}))


@cache
def _hops(field: str) -> Select[Any]:
    """Built once: making it took ten times as long as asking it."""
    column = FIELDS[field]
    mine = (Lead.workspace_id == bindparam("workspace", type_=Uuid()), Lead.deleted_at.is_(None))
    hop = select(func.min(column).label("value")).where(*mine).cte("values", recursive=True)
    later = aliased(Lead)
    later_column = getattr(later, column.key)
    following = (
        select(func.min(later_column))
        .where(
            later.workspace_id == bindparam("workspace", type_=Uuid()),
            later.deleted_at.is_(None),
            later_column > hop.c.value,
        )
        .scalar_subquery()
    )
    hop = hop.union_all(select(following).where(hop.c.value.is_not(None)))
    return select(hop.c.value).where(hop.c.value.is_not(None)).limit(MAX_CHOICES)

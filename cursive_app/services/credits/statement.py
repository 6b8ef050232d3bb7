"""The statement: a workspace's ledger, filtered and paged, and summed by month (CRE-13).

Lines are numbered 1, 2, 3… per workspace; a page's cursor holds the number of its last line, so pages stay put while
new lines arrive. Days and months are those of the workspace's time zone.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from cursive_app.errors import Invalid
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.credits.posting import LedgerLine, line_of
from cursive_app.services.cursors import Cursors, walk
from db.models.accounts import Workspace
from db.models.credits import CreditLine
from db.scope import Scope, parse_id

KINDS = ("purchase", "grant", "hold", "capture", "release", "debit", "refund", "adjustment", "reversal")
LARGEST_PAGE = 200
LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class StatementFilter:
    """Which lines. `since` and `until` are whole days, both included; `text` is looked for in the description and
    the reference; `job_id` narrows to one job."""

    kinds: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    user_id: UUID | None = None
    text: str = ""
    job_id: UUID | None = None

    @property
    def is_empty(self) -> bool:
        return self == StatementFilter()


@dataclass(frozen=True, slots=True)
class StatementPage:
    """One page, newest first. `total` counts all lines of the filter; a cursor is None at that end."""

    lines: tuple[LedgerLine, ...]
    total: int
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who appears in the ledger, for the filter; the newest label wins."""

    user_id: UUID
    label: str


@dataclass(frozen=True, slots=True)
class MonthSummary:
    """A month in sums: what was there before, what each kind did to the available credits, what was there after.

    `spent` is what captures and debits took (a capture takes from what its hold had already set aside)."""

    first_day: date
    last_day: date
    opening: Decimal
    closing: Decimal
    held_at_end: Decimal
    added: Decimal
    spent: Decimal
    returned: Decimal
    lines: int


def make_filter(
    *,
    kinds: tuple[str, ...] | list[str] = (),
    since: str | date | None = None,
    until: str | date | None = None,
    user_id: str | UUID | None = None,
    text: str | None = None,
    job_id: str | UUID | None = None,
) -> StatementFilter:
    """A filter from what a URL carries. Raises Invalid with the fields that are wrong, NotFound for a malformed id."""
    problems: dict[str, str] = {}
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        problems["kind"] = f"There is no kind “{unknown[0][:40]}”. Use {', '.join(KINDS)}."
    days: dict[str, date | None] = {}
    for name, value in (("since", since), ("until", until)):
        try:
            days[name] = value if isinstance(value, date) or value is None else date.fromisoformat(value)
        except ValueError:
            days[name] = None
            problems[name] = "Write the day as YYYY-MM-DD."
        day = days[name]
        if day is not None and not 2000 <= day.year <= 9998:
            problems[name] = "Choose a day between the years 2000 and 9998."
    if not problems and days["since"] and days["until"] and days["since"] > days["until"]:
        problems["since"] = "The first day is after the last day."
    words = (text or "").strip()
    if len(words) > LONGEST_TEXT:
        problems["text"] = f"Search for at most {LONGEST_TEXT} characters."
    if "\x00" in words:
        problems["text"] = "Text must not contain NUL characters."
    if problems:
        raise Invalid(fields=problems)
    return StatementFilter(
        kinds=tuple(kind for kind in KINDS if kind in kinds),
        since=days["since"],
        until=days["until"],
        user_id=parse_id(user_id) if user_id else None,
        text=words,
        job_id=parse_id(job_id) if job_id else None,
    )


def list_lines(
    scope: Scope, *, filter: StatementFilter | None = None, cursor: str | None = None, limit: int = 50
) -> StatementPage:
    """One page of the statement. `cursor` is a page's `next_cursor`, or its `previous_cursor` to go back.

    Raises Forbidden, and Invalid for a page size that is none or a cursor of another statement or filter.
    """
    require(scope, Permission.VIEW_CREDITS)
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(fields={"limit": f"A page has 1 to {LARGEST_PAGE} lines."})
    chosen = filter or StatementFilter()
    wanted = conditions(scope, chosen)
    in_any_order = replace(chosen, kinds=tuple(sorted(set(chosen.kinds))))
    cursors = Cursors("statement", scope.workspace_id, *astuple(in_any_order))
    position, backwards = cursors.read(cursor, lambda seq: (int(seq),))
    found = walk(
        scope.session.scalars,
        scope.select(CreditLine).where(*wanted),
        key=(CreditLine.seq,),
        position=position,
        backward=backwards,
        limit=limit,
    )
    lines = tuple(map(line_of, found.rows))
    total = scope.session.scalar(select(func.count()).select_from(CreditLine).where(*wanted)) or 0
    return StatementPage(
        lines=lines,
        total=total,
        next_cursor=cursors.write(lines[-1].seq) if found.has_next else None,
        previous_cursor=cursors.write(lines[0].seq, backward=True) if found.has_previous else None,
    )


def count_lines(scope: Scope) -> int:
    """How many lines this workspace's ledger has, which is also the number of its newest. Raises Forbidden."""
    require(scope, Permission.VIEW_CREDITS)
    return scope.session.scalar(select(Workspace.credits_seq).where(Workspace.id == scope.workspace_id)) or 0


def month_lines(scope: Scope, *, first: date, last: date, limit: int) -> list[LedgerLine]:
    """The lines of a span of days, oldest first, at most `limit`. Raises Forbidden."""
    require(scope, Permission.VIEW_CREDITS)
    inside = conditions(scope, StatementFilter(since=first, until=last))
    rows = scope.select(CreditLine).where(*inside).order_by(CreditLine.seq).limit(limit)
    return [line_of(row) for row in scope.session.scalars(rows)]


def list_actors(scope: Scope) -> tuple[Actor, ...]:
    """The people who appear in this workspace's ledger, by name. Raises Forbidden."""
    require(scope, Permission.VIEW_CREDITS)
    newest = (
        select(CreditLine.actor_user_id, CreditLine.actor_label)
        .ext(distinct_on(CreditLine.actor_user_id))
        .where(scope.owned(CreditLine), CreditLine.actor_user_id.is_not(None))
        .order_by(CreditLine.actor_user_id, CreditLine.seq.desc())
    )
    people = [Actor(row.actor_user_id, row.actor_label) for row in scope.session.execute(newest)]
    return tuple(sorted(people, key=lambda one: one.label.casefold()))


def month_summary(scope: Scope, *, year: int, month: int) -> MonthSummary:
    """One month in sums. Raises Forbidden, and Invalid for a month that is none."""
    require(scope, Permission.VIEW_CREDITS)
    if not (2000 <= year <= 9998 and 1 <= month <= 12):
        raise Invalid(fields={"month": "Write the month as YYYY-MM."})
    first = date(year, month, 1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    inside = conditions(scope, StatementFilter(since=first, until=last))
    before = (scope.owned(CreditLine), CreditLine.created_at < _start_of(scope, first))
    opening, held_before = scope.session.execute(
        select(func.coalesce(func.sum(CreditLine.change), 0), func.coalesce(func.sum(CreditLine.held_change), 0)).where(
            *before
        )
    ).one()
    grouped = select(CreditLine.kind, func.count(), func.sum(CreditLine.change), func.sum(CreditLine.held_change))
    rows = scope.session.execute(grouped.where(*inside).group_by(CreditLine.kind)).all()
    change = {row[0]: row[2] for row in rows}
    held = {row[0]: row[3] for row in rows}
    zero = Decimal("0.00")
    return MonthSummary(
        first_day=first,
        last_day=last,
        opening=Decimal(opening),
        closing=Decimal(opening) + sum(change.values(), zero),
        held_at_end=Decimal(held_before) + sum(held.values(), zero),
        added=sum((change.get(kind, zero) for kind in ("purchase", "grant", "adjustment", "reversal")), zero),
        spent=-(change.get("debit", zero) + held.get("capture", zero)),
        returned=change.get("refund", zero),
        lines=sum(row[1] for row in rows),
    )


def conditions(scope: Scope, chosen: StatementFilter) -> list[ColumnElement[bool]]:
    """The WHERE of a filter, the workspace included."""
    found: list[ColumnElement[bool]] = [scope.owned(CreditLine)]
    if chosen.kinds:
        found.append(CreditLine.kind.in_(chosen.kinds))
    if chosen.since:
        found.append(CreditLine.created_at >= _start_of(scope, chosen.since))
    if chosen.until:
        found.append(CreditLine.created_at < _start_of(scope, chosen.until + timedelta(days=1)))
    if chosen.user_id:
        found.append(CreditLine.actor_user_id == chosen.user_id)
    if chosen.job_id:
        found.append(CreditLine.job_id == chosen.job_id)
    if chosen.text:
        found.append(
            CreditLine.description.icontains(chosen.text, autoescape=True)
            | func.coalesce(CreditLine.reference, "").icontains(chosen.text, autoescape=True)
        )
    return found


def _start_of(scope: Scope, day: date) -> datetime:
    """The first moment of a day in the workspace's time zone."""
    name = scope.session.scalar(select(Workspace.timezone).where(Workspace.id == scope.workspace_id)) or "UTC"
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return datetime.combine(day, time.min, zone)

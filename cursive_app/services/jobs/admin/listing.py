"""The list of all jobs of all workspaces, newest first (JOB-01, JOB-02, JOB-03)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from cursive_app.errors import Invalid
from cursive_app.services.cursors import Cursors, moment_and_id, walk
from cursive_app.services.jobs.admin import query as language
from cursive_app.services.jobs.admin.query import Term
from cursive_app.services.jobs.admin.rows import read_rows, rows_of, rows_statement
from cursive_app.services.jobs.admin.staff import has_role, require_staff
from cursive_app.services.jobs.admin.times import failed_between, within
from cursive_app.services.jobs.admin.views import (
    SEARCHED_JOBS,
    AdminJobPage,
    AdminJobRow,
    AdminRefresh,
    JobSearch,
    StaffActor,
)
from cursive_app.services.jobs.views import STATUSES
from db.models.accounts import Workspace
from db.models.jobs import Job
from db.system import SystemScope, system_scope

LARGEST_PAGE = 100
MOST_NEWER = 1_000
EVERY_JOB = JobSearch()
_KEY = (Job.created_at, Job.id)


@dataclass(frozen=True, slots=True)
class OpenedSearch:
    """A search as it is run, and the point where the search ends (None: it looks at everything there is)."""

    terms: tuple[Term, ...]
    dates: tuple[ColumnElement[bool], ...]
    edge: tuple[datetime, UUID] | None
    values_seen: bool

    def conditions(self, *, with_state: bool = True) -> list[ColumnElement[bool]]:
        terms = self.terms if with_state else language.without_state(self.terms)
        bounds = [tuple_(*_KEY) > tuple_(*self.edge)] if self.edge is not None else []
        return [*self.dates, *bounds, *language.condition(terms, values_seen=self.values_seen)]


def open_search(scope: SystemScope, actor: StaffActor, search: JobSearch) -> OpenedSearch:
    """Read what this member of staff asks for. Raises Invalid for a word that is not understood or dates the wrong way
    round."""
    terms, values_seen = language.parse(search.query), has_role(actor, "operate")
    language.condition(terms, values_seen=values_seen)  # says what is wrong with a value before anything is read
    dates = within(Job.created_at, search.since, search.until)
    edge = scope.session.execute(
        select(*_KEY).where(*dates).order_by(*(column.desc() for column in _KEY)).offset(SEARCHED_JOBS).limit(1)
    ).first()
    if search.failed_since is not None or search.failed_until is not None:
        dates.append(failed_between(search.failed_since, search.failed_until, met=language.met(terms)))
    return OpenedSearch(terms=terms, dates=tuple(dates), edge=(edge[0], edge[1]) if edge is not None else None,
                        values_seen=values_seen)  # fmt: skip


def list_jobs(
    actor: StaffActor,
    search: JobSearch = EVERY_JOB,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> AdminJobPage:
    """One page of the jobs that match. Raises Forbidden, and Invalid that explains what is wrong with the query."""
    require_staff(actor, "read_only", attempted="list_jobs")
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(fields={"limit": f"A page holds 1 to {LARGEST_PAGE} jobs."})
    cursors = Cursors("admin.jobs", None, *astuple(search))
    position, back = cursors.read(cursor, moment_and_id)
    with system_scope() as scope:
        opened = open_search(scope, actor, search)
        statement = rows_statement().where(*opened.conditions())
        found = walk(partial(read_rows, scope), statement, key=_KEY, position=position, backward=back, limit=limit)
        by_status, matching = count(scope, opened)
    page = found.rows
    return AdminJobPage(
        jobs=tuple(page),
        by_status=by_status,
        matching=matching,
        searched=SEARCHED_JOBS,
        is_bounded=opened.edge is not None,
        oldest_searched=opened.edge[0] if opened.edge is not None else None,
        next_cursor=_cursor_at(cursors, page[-1], backward=False) if found.has_next else None,
        previous_cursor=_cursor_at(cursors, page[0], backward=True) if found.has_previous else None,
    )


def refresh(actor: StaffActor, ids: Sequence[UUID], search: JobSearch = EVERY_JOB) -> AdminRefresh:
    """The jobs of a screen again, and what has come since. Raises Forbidden, Invalid."""
    require_staff(actor, "read_only", attempted="list_jobs")
    shown = list(ids)[:LARGEST_PAGE]
    with system_scope() as scope:
        opened = open_search(scope, actor, search)
        by_status, matching = count(scope, opened)
        rows = rows_of(scope, shown)
        newest = max(((row.created_at, row.id) for row in rows), default=None)
        after = _matching(opened)
        if newest is not None:
            after = after.where(tuple_(*_KEY) > tuple_(*newest))
        newer = scope.session.scalar(select(func.count()).select_from(after.limit(MOST_NEWER).subquery())) or 0
    return AdminRefresh(jobs=rows, by_status=by_status, matching=matching, newer=newer)


def count(scope: SystemScope, search: OpenedSearch) -> tuple[dict[str, int], int]:
    """Jobs by state without the query's `state:` words, and all that match with them."""
    found = scope.session.execute(
        select(Job.status, func.count())
        .join(Workspace, Workspace.id == Job.workspace_id)
        .where(*search.conditions(with_state=False))
        .group_by(Job.status)
    )
    by_status: dict[str, int] = dict.fromkeys(STATUSES, 0)
    for status, number in found:
        by_status[status] = number
    if not any(term.key == "state" for term in search.terms):
        return by_status, sum(by_status.values())
    matching = scope.session.scalar(select(func.count()).select_from(_matching(search).subquery())) or 0
    return by_status, matching


def _matching(search: OpenedSearch) -> Select[UUID]:
    return select(Job.id).join(Workspace, Workspace.id == Job.workspace_id).where(*search.conditions())


def _cursor_at(cursors: Cursors, row: AdminJobRow, *, backward: bool) -> str:
    return cursors.write(row.created_at.isoformat(), row.id.hex, backward=backward)

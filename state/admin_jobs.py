"""Every job of every workspace, for staff. The address holds query, dates, page and the open job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import reflex as rx

from cursive_app.errors import CursiveError, Invalid, NotFound
from cursive_app.plurals import plural
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import AdminJobDetail, AdminJobPage, AdminRefresh, JobSearch, Selection, StaffActor
from cursive_app.services.jobs.views import STATUSES
from state.admin_base import Question, as_staff, day_start, said
from state.admin_drawer import AdminDrawer, admin_drawer, typed_arguments
from state.admin_rescue import RescuePart
from state.admin_rows import AdminRow, admin_row
from state.base import allow, person
from state.catching_up import catches_up
from state.search_box import SearchBox
from state.times import day_words, exact

PAGE_SIZE = 50
EXPORT = "/api/v1/admin/jobs/history.csv"
_DAYS = ("since", "until", "failed_since", "failed_until")
_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_STATE = re.compile(r'(?P<minus>-?)(?:state|status):"?(?P<value>[^"]*)"?$', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one look found: the page, or the same jobs again, and the open job (None: there is none)."""

    page: AdminJobPage | None
    fresh: AdminRefresh | None
    detail: AdminJobDetail | None


class AdminJobsState(RescuePart, SearchBox, rx.State):
    """One page of jobs; new ones are announced, so that nothing moves under the pointer."""

    rows: list[AdminRow] = []
    query: str = ""
    since: str = ""
    until: str = ""
    failed_since: str = ""
    failed_until: str = ""
    failed_days: str = ""
    timezone: str = "UTC"
    chosen_state: str = ""
    counts: dict[str, str] = {}
    suggestions: list[dict[str, str]] = []
    shown: str = ""
    bounded: str = ""
    newer: str = ""
    has_next: bool = False
    has_previous: bool = False
    filtered: bool = False
    export_url: str = EXPORT

    selected: list[str] = []
    page_selected: bool = False
    all_matching: bool = False
    selected_text: str = ""
    matching_text: str = ""

    open_id: str = ""
    drawer: AdminDrawer = AdminDrawer()
    drawer_missing: bool = False
    editing_error: str = ""

    _cursor: str = ""
    _next: str = ""
    _previous: str = ""
    _matching: int = 0

    # Finding

    @rx.event(supersedes=True)
    @allow("staff")
    async def suggest(self, text: str):
        """What could complete the last word of the query box."""
        try:
            found = await as_staff(lambda actor: admin.suggestions(actor, text))
        except CursiveError:
            self.suggestions = []
            return
        self.suggestions = [{"text": one.text, "label": one.label} for one in found]

    @rx.event
    @allow("staff")
    def search(self, form: dict[str, Any]):
        """Enter in the query box."""
        self.suggestions = []
        words = " ".join(str(form.get("q", "")).split())
        self._typed(words)
        return self._go(q=words, cursor="", job="")

    @rx.event
    @allow("staff")
    def choose_state(self, value: str):
        """A state tab: it takes the place of every `state:` word of the query."""
        words = [word for word in _WORD.findall(self.query) if not _STATE.match(word)]
        return self._go(q=" ".join([*words, *([f"state:{value}"] if value else [])]), cursor="", job="")

    @rx.event
    @allow("staff")
    def choose_since(self, value: str):
        return self._go(since=value, cursor="")

    @rx.event
    @allow("staff")
    def choose_until(self, value: str):
        return self._go(until=value, cursor="")

    @rx.event
    @allow("staff")
    def clear_failed_days(self):
        return self._go(failed_since="", failed_until="", cursor="")

    @rx.event
    @allow("staff")
    def clear_filters(self):
        return rx.redirect("/admin/jobs")

    @rx.event
    @allow("staff")
    def show_newest(self):
        return AdminJobsState.load if not self._cursor else self._go(cursor="")

    @rx.event
    @allow("staff")
    def next_page(self):
        return self._go(cursor=self._next, job="") if self._next else None

    @rx.event
    @allow("staff")
    def previous_page(self):
        return self._go(cursor=self._previous, job="") if self._previous else None

    # Choosing rows

    @rx.event
    @allow("staff")
    def select(self, job_id: str, on: bool):
        """One row's box. It also ends “all that match”: the choice is then what is ticked here."""
        kept = [one for one in self.selected if one != job_id]
        self._choose([*kept, job_id] if on else kept)

    @rx.event
    @allow("staff")
    def select_page(self, on: bool):
        self._choose([row.id for row in self.rows] if on else [])

    @rx.event
    @allow("staff")
    def select_all(self):
        """All that match the query, also those on other pages."""
        self._choose([row.id for row in self.rows])
        self.all_matching = True
        self.selected_text = f"All {plural(self._matching, 'matching job')} selected"

    @rx.event
    @allow("staff")
    def select_none(self):
        self._choose([])

    # The open job

    @rx.event
    @allow("staff")
    def open(self, job_id: str):
        return self._go(job=job_id)

    @rx.event
    @allow("staff")
    def set_open(self, is_open: bool):
        return None if is_open else self._go(job="")

    @rx.event
    @allow("staff")
    @catches_up
    async def retry_edited(self, form: dict[str, Any]):
        """Retry the open job with the values typed into the form; only what differs is sent on."""
        open_id, self.editing_error = self.open_id, ""
        changed = typed_arguments(self.drawer.arguments, form)
        if not changed:
            self.editing_error = "Nothing was changed. Use Retry to run it again as it is."
            return
        try:
            await as_staff(lambda actor: admin.retry_edited(actor, UUID(open_id), arguments=changed))
        except Invalid as error:
            self.editing_error = said(error)
            return
        yield rx.toast.success("Started again with the changed arguments.")
        await self._look()

    def _read_address(self, query: Any) -> None:
        before = (self.query, *self._days(), self._cursor)
        self.query, self._cursor = query.get("q", ""), query.get("cursor", "")
        self._addressed(self.query)
        self.since, self.until = query.get("since", ""), query.get("until", "")
        self.failed_since, self.failed_until = query.get("failed_since", ""), query.get("failed_until", "")
        self.failed_days = _failed_days(self.failed_since, self.failed_until)
        self.timezone = person().timezone
        moved = before != (self.query, *self._days(), self._cursor)
        if moved or self.status != "ready":
            self.status = "loading"
        if moved or query.get("job", "") == self.open_id:  # opening a job keeps what is ticked; coming anew does not
            self._choose([])
        self.chosen_state = _chosen_state(self.query)
        self.filtered = bool(self.query) or any(self._days())
        if query.get("job", "") != self.open_id:
            self.open_id, self.drawer, self.drawer_missing = query.get("job", ""), AdminDrawer(), False
            self.editing_error = self.rescue_asked = ""

    def _is_living(self, job_id: str) -> bool:
        return job_id == self.drawer.row.id and self.drawer.stuck == "hanging"

    def _days(self) -> tuple[str, str, str, str]:
        return self.since, self.until, self.failed_since, self.failed_until

    def _dates(self) -> dict[str, Any]:
        """Each from the first day on, to the end of the last one. Raises Invalid."""
        return _moments(self._days())

    def _export_url(self) -> str:
        moments = {name: at.isoformat() for name, at in self._dates().items() if at is not None}
        asked = urlencode({"query": self.query, **moments} if self.query else moments)
        return f"{EXPORT}?{asked}" if asked else EXPORT

    def _selection(self) -> Selection:
        """What an action on the chosen rows means. Raises Invalid for dates that are none."""
        if self.all_matching:
            return Selection(query=self.query, **self._dates())
        return Selection(ids=tuple(UUID(id) for id in self.selected))

    def _question(self) -> Question:
        query, cursor, open_id, days = self.query, self._cursor, self.open_id, self._days()

        def look(actor: StaffActor) -> _Answer:
            page = admin.list_jobs(
                actor, JobSearch(query=query, **_moments(days)), cursor=cursor or None, limit=PAGE_SIZE
            )
            return _Answer(page=page, fresh=None, detail=_detail(actor, open_id))

        return look

    def _again(self) -> Question:
        ids, open_id = [UUID(row.id) for row in self.rows], self.open_id
        search = JobSearch(query=self.query, **self._dates())

        def look(actor: StaffActor) -> _Answer:
            fresh = admin.refresh(actor, ids, search)
            return _Answer(page=None, fresh=fresh, detail=_detail(actor, open_id))

        return look

    def _show(self, found: _Answer) -> None:
        page = found.page
        assert page is not None
        timezone = person().timezone
        self.rows = [admin_row(job, timezone=timezone) for job in page.jobs]
        self._next, self._previous = page.next_cursor or "", page.previous_cursor or ""
        self.has_next, self.has_previous, self.newer = bool(self._next), bool(self._previous), ""
        self._show_counts(page.by_status, page.matching)
        self.export_url = self._export_url()
        self.bounded = ""
        if page.is_bounded and page.oldest_searched is not None:
            edge = exact(page.oldest_searched, timezone)
            searched = f"Only the newest {page.searched:,} jobs were searched, back to {edge}."
            self.bounded = f"{searched} Choose dates to look further back."
        here = {row.id for row in self.rows}
        if not self.all_matching:
            self._choose([id for id in self.selected if id in here])
        total = sum(page.by_status.values())
        self.status = "ready" if self.rows else "no_match" if self.filtered or total else "empty"
        self._show_detail(found.detail)

    def _show_no_answer(self) -> None:
        """Counts, export and rows of an earlier query would pass for those of this one."""
        self.counts = dict.fromkeys(("all", *STATUSES), "–")
        self.rows, self.shown, self.export_url, self.newer, self.bounded = [], "", "", "", ""
        self._choose([])

    def _show_again(self, found: _Answer) -> None:
        """Renew rows in their places; deleted ones stay until the page is loaded again."""
        fresh = found.fresh
        assert fresh is not None
        timezone = person().timezone
        renewed = {str(job.id): admin_row(job, timezone=timezone) for job in fresh.jobs}
        rows = [renewed.get(row.id, row) for row in self.rows]
        if rows != self.rows:
            self.rows = rows
        self._show_counts(fresh.by_status, fresh.matching)
        newer = f"{plural(fresh.newer, 'new job')}. Show" if fresh.newer and not self._cursor else ""
        if newer != self.newer:
            self.newer = newer
        self._show_detail(found.detail)

    def _show_counts(self, by_status: dict[str, int], matching: int) -> None:
        counts = {status: f"{count:,}" for status, count in by_status.items()}
        counts["all"] = f"{sum(by_status.values()):,}"
        if counts != self.counts:
            self.counts = counts
        self._matching = matching
        shown = f"{len(self.rows):,} of {plural(matching, 'job')}"
        matching_text = f"Select all {plural(matching, 'matching job')}" if matching > len(self.rows) else ""
        if (shown, matching_text) != (self.shown, self.matching_text):
            self.shown, self.matching_text = shown, matching_text

    def _show_detail(self, detail: AdminJobDetail | None) -> None:
        if not self.open_id:
            return
        if detail is None:
            self.drawer, self.drawer_missing = AdminDrawer(), True
            return
        if str(detail.job.id) != self.open_id:
            return  # another job was opened meanwhile
        drawer = admin_drawer(detail, timezone=person().timezone)
        if drawer != self.drawer:
            self.drawer, self.drawer_missing = drawer, False

    def _choose(self, ids: list[str]) -> None:
        here = {row.id for row in self.rows}
        self.selected = [id for id in ids if id in here]
        self.all_matching = False
        self.page_selected = bool(self.rows) and len(self.selected) == len(self.rows)
        self.selected_text = f"{plural(len(self.selected), 'job')} selected" if self.selected else ""

    def _go(self, **changes: str):
        days = dict(zip(_DAYS, self._days(), strict=True))
        now = {"q": self.query, **days, "cursor": self._cursor, "job": self.open_id}
        asked = urlencode({name: value for name, value in {**now, **changes}.items() if value})
        return rx.redirect(f"/admin/jobs?{asked}" if asked else "/admin/jobs")


def _moments(days: tuple[str, str, str, str]) -> dict[str, Any]:
    """Days of the reader as the services take them. Raises Invalid for what is no day."""
    return {name: day_start(day, later=name.endswith("until")) for name, day in zip(_DAYS, days, strict=True)}


def _failed_days(since: str, until: str) -> str:
    """In words, so that nobody wonders where the others are; "" without such days."""
    if not since and not until:
        return ""
    when = " ".join(f"{word} {_day(text)}" for word, text in (("since", since), ("until", until)) if text)
    if since and until:
        when = f"on {_day(since)}" if since == until else f"from {_day(since)} to {_day(until)}"
    return f"Only jobs that failed {when} are shown, whenever they were created."


def _day(text: str) -> str:
    try:
        return day_words(date.fromisoformat(text))
    except ValueError:
        return text[:20]


def _detail(actor: StaffActor, id: str) -> AdminJobDetail | None:
    try:
        return admin.get_job(actor, id) if id else None
    except (NotFound, Invalid):
        return None


def _chosen_state(query: str) -> str:
    """The state whose tab is pressed: '' for all of them, '-' when the query says something no tab says."""
    found = [match for word in _WORD.findall(query) if (match := _STATE.match(word))]
    if not found:
        return ""
    return found[0]["value"].lower() if len(found) == 1 and not found[0]["minus"] else "-"

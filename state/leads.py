"""The leads page: its list and its drawer. The address says what is shown; handlers only change the address."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

import reflex as rx

from cursive_app.errors import CursiveError, Invalid, NotFound, Unauthenticated, Unavailable
from cursive_app.services import leads, segments
from cursive_app.services.accounts import Permission, allows
from db.scope import Scope
from state.base import allow, current_path, transact
from state.lead_address import LISTS, Address, changed, read_address
from state.lead_lines import SENIORITIES, SOURCES, LeadCard, LeadLine, lead_card, lead_line, leads_text
from state.search_box import SearchBox
from state.session import SessionState

HAS = {"email": "E-mail", "verified_email": "Verified e-mail", "phone": "Phone", "linkedin": "LinkedIn profile"}
GONE = "The segment of this address is not here. It may have been deleted, or it is not shared with you."
WORDS: dict[str, dict[str, str]] = {"has": HAS, "source": SOURCES, "seniority": SENIORITIES}


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Everything one load of the list needs, read in one transaction."""

    page: leads.LeadPage
    columns: tuple[str, ...]
    states: tuple[str, ...]
    industries: tuple[str, ...]
    origins: dict[str, str]
    relaxed: tuple[leads.Relaxed, ...]
    owns_any: bool


def _load(scope: Scope, address: Address) -> _Loaded:
    wanted = address.filter()
    page = leads.list_leads(
        scope,
        filter=wanted,
        sort=leads.parse_sort(address.sort),
        cursor=address.cursor or None,
        limit=leads.PAGE_SIZE,
        with_total=False,
    )
    return _Loaded(
        page=page,
        columns=leads.shown_columns(scope),
        states=leads.choices(scope, field="state"),
        industries=leads.choices(scope, field="industry"),
        origins={"run": _run_name(scope, wanted.run_id), "segment": _segment_name(scope, wanted.segment_id)},
        relaxed=leads.relax(scope, filter=wanted) if not page.rows and wanted.parts else (),
        owns_any=bool(page.rows) or leads.owns_any(scope),
    )


def _detail(scope: Scope, lead_id: str) -> tuple[leads.LeadDetail, dict[UUID, str], frozenset[UUID]]:
    """A lead, the names of the segments on its receipts as far as the reader may see them, and which can be opened."""
    detail = leads.get_lead(scope, lead_id)
    ids = [receipt.segment_id for receipt in detail.receipts if receipt.segment_id]
    if not allows(scope.tenant, Permission.VIEW_SEGMENTS):
        return detail, {}, frozenset()
    return detail, segments.segment_names(scope, ids), segments.openable(scope, ids)


def _segment_name(scope: Scope, segment_id: UUID | None) -> str:
    try:
        return segments.get_segment(scope, segment_id).name if segment_id else ""
    except NotFound:
        return "gone"


def _run_name(scope: Scope, run_id: UUID | None) -> str:
    if run_id is None:
        return ""
    try:
        run = segments.get_run(scope, run_id)
    except NotFound:
        return "of a segment that is gone"
    return f"{_segment_name(scope, run.segment_id)}, {run.created_at:%-d %b %Y}"


class LeadsState(SearchBox, rx.State):
    """The list of leads."""

    status: str = "loading"
    error: str = ""
    bad_address: bool = False
    refreshing: bool = False
    rows: list[LeadLine] = []
    query: str = ""
    sort: str = "created"
    descending: bool = True
    columns: list[str] = list(leads.DEFAULT_COLUMNS)
    chips: list[dict[str, str]] = []
    chosen: dict[str, list[str]] = {name: [] for name in LISTS}
    states: list[str] = []
    industries: list[str] = []
    range_text: str = ""
    has_previous: bool = False
    has_next: bool = False
    export_url: str = "/api/v1/leads/export.csv"
    relaxed: list[dict[str, str]] = []

    open_id: str = ""
    is_open: bool = False
    card: LeadCard = LeadCard()
    card_status: str = "loading"
    raw: str = ""

    _next: str | None = None
    _previous: str | None = None
    _keep_list: bool = False
    _listed: Address | None = None  # whose rows stand there

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_LEADS)
    async def load(self):
        """Bring list and drawer in line with the address."""
        address = read_address(current_path())
        # Who opens a lead and goes elsewhere at once, as with Back, has left the list that was to be kept.
        keep, self._keep_list = self._keep_list and self._listed == changed(address, keep_page=True, lead=""), False
        self._show_address(address)
        self.bad_address = False
        if not keep:
            self.refreshing = bool(self.rows)
            self.status = "ready" if self.rows else "loading"
        yield
        try:
            found = None if keep else await transact(_load, address)
            if found is not None:
                await self._show(address, found)
            if address.lead:
                await self._open(address.lead)
            if found is not None and found.page.rows:
                yield  # the rows are there; counting a million leads may take a moment more
                self.range_text = _range_text(found.page, await _total(address))
        except Unauthenticated:
            raise
        except Invalid as error:
            if "cursor" in error.fields:
                yield rx.redirect(changed(address, cursor="").url(), replace=True)
                return
            self._fail(_address_problem(error))
            self.bad_address = True
        except CursiveError as error:
            self.bad_address = isinstance(error, NotFound) and bool(address.segment)  # to try again would not help
            self._fail(GONE if self.bad_address else error.message)

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def search(self, text: str):
        """Search for words; the address is replaced, so that Back leaves the search as a whole."""
        words = " ".join(text.split())[:200]
        self._typed(words)
        return rx.redirect(changed(self._address(), query=words).url(), replace=True)

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def toggle(self, name: str, value: str):
        """Add a filter value, or take it away."""
        address = self._address()
        if name in ("run", "segment"):
            return rx.redirect(changed(address, keep_page=False, **{name: ""}).url())
        if name == "query":
            return rx.redirect(changed(address, query="").url())
        if name not in LISTS:
            return None
        values = address.lists.get(name, ())
        values = tuple(each for each in values if each != value) if value in values else (*values, value)
        return rx.redirect(changed(address, lists={**address.lists, name: values}).url())

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def drop(self, part: str):
        """Drop one whole part of the filter."""
        address = self._address()
        if part in LISTS:
            return rx.redirect(changed(address, lists={**address.lists, part: ()}).url())
        return (
            rx.redirect(changed(address, keep_page=False, **{part: ""}).url())
            if part in ("query", "run", "segment")
            else None
        )

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def clear(self):
        """Drop the whole filter; the order stays."""
        return rx.redirect(Address(sort=self._address().sort).url())

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def start_over(self):
        """Leave an address the list cannot read."""
        return rx.redirect("/leads")

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def sort_by(self, column: str):
        """Sort by a column; once more turns the order around."""
        if column not in leads.SORTS:
            return None
        descending = not self.descending if column == self.sort else column == "created"
        return rx.redirect(changed(self._address(), sort=f"-{column}" if descending else column).url())

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def next_page(self):
        """The page after this one."""
        return self._page(self._next)

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def previous_page(self):
        """The page before this one."""
        return self._page(self._previous)

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def open(self, lead_id: str):
        """Open a lead beside the list."""
        self._keep_list = True
        return rx.redirect(changed(self._address(), keep_page=True, lead=lead_id).url())

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def set_open(self, is_open: bool):
        """The drawer was closed."""
        if is_open:
            return None
        self.is_open, self._keep_list = False, True
        return rx.redirect(changed(self._address(), keep_page=True, lead="").url())

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def toggle_column(self, column: str):
        """Show or hide a column, for this person, from now on."""
        shown = [each for each in self.columns if each != column]
        if len(shown) == len(self.columns):
            shown.append(column)
        self.columns = list(await transact(leads.choose_columns, columns=shown))

    @rx.event
    @allow(Permission.VIEW_RAW_RECORDS)
    async def show_raw(self):
        """Show the record the open lead was made from."""
        record = await transact(leads.get_raw_record, self.open_id)
        self.raw = json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True)

    def _address(self) -> Address:
        return read_address(current_path())

    def _page(self, cursor: str | None):
        return rx.redirect(changed(self._address(), cursor=cursor).url()) if cursor else None

    def _show_address(self, address: Address) -> None:
        self.query = address.query
        self._addressed(address.query)
        self.sort, self.descending = address.sort.removeprefix("-"), address.sort.startswith("-")
        self.chosen = {name: list(address.lists.get(name, ())) for name in LISTS}
        self.export_url = changed(address, lead="").url("/api/v1/leads/export.csv")
        self.is_open = bool(address.lead)
        if address.lead != self.open_id:
            self.open_id, self.card, self.card_status, self.raw = address.lead, LeadCard(), "loading", ""

    async def _show(self, address: Address, found: _Loaded) -> None:
        page, session = found.page, await self.get_state(SessionState)
        self.rows = [lead_line(row, session.timezone) for row in page.rows]
        self.columns, self.states, self.industries = list(found.columns), list(found.states), list(found.industries)
        self._next, self._previous = page.next_cursor, page.previous_cursor
        self.has_next, self.has_previous = page.next_cursor is not None, page.previous_cursor is not None
        self.range_text = _range_text(page, None)
        self.chips = _chips(address, found)
        self.relaxed = [
            {"part": each.part, "text": f"Without the {leads.NOUNS[each.part]}: {leads_text(each.total)}"}
            for each in found.relaxed
        ]
        self.refreshing = False
        self.status = "ready" if page.rows else "no_match" if found.owns_any else "empty"
        self._listed = changed(address, keep_page=True, lead="")

    def _fail(self, message: str) -> None:
        self.rows, self.refreshing, self.status, self.error, self._listed = [], False, "error", message, None
        self.range_text = ""

    async def _open(self, lead_id: str) -> None:
        session = await self.get_state(SessionState)
        try:
            detail, names, openable = await transact(_detail, lead_id)
        except NotFound:
            self.card, self.card_status = LeadCard(), "missing"
            return
        self.card, self.card_status = lead_card(detail, session.timezone, names, openable=openable), "ready"


def _address_problem(error: Invalid) -> str:
    """What is wrong with an address that asks for something the list does not know, for a person."""
    if "sort" in error.fields:
        return "This address asks for an order that the list does not have."
    return " ".join(error.fields.values()) or error.message


async def _total(address: Address) -> int | None:
    """How many leads match; None when the database was too busy to count them."""
    try:
        return await transact(leads.count_leads, filter=address.filter())
    except Unavailable:
        return None


def _range_text(page: leads.LeadPage, total: int | None) -> str:
    if not page.rows:
        return ""
    first = (page.number - 1) * leads.PAGE_SIZE + 1
    shown = f"{first:,}–{first + len(page.rows) - 1:,}"
    return shown if total is None else f"{shown} of {leads_text(total)}"


def _chips(address: Address, found: _Loaded) -> list[dict[str, str]]:
    chips = [
        {"name": name, "value": value, "label": f"{_label(name)}: {WORDS.get(name, {}).get(value, value)}"}
        for name, values in address.lists.items()
        for value in values
    ]
    for name in ("segment", "run"):
        if value := getattr(address, name):
            chips.append({"name": name, "value": value, "label": f"{name.capitalize()}: {found.origins[name]}"})
    return chips


def _label(name: str) -> str:
    return "Has" if name == "has" else leads.NOUNS[name].capitalize()

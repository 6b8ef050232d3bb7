"""The statement page: what is there, what is held for what, every line. Filters and page are in the address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlencode

import reflex as rx

from cursive_app.clock import now
from cursive_app.errors import CursiveError, Invalid, NotFound
from cursive_app.services import credits
from cursive_app.services.accounts import Permission
from db.scope import Scope
from state.base import allow, person, transact
from state.credit_rows import KIND_WORDS, CreditRow, HoldRow, credit_row, hold_row
from state.search_box import SearchBox

PAGE_SIZE = 50
LOOK_SECONDS = 4.0
FILTERS = ("kind", "since", "until", "user", "q")


@dataclass(frozen=True, slots=True)
class _View:
    """What one look at the ledger found; `newest` is the number of the newest line."""

    page: credits.StatementPage
    holds: tuple[credits.OpenHold, ...]
    actors: tuple[credits.Actor, ...]
    newest: int


class CreditsState(SearchBox, rx.State):
    """One page of the statement."""

    status: str = "loading"
    error: str = ""
    bad_address: bool = False
    rows: list[CreditRow] = []
    holds: list[HoldRow] = []
    people: list[dict[str, str]] = []
    kind: str = ""
    since: str = ""
    until: str = ""
    user: str = ""
    q: str = ""
    filtered: bool = False
    shown: str = ""
    has_next: bool = False
    has_previous: bool = False
    has_newer: bool = False
    export_url: str = "/api/v1/credits/ledger.csv"
    month_url: str = "/credits/month"

    _cursor: str = ""
    _next: str = ""
    _previous: str = ""
    _newest: int = 0

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_CREDITS)
    async def load(self):
        """Show what the address asks for."""
        self._read_address()
        self.bad_address = False
        yield
        try:
            chosen = self._filter()
            view = await transact(_look, chosen=chosen, cursor=self._cursor)
        except (Invalid, NotFound) as error:
            self.status, self.error, self.bad_address = "error", _address_problem(error), True
            return
        except CursiveError as error:
            self.status, self.error = "error", error.message
            return
        self._show(view)

    @rx.event(background=True)
    @allow(Permission.VIEW_CREDITS)
    async def follow(self):
        """Notice new lines while the page is open; they are announced, so that nothing moves under the pointer."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            async with self:
                waiting = self.status in ("ready", "empty") and not self.has_newer
                known = self._newest
            if not waiting:
                continue
            try:
                newest = await transact(credits.count_lines)
            except CursiveError:
                continue  # the reconnect banner, or the end of the session, is told elsewhere
            if newest > known:
                async with self:
                    self.has_newer = True

    @rx.event
    @allow(Permission.VIEW_CREDITS)
    def filter_kind(self, value: str):
        return self._go(kind=value)

    @rx.event
    @allow(Permission.VIEW_CREDITS)
    def filter_user(self, value: str):
        return self._go(user=value)

    @rx.event
    @allow(Permission.VIEW_CREDITS)
    def filter_since(self, value: str):
        return self._go(since=value)

    @rx.event
    @allow(Permission.VIEW_CREDITS)
    def filter_until(self, value: str):
        return self._go(until=value)

    @rx.event
    @allow(Permission.VIEW_CREDITS)
    def search(self, value: str):
        self._typed(value.strip())
        return self._go(replace=True, q=value.strip())

    @rx.event
    @allow(Permission.VIEW_CREDITS)
    def clear_filters(self):
        return rx.redirect("/credits")

    @rx.event
    @allow(Permission.VIEW_CREDITS)
    def show_newest(self):
        return self._go() if self._cursor else CreditsState.load

    @rx.event
    @allow(Permission.VIEW_CREDITS)
    def next_page(self):
        return self._go(cursor=self._next) if self._next else None

    @rx.event
    @allow(Permission.VIEW_CREDITS)
    def previous_page(self):
        return self._go(cursor=self._previous) if self._previous else None

    def _read_address(self) -> None:
        query = self.router.url.query_parameters
        before = self._asked()
        for name in FILTERS:
            setattr(self, name, query.get(name, ""))
        self._addressed(self.q)
        self._cursor = query.get("cursor", "")
        self.filtered = any(getattr(self, name) for name in FILTERS)
        if before != self._asked() or self.status != "ready":
            self.status = "loading"
        chosen = {
            "kind": self.kind, "since": self.since, "until": self.until, "user_id": self.user, "q": self.q,
        }  # fmt: skip
        exported = urlencode({name: value for name, value in chosen.items() if value})
        self.export_url = f"/api/v1/credits/ledger.csv?{exported}" if exported else "/api/v1/credits/ledger.csv"
        self.month_url = f"/credits/month?month={(self.until or self.since or now().date().isoformat())[:7]}"

    def _asked(self) -> tuple[str, ...]:
        return (*(getattr(self, name) for name in FILTERS), self._cursor)

    def _filter(self) -> credits.StatementFilter:
        return credits.make_filter(
            kinds=[self.kind] if self.kind else (),
            since=self.since or None,
            until=self.until or None,
            user_id=self.user or None,
            text=self.q,
        )

    def _show(self, view: _View) -> None:
        timezone = person().timezone
        self.rows = [credit_row(line, timezone=timezone) for line in view.page.lines]
        self.holds = [hold_row(hold, timezone=timezone) for hold in view.holds]
        self.people = [{"value": str(one.user_id), "label": one.label} for one in view.actors]
        self._next, self._previous = view.page.next_cursor or "", view.page.previous_cursor or ""
        self.has_next, self.has_previous = bool(self._next), bool(self._previous)
        self._newest, self.has_newer = view.newest, False
        total = view.page.total
        self.shown = f"{len(self.rows):,} of {total:,} {'line' if total == 1 else 'lines'}"
        if self.rows:
            self.status = "ready"
        else:
            self.status = "no_match" if view.newest else "empty"

    def _go(self, *, replace: bool = False, **changes: str):
        """The address with something changed; any change of the filter starts at the newest line."""
        values = {name: getattr(self, name) for name in FILTERS} | changes
        query = urlencode({name: value for name, value in values.items() if value})
        return rx.redirect(f"/credits?{query}" if query else "/credits", replace=replace)


def _address_problem(error: CursiveError) -> str:
    """What is wrong with an address that asks for something the statement does not have, for a person."""
    if not isinstance(error, Invalid):
        return "This address asks for a person who is not here."
    if "kind" in error.fields:
        return "This address asks for a kind of line that the statement does not have."
    return " ".join(error.fields.values()) or error.message


KIND_OPTIONS = tuple(KIND_WORDS.items())


def _look(scope: Scope, *, chosen: credits.StatementFilter, cursor: str) -> _View:
    return _View(
        page=credits.list_lines(scope, filter=chosen, cursor=cursor or None, limit=PAGE_SIZE),
        holds=credits.open_holds(scope),
        actors=credits.list_actors(scope),
        newest=credits.count_lines(scope),
    )

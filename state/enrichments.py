"""The overview of lists. The address holds filter, words and page."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlencode, urlsplit

import reflex as rx

from cursive_app.errors import CursiveError, Unauthenticated
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment.views import EnrichmentPage
from cursive_app.settings import settings
from db.scope import Scope
from state.base import allow, current_path, person, transact
from state.enrichment_lines import ListLine, limits_text, list_line
from state.search_box import SearchBox

REFRESH_SECONDS = 2.0
PAGE_SIZE = 25
GROUPS: dict[str, tuple[str, ...]] = {
    "": (),
    "preparing": ("received", "reading", "ready"),
    "running": ("queued", "running", "paused"),
    "done": ("completed",),
    "stopped": ("refused", "failed", "cancelled", "deleted"),
}


class EnrichmentsState(SearchBox, rx.State):
    """One page of lists, kept current while one of them moves."""

    status: str = "loading"
    error: str = ""
    rows: list[ListLine] = []
    chosen: str = ""
    query: str = ""
    shown: str = ""
    has_next: bool = False
    has_previous: bool = False
    limits: str = ""
    max_bytes: int = 0
    sample_url: str = ""

    _next: str = ""
    _previous: str = ""
    _cursor: str = ""

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_ENRICHMENTS)
    async def load(self):
        """Show what the address asks for."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(current_path()).query).items()}
        self.chosen, self.query = query.get("show", ""), query.get("q", "")[:100]
        self._addressed(self.query)
        self._cursor = query.get("cursor", "")
        self.limits, self.max_bytes = limits_text(), settings().enrichment_maximum_bytes
        self.sample_url = sample_url()
        if not self.rows:
            self.status = "loading"
        yield
        try:
            page = await transact(_page, chosen=self.chosen, query=self.query, cursor=self._cursor)
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.rows, self.status, self.error = [], "error", error.message
            return
        self._show(page)

    @rx.event(background=True)
    @allow(Permission.VIEW_ENRICHMENTS)
    async def follow(self):
        """Look again while a list is read or runs; ends with the page."""
        while True:
            await _pause()
            async with self:
                moving = any(row.moving for row in self.rows)
                asked = (self.chosen, self.query, self._cursor)
            if not moving:
                continue
            try:
                page = await transact(_page, chosen=asked[0], query=asked[1], cursor=asked[2])
            except Unauthenticated:
                return
            except CursiveError:
                continue  # the reconnect banner tells it
            async with self:
                if asked == (self.chosen, self.query, self._cursor):
                    self._show(page)

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def filter_status(self, value: str):
        return self._go(show=value, cursor="")

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def search(self, text: str):
        words = " ".join(text.split())[:100]
        self._typed(words)
        return self._go(q=words, cursor="")

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def clear(self):
        return rx.redirect("/enrichments")

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def next_page(self):
        return self._go(cursor=self._next) if self._next else None

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def previous_page(self):
        return self._go(cursor=self._previous) if self._previous else None

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def uploaded(self, enrichment_id: str):
        """The browser has sent a file, and the API has answered with its id."""
        view = await transact(enrichment.get_enrichment, enrichment_id)
        return rx.redirect(f"/enrichments/{view.id}")

    def _go(self, **changes: str):
        parts = {"show": self.chosen, "q": self.query, "cursor": self._cursor, **changes}
        kept = {key: value for key, value in parts.items() if value}
        return rx.redirect(f"/enrichments?{urlencode(kept)}" if kept else "/enrichments", replace="q" in changes)

    def _show(self, page: EnrichmentPage) -> None:
        rows = [list_line(view, person().timezone) for view in page.items]
        if rows != self.rows:
            self.rows = rows
        self._next, self._previous = page.next_cursor or "", page.previous_cursor or ""
        self.has_next, self.has_previous = bool(self._next), bool(self._previous)
        self.shown = f"{len(rows):,} {'list' if len(rows) == 1 else 'lists'} on this page"
        filtered = bool(self.query or self.chosen or self._cursor)
        self.status = "ready" if rows else "no_match" if filtered else "empty"


def sample_url() -> str:
    """Where the sample list of development is; empty when the people are real."""
    config = settings()
    if config.is_production or not config.provider_is_sandbox:
        return ""
    return f"http://localhost:{config.sandbox_port}/sample-list.csv"


async def _pause() -> None:
    await asyncio.sleep(REFRESH_SECONDS)


def _page(scope: Scope, *, chosen: str, query: str, cursor: str) -> EnrichmentPage:
    return enrichment.list_enrichments(
        scope, statuses=GROUPS.get(chosen, ()), search=query or None, cursor=cursor or None, limit=PAGE_SIZE
    )

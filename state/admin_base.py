"""What all of the staff's pages share: who looks, how often, which dates, and how a refusal reads.

A page mixes `StaffPart` in and says three things: what the address means (`_read_address`), what to ask
(`_question`, a function of the actor that runs in a thread) and how to show the answer (`_show`). Loading, live refresh
and errors are then the same everywhere. The services check the role again; nothing here is trusted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import reflex as rx

from cursive_app.errors import CursiveError, Invalid, NotFound, Unauthenticated
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import LedgerAlarm, StaffActor
from cursive_app.services.jobs.admin.views import PruningView
from state.base import allow, ask, person, principal
from state.times import ago, clock_span

R = TypeVar("R")
Question = Callable[[StaffActor], Any]

REFRESH = {"0": "Off", "1": "1 s", "2": "2 s", "5": "5 s", "10": "10 s", "30": "30 s", "60": "60 s"}
"""How often pages look again, in seconds; what a browser sends besides these is read as the usual five."""
USUAL = "5"


async def as_staff(question: Callable[[StaffActor], R]) -> R:
    """Ask a service in the name of the person, on our threads. Raises NotFound for people who are not staff."""
    return await ask(_in_their_name, question)


def _in_their_name(question: Callable[[StaffActor], R]) -> R:
    return question(admin.staff_actor(principal()))


def said(error: CursiveError) -> str:
    """An error in one line: what was wrong with a field says more than “check the fields”."""
    if isinstance(error, Invalid) and error.fields:
        return " ".join(error.fields.values())
    return error.message


def seconds_text(seconds: float | None, *, unknown: str = "–") -> str:
    """A duration of any size; under ten seconds with one decimal when there is one."""
    if seconds is None:
        return unknown
    if 0 < seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    return clock_span(seconds)


class AdminLiveState(rx.State):
    """How often the staff's pages look again. The choice is kept by the browser, so it survives every navigation."""

    every: str = rx.LocalStorage(USUAL, name="cursive.staff.refresh", sync=True)

    ledger: list[dict[str, str]] = []  # what the nightly proof found to be off; empty as long as every sum fits
    ledger_more: str = ""

    _hidden: bool = False

    @rx.event
    @allow("staff")
    def set_every(self, value: str):
        """Look every so many seconds, or never."""
        self.every = value if value in REFRESH else USUAL

    @rx.event
    @allow("account")
    def set_hidden(self, hidden: bool):
        """The browser tab went to the background or came back."""
        self._hidden = hidden

    def _seconds(self) -> int:
        """0 while nobody looks or the refresh is off."""
        if self._hidden:
            return 0
        return int(self.every) if self.every in REFRESH else int(USUAL)

    def _show_ledger(self, alarm: LedgerAlarm) -> None:
        lines = [
            {
                "key": f"{place}-{one.workspace_id}",
                "name": one.workspace_name,
                "href": f"/admin/jobs?q=workspace%3A{one.workspace_id}",
                "words": f"{one.words} Found {ago(one.found_at)}.",
            }
            for place, one in enumerate(alarm.findings)
        ]
        if lines != self.ledger:
            self.ledger = lines
        self.ledger_more = f"and {alarm.more:,} more" if alarm.more else ""


def _and_ledger(question: Question) -> Question:
    """The question, and on every page whether the ledger is sound."""
    return lambda actor: (question(actor), admin.ledger_alarm(actor))


class StaffPart(rx.State, mixin=True):
    """A page for staff that shows the answer to one question and keeps it current."""

    status: str = "loading"
    error: str = ""
    is_mistaken: bool = False  # the error is in what was asked for: asking again the same would end the same

    @rx.event(supersedes=True)
    @allow("staff")
    async def load(self):
        """Show what the address asks for."""
        self._read_address(self.router.url.query_parameters)
        yield
        await self._look()

    @rx.event(background=True)
    @allow("account")
    async def follow(self):
        """Look again every so often while somebody watches; ends with the page."""
        waited = 0
        while principal() is not None and person().is_staff:
            await _second()
            waited += 1
            async with self:
                live = await self.get_state(AdminLiveState)
                every = live._seconds()
                shown = self.status in ("ready", "empty", "no_match")
                question = self._again() if shown and every and waited >= every else None
            if question is None:
                continue
            waited = 0
            try:
                found, alarm = await as_staff(_and_ledger(question))
            except (NotFound, Unauthenticated):
                return  # no longer staff, or signed out
            except CursiveError:
                continue  # the reconnect banner tells it
            async with self:
                (await self.get_state(AdminLiveState))._show_ledger(alarm)
                self._show_again(found)

    async def _catch_up(self) -> list[Any]:
        """What somebody else has done is on the page at once, also when it is not live."""
        await self._look()
        return []

    async def _look(self) -> None:
        try:
            found, alarm = await as_staff(_and_ledger(self._question()))
        except CursiveError as error:
            self.status, self.error = "error", said(error)
            self.is_mistaken = isinstance(error, Invalid)
            self._show_no_answer()
            return
        (await self.get_state(AdminLiveState))._show_ledger(alarm)
        self._show(found)

    def _read_address(self, query: Any) -> None:
        """Take filters from the address. Pages without any need nothing here."""

    def _question(self) -> Question:
        return lambda _actor: None

    def _show(self, found: Any) -> None:  # noqa: ARG002  (pages look into it)
        self.status = "ready"

    def _show_no_answer(self) -> None:
        """Take away what belongs to an earlier question and stands outside of what the status hides."""

    def _again(self) -> Question | None:
        return self._question()

    def _show_again(self, found: Any) -> None:
        self._show(found)


class DaysPart(StaffPart, mixin=True):
    """A page for staff whose address holds a first and a last day. `_here` is its path."""

    since: str = ""
    until: str = ""
    timezone: str = "UTC"

    @rx.event
    @allow("staff")
    def choose_since(self, value: str):
        return self._go(since=value)

    @rx.event
    @allow("staff")
    def choose_until(self, value: str):
        return self._go(until=value)

    @rx.event
    @allow("staff")
    def clear_filters(self):
        return rx.redirect(self._here())

    def _here(self) -> str:
        """Every page names its own."""
        return "/admin/jobs"

    def _read_address(self, query: Any) -> None:
        before = (self.since, self.until)
        self.since, self.until = query.get("since", ""), query.get("until", "")
        self.timezone = person().timezone
        if before != (self.since, self.until) or self.status != "ready":
            self.status = "loading"

    def _kept_in_address(self) -> dict[str, str]:
        return {"since": self.since, "until": self.until}

    def _go(self, **changes: str):
        asked = urlencode({k: v for k, v in {**self._kept_in_address(), **changes}.items() if v})
        return rx.redirect(f"{self._here()}?{asked}" if asked else self._here())


async def _second() -> None:
    await asyncio.sleep(1)


def day_start(text: str, *, later: int = 0) -> datetime | None:
    """Midnight of a day in the reader's own zone, `later` days on; None for no day.

    Raises Invalid for a text that is no day.
    """
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day + timedelta(days=later), time(), tzinfo=ZoneInfo(person().timezone))
    except (ValueError, OverflowError):
        raise Invalid(fields={"since": f"{text[:20]} is no day; write it as 2026-03-31."}) from None


def pruned_words(one: PruningView | None) -> str:
    """How the newest pruning went."""
    if one is None:
        return "not pruned yet"
    if one.ended_at is None:
        return f"pruning began {ago(one.began_at)} and has not come to its end, {one.gone:,} gone so far"
    return f"pruned {ago(one.ended_at)}, {one.gone:,} gone"

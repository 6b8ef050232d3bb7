"""The person's own pages: name, time zone, password; and the browsers that are logged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from cursive_app.errors import CursiveError, Invalid
from cursive_app.services import accounts
from cursive_app.settings import settings
from state.base import allow, ask, person, renew
from state.catching_up import catches_up
from state.flash import FlashState
from state.session import SessionState
from state.times import ago, exact


class AccountState(FlashState, rx.State):
    """`/settings/account`."""

    status: str = "loading"
    name: str = ""
    email: str = ""
    timezone: str = ""
    saving: bool = False
    form_errors: dict[str, str] = {}

    @rx.event(supersedes=True)
    @allow("account")
    async def load(self):
        """Show the person, and what the password form said."""
        who = person()
        self._read_flash("/settings/account")
        self.form_errors = {}
        self.timezone = await ask(accounts.own_timezone, who)
        self.name, self.email, self.status = who.name, who.email, "ready"

    @rx.event
    @allow("account")
    async def save(self, form: dict[str, str]):
        """Change name and time zone."""
        self.saving, self.form_errors = True, {}
        yield
        try:
            await ask(accounts.update_profile, person(), name=form.get("name", ""), timezone=form.get("timezone", ""))
        except Invalid as error:
            self.form_errors = error.fields
            return
        finally:
            self.saving = False
        fresh = await renew(touch=True)
        (await self.get_state(SessionState))._show(fresh)
        self.name = fresh.name if fresh is not None else self.name
        yield rx.toast.success("Saved.")


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One browser, as the list shows it."""

    id: str
    browser: str
    ip: str
    last_seen: str
    last_seen_exact: str
    since: str
    is_current: bool


class SessionsState(rx.State):
    """`/settings/sessions`."""

    status: str = "loading"
    error: str = ""
    rule: str = ""
    rows: list[SessionLine] = []
    others: int = 0
    asking: bool = False
    ending_id: str = ""
    ending: str = ""

    @rx.event(supersedes=True)
    @allow("account")
    async def load(self):
        """List the person's living sessions."""
        await self._read()

    async def _read(self) -> None:
        who = person()
        try:
            found = await ask(accounts.list_sessions, who)
        except CursiveError as error:
            self.status, self.error = "error", error.message
            return
        self.rows = [
            SessionLine(
                id=str(row.id),
                browser=row.browser,
                ip=row.ip or "Unknown address",
                last_seen=ago(row.last_seen_at),
                last_seen_exact=exact(row.last_seen_at, who.timezone),
                since=exact(row.created_at, who.timezone),
                is_current=row.is_current,
            )
            for row in found
        ]
        idle, longest = settings().session_idle_hours, settings().session_absolute_days
        self.rule = f"A session ends {idle} hours after its last use and {longest} days after it began."
        self.others = sum(not row.is_current for row in found)
        self.status = "ready"

    @rx.event
    @allow("account")
    async def ask_end(self, session_id: str):
        """Open the question whether to end this session."""
        line = next((one for one in self.rows if one.id == session_id), None)
        self.ending_id = line.id if line else ""
        self.ending = f"{line.browser}, logged in {line.since}" if line else ""

    @rx.event
    @allow("account")
    async def set_ending(self, open_: bool):
        """The dialog was closed."""
        if not open_:
            self.ending_id = ""

    @rx.event
    @allow("account")
    @catches_up
    async def end(self, session_id: str):
        """End one session; the tab it runs in is empty at its next event."""
        self.ending_id = ""
        await ask(accounts.end_session, person(), session_id=session_id)
        await self._read()
        return rx.toast.success("That browser is logged out.")

    async def _catch_up(self) -> list[Any]:
        await self._read()
        return []

    @rx.event
    @allow("account")
    async def ask_end_others(self, open_: bool):
        """Open or close the question."""
        self.asking = open_

    @rx.event
    @allow("account")
    async def end_others(self):
        """End every session but this one."""
        count = await ask(accounts.end_other_sessions, person())
        self.asking = False
        await self._read()
        return rx.toast.success(f"{count} other {'browser is' if count == 1 else 'browsers are'} logged out.")

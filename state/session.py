"""The session as the frame shows it: person, workspace, role, balance. The gate keeps it true on every event.

Vars for the shell: `user_name`, `user_email`, `role` (words), `workspace_id`, `workspace_name`, `workspaces` (dicts:
id, name, role), `balance`, `held`, `has_held`, `is_staff`, `sandbox_data`, and `can`: the names of permissions, so that
`SessionState.can.contains("segments:run")` hides what the role may not do. Every page of a signed-in person has
`on_load=[SessionState.watch, …]`, which also keeps the balance live. None of this is trusted: the gate checks each
handler and services check again.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

import reflex as rx
from reflex.event import EventSpec
from reflex.state import BaseState, State

from cursive_app.errors import Unavailable
from cursive_app.services import accounts
from cursive_app.services.accounts import Permission, Principal
from cursive_app.settings import settings
from db.roles import Role
from state.base import allow, ask, current_path, login_url, person, principal, renew, was_replaced

WATCH_SECONDS = 4.0
RELOAD = "window.location.reload()"
RENEW = "window.cursive?.renew()"  # assets/ui.js

ROLE_WORDS: dict[Role, str] = {
    Role.OWNER: "Owner",
    Role.ADMIN: "Admin",
    Role.MEMBER: "Member",
    Role.BILLING: "Billing",
    Role.READ_ONLY: "Read-only",
}


def credits_text(amount: Decimal | None) -> str:
    """Credits as people read them; a dash when nothing is known."""
    return "–" if amount is None else f"{amount:,.2f}"


class SessionState(rx.State):
    """Who is signed in here. Filled by the gate; the browser can change nothing of it."""

    signed_in: bool = False
    user_name: str = ""
    user_email: str = ""
    email_verified: bool = False
    is_staff: bool = False
    staff_role: str = ""  # read_only, operate or all; for hiding what the services would refuse anyway
    role: str = ""
    timezone: str = "UTC"
    workspace_id: str = ""
    workspace_name: str = ""
    workspaces: list[dict[str, str]] = []
    sandbox_data: bool = False  # the people shown are synthetic, whichever workspace this is
    can: list[str] = []
    balance: str = "–"
    held: str = ""
    has_held: bool = False

    _bound: str = ""  # session and workspace whose data this tab's state holds
    _cookie: str = ""  # digest of the cookie that was looked up last
    _met: bool = False  # whether any event has come past the gate; until then the tab's state is as it was made
    _ended: bool = False  # a visitor now, in a tab or with a cookie that had a session: the login page says so

    def _show(self, who: Principal | None) -> None:
        """Bring the vars in line with the person; only what changed is sent."""
        for name, value in _shown(who).items():
            if getattr(self, name) != value:
                setattr(self, name, value)

    @rx.event(background=True)
    @allow("account")
    async def watch(self):
        """Keep balance and rights current while the page is open; ends with the page.

        When the session ends, or shows another workspace or none, the tab's data goes at once and the page is left:
        nothing of the former workspace stays readable until the next click (T16).

        When rights have changed, the page is told to fetch a new token and to open its socket anew; it keeps what it
        shows (D-17).
        """
        former = place(principal())
        while True:
            await _pause()
            try:
                who = await renew()
            except Unavailable:
                continue  # the reconnect banner tells it; the page stays as it is
            if who is None or place(who) != former:
                async with self:
                    await clear_tab(self._get_root_state())
                    self._bound, self._met = former, True  # what is still under way for the former one is refused
                for event in [rx.call_script(RELOAD)] if await was_replaced() else _leave(who):
                    yield event
                return
            if who.standing != "current":
                yield rx.call_script(RENEW)
            shown = _shown(who)
            if any(getattr(self, name) != value for name, value in shown.items()):
                async with self:
                    self._show(who)

    @rx.event
    @allow("account")
    async def switch(self, workspace_id: str):
        """Look at another workspace. The page is loaded anew, so that nothing of the former one is left in it."""
        await ask(accounts.switch_workspace, person(), workspace_id=workspace_id)
        return rx.call_script("window.location.assign('/')")


def place(who: Principal | None) -> str:
    """What a tab's data belongs to: the session and its workspace; '' for a visitor."""
    return f"{who.session_id}/{who.workspace_id}" if who else ""


async def clear_tab(root: BaseState) -> None:
    """Forget everything the tab shows. Call it with the tab's state locked: in a handler, or inside `async with`."""
    assert isinstance(root, State)
    hydrated = root.is_hydrated
    for cls in _all_states(State):
        await root.get_state(cls)  # with Redis only the states of this event are loaded; all of them must go
    root.reset()
    root.is_hydrated = hydrated


def _all_states(cls: type[BaseState]) -> list[type[BaseState]]:
    found = [cls]
    for child in cls.get_substates():
        found += _all_states(child)
    return found


def _leave(who: Principal | None) -> list[EventSpec]:
    """Where a page goes whose session has ended, or no longer shows the workspace the page was about."""
    if who is None:
        return [rx.redirect(login_url(current_path(), ended=True))]  # that page says it
    if who.workspace_id is None:
        return [rx.toast.info("You are no longer in this workspace."), rx.redirect("/welcome")]
    # As after switching here: the whole page anew, at an address that belongs to no workspace.
    return [rx.call_script("window.location.assign('/')")]


async def _pause() -> None:
    await asyncio.sleep(WATCH_SECONDS)


_SHOWN = (
    "signed_in", "user_name", "user_email", "email_verified", "is_staff", "staff_role", "role", "timezone",
    "workspace_id", "workspace_name", "workspaces", "sandbox_data", "can", "balance", "held", "has_held",
)  # fmt: skip


def _shown(who: Principal | None) -> dict[str, object]:
    if who is None:
        return {name: SessionState.get_fields()[name].default_value() for name in _SHOWN}
    permissions = [p.value for p in Permission if who.tenant is not None and accounts.allows(who.tenant, p)]
    return {
        "signed_in": True,
        "user_name": who.label,
        "user_email": who.email,
        "email_verified": who.email_verified,
        "is_staff": who.is_staff,
        "staff_role": who.staff_role or "",
        "role": ROLE_WORDS[who.role] if who.role else "",
        "timezone": who.timezone,
        "workspace_id": str(who.workspace_id) if who.workspace_id else "",
        "workspace_name": who.workspace_name,
        "workspaces": [{"id": str(w.id), "name": w.name, "role": ROLE_WORDS[w.role]} for w in who.workspaces],
        "sandbox_data": settings().provider_is_sandbox,
        "can": permissions,
        "balance": credits_text(who.available),
        "held": credits_text(who.held) if who.held else "",
        "has_held": bool(who.held),
    }

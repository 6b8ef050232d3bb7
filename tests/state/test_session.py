"""What the frame says about the session: whose it is, and whether the people on the pages are synthetic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import reflex as rx
from pydantic import SecretStr
from sqlalchemy import delete, update

from cursive_app.clock import now
from cursive_app.errors import Unavailable
from cursive_app.services import accounts, credits
from cursive_app.settings import settings
from db.models.accounts import Membership, UserSession
from db.system import system_scope
from state.base import allow, tenant
from state.home import HomeState
from state.login import ENDED, LoginState
from state.palette import PaletteState
from state.session import SessionState
from tests.factories import Cast, make_member, make_user, make_workspace
from tests.factories_credits import fund
from tests.flows.use_cases import do
from tests.state.driver import Tab, sign_in

Driver = Callable[..., Tab]


class RowsState(rx.State):
    """A page with rows of the workspace."""

    rows: list[str] = []

    @rx.event
    @allow("signed_in")
    async def load(self):
        self.rows = [str(tenant().workspace_id)]

    @rx.event
    @allow("signed_in")
    async def change(self):
        self.rows = ["changed"]


class Watch:
    """The session watch of one tab, which looks when it is told to."""

    def __init__(self, tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tab, self.look, self.begun, self.looked = tab, asyncio.Event(), asyncio.Event(), 0
        monkeypatch.setattr("state.session._pause", self._pause)
        self.running = asyncio.create_task(tab.send(SessionState.watch, path="/leads?page=2"))

    async def _pause(self) -> None:
        self.looked += 1
        self.begun.set()
        await self.look.wait()

    async def ends(self) -> None:
        self.look.set()
        await asyncio.wait_for(self.running, 20)


async def _begun(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch(tab, monkeypatch)
    await asyncio.wait_for(watch.begun.wait(), 20)
    return watch


@pytest.mark.parametrize(("key", "said"), [(None, True), (SecretStr("a-real-key"), False)])
async def test_sandbox_data_is_said_wherever_no_provider_key_is_set(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch, key: SecretStr | None, said: bool
) -> None:
    """Whichever workspace it is: not only the demo's shows synthetic people."""
    changed = settings().model_copy(update={"audiencelab_api_key": key})
    monkeypatch.setattr("state.session.settings", lambda: changed)
    tab = driver(sign_in(cast.alice))
    await tab.send(PaletteState.search, text="")
    assert tab.var(SessionState, "signed_in") is True
    assert bool(tab.var(SessionState, "sandbox_data")) is said
    visitor = driver("")
    await visitor.send(HomeState.load)
    assert not visitor.var(SessionState, "sandbox_data")


async def test_a_tab_whose_session_was_moved_elsewhere_lets_the_former_workspace_go(
    driver: Driver, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T16: the frame of one workspace must not stand around the rows of another, not even until the next click."""
    person_id = make_user("Dana")
    here, there = (make_member(make_workspace(name), person_id) for name in ("Here", "There"))
    cookie = sign_in(here)
    one, two = driver(cookie), driver(cookie)
    await two.send(RowsState.load)
    watch = await _begun(two, monkeypatch)
    await one.send(SessionState.switch, workspace_id=str(there.workspace_id))
    await watch.ends()
    assert two.var(RowsState, "rows") == []
    assert two.var(SessionState, "workspace_name") == ""
    assert "window.location.assign('/')" in two.text()
    await two.send(RowsState.change)  # clicked before the page was gone: aimed at the former workspace
    assert two.var(RowsState, "rows") == []
    await two.send(RowsState.load)
    assert two.var(RowsState, "rows") == [str(there.workspace_id)]


async def test_the_balance_follows_without_a_click(driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(RowsState.load)
    assert (tab.var(SessionState, "balance"), tab.var(SessionState, "has_held")) == ("0.00", False)
    happens: list[Callable[[], object]] = [
        lambda: fund(cast.workspace_id, 1_250),
        lambda: do(cast.alice, credits.hold, amount=50, key="h", description="Held"),
    ]

    async def next_of() -> None:
        if not happens:
            raise asyncio.CancelledError  # as when the page is left
        happens.pop(0)()

    monkeypatch.setattr("state.session._pause", next_of)
    with suppress(asyncio.CancelledError):
        await tab.send(SessionState.watch)
    assert (tab.var(SessionState, "balance"), tab.var(SessionState, "held")) == ("1,200.00", "50.00")


async def test_the_open_tab_of_a_removed_member_is_emptied_without_a_click(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = driver(sign_in(cast.bob))
    await tab.send(RowsState.load)
    watch = await _begun(tab, monkeypatch)
    with system_scope() as scope:
        scope.session.execute(delete(Membership).where(Membership.user_id == cast.bob.user_id))
    await watch.ends()
    assert tab.var(RowsState, "rows") == []
    assert tab.var(SessionState, "workspace_name") == ""
    assert "/welcome" in tab.text()


async def test_the_open_tab_of_an_ended_session_is_emptied_and_told_why(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(RowsState.load)
    watch = await _begun(tab, monkeypatch)
    _end_sessions(cast)
    await watch.ends()
    assert tab.var(RowsState, "rows") == []
    assert "/login?next=%2Fleads%3Fpage%3D2&ended=1" in tab.text()


async def test_the_watch_outlives_a_database_that_is_away(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(RowsState.load)
    answers = iter((Unavailable(), None))

    async def away() -> None:
        answer = next(answers)
        if answer is not None:
            raise answer

    monkeypatch.setattr("state.session.renew", away)
    watch = await _begun(tab, monkeypatch)
    await watch.ends()
    assert watch.looked == 2
    assert tab.failures == []


async def test_a_page_is_told_to_fetch_its_new_token_until_its_socket_brings_it(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D-17: nothing of the page is lost. What the script does is tried in tests/e2e/test_rights_changed.py."""
    cookie = sign_in(cast.bob)
    token = cookie.partition("=")[2]
    tab, given = driver(cookie), []
    await tab.send(RowsState.load)
    happens: list[Callable[[], object]] = [
        lambda: None,
        lambda: accounts.change_role(cast.alice, user_id=str(cast.bob.user_id), role="admin"),
        lambda: None,  # the browser's request was lost
        lambda: given.append(accounts.renew_token(token)),
    ]

    async def next_of() -> None:
        if not happens:
            raise asyncio.CancelledError  # as when the socket is closed
        happens.pop(0)()

    monkeypatch.setattr("state.session._pause", next_of)
    with suppress(asyncio.CancelledError):
        await tab.send(SessionState.watch)
    assert tab.text().count("cursive?.renew()") == 3
    assert tab.var(SessionState, "role") == "Admin"
    assert tab.var(RowsState, "rows") == [str(cast.workspace_id)]
    again = driver(f"{cookie.partition('=')[0]}={given[0].token}", token=tab.token)
    await again.send(RowsState.change)
    assert again.var(RowsState, "rows") == ["changed"]
    assert "/login" not in tab.text() + again.text()


@pytest.mark.parametrize("by", ["a click", "the watch"])
async def test_a_tab_that_slept_through_it_loads_anew_and_is_not_logged_out(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    cookie = sign_in(cast.bob)
    tab = driver(cookie)
    await tab.send(RowsState.load)
    watch = await _begun(tab, monkeypatch)
    accounts.change_role(cast.alice, user_id=str(cast.bob.user_id), role="admin")
    fresh = accounts.renew_token(cookie.partition("=")[2])
    assert fresh is not None
    assert accounts.authenticate(fresh.token) is not None
    with system_scope() as scope:
        of_bob = UserSession.user_id == cast.bob.user_id
        scope.session.execute(update(UserSession).where(of_bob).values(former_until=now() - timedelta(seconds=1)))
    if by == "a click":
        await tab.send(RowsState.change)
    else:
        await watch.ends()
    assert "window.location.reload()" in tab.text()
    assert "/login" not in tab.text()
    assert tab.var(RowsState, "rows") == []
    watch.running.cancel()


def _end_sessions(cast: Cast) -> None:
    with system_scope() as scope:
        scope.session.execute(
            update(UserSession).where(UserSession.user_id == cast.alice.user_id).values(revoked_at=now())
        )


async def test_the_login_page_says_that_a_session_has_ended(driver: Driver, cast: Cast) -> None:
    """After a reload with a dead cookie, or with none in a tab that had a session; never on a first visit."""
    cookie = sign_in(cast.alice)
    lost = driver(cookie, token="the-same-tab")
    await lost.send(RowsState.load, path="/leads")
    lost = driver("", token="the-same-tab")
    await lost.send("reflex___state____state.hydrate", path="/leads")
    await lost.send(RowsState.load, path="/leads")
    assert "/login?next=%2Fleads&ended=1" in lost.text()
    _end_sessions(cast)
    dead = driver(cookie)
    await dead.send("reflex___state____state.hydrate", path="/leads")
    await dead.send(RowsState.load, path="/leads")
    assert "/login?next=%2Fleads&ended=1" in dead.text()
    first = driver("")
    await first.send("reflex___state____state.hydrate", path="/leads")
    await first.send(RowsState.load, path="/leads")
    assert "/login?next=%2Fleads" in first.text() and "ended" not in first.text()
    await dead.send(LoginState.load, path="/login?next=%2Fleads&ended=1")
    assert dead.var(LoginState, "ended") == ENDED
    await dead.send(LoginState.load, path="/login?next=%2Fleads")
    assert dead.var(LoginState, "ended") == ""

"""The gate against hostile sockets: whatever nobody allowed is refused."""

from __future__ import annotations

from typing import Any

import pytest
import reflex as rx
from reflex_base.registry import RegistrationContext
from sqlalchemy import delete, update

from cursive_app.clock import now
from cursive_app.policy import Bucket, Policy
from cursive_app.services.accounts import Permission
from db.models.accounts import Membership, User, UserSession
from db.roles import Role
from db.system import system_scope
from state.base import allow, ask, person, principal, tenant, transact
from state.session import SessionState
from tests.factories import Cast, make_member, make_user, make_workspace
from tests.state.driver import sign_in


class ProbeState(rx.State):
    """A page with one handler of each kind."""

    status: str = "loading"
    secret: str = ""
    count: int = 0
    _kept: str = "backend only"

    @rx.event
    @allow("signed_in")
    async def load(self):
        self.secret = str(tenant().workspace_id)
        self.status = "ready"

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    async def manage(self):
        self.secret = "managed"

    @rx.event
    @allow("staff")
    async def staff_only(self):
        self.secret = "staff"

    @rx.event
    @allow("public")
    async def hello(self):
        self.secret = "hello " + (who.label if (who := principal()) else "stranger")

    @rx.event
    @allow("signed_in")
    async def set_count(self, value: int):
        self.count = value

    @rx.event
    async def undecided(self):
        self.secret = "nobody decided"

    @rx.event(background=True)
    @allow("signed_in")
    async def later(self):
        seen = str(person().user_id)
        async with self:
            self.secret = seen

    @rx.event
    @allow("signed_in")
    async def read(self):
        self.secret = await transact(lambda scope: str(scope.workspace_id))
        self.count = await ask(len, "four")

    def _hidden(self) -> str:
        return self._kept

    def helper(self):
        self.secret = self._kept


async def test_a_visitor_reaches_nothing_but_public_handlers(driver: Any) -> None:
    tab = driver()
    for handler in (ProbeState.load, ProbeState.manage, ProbeState.staff_only, ProbeState.later, ProbeState.read):
        await tab.send(handler, path="/leads?page=2")
    assert tab.var(ProbeState, "secret") in (None, "")
    assert "/login?next=%2Fleads%3Fpage%3D2" in tab.text()
    await tab.send(ProbeState.hello)
    assert tab.var(ProbeState, "secret") == "hello stranger"


async def test_an_undecorated_handler_is_refused_for_everybody(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(ProbeState.undecided)
    await tab.send(ProbeState.helper)
    await tab.send(f"{ProbeState.get_full_name()}.setvar", var_name="secret", value="from outside")
    assert tab.var(ProbeState, "secret") in (None, "")
    assert "does not allow" in tab.text()


async def test_roles_are_checked_for_every_event(driver: Any, cast: Cast) -> None:
    bob = driver(sign_in(cast.bob))
    await bob.send(ProbeState.manage)
    await bob.send(ProbeState.staff_only)
    assert bob.var(ProbeState, "secret") in (None, "")
    alice = driver(sign_in(cast.alice))
    await alice.send(ProbeState.manage)
    assert alice.var(ProbeState, "secret") == "managed"


async def test_a_role_that_was_taken_away_is_gone_at_the_next_event(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(ProbeState.manage)
    assert tab.var(ProbeState, "secret") == "managed"
    with system_scope() as scope:
        scope.session.execute(
            update(Membership).where(Membership.user_id == cast.alice.user_id).values(role=Role.READ_ONLY.value)
        )
    tab.forget()
    await tab.send(ProbeState.manage)
    assert "does not allow" in tab.text()


async def test_a_refused_load_shows_its_own_state(driver: Any, cast: Cast) -> None:
    class BossState(rx.State):
        status: str = "loading"

        @rx.event
        @allow(Permission.MANAGE_TEAM)
        async def load(self):
            self.status = "ready"

    tab = driver(sign_in(cast.bob))
    await tab.send(BossState.load)
    assert tab.var(BossState, "status") == "forbidden"
    assert tab.text() == "[]"


async def test_wrong_and_unknown_arguments_are_refused(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    for payload in ({"value": "7"}, {"value": True}, {"value": 2**70}, {"value": 1, "admin": True}, {"_kept": "x"}):
        await tab.send(ProbeState.set_count, **payload)
    assert tab.var(ProbeState, "count") in (None, 0)
    await tab.send(ProbeState.set_count, value=7)
    assert tab.var(ProbeState, "count") == 7


def test_private_methods_are_no_handlers_and_vars_have_no_setters() -> None:
    registered = RegistrationContext.get().event_handlers
    prefix = ProbeState.get_full_name()
    assert f"{prefix}.load" in registered
    for name in ("_hidden", "_show", "set_secret"):
        assert f"{prefix}.{name}" not in registered


async def test_background_handlers_and_threads_know_their_caller(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(ProbeState.later)
    assert tab.var(ProbeState, "secret") == str(cast.alice.user_id)
    await tab.send(ProbeState.read)
    assert tab.var(ProbeState, "secret") == str(cast.alice.workspace_id)
    assert tab.var(ProbeState, "count") == 4


async def test_an_open_tab_of_an_ended_session_is_empty_at_its_next_event(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(ProbeState.load)
    assert tab.var(ProbeState, "secret") == str(cast.workspace_id)
    with system_scope() as scope:
        scope.session.execute(
            update(UserSession).where(UserSession.user_id == cast.alice.user_id).values(revoked_at=now())
        )
    await tab.send(ProbeState.set_count, path="/leads", value=3)
    assert tab.var(ProbeState, "secret") == ""
    assert tab.var(ProbeState, "count") == 0
    assert tab.var(SessionState, "workspace_name") == ""
    assert "/login?next=%2Fleads" in tab.text()


async def test_the_state_of_a_tab_is_not_inherited_by_the_next_person(driver: Any, cast: Cast) -> None:
    first = driver(sign_in(cast.alice), token="same-tab")
    await first.send(ProbeState.load)
    stranger = driver("", token="same-tab")
    await stranger.send(ProbeState.hello)
    assert str(cast.workspace_id) not in str(stranger.state)
    again = driver(sign_in(cast.charlie), token="same-tab")
    await again.send(ProbeState.hello)
    assert again.var(ProbeState, "secret").startswith("hello Charlie")


async def test_a_person_does_not_inherit_what_a_visitor_left_in_the_tab(driver: Any, cast: Cast) -> None:
    visitor = driver("", token="same-tab")
    await visitor.send(ProbeState.hello)
    assert visitor.var(ProbeState, "secret") == "hello stranger"
    person = driver(sign_in(cast.alice), token="same-tab")
    await person.send(ProbeState.set_count, value=1)
    assert person.var(ProbeState, "secret") == ""


async def test_only_a_tab_that_has_met_the_gate_is_reset(
    driver: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reset costs more than the event; a state that was just made has nothing to lose."""
    resets: list[str] = []

    def counted(self: rx.State) -> None:
        resets.append(type(self).__name__)
        reset(self)

    reset = rx.State.reset
    monkeypatch.setattr(rx.State, "reset", counted)
    await driver(sign_in(cast.alice), token="same-tab").send(ProbeState.load)
    assert resets == []
    await driver(sign_in(cast.bob), token="same-tab").send(ProbeState.load)
    assert "ProbeState" in resets


async def test_a_removed_member_loses_the_workspace_at_the_next_event(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.bob))
    await tab.send(ProbeState.load)
    with system_scope() as scope:
        scope.session.execute(delete(Membership).where(Membership.user_id == cast.bob.user_id))
    await tab.send(ProbeState.load)
    await tab.send(ProbeState.load)
    assert tab.var(ProbeState, "secret") == ""
    assert "/welcome" in tab.text()


async def test_the_workspace_comes_from_the_session_in_every_tab(driver: Any, database: Any) -> None:
    person_id = make_user("Dana")
    here, there = (
        make_member(make_workspace("Here"), person_id),
        make_member(make_workspace("There"), person_id),
    )
    cookie = sign_in(here)
    one, two = driver(cookie), driver(cookie)
    await one.send(ProbeState.load)
    await two.send(ProbeState.load)
    await one.send(SessionState.switch, workspace_id=str(there.workspace_id))
    assert "window.location.assign" in one.text()
    await two.send(ProbeState.set_count, value=9)  # aimed at the former workspace: must not run
    assert two.var(ProbeState, "count") in (None, 0)
    assert two.var(ProbeState, "secret") == ""
    await two.send(ProbeState.load)
    assert two.var(ProbeState, "secret") == str(there.workspace_id)


async def test_nobody_switches_to_a_workspace_of_others(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(SessionState.switch, workspace_id=str(cast.charlie.workspace_id))
    await tab.send(ProbeState.load)
    assert tab.var(ProbeState, "secret") == str(cast.workspace_id)


async def test_an_unconfirmed_address_reaches_no_workspace(driver: Any, cast: Cast) -> None:
    with system_scope() as scope:
        scope.session.execute(update(User).where(User.id == cast.alice.user_id).values(email_verified_at=None))
    tab = driver(sign_in(cast.alice))
    await tab.send(ProbeState.load)
    assert tab.var(ProbeState, "secret") in (None, "")
    assert "/verify" in tab.text()


async def test_a_flood_of_events_is_slowed_down(driver: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from cursive_app.cursive_app import app

    gate = next(one for one in app._middlewares if isinstance(one, Policy))
    monkeypatch.setattr(gate, "bucket", Bucket(per_second=0.001, burst=3))
    one, two = driver(sign_in(cast.alice)), driver(sign_in(cast.alice))
    for number in range(1, 4):
        await one.send(ProbeState.set_count, value=number)
    await two.send(ProbeState.set_count, value=9)  # another tab of the same person shares the limit
    assert two.var(ProbeState, "count") in (None, 0)
    assert "Slow down" in two.text()
    other = driver(sign_in(cast.charlie))
    await other.send(ProbeState.set_count, value=9)
    assert other.var(ProbeState, "count") == 9


def test_a_bucket_refills_and_forgets_old_keys() -> None:
    moment = 100.0
    bucket = Bucket(per_second=1, burst=2, keys=2, clock=lambda: moment)
    assert [bucket.take("a") for _ in range(3)] == [True, True, False]
    assert bucket.take("b")
    moment += 1
    assert [bucket.take("a") for _ in range(2)] == [True, False]
    bucket.take("c")
    assert len(bucket._levels) == 2


async def test_cookie_and_backend_vars_are_never_sent(driver: Any, cast: Cast) -> None:
    cookie = sign_in(cast.alice)
    tab = driver(cookie)
    await tab.send("reflex___state____state.hydrate")
    await tab.send(ProbeState.load)
    sent = str(tab.state)
    assert cookie.partition("=")[2] not in sent
    assert "backend only" not in sent
    assert "_bound" not in sent

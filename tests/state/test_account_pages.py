"""The account and settings pages, driven through the real pipeline."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cursive_app.api.cookies import flash_cookie
from cursive_app.api.flash import Flash, write_flash
from cursive_app.errors import Unavailable
from cursive_app.pages.settings import sessions, team
from cursive_app.services.accounts import (
    authenticate,
    authenticate_key,
    create_api_key,
    invite,
    list_team,
    request_password_reset,
    sign_up,
)
from db.engine import Database
from db.models.accounts import ApiKey, Membership, User
from db.roles import Role
from db.system import system_scope
from state import onboarding
from state.account import AccountState, SessionsState
from state.api_keys import ApiKeysState
from state.login import LoginState
from state.onboarding import InviteState, ResetState, VerifyState, WelcomeState
from state.session import SessionState
from state.team import TeamState
from state.workspace import WorkspaceState
from tests.factories import Cast, make_member, make_user
from tests.factories_accounts import PASSWORD, fresh_email, fresh_ip, give_password, mailed_token, make_person
from tests.state.driver import sign_in


def _cookie_of(flash: Flash) -> str:
    from starlette.responses import Response

    response = Response()
    write_flash(response, flash)
    return response.headers["set-cookie"].split(";")[0]


async def test_the_login_page_shows_what_went_wrong_once(driver: Any) -> None:
    cookie = _cookie_of(Flash(page="/login", error="Wrong.", values={"email": "a@example.com"}))
    tab = driver(cookie)
    await tab.send(LoginState.load, path="/login?next=/leads%3Fpage%3D2")
    assert tab.var(LoginState, "error") == "Wrong."
    assert tab.var(LoginState, "typed") == {"email": "a@example.com"}
    assert tab.var(LoginState, "next_path") == "/leads?page=2"
    await tab.send(LoginState.load, path="/login")
    assert tab.var(LoginState, "error") == ""


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
async def test_the_login_page_leads_nowhere_else(driver: Any, target: str) -> None:
    tab = driver()
    await tab.send(LoginState.load, path=f"/login?next={target}")
    assert tab.var(LoginState, "next_path") in (None, "/")


async def test_people_who_are_logged_in_go_on(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(LoginState.load, path="/login?next=/credits")
    assert "/credits" in tab.text()


async def test_a_forged_flash_is_not_shown(driver: Any) -> None:
    tab = driver(f"{flash_cookie()}=forged.by.hand")
    await tab.send(LoginState.load)
    assert not tab.var(LoginState, "error")


async def test_the_verification_page_only_looks(driver: Any, database: Database) -> None:
    email = fresh_email()
    sign_up(name="Robin", email=email, password=PASSWORD, ip=fresh_ip())
    token = mailed_token(email, "verify_email")
    tab = driver()
    for _ in range(2):
        await tab.send(VerifyState.load, path=f"/verify?token={token}")
        assert tab.var(VerifyState, "status") == "usable"
    await tab.send(VerifyState.load, path="/verify?token=" + "x" * 43)
    assert tab.var(VerifyState, "status") == "stale"
    await tab.send(VerifyState.load, path="/verify")
    assert tab.var(VerifyState, "status") == "sent"
    await tab.send(ResetState.load, path=f"/reset?token={token}")
    assert tab.var(ResetState, "status") == "stale"


async def test_an_unconfirmed_person_may_ask_for_another_link(driver: Any, database: Database) -> None:
    from db.scope import Tenant

    user_id, email = make_person(verified=False)
    member = make_member(_workspace(), user_id)
    tab = driver(sign_in(Tenant(member.workspace_id, user_id, Role.MEMBER)))
    await tab.send(VerifyState.load, path="/verify")
    assert tab.var(VerifyState, "status") == "unconfirmed"
    await tab.send(VerifyState.resend)
    assert mailed_token(email, "verify_email")
    await tab.send(TeamState.load)
    assert "/verify" in tab.text()


def _workspace() -> Any:
    from tests.factories import make_workspace

    return make_workspace("Solo")


async def test_the_invitation_page_fits_who_is_looking(driver: Any, cast: Cast) -> None:
    email = fresh_email()
    invite(cast.alice, email=email, role="admin")
    path = f"/invite?token={mailed_token(email, 'invitation')}"
    stranger = driver()
    await stranger.send(InviteState.load, path=path)
    assert stranger.var(InviteState, "status") == "join"
    assert (stranger.var(InviteState, "workspace"), stranger.var(InviteState, "role")) == ("Acme", "Admin")
    other = driver(sign_in(cast.charlie))
    await other.send(InviteState.load, path=path)
    assert other.var(InviteState, "status") == "other_person"
    await other.send(InviteState.accept)
    assert len(list_team(cast.alice).members) == 2
    garbage = driver()
    await garbage.send(InviteState.load, path="/invite?token=nonsense")
    assert garbage.var(InviteState, "status") == "stale"


async def test_a_link_that_cannot_be_looked_up_is_not_called_stale(
    driver: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away for a moment: the page says so, and trying again shows what the link offers."""

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable

    email = give_password(cast.alice.user_id)
    request_password_reset(email=email, ip=fresh_ip())
    guest = fresh_email()
    invite(cast.alice, email=guest, role="member")
    sign_up(name="Robin", email=(fresh := fresh_email()), password=PASSWORD, ip=fresh_ip())
    pages: tuple[tuple[Any, str, str], ...] = (
        (VerifyState, f"/verify?token={mailed_token(fresh, 'verify_email')}", "usable"),
        (ResetState, f"/reset?token={mailed_token(email, 'reset_password')}", "usable"),
        (InviteState, f"/invite?token={mailed_token(guest, 'invitation')}", "join"),
    )
    for state, path, good in pages:
        tab = driver()
        with monkeypatch.context() as broken:
            broken.setattr(onboarding, "is_usable", away)
            broken.setattr(onboarding.accounts, "look_at_invitation", away)
            await tab.send(state.load, path=path)
        assert tab.var(state, "status") == "error"
        assert tab.failures == []
        await tab.send(state.load, path=path)
        assert tab.var(state, "status") == good


async def test_an_invited_person_who_is_logged_in_accepts_with_a_click(driver: Any, cast: Cast) -> None:
    email = give_password(cast.charlie.user_id)
    invite(cast.alice, email=email, role="member")
    tab = driver(sign_in(cast.charlie))
    await tab.send(InviteState.load, path=f"/invite?token={mailed_token(email, 'invitation')}")
    assert tab.var(InviteState, "status") == "accept"
    await tab.send(InviteState.accept)
    assert "window.location.assign" in tab.text()
    assert len(list_team(cast.alice).members) == 3


async def test_the_team_page_lists_invites_and_removes(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(TeamState.load)
    assert tab.var(TeamState, "status") == "ready"
    assert [line["role_word"] for line in tab.var(TeamState, "members")] == ["Owner", "Member"]
    await tab.send(TeamState.invite, form={"email": "nobody", "role": "member"})
    assert "email" in tab.var(TeamState, "invite_errors")
    email = fresh_email()
    await tab.send(TeamState.invite, form={"email": email, "role": "billing"})
    assert [line["email"] for line in tab.var(TeamState, "invitations")] == [email]
    await tab.send(TeamState.ask_remove, user_id=str(cast.bob.user_id))
    assert tab.var(TeamState, "removing_name") == "Bob"
    await tab.send(TeamState.remove)
    assert len(tab.var(TeamState, "members")) == 1
    await tab.send(TeamState.change_role, user_id=str(cast.alice.user_id), role="member")
    assert "needs an owner" in tab.text()


def _roles(cast: Cast) -> list[str]:
    return [row.role.value for row in list_team(cast.alice).members]


async def test_a_role_that_one_cannot_take_back_alone_is_asked_for(driver: Any, cast: Cast) -> None:
    """In the list a role is one keystroke away."""
    alice, bob = str(cast.alice.user_id), str(cast.bob.user_id)
    tab = driver(sign_in(cast.alice))
    await tab.send(TeamState.load)
    await tab.send(TeamState.choose_role, user_id=bob, role="billing")  # any owner or admin can change it back
    assert _roles(cast) == ["owner", "billing"]
    await tab.send(TeamState.choose_role, user_id=bob, role="owner")
    assert _roles(cast) == ["owner", "billing"]
    assert (tab.var(TeamState, "changing_id"), tab.var(TeamState, "changing_title")) == (bob, "Make Bob an owner?")
    await tab.send(TeamState.set_changing, open_=False)
    assert tab.var(TeamState, "changing_id") == ""
    await tab.send(TeamState.change_role, user_id=bob, role="owner")
    assert _roles(cast) == ["owner", "owner"]
    await tab.send(TeamState.choose_role, user_id=bob, role="member")
    assert "no longer an owner" in tab.var(TeamState, "changing_title")
    await tab.send(TeamState.choose_role, user_id=alice, role="member")
    assert tab.var(TeamState, "changing_title") == "Change your own role to Member?"
    assert "somebody else has to" in tab.var(TeamState, "changing_consequence")
    assert _roles(cast) == ["owner", "owner"]
    await tab.send(TeamState.change_role, user_id=alice, role="member")
    assert tab.var(TeamState, "changing_id") == ""
    assert sorted(_roles(cast)) == ["member", "owner"]


async def test_a_role_that_does_not_exist_is_refused_without_a_question(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(TeamState.load)
    await tab.send(TeamState.choose_role, user_id=str(cast.alice.user_id), role="emperor")
    assert "Choose a role" in tab.text()
    assert tab.var(TeamState, "changing_id") in (None, "")


async def test_withdrawing_and_logging_out_are_asked_for_by_name(driver: Any, cast: Cast) -> None:
    email = fresh_email()
    invitation = str(invite(cast.alice, email=email, role="member"))
    mine, other = sign_in(cast.alice), sign_in(cast.alice, user_agent="Mozilla/5.0 (X11; Linux) Firefox/140.0")
    tab = driver(mine)
    await tab.send(TeamState.load)
    await tab.send(TeamState.ask_revoke, invitation_id=invitation)
    assert tab.var(TeamState, "withdrawing_email") == email
    assert len(list_team(cast.alice).invitations) == 1
    await tab.send(TeamState.revoke, invitation_id=tab.var(TeamState, "withdrawing_id"))
    assert tab.var(TeamState, "withdrawing_id") == ""
    assert list_team(cast.alice).invitations == ()
    await tab.send(SessionsState.load)
    await tab.send(SessionsState.ask_end, session_id=tab.var(SessionsState, "rows")[1]["id"])
    assert tab.var(SessionsState, "ending").startswith("Firefox on Linux, logged in ")
    assert authenticate(other.partition("=")[2]) is not None
    await tab.send(SessionsState.end, session_id=tab.var(SessionsState, "ending_id"))
    assert tab.var(SessionsState, "ending_id") == ""
    assert authenticate(other.partition("=")[2]) is None


def test_the_lists_ask_before_they_act() -> None:
    """A row is bound to the question; what acts is bound once, to the dialog."""
    for page, question, act in (
        (team.team, "team_state.choose_role", "team_state.change_role"),
        (team.team, "team_state.ask_revoke", "team_state.revoke"),
        (sessions.sessions, "sessions_state.ask_end", "sessions_state.end"),
    ):
        drawn = str(page().render())
        assert question in drawn
        assert len(re.findall(rf"{re.escape(act)}\b", drawn)) == 1


async def test_a_member_sees_the_team_and_cannot_manage_it(driver: Any, cast: Cast) -> None:
    invite(cast.alice, email=fresh_email(), role="member")
    tab = driver(sign_in(cast.bob))
    await tab.send(TeamState.load)
    assert tab.var(TeamState, "can_manage") in (None, False)
    assert not tab.var(TeamState, "invitations")
    for handler, payload in (
        (TeamState.invite, {"form": {"email": fresh_email(), "role": "owner"}}),
        (TeamState.change_role, {"user_id": str(cast.bob.user_id), "role": "owner"}),
        (TeamState.resend, {"invitation_id": str(cast.workspace_id)}),
        (TeamState.revoke, {"invitation_id": str(cast.workspace_id)}),
    ):
        tab.forget()
        await tab.send(handler, **payload)
        assert "does not allow" in tab.text()
    assert [row.role for row in list_team(cast.alice).members] == [Role.OWNER, Role.MEMBER]


async def test_the_removing_dialog_cannot_reach_another_workspace(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.charlie))
    await tab.send(TeamState.load)
    await tab.send(TeamState.ask_remove, user_id=str(cast.bob.user_id))
    assert tab.var(TeamState, "removing_id") in (None, "")
    await tab.send(TeamState.remove)
    assert len(list_team(cast.alice).members) == 2


async def test_a_key_is_shown_once_and_only_with_the_password(driver: Any, cast: Cast) -> None:
    give_password(cast.alice.user_id)
    tab = driver(sign_in(cast.alice))
    await tab.send(ApiKeysState.load)
    assert tab.var(ApiKeysState, "status") == "empty"
    form = {"name": "Sync", "days": "90", "scope_leads:read": True, "password": "wrong"}
    await tab.send(ApiKeysState.create, form=form)
    assert "password" in tab.var(ApiKeysState, "errors")
    await tab.send(ApiKeysState.create, form={**form, "password": PASSWORD})
    key = tab.var(ApiKeysState, "new_key")
    assert authenticate_key(key).scopes == {"leads:read"}
    await tab.send(ApiKeysState.close_new, open_=False)
    assert tab.var(ApiKeysState, "new_key") == ""
    (line,) = tab.var(ApiKeysState, "rows")
    assert key not in str(line)
    await tab.send(ApiKeysState.ask_revoke, key_id=line["id"])
    await tab.send(ApiKeysState.revoke)
    assert tab.var(ApiKeysState, "rows")[0]["state"] == "revoked"


async def test_a_key_is_rotated_with_the_password_and_both_work_for_a_while(driver: Any, cast: Cast) -> None:
    give_password(cast.alice.user_id)
    with cast.alice.begin() as scope:
        old = create_api_key(scope, name="Sync", scopes=["leads:read"])
    tab = driver(sign_in(cast.alice))
    await tab.send(ApiKeysState.load)
    await tab.send(ApiKeysState.ask_rotate, key_id=str(old.id))
    assert tab.var(ApiKeysState, "rotating_name") == "Sync"
    form = {"overlap": "24", "rotate_days": "90", "rotate_password": "wrong"}
    await tab.send(ApiKeysState.rotate, form=form)
    assert "password" in tab.var(ApiKeysState, "errors")
    for bad, field in (({"overlap": "many"}, "overlap"), ({"overlap": "5"}, "overlap"), ({"rotate_days": "7"}, "days")):
        await tab.send(ApiKeysState.rotate, form={**form, "rotate_password": PASSWORD, **bad})
        assert field in tab.var(ApiKeysState, "errors")
    assert [row["state"] for row in tab.var(ApiKeysState, "rows")] == ["active"]
    await tab.send(ApiKeysState.rotate, form={**form, "rotate_password": PASSWORD})
    new = tab.var(ApiKeysState, "new_key")
    assert authenticate_key(new).scopes == authenticate_key(old.key).scopes == {"leads:read"}
    assert tab.var(ApiKeysState, "rotating_id") == ""
    assert [row["state"] for row in tab.var(ApiKeysState, "rows")] == ["active", "retiring"]
    await tab.send(ApiKeysState.ask_rotate, key_id=str(old.id))  # it has a successor
    assert tab.var(ApiKeysState, "rotating_id") == ""
    stranger = driver(sign_in(cast.charlie))
    give_password(cast.charlie.user_id)
    await stranger.send(ApiKeysState.load)
    await stranger.send(ApiKeysState.ask_rotate, key_id=str(old.id))
    await stranger.send(ApiKeysState.rotate, form={**form, "rotate_password": PASSWORD})
    assert stranger.var(ApiKeysState, "new_key") in (None, "")


async def test_members_see_no_keys(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.bob))
    await tab.send(ApiKeysState.load)
    assert tab.var(ApiKeysState, "status") == "forbidden"
    await tab.send(ApiKeysState.create, form={"name": "x", "password": PASSWORD, "scope_leads:read": True})
    with system_scope() as scope:
        assert scope.session.query(ApiKey).filter_by(workspace_id=cast.workspace_id).count() == 0


async def test_sessions_are_listed_and_ended(driver: Any, cast: Cast) -> None:
    mine, other = sign_in(cast.alice), sign_in(cast.alice, user_agent="Mozilla/5.0 (X11; Linux) Firefox/140.0")
    foreign = sign_in(cast.charlie)
    tab = driver(mine)
    await tab.send(SessionsState.load)
    rows = tab.var(SessionsState, "rows")
    assert [row["is_current"] for row in rows] == [True, False]
    assert rows[1]["browser"] == "Firefox on Linux"
    charlie = authenticate(foreign.partition("=")[2])
    assert charlie is not None
    await tab.send(SessionsState.end, session_id=str(charlie.session_id))
    assert authenticate(foreign.partition("=")[2]) is not None
    await tab.send(SessionsState.end, session_id=rows[1]["id"])
    assert authenticate(other.partition("=")[2]) is None
    sign_in(cast.alice)
    await tab.send(SessionsState.end_others)
    assert len(tab.var(SessionsState, "rows")) == 1
    assert "1 other browser is logged out" in tab.text()


async def test_the_profile_is_saved_and_the_frame_follows(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(AccountState.load)
    await tab.send(AccountState.save, form={"name": "", "timezone": ""})
    assert "name" in tab.var(AccountState, "form_errors")
    await tab.send(AccountState.save, form={"name": "Alice Ng", "timezone": "Asia/Tokyo"})
    assert tab.var(SessionState, "user_name") == "Alice Ng"
    assert tab.var(SessionState, "timezone") == "Asia/Tokyo"
    with system_scope() as scope:
        assert scope.get(User, cast.alice.user_id).name == "Alice Ng"  # type: ignore[arg-type]


async def test_the_workspace_is_renamed_by_managers_only(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(WorkspaceState.load)
    await tab.send(WorkspaceState.save, form={"name": "Acme Works", "timezone": "Europe/Paris"})
    assert tab.var(SessionState, "workspace_name") == "Acme Works"
    bob = driver(sign_in(cast.bob))
    await bob.send(WorkspaceState.load)
    assert bob.var(WorkspaceState, "can_edit") in (None, False)
    await bob.send(WorkspaceState.save, form={"name": "Mine", "timezone": "UTC"})
    await bob.send(WorkspaceState.load)
    assert bob.var(WorkspaceState, "name") == "Acme Works"


async def test_someone_without_a_workspace_starts_one(driver: Any, cast: Cast) -> None:
    from db.scope import Tenant

    user_id = make_user("Lone")
    tab = driver(sign_in(Tenant(cast.workspace_id, user_id, Role.OWNER)))  # looks at a team they are not on
    await tab.send(TeamState.load)
    assert "/welcome" in tab.text()
    await tab.send(WelcomeState.create, form={"workspace": " "})
    assert tab.var(WelcomeState, "error")
    for _ in range(2):  # a double click makes one
        await tab.send(WelcomeState.create, form={"workspace": "Fresh start"})
    await tab.send(TeamState.load)
    assert tab.var(SessionState, "workspace_name") == "Fresh start"
    with system_scope() as scope:
        assert scope.session.query(Membership).filter_by(user_id=user_id).count() == 1


async def test_the_balance_in_the_frame_is_live(driver: Any, cast: Cast) -> None:
    from sqlalchemy import text

    tab = driver(sign_in(cast.alice))
    await tab.send(TeamState.load)
    assert tab.var(SessionState, "balance") == "0.00"
    with system_scope() as scope:
        from cursive_app.services import credits

        credits.grant(scope, workspace_id=cast.workspace_id, amount=1250, key="k1", description="Hello")
        scope.session.execute(text("SELECT 1"))
    await tab.send(TeamState.load)
    assert tab.var(SessionState, "balance") == "1,250.00"

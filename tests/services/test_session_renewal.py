"""D-17: a session's token is replaced when what its person may do changes, and nobody is thrown out by it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.services.accounts import (
    Principal,
    accept_invitation,
    authenticate,
    change_role,
    end_other_sessions,
    end_session_of,
    invite,
    list_sessions,
    log_in,
    make_admin,
    remove_member,
    renew_token,
    sign_up,
    switch_workspace,
    verify_email,
    was_replaced,
)
from cursive_app.services.accounts.session_tokens import GRACE
from cursive_app.settings import settings
from db.models.accounts import UserSession
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast, make_member, make_user, make_workspace
from tests.factories_accounts import PASSWORD, fresh_email, fresh_ip, give_password, mailed_token

AFTER = GRACE + timedelta(seconds=1)


def _open(tenant: Tenant) -> str:
    return log_in(email=give_password(tenant.user_id), password=PASSWORD, ip=fresh_ip()).token


def _who(token: str) -> Principal:
    found = authenticate(token)
    assert found is not None
    return found


def _member(cast: Cast) -> tuple[Tenant, str]:
    member = make_member(cast.workspace_id, make_user("Mel"), Role.MEMBER)
    return member, _open(member)


def _promoted(cast: Cast) -> tuple[Tenant, str]:
    """A member with one open session who has just become an admin, and the token of before."""
    member, token = _member(cast)
    change_role(cast.alice, user_id=str(member.user_id), role="admin")
    return member, token


def _renewed(token: str) -> str:
    fresh = renew_token(token)
    assert fresh is not None
    return fresh.token


def _by_role(cast: Cast, member: Tenant, token: str) -> None:
    change_role(cast.alice, user_id=str(member.user_id), role="read_only")


def _by_removal(cast: Cast, member: Tenant, token: str) -> None:
    remove_member(cast.alice, user_id=str(member.user_id))


def _by_staff(cast: Cast, member: Tenant, token: str) -> None:
    make_admin(_who(token).email, role="read_only")


def _by_no_staff_any_more(cast: Cast, member: Tenant, token: str) -> None:
    make_admin(_who(token).email, role="all")
    token = _renewed(token)
    assert _who(token).standing == "current"
    make_admin(_who(token).email, role=None)
    assert _who(token).standing == "due"


def _by_invitation(cast: Cast, member: Tenant, token: str) -> None:
    who = _who(token)
    elsewhere = make_member(make_workspace("There"), make_user("Olga"), Role.OWNER)
    invite(elsewhere, email=who.email, role="member")
    accept_invitation(who, token=mailed_token(who.email, "invitation"))


@pytest.mark.parametrize("change", [_by_role, _by_removal, _by_staff, _by_invitation])
def test_whatever_changes_rights_asks_for_a_new_token(cast: Cast, change: Callable[[Cast, Tenant, str], None]) -> None:
    member, token = _member(cast)
    assert (_who(token).standing, renew_token(token)) == ("current", None)
    change(cast, member, token)
    assert _who(token).standing == "due"
    assert renew_token(token) is not None


def test_staff_who_are_no_longer_are_asked_again(cast: Cast) -> None:
    _by_no_staff_any_more(cast, *_member(cast))


def test_confirming_an_address_asks_for_a_new_token(database: object) -> None:
    email = fresh_email()
    sign_up(name="Robin", email=email, password=PASSWORD, workspace_name="Vale", ip=fresh_ip())
    token = log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    assert _who(token).standing == "current"
    verify_email(mailed_token(email, "verify_email"))
    assert _who(token).standing == "due"


def test_what_changes_no_rights_asks_for_nothing(cast: Cast) -> None:
    """Switching: the token opened that workspace before, too."""
    member, token = _member(cast)
    there = make_member(make_workspace("There"), member.user_id)  # type: ignore[arg-type]
    switch_workspace(_who(token), workspace_id=there.workspace_id)
    change_role(cast.alice, user_id=str(member.user_id), role="member")
    make_admin(_who(token).email, role=None)
    assert _who(token).standing == "current"


def test_only_the_person_whose_rights_changed_is_asked(cast: Cast) -> None:
    owner = _open(cast.alice)
    _promoted(cast)
    assert _who(owner).standing == "current"


def test_the_old_token_stops_and_the_new_one_is_the_same_session(cast: Cast) -> None:
    member, old = _promoted(cast)
    before = _who(old)
    fresh = renew_token(old)
    assert fresh is not None
    assert fresh.token != old
    assert 0 < fresh.seconds <= settings().session_absolute_days * 86_400
    after = _who(fresh.token)
    assert (after.session_id, after.tenant, after.standing) == (before.session_id, before.tenant, "current")
    assert after.tenant is not None
    assert after.tenant.role is Role.ADMIN
    assert [row.id for row in list_sessions(after)] == [before.session_id]
    with time_machine.travel(now() + AFTER, tick=False):
        assert authenticate(old) is None
        assert _who(fresh.token).tenant == Tenant(member.workspace_id, member.user_id, Role.ADMIN)
        assert was_replaced(old)
    assert not was_replaced(fresh.token)


def test_what_is_under_way_with_the_old_token_still_arrives(cast: Cast) -> None:
    """A second tab, or a request that was sent before the answer came."""
    _, old = _promoted(cast)
    new = _renewed(old)
    _who(new)
    with time_machine.travel(now() + GRACE - timedelta(seconds=5), tick=False):
        assert _who(old).standing == "replaced"


def test_an_answer_that_was_lost_costs_nobody_their_session(cast: Cast) -> None:
    """Until the new token has come back the old one is the browser's only one, and it may ask again."""
    _, old = _promoted(cast)
    new = _renewed(old)
    with time_machine.travel(now() + AFTER, tick=False):
        assert _who(old).standing == "replaced"
        assert _renewed(old) == new
        assert _who(new).standing == "current"


def test_a_stolen_old_token_is_not_exchanged_once_the_new_one_was_used(cast: Cast) -> None:
    _, old = _promoted(cast)
    new = _renewed(old)
    _who(new)
    assert renew_token(old) is None  # in the grace, too
    with time_machine.travel(now() + AFTER, tick=False):
        assert renew_token(old) is None
    assert renew_token(new) is None  # nothing is due
    assert renew_token("") is None
    assert renew_token("x" * 43) is None


def test_two_tabs_that_ask_at_once_are_given_one_token(cast: Cast) -> None:
    _, old = _promoted(cast)
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: _renewed(old), range(8)))
        assert len(set(given)) == 1
        found = list(pool.map(lambda n: authenticate(given[0] if n % 2 else old), range(24)))
    assert {who.session_id for who in found if who} == {_who(given[0]).session_id}
    assert None not in found


def test_a_second_change_replaces_the_second_token(cast: Cast) -> None:
    member, first = _promoted(cast)
    second = _renewed(first)
    _who(second)
    change_role(cast.alice, user_id=str(member.user_id), role="member")
    assert _who(second).standing == "due"
    third = _renewed(second)
    _who(third)
    with time_machine.travel(now() + AFTER, tick=False):
        assert [authenticate(token) is not None for token in (first, second, third)] == [False, False, True]


def test_every_browser_of_the_person_is_asked_on_its_own(cast: Cast) -> None:
    member, one = _member(cast)
    other = _open(member)
    change_role(cast.alice, user_id=str(member.user_id), role="admin")
    renewed = _renewed(one)
    assert _who(renewed).standing == "current"
    assert _who(other).standing == "due"
    assert len(list_sessions(_who(renewed))) == 2


def test_a_session_that_nobody_renews_ends(cast: Cast) -> None:
    """Kept in use by whoever holds the cookie without a page: the idle time runs from the change on."""
    _, old = _promoted(cast)
    began = now()
    idle = timedelta(hours=settings().session_idle_hours)
    with time_machine.travel(began, tick=False) as clock:
        for part in (0.5, 0.9):
            clock.move_to(began + idle * part)
            _who(old)
        clock.move_to(began + idle + timedelta(minutes=1))
        assert authenticate(old) is None
        assert renew_token(old) is None


@pytest.mark.parametrize("which", ["old", "handed out", "former", "new"])
def test_logging_out_ends_the_session_whichever_token_the_browser_still_has(cast: Cast, which: str) -> None:
    _, old = _promoted(cast)
    new = _renewed(old)
    if which in ("former", "new"):
        _who(new)
    end_session_of(old if which in ("old", "former") else new)
    assert authenticate(old) is None
    assert authenticate(new) is None
    assert not was_replaced(old)


def test_a_token_of_long_ago_ends_nobodys_session(cast: Cast) -> None:
    _, old = _promoted(cast)
    new = _renewed(old)
    _who(new)
    with time_machine.travel(now() + AFTER, tick=False):
        end_session_of(old)
        _who(new)


def test_ended_sessions_are_not_renewed(cast: Cast) -> None:
    member, one = _member(cast)
    other = _open(member)
    change_role(cast.alice, user_id=str(member.user_id), role="admin")
    new = _renewed(other)
    end_other_sessions(_who(one))
    assert [authenticate(token) for token in (other, new)] == [None, None]
    assert renew_token(other) is None


def test_only_hashes_are_kept(cast: Cast) -> None:
    _, old = _promoted(cast)
    new = _renewed(old)
    for _ in range(2):
        with system_scope() as scope:
            kept = scope.session.execute(select(UserSession.__table__)).all()
        assert not {old, new} & {str(value) for row in kept for value in row}
        _who(new)

"""Logging in: sessions, slow-down, no enumeration."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import select, text

from cursive_app.clock import now
from cursive_app.errors import CursiveError, Invalid, NotFound, RateLimited
from cursive_app.services.accounts import (
    authenticate,
    end_other_sessions,
    end_session,
    end_session_of,
    list_sessions,
    log_in,
    switch_workspace,
)
from cursive_app.services.accounts.sessions import browser_name
from cursive_app.services.accounts.throttle import (
    LOGIN_ACCOUNT,
    LOGIN_ADDRESS,
    address_key,
    count_try,
    take_back,
)
from cursive_app.settings import settings
from db.engine import Database
from db.models.accounts import User, UserSession
from db.roles import Role
from db.system import system_scope
from tests.factories import Cast, make_member, make_workspace
from tests.factories_accounts import PASSWORD, fresh_email, fresh_ip, give_password, mails_to, make_person, signed_in


def _fail(email: str, ip: str, device: str = "") -> CursiveError:
    with pytest.raises((Invalid, RateLimited)) as refused:
        log_in(email=email, password="wrong-wrong-wrong", ip=ip, device=device)
    return refused.value


def test_a_session_knows_the_person_and_the_workspace(cast: Cast) -> None:
    who = signed_in(cast.alice)
    assert who.tenant == cast.alice
    assert (who.name, who.role, who.workspace_name) == ("Alice", Role.OWNER, "Acme")
    assert [choice.id for choice in who.workspaces] == [cast.workspace_id]


def test_the_address_is_compared_without_case_and_spaces(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    assert authenticate(log_in(email=f"  {email.upper()} ", password=PASSWORD, ip=fresh_ip()).token) is not None


def test_only_a_hash_of_the_token_is_kept(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    token = log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    with system_scope() as scope:
        rows = scope.session.execute(text("SELECT s::text FROM user_sessions s")).scalars().all()
    assert token not in "".join(rows)


def test_a_wrong_password_and_an_unknown_address_answer_the_same(cast: Cast) -> None:
    """That the same work is done as well is counted in test_no_enumeration.py."""
    for address in (give_password(cast.alice.user_id), fresh_email()):
        assert str(_fail(address, fresh_ip())) == "That e-mail and password do not go together."


def test_failures_slow_an_account_down_known_or_not(cast: Cast) -> None:
    for email in (give_password(cast.alice.user_id), fresh_email()):
        answers = [_fail(email, fresh_ip()) for _ in range(LOGIN_ACCOUNT.free + 1)]
        assert all(isinstance(answer, Invalid) for answer in answers[:-1])
        assert isinstance(answers[-1], RateLimited)
        assert "Too many tries" in answers[-1].message


def test_the_pause_grows_ends_and_is_forgotten_after_success(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    for _ in range(LOGIN_ACCOUNT.free):
        _fail(email, fresh_ip())
    with time_machine.travel(now() + timedelta(seconds=6), tick=True):
        assert isinstance(_fail(email, fresh_ip()), Invalid)
        second = _fail(email, fresh_ip())
        assert isinstance(second, RateLimited)
        assert second.retry_after > 5
    with time_machine.travel(now() + timedelta(seconds=30), tick=True):
        log_in(email=email, password=PASSWORD, ip=fresh_ip())
        assert isinstance(_fail(email, fresh_ip()), Invalid)


def test_the_owner_is_told_once_per_lock(cast: Cast) -> None:
    email, moment = give_password(cast.alice.user_id), now()
    for _ in range(LOGIN_ACCOUNT.free - 1):
        _fail(email, fresh_ip())
    assert mails_to(email) == []
    for _ in range(3):  # the one that locks, and two that are refused
        _fail(email, fresh_ip())
    with time_machine.travel(moment + timedelta(seconds=30), tick=True):
        assert isinstance(_fail(email, fresh_ip()), Invalid)  # goes on with the same lock
    (told,) = mails_to(email)
    assert told.kind == "login_locked"
    assert f"{settings().public_url}/forgot" in told.text_body
    with time_machine.travel(moment + timedelta(hours=3), tick=True):
        for _ in range(LOGIN_ACCOUNT.free):
            _fail(email, fresh_ip())
    assert [mail.kind for mail in mails_to(email)] == ["login_locked"] * 2


def test_ones_own_browser_that_is_locked_tells_nobody(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    device = log_in(email=email, password=PASSWORD, ip=fresh_ip()).device
    for _ in range(LOGIN_ACCOUNT.free + 1):
        _fail(email, fresh_ip(), device=device)
    assert mails_to(email) == []


def test_parallel_guesses_do_not_slip_past_the_count(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _fail(email, fresh_ip()), range(16)))
    assert sum(isinstance(answer, Invalid) for answer in answers) == LOGIN_ACCOUNT.free


def test_an_attacker_cannot_lock_the_owner_out_of_a_known_browser(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    device = log_in(email=email, password=PASSWORD, ip=fresh_ip()).device
    for _ in range(LOGIN_ACCOUNT.free + 1):
        _fail(email, fresh_ip())
    with pytest.raises(RateLimited):
        log_in(email=email, password=PASSWORD, ip=fresh_ip())
    assert log_in(email=email, password=PASSWORD, ip=fresh_ip(), device=device).token


def test_a_device_mark_of_another_account_is_worth_nothing(cast: Cast) -> None:
    alice, bob = give_password(cast.alice.user_id), give_password(cast.bob.user_id)
    foreign = log_in(email=bob, password=PASSWORD, ip=fresh_ip()).device
    for _ in range(LOGIN_ACCOUNT.free):
        _fail(alice, fresh_ip(), device=foreign)
    for device in (foreign, "", "forged.mark", "x" * 5000):
        assert isinstance(_fail(alice, fresh_ip(), device=device), RateLimited)


def test_one_address_that_sprays_many_accounts_is_slowed_down(database: Database) -> None:
    ip = fresh_ip()
    _used_up(ip)
    assert isinstance(_fail(fresh_email(), ip), Invalid)
    assert isinstance(_fail(fresh_email(), ip), RateLimited)
    assert isinstance(_fail(fresh_email(), fresh_ip()), Invalid)


def _used_up(ip: str, tries: int = LOGIN_ADDRESS.free - 1) -> None:
    """So many wrong logins came from this address just now."""
    with system_scope() as scope:
        scope.session.execute(
            text("INSERT INTO throttles (key, tries, last_at) VALUES (:key, :tries, :at)"),
            {"key": address_key("login", ip), "tries": tries, "at": now()},
        )


def test_a_known_browser_shares_no_count_with_the_strangers_of_its_network(cast: Cast) -> None:
    email, ip = give_password(cast.alice.user_id), fresh_ip()
    device = log_in(email=email, password=PASSWORD, ip=fresh_ip()).device
    _used_up(ip)
    _fail(fresh_email(), ip)
    with pytest.raises(RateLimited):
        log_in(email=email, password=PASSWORD, ip=ip)
    assert log_in(email=email, password=PASSWORD, ip=ip, device=device).token
    foreign = log_in(email=give_password(cast.bob.user_id), password=PASSWORD, ip=fresh_ip()).device
    with pytest.raises(RateLimited):
        log_in(email=email, password=PASSWORD, ip=ip, device=foreign)


def test_a_login_that_fits_leaves_no_pause_for_its_network(cast: Cast) -> None:
    email, ip = give_password(cast.alice.user_id), fresh_ip()
    _used_up(ip)
    for _ in range(3):
        log_in(email=email, password=PASSWORD, ip=ip)
    assert isinstance(_fail(fresh_email(), ip), Invalid)
    assert isinstance(_fail(fresh_email(), ip), RateLimited), "the others still count"


def test_a_login_that_fits_does_not_end_the_pause_that_a_later_failure_began(database: Database) -> None:
    key = address_key("login", fresh_ip())
    first = count_try(key, LOGIN_ADDRESS)
    for _ in range(LOGIN_ADDRESS.free - 1):
        count_try(key, LOGIN_ADDRESS)
    with system_scope() as scope:
        take_back(scope, key, first)
    with pytest.raises(RateLimited):
        count_try(key, LOGIN_ADDRESS)


def test_failures_of_a_network_fade_while_others_still_fail(database: Database) -> None:
    """A large office: fifty mistakes in the morning, and somebody mistypes every quarter of an hour."""
    key, start = address_key("login", fresh_ip()), now()
    for _ in range(LOGIN_ADDRESS.free):
        count_try(key, LOGIN_ADDRESS)
    with pytest.raises(RateLimited):
        count_try(key, LOGIN_ADDRESS)
    for minutes in range(15, 8 * 60, 15):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=True):
            assert count_try(key, LOGIN_ADDRESS) < LOGIN_ADDRESS.free
            count_try(key, LOGIN_ADDRESS)  # nobody is kept out


def test_tries_that_come_more_often_than_they_fade_fade_all_the_same(database: Database) -> None:
    key, start = address_key("login", fresh_ip()), now()
    numbers = []
    for seconds in range(0, 1800, 100):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            numbers.append(count_try(key, LOGIN_ADDRESS))
    assert numbers[-1] == 18 - 1700 // LOGIN_ADDRESS.fades


def test_an_ipv6_network_counts_as_one_address() -> None:
    assert address_key("login", "2001:db8:1:2::1") == address_key("login", "2001:db8:1:2:ffff::9")
    assert address_key("login", "::ffff:192.0.2.7") == address_key("login", "192.0.2.7")
    assert address_key("login", "garbage") == address_key("login", None)


@pytest.mark.parametrize("password", ["", "\0", "x" * 10_000_000, "ａ" * 600])
def test_absurd_passwords_are_simply_wrong(cast: Cast, password: str) -> None:
    email = give_password(cast.alice.user_id)
    with pytest.raises(Invalid, match="do not go together"):
        log_in(email=email, password=password, ip=fresh_ip())


@pytest.mark.parametrize("email", ["", "\0@example.com", "x" * 5000, "' OR 1=1--", "\ud800"])
def test_absurd_addresses_are_simply_wrong(database: Database, email: str) -> None:
    with pytest.raises(Invalid, match="do not go together"):
        log_in(email=email, password=PASSWORD, ip=fresh_ip())


def test_a_password_typed_in_another_normal_form_fits(cast: Cast) -> None:
    email = give_password(cast.alice.user_id, "Zürich-Brücke-42-Ölmühle")
    assert log_in(email=email, password="Zu\u0308rich-Bru\u0308cke-42-O\u0308lmu\u0308hle", ip=fresh_ip()).token


def test_logging_in_replaces_the_session_the_browser_came_with(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    first = log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    second = log_in(email=email, password=PASSWORD, ip=fresh_ip(), replaces=first).token
    assert first != second
    assert authenticate(first) is None
    assert authenticate(second) is not None


def test_sessions_end_when_idle_and_absolutely(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    token = log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    start = now()
    with time_machine.travel(start + timedelta(hours=12, minutes=1), tick=True):
        assert authenticate(token) is None
    token = log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    for hours in range(11, 14 * 24, 11):
        with time_machine.travel(start + timedelta(hours=hours), tick=True):
            assert authenticate(token) is not None
    with time_machine.travel(start + timedelta(days=14, minutes=1), tick=True):
        assert authenticate(token) is None


def test_looking_without_touching_does_not_keep_a_session_alive(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    token = log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    start = now()
    with time_machine.travel(start + timedelta(hours=11), tick=True):
        assert authenticate(token, touch=False) is not None
    with time_machine.travel(start + timedelta(hours=12, minutes=5), tick=True):
        assert authenticate(token) is None


def test_own_sessions_are_listed_and_ended_and_nobody_elses(cast: Cast) -> None:
    me, other = signed_in(cast.alice), signed_in(cast.alice)
    stranger = signed_in(cast.charlie)
    rows = list_sessions(me)
    assert [row.is_current for row in rows] == [True, False]
    with pytest.raises(NotFound):
        end_session(me, session_id=stranger.session_id)
    end_session(me, session_id=other.session_id)
    with pytest.raises(NotFound):
        end_session(me, session_id=other.session_id)
    assert [row.id for row in list_sessions(me)] == [me.session_id]
    signed_in(cast.alice)
    assert end_other_sessions(me) == 1
    with system_scope() as scope:
        assert scope.session.get(UserSession, stranger.session_id).revoked_at is None  # type: ignore[union-attr]


def test_logging_out_ends_the_session(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    token = log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    end_session_of(token)
    end_session_of(token)
    end_session_of("garbage")
    assert authenticate(token) is None


def test_switching_is_limited_to_own_workspaces(cast: Cast) -> None:
    second = make_workspace("Second")
    make_member(second, cast.alice.user_id, Role.READ_ONLY)  # type: ignore[arg-type]
    email = give_password(cast.alice.user_id)
    token = log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    me = authenticate(token)
    assert me is not None
    for foreign in (cast.charlie.workspace_id, uuid4(), "nonsense"):
        with pytest.raises(NotFound):
            switch_workspace(me, workspace_id=foreign)
    target = next(choice for choice in me.workspaces if choice.id != me.workspace_id)
    switch_workspace(me, workspace_id=target.id)
    after = authenticate(token)
    assert after is not None
    assert after.tenant is not None
    assert (after.tenant.workspace_id, after.tenant.role) == (target.id, target.role)


def test_a_person_without_a_workspace_has_no_tenant(database: Database) -> None:
    _, email = make_person()
    who = authenticate(log_in(email=email, password=PASSWORD, ip=fresh_ip()).token)
    assert who is not None
    assert who.tenant is None
    assert who.available is None


def test_a_deleted_person_is_gone_at_once(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    token = log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    with system_scope() as scope:
        scope.session.execute(select(User))
        scope.get(User, cast.alice.user_id).deleted_at = now()  # type: ignore[arg-type]
    assert authenticate(token) is None
    with pytest.raises(Invalid):
        log_in(email=email, password=PASSWORD, ip=fresh_ip())


def test_browsers_are_named() -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"
    assert browser_name(firefox) == "Firefox on Linux"
    assert browser_name(edge) == "Edge on Windows"
    assert browser_name("") == "Unknown browser"

"""Signing up, confirming, forgetting and changing the password."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
import zxcvbn
from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.errors import Invalid, RateLimited, Unavailable
from cursive_app.services.accounts import (
    authenticate,
    change_password,
    confirm_password,
    invitations,
    invite,
    join_by_invitation,
    log_in,
    passwords,
    recovery,
    request_password_reset,
    resend_verification,
    reset_password,
    sign_up,
    verify_email,
)
from cursive_app.services.accounts.mailed_tokens import is_usable
from cursive_app.services.accounts.passwords import check_password
from cursive_app.services.accounts.throttle import LOGIN_ACCOUNT, NEW_PASSWORD
from cursive_app.settings import settings
from db.engine import Database
from db.models.accounts import Membership, User, Workspace
from db.system import system_scope
from tests.factories import Cast
from tests.factories_accounts import (
    OTHER_PASSWORD,
    PASSWORD,
    fresh_email,
    fresh_ip,
    give_password,
    mailed_token,
    mails_to,
    make_person,
    signed_in,
)


def _sign_up(email: str, password: str = PASSWORD, name: str = "Robin Vale") -> None:
    sign_up(name=name, email=email, password=password, ip=fresh_ip())


def _log_in(email: str, password: str = PASSWORD) -> str:
    return log_in(email=email, password=password, ip=fresh_ip()).token


def test_sign_up_verify_log_in(database: Database) -> None:
    email = fresh_email()
    _sign_up(email)
    before = authenticate(_log_in(email))
    assert before is not None
    assert (before.email_verified, before.tenant) == (False, None)
    assert verify_email(mailed_token(email, "verify_email")) == email
    after = authenticate(_log_in(email))
    assert after is not None
    assert after.tenant is not None
    assert after.tenant.role == "owner"
    assert after.workspace_name == "Robin Vale’s workspace"


def test_the_link_works_once_and_looking_at_it_uses_nothing(database: Database) -> None:
    email = fresh_email()
    _sign_up(email)
    token = mailed_token(email, "verify_email")
    assert is_usable(token, purpose="verify_email")
    assert is_usable(token, purpose="verify_email")
    assert not is_usable(token, purpose="reset_password")
    verify_email(token)
    assert not is_usable(token, purpose="verify_email")
    with pytest.raises(Invalid, match="used already"):
        verify_email(token)


def test_an_old_link_does_not_work(database: Database) -> None:
    email = fresh_email()
    _sign_up(email)
    token = mailed_token(email, "verify_email")
    with time_machine.travel(now() + timedelta(hours=25), tick=True), pytest.raises(Invalid):
        verify_email(token)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\0" * 43, "x" * 10_000, "é" * 43])
def test_garbage_tokens_are_refused(database: Database, token: str) -> None:
    with pytest.raises(Invalid):
        verify_email(token)
    with pytest.raises(Invalid):
        reset_password(token, password=PASSWORD)


def test_signing_up_with_a_taken_address_tells_only_its_mailbox(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    _sign_up(email.upper(), OTHER_PASSWORD, "Somebody Else")
    assert [mail.kind for mail in mails_to(email)] == ["account_exists"]
    assert authenticate(_log_in(email)) is not None
    with pytest.raises(Invalid):
        _log_in(email, OTHER_PASSWORD)
    with system_scope() as scope:
        assert scope.get(User, cast.alice.user_id).name == "Alice"  # type: ignore[arg-type]


def test_an_unconfirmed_account_is_taken_over_by_the_newest_sign_up(database: Database) -> None:
    email = fresh_email()
    sign_up(name="Joker", email=email, password=PASSWORD, workspace_name="Pwned Inc", ip=fresh_ip())
    squatter = _log_in(email)
    first = mailed_token(email, "verify_email")
    sign_up(name="Robin", email=email, password=OTHER_PASSWORD, workspace_name="Vale & Co", ip=fresh_ip())
    assert authenticate(squatter) is None
    with pytest.raises(Invalid):
        verify_email(first)
    verify_email(mailed_token(email, "verify_email"))
    with pytest.raises(Invalid):
        _log_in(email, PASSWORD)
    assert _log_in(email, OTHER_PASSWORD)
    with system_scope() as scope:
        mine = select(Membership).join(User, User.id == Membership.user_id).where(User.email_norm == email)
        (membership,) = scope.session.scalars(mine).all()
        workspace = scope.get(Workspace, membership.workspace_id)
        assert workspace.name == "Vale & Co"
        assert workspace.slug.startswith("vale-co-")
        assert scope.get(User, membership.user_id).name == "Robin"


def test_signing_up_with_a_taken_address_renames_nothing(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    sign_up(name="Joker", email=email, password=OTHER_PASSWORD, workspace_name="Pwned Inc", ip=fresh_ip())
    with system_scope() as scope:
        assert scope.get(Workspace, cast.workspace_id).name == "Acme"
        assert scope.session.scalar(select(Workspace.id).where(Workspace.name == "Pwned Inc")) is None


def test_all_fields_are_judged_at_once_and_nothing_is_created(database: Database) -> None:
    with pytest.raises(Invalid) as refused:
        sign_up(name=" ", email="nobody", password="short", workspace_name="x" * 10_000, ip=fresh_ip())
    assert set(refused.value.fields) == {"name", "email", "password", "workspace"}


@pytest.mark.parametrize("name", ["Zoë 🙂", "<script>alert(1)</script>", "Robert'); DROP TABLE users;--", "李小龍"])
def test_names_are_kept_as_they_are_and_escaped_in_mail(database: Database, name: str) -> None:
    email = fresh_email()
    _sign_up(email, name=name)
    with system_scope() as scope:
        assert scope.session.scalar(select(User.name).where(User.email_norm == email)) == name
    assert "<script>" not in mails_to(email)[0].html_body


def test_mails_to_one_address_are_limited_for_everybody_alike(cast: Cast) -> None:
    for email in (give_password(cast.alice.user_id), fresh_email()):
        with pytest.raises(RateLimited):
            for _ in range(10):
                request_password_reset(email=email, ip=fresh_ip())


def test_a_new_link_can_be_asked_for_until_confirmed(database: Database) -> None:
    email = fresh_email()
    _sign_up(email)
    who = authenticate(_log_in(email))
    assert who is not None
    first = mailed_token(email, "verify_email")
    resend_verification(who)
    with pytest.raises(Invalid):
        verify_email(first)
    verify_email(mailed_token(email, "verify_email"))
    confirmed = authenticate(_log_in(email))
    assert confirmed is not None
    with pytest.raises(Invalid, match="confirmed already"):
        resend_verification(confirmed)


def test_sign_up_credits_come_once_with_the_confirmation(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cursive_app.services.accounts.signup.settings",
        lambda: settings().model_copy(update={"signup_grant": Decimal("25")}),
    )
    email = fresh_email()
    _sign_up(email)

    def balance() -> Decimal:
        with system_scope() as scope:
            statement = select(Workspace.credits_balance).join(Membership).join(User).where(User.email_norm == email)
            return scope.session.scalars(statement).one()

    assert balance() == 0
    verify_email(mailed_token(email, "verify_email"))
    assert balance() == 25


def test_a_reset_sets_the_password_once_and_ends_every_session(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    session = _log_in(email)
    request_password_reset(email=email, ip=fresh_ip())
    token = mailed_token(email, "reset_password")
    with pytest.raises(Invalid):
        reset_password(token, password="password12")
    assert authenticate(session) is not None
    reset_password(token, password=OTHER_PASSWORD)
    assert authenticate(session) is None
    with pytest.raises(Invalid):
        reset_password(token, password=PASSWORD)
    assert _log_in(email, OTHER_PASSWORD)
    assert mails_to(email)[-1].kind == "password_changed"


def test_of_two_resets_only_the_newer_link_works(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    request_password_reset(email=email, ip=fresh_ip())
    older = mailed_token(email, "reset_password")
    request_password_reset(email=email, ip=fresh_ip())
    with pytest.raises(Invalid):
        reset_password(older, password=OTHER_PASSWORD)
    reset_password(mailed_token(email, "reset_password"), password=OTHER_PASSWORD)


def test_a_reset_lets_a_victim_of_guessing_back_in(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    for _ in range(LOGIN_ACCOUNT.free + 1):
        with pytest.raises((Invalid, RateLimited)):
            _log_in(email, "wrong-wrong-wrong")
    request_password_reset(email=email, ip=fresh_ip())
    reset_password(mailed_token(email, "reset_password"), password=OTHER_PASSWORD)
    assert _log_in(email, OTHER_PASSWORD)


def test_an_unknown_address_gets_no_mail_and_no_error(database: Database) -> None:
    email = fresh_email()
    request_password_reset(email=email, ip=fresh_ip())
    assert mails_to(email) == []


def test_changing_the_password_rotates_this_session_and_ends_the_others(cast: Cast) -> None:
    me, other = signed_in(cast.alice), signed_in(cast.alice)
    with pytest.raises(Invalid) as refused:
        change_password(me, current="not it at all", password=OTHER_PASSWORD)
    assert "current" in refused.value.fields
    with pytest.raises(Invalid) as refused:
        change_password(me, current=PASSWORD, password="short")
    assert "password" in refused.value.fields
    fresh = authenticate(change_password(me, current=PASSWORD, password=OTHER_PASSWORD).token)
    assert fresh is not None
    assert fresh.tenant == me.tenant
    from cursive_app.services.accounts import list_sessions

    assert {row.id for row in list_sessions(fresh)} == {fresh.session_id}
    assert me.session_id != fresh.session_id != other.session_id


def test_changing_the_password_voids_a_mailed_reset_link(cast: Cast) -> None:
    me, stranger = signed_in(cast.alice), signed_in(cast.charlie)
    for who in (me, stranger):
        request_password_reset(email=who.email, ip=fresh_ip())
    change_password(me, current=PASSWORD, password=OTHER_PASSWORD)
    assert not is_usable(mailed_token(me.email, "reset_password"), purpose="reset_password")
    with pytest.raises(Invalid, match="used already"):
        reset_password(mailed_token(me.email, "reset_password"), password="another-lantern-58-harbour")
    assert is_usable(mailed_token(stranger.email, "reset_password"), purpose="reset_password")


def test_guessing_the_current_password_is_slowed_down(cast: Cast) -> None:
    me = signed_in(cast.alice)
    with pytest.raises(RateLimited):
        for _ in range(LOGIN_ACCOUNT.free + 1):
            with pytest.raises(Invalid):
                confirm_password(me, password="wrong-wrong-wrong")


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "at least 10"),
        ("a", "at least 10"),
        ("tiny\0but-long-enough", "NUL"),
        ("x" * 129, "at most 128"),
        ("x" * 10_000_000, "at most 128"),
        ("password12", "common"),
        ("aaaaaaaaaaaa", "."),
        ("robinvale1987", "guess"),
        ("1234567890", "."),
    ],
)
def test_weak_passwords_are_refused_in_words(password: str, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_password(password, about=("Robin Vale", "robinvale@example.com"))
    assert message in refused.value.fields["password"]


@pytest.mark.parametrize("password", [PASSWORD, "x7#Kq9!mZ2pL", "correct horse battery staple", "b" * 3 + "Q7" * 60])
def test_good_passwords_pass(password: str) -> None:
    check_password(password)


def test_sign_ups_that_are_refused_are_counted(database: Database) -> None:
    """Judging a password costs up to half a second of one processor, and anybody may send the form."""
    ip = fresh_ip()
    for _ in range(NEW_PASSWORD.free):
        with pytest.raises(Invalid):
            sign_up(name="Robin", email=fresh_email(), password="short", ip=ip)
    with pytest.raises(RateLimited):
        sign_up(name="Robin", email=fresh_email(), password="short", ip=ip)
    sign_up(name="Robin", email=fresh_email(), password=PASSWORD, ip=fresh_ip())


def test_new_passwords_that_are_refused_are_counted_on_every_way(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(NEW_PASSWORD, free=2)
    monkeypatch.setattr(recovery, "NEW_PASSWORD", few)
    monkeypatch.setattr(invitations, "NEW_PASSWORD", few)
    email = give_password(cast.alice.user_id)
    me = signed_in(cast.alice)
    request_password_reset(email=email, ip=fresh_ip())
    token = mailed_token(email, "reset_password")
    guest = fresh_email()
    invite(cast.alice, email=guest, role="member")
    invitation = mailed_token(guest, "invitation")
    ways = (
        lambda: reset_password(token, password="short"),
        lambda: change_password(me, current=PASSWORD, password="short"),
        lambda: join_by_invitation(token=invitation, name="Robin", password="short"),
    )
    for way in ways:
        for _ in range(few.free):
            with pytest.raises(Invalid):
                way()
        with pytest.raises(RateLimited):
            way()


def test_only_the_beginning_of_a_long_password_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The estimator tries all ways to read letters for signs: 72 of them took seconds, and one is judged at a time."""
    judged: list[str] = []
    real = zxcvbn.zxcvbn

    def spy(password: str, **more: Any) -> Any:
        judged.append(password)
        return real(password, **more)

    monkeypatch.setattr(zxcvbn, "zxcvbn", spy)
    check_password("4@8({[<3690$5+7%2!1|" * 6)
    assert [len(password) for password in judged] == [24]


def test_nobody_waits_for_the_estimator_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "JUDGE_PATIENCE_SECONDS", 0.01)
    with passwords._estimator, pytest.raises(Unavailable, match="few seconds"):
        check_password(PASSWORD)
    check_password(PASSWORD)


def test_nobody_without_a_password_can_log_in(database: Database) -> None:
    user_id, email = make_person()
    with system_scope() as scope:
        scope.get(User, user_id).password_hash = None
    with pytest.raises(Invalid):
        _log_in(email, "no account has this password")

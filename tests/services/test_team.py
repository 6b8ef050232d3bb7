"""The team: invitations, roles, removal, the last owner; workspaces and profile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.errors import Conflict, CursiveError, Forbidden, Invalid, NotFound
from cursive_app.services.accounts import (
    accept_invitation,
    authenticate,
    authenticate_key,
    change_role,
    create_api_key,
    create_workspace,
    invite,
    join_by_invitation,
    list_team,
    log_in,
    look_at_invitation,
    make_admin,
    remove_member,
    resend_invitation,
    revoke_invitation,
    sign_up,
    update_profile,
    update_workspace,
    workspace_details,
)
from cursive_app.services.accounts.fields import timezone_name, timezones
from db.models.accounts import AuditEntry, Membership, User
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast, make_member, make_user
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


def _role(tenant: Tenant) -> str | None:
    with system_scope() as scope:
        found = scope.session.get(Membership, (tenant.workspace_id, tenant.user_id))
        return found.role if found else None


def _actions(tenant: Tenant) -> list[str]:
    with tenant.begin() as scope:
        return list(scope.session.scalars(scope.select(AuditEntry).with_only_columns(AuditEntry.action)).all())


def test_a_new_person_joins_by_invitation(cast: Cast) -> None:
    email = fresh_email()
    invite(cast.alice, email=f" {email} ", role="member")
    token = mailed_token(email, "invitation")
    view = look_at_invitation(token)
    assert (view.workspace_name, view.inviter, view.role, view.has_account) == ("Acme", "Alice", Role.MEMBER, False)
    joined = join_by_invitation(token=token, name="Nia Brook", password=PASSWORD, ip=fresh_ip())
    who = authenticate(joined.token)
    assert who is not None
    assert who.tenant is not None
    assert (who.tenant.workspace_id, who.tenant.role, who.email_verified) == (cast.workspace_id, Role.MEMBER, True)
    assert log_in(email=email, password=PASSWORD, ip=fresh_ip()).token
    assert set(_actions(cast.alice)) == {"invitation.sent", "invitation.accepted"}


def test_an_invitation_works_once(cast: Cast) -> None:
    email = fresh_email()
    invite(cast.alice, email=email, role="member")
    token = mailed_token(email, "invitation")
    join_by_invitation(token=token, name="Nia", password=PASSWORD)
    for again in (
        lambda: join_by_invitation(token=token, name="Nia", password=PASSWORD),
        lambda: look_at_invitation(token),
        lambda: accept_invitation(signed_in(cast.charlie), token=token),
    ):
        with pytest.raises(NotFound, match="used, withdrawn"):
            again()


def test_two_browsers_accept_at_once_and_one_wins(cast: Cast) -> None:
    email = fresh_email()
    invite(cast.alice, email=email, role="member")
    token = mailed_token(email, "invitation")

    def join(_: int) -> str:
        try:
            return join_by_invitation(token=token, name="Nia", password=PASSWORD).token
        except CursiveError:
            return ""

    with ThreadPoolExecutor(2) as pool:
        assert sum(bool(answer) for answer in pool.map(join, range(2))) == 1


def test_an_existing_person_accepts_while_logged_in(cast: Cast) -> None:
    email = give_password(cast.charlie.user_id)
    invite(cast.alice, email=email.upper(), role="read_only")
    token = mailed_token(mails_to_any(email), "invitation")
    assert look_at_invitation(token).has_account
    charlie = signed_in(cast.charlie)
    accept_invitation(charlie, token=token)
    assert _role(Tenant(cast.workspace_id, cast.charlie.user_id, Role.READ_ONLY)) == "read_only"
    with pytest.raises(Conflict, match="on the team already"):
        invite(cast.alice, email=email, role="member")


def mails_to_any(email: str) -> str:
    """The address as the invitation was typed."""
    return next(
        address for address in (email.upper(), email, email.split("@")[0].upper() + "@example.com") if mails_to(address)
    )


def test_an_invitation_for_another_address_is_refused(cast: Cast) -> None:
    email = fresh_email()
    invite(cast.alice, email=email, role="admin")
    with pytest.raises(Forbidden, match="is for"):
        accept_invitation(signed_in(cast.charlie), token=mailed_token(email, "invitation"))
    assert look_at_invitation(mailed_token(email, "invitation")).email == email


def test_an_address_with_an_account_must_log_in_to_join(cast: Cast) -> None:
    _, email = make_person("Quinn")
    invite(cast.alice, email=email, role="member")
    with pytest.raises(Conflict, match="has an account"):
        join_by_invitation(token=mailed_token(email, "invitation"), name="Thief", password=OTHER_PASSWORD)
    assert log_in(email=email, password=PASSWORD, ip=fresh_ip()).token


def test_an_unconfirmed_squatter_loses_to_the_invited_person(cast: Cast) -> None:
    email = fresh_email()
    sign_up(name="Squatter", email=email, password=OTHER_PASSWORD, ip=fresh_ip())
    squatter = log_in(email=email, password=OTHER_PASSWORD, ip=fresh_ip()).token
    invite(cast.alice, email=email, role="member")
    join_by_invitation(token=mailed_token(email, "invitation"), name="Nia", password=PASSWORD)
    assert authenticate(squatter) is None
    with pytest.raises(Invalid):
        log_in(email=email, password=OTHER_PASSWORD, ip=fresh_ip())


def test_revoked_resent_and_expired_links_do_not_work(cast: Cast) -> None:
    email = fresh_email()
    number = invite(cast.alice, email=email, role="member")
    first = mailed_token(email, "invitation")
    resend_invitation(cast.alice, invitation_id=number)
    second = mailed_token(email, "invitation")
    with pytest.raises(NotFound):
        look_at_invitation(first)
    with time_machine.travel(now() + timedelta(days=8), tick=True):
        with pytest.raises(NotFound):
            look_at_invitation(second)
        assert list_team(cast.alice).invitations[0].is_expired
        invite(cast.alice, email=email, role="member")
    number = list_team(cast.alice).invitations[0].id
    revoke_invitation(cast.alice, invitation_id=number)
    with pytest.raises(NotFound):
        look_at_invitation(mailed_token(email, "invitation"))
    with pytest.raises(NotFound):
        resend_invitation(cast.alice, invitation_id=number)
    assert list_team(cast.alice).invitations == ()


def test_an_address_is_not_invited_twice_at_once(cast: Cast) -> None:
    email = fresh_email()
    invite(cast.alice, email=email, role="member")
    with pytest.raises(Conflict, match="invited already"):
        invite(cast.alice, email=email.title(), role="member")


def test_only_those_who_manage_the_team_may(cast: Cast) -> None:
    number = invite(cast.alice, email=fresh_email(), role="member")
    for act in (
        lambda: invite(cast.bob, email=fresh_email(), role="member"),
        lambda: resend_invitation(cast.bob, invitation_id=number),
        lambda: revoke_invitation(cast.bob, invitation_id=number),
        lambda: change_role(cast.bob, user_id=cast.alice.user_id, role="member"),  # type: ignore[arg-type]
        lambda: remove_member(cast.bob, user_id=cast.alice.user_id),  # type: ignore[arg-type]
    ):
        with pytest.raises(Forbidden):
            act()


def test_other_workspaces_see_and_touch_nothing(cast: Cast) -> None:
    number = invite(cast.alice, email=fresh_email(), role="member")
    team = list_team(cast.charlie)
    assert [row.user_id for row in team.members] == [cast.charlie.user_id]
    assert team.invitations == ()
    for act in (
        lambda: resend_invitation(cast.charlie, invitation_id=number),
        lambda: revoke_invitation(cast.charlie, invitation_id=number),
        lambda: change_role(cast.charlie, user_id=cast.bob.user_id, role="admin"),  # type: ignore[arg-type]
        lambda: remove_member(cast.charlie, user_id=cast.bob.user_id),  # type: ignore[arg-type]
    ):
        with pytest.raises(NotFound):
            act()


def test_admins_cannot_touch_or_make_owners(cast: Cast) -> None:
    admin = make_member(cast.workspace_id, make_user("Ada"), Role.ADMIN)
    for act in (
        lambda: change_role(admin, user_id=cast.alice.user_id, role="member"),  # type: ignore[arg-type]
        lambda: remove_member(admin, user_id=cast.alice.user_id),  # type: ignore[arg-type]
        lambda: change_role(admin, user_id=cast.bob.user_id, role="owner"),  # type: ignore[arg-type]
        lambda: change_role(admin, user_id=admin.user_id, role="owner"),  # type: ignore[arg-type]
        lambda: invite(admin, email=fresh_email(), role="owner"),
    ):
        with pytest.raises(Forbidden, match="owner"):
            act()
    change_role(admin, user_id=cast.bob.user_id, role="billing")  # type: ignore[arg-type]
    assert _role(cast.bob) == "billing"


def test_the_last_owner_stays(cast: Cast) -> None:
    with pytest.raises(Conflict, match="needs an owner"):
        change_role(cast.alice, user_id=cast.alice.user_id, role="member")  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="needs an owner"):
        remove_member(cast.alice, user_id=cast.alice.user_id)  # type: ignore[arg-type]
    change_role(cast.alice, user_id=cast.bob.user_id, role="owner")  # type: ignore[arg-type]
    remove_member(cast.alice, user_id=cast.alice.user_id)  # type: ignore[arg-type]
    assert (_role(cast.alice), _role(cast.bob)) == (None, "owner")


def test_two_owners_who_demote_each_other_leave_one(cast: Cast) -> None:
    change_role(cast.alice, user_id=cast.bob.user_id, role="owner")  # type: ignore[arg-type]
    bob = Tenant(cast.workspace_id, cast.bob.user_id, Role.OWNER)

    def demote(pair: tuple[Tenant, Tenant]) -> bool:
        try:
            change_role(pair[0], user_id=pair[1].user_id, role="member")  # type: ignore[arg-type]
        except CursiveError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(demote, [(cast.alice, bob), (bob, cast.alice)])) == 1
    assert sorted(filter(None, (_role(cast.alice), _role(cast.bob)))) == ["member", "owner"]


def test_a_removed_member_takes_no_key_along_and_may_be_invited_again(cast: Cast) -> None:
    change_role(cast.alice, user_id=cast.bob.user_id, role="admin")  # type: ignore[arg-type]
    bob = Tenant(cast.workspace_id, cast.bob.user_id, Role.ADMIN)
    with bob.begin() as scope:
        key = create_api_key(scope, name="Sync", scopes=["leads:read"]).key
    who = signed_in(bob)
    remove_member(cast.alice, user_id=cast.bob.user_id)  # type: ignore[arg-type]
    with pytest.raises(CursiveError):
        authenticate_key(key)
    with pytest.raises(NotFound):
        remove_member(cast.alice, user_id=cast.bob.user_id)  # type: ignore[arg-type]
    invite(cast.alice, email=who.email, role="member")
    accept_invitation(who, token=mailed_token(who.email, "invitation"))
    with pytest.raises(CursiveError):
        authenticate_key(key)


def test_the_open_invitations_of_a_removed_member_are_withdrawn(cast: Cast) -> None:
    change_role(cast.alice, user_id=cast.bob.user_id, role="admin")  # type: ignore[arg-type]
    bob = Tenant(cast.workspace_id, cast.bob.user_id, Role.ADMIN)
    elsewhere = create_workspace(signed_in(bob), name="Bob's own")
    mine, kept, own = fresh_email(), fresh_email(), fresh_email()
    invite(bob, email=mine, role="admin")
    invite(cast.alice, email=kept, role="member")
    invite(Tenant(elsewhere, cast.bob.user_id, Role.OWNER), email=own, role="member")
    remove_member(cast.alice, user_id=cast.bob.user_id)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        look_at_invitation(mailed_token(mine, "invitation"))
    assert [row.email for row in list_team(cast.alice).invitations] == [kept]
    for email in (kept, own):
        assert look_at_invitation(mailed_token(email, "invitation")).email == email


def test_a_member_may_leave(cast: Cast) -> None:
    remove_member(cast.bob, user_id=cast.bob.user_id)  # type: ignore[arg-type]
    assert _role(cast.bob) is None


@pytest.mark.parametrize("role", ["", "OWNER", "staff", "owner'--", "x" * 1000])
def test_unknown_roles_are_refused(cast: Cast, role: str) -> None:
    with pytest.raises(Invalid):
        invite(cast.alice, email=fresh_email(), role=role)
    with pytest.raises(Invalid):
        change_role(cast.alice, user_id=cast.bob.user_id, role=role)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a\r\nBcc: x@example.com", "x" * 300 + "@example.com", "a@b\0.com"]
)
def test_impossible_addresses_are_refused(cast: Cast, email: str) -> None:
    with pytest.raises(Invalid) as refused:
        invite(cast.alice, email=email, role="member")
    assert "email" in refused.value.fields


def test_renaming_a_workspace_is_for_its_managers_and_is_written_down(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        update_workspace(scope, name="Acme <b>Ltd</b> 🙂", timezone="Europe/Berlin")
        found = workspace_details(scope)
    assert (found.name, found.timezone) == ("Acme <b>Ltd</b> 🙂", "Europe/Berlin")
    assert "workspace.changed" in _actions(cast.alice)
    with pytest.raises(Forbidden), cast.bob.begin() as scope:
        update_workspace(scope, name="Mine", timezone="UTC")
    for change in ({"name": ""}, {"name": "x" * 121}, {"name": "a\nb"}, {"timezone": "Mars/Base"}):
        with pytest.raises(Invalid), cast.alice.begin() as scope:
            update_workspace(scope, **{"name": "Acme", "timezone": "UTC", **change})


def test_another_workspace_belongs_to_its_maker_and_is_opened(cast: Cast) -> None:
    token = log_in(email=give_password(cast.bob.user_id), password=PASSWORD, ip=fresh_ip()).token
    bob = authenticate(token)
    assert bob is not None
    new = create_workspace(bob, name="Bob's own")
    after = authenticate(token)
    assert after is not None
    assert after.tenant == Tenant(new, cast.bob.user_id, Role.OWNER)
    assert len(after.workspaces) == 2
    with Tenant(new, cast.bob.user_id, Role.OWNER).begin() as scope:
        assert workspace_details(scope).slug.startswith("bob-s-own-")


def test_a_person_changes_name_and_time_zone(cast: Cast) -> None:
    who = signed_in(cast.alice)
    update_profile(who, name="  Alice Ng ", timezone="Asia/Tokyo")
    with system_scope() as scope:
        user = scope.get(User, who.user_id)
        assert (user.name, user.timezone) == ("Alice Ng", "Asia/Tokyo")
    update_profile(who, name="Alice Ng", timezone="")
    with pytest.raises(Invalid):
        update_profile(who, name="", timezone="")


def test_staff_is_made_from_an_existing_account_only(cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    make_admin(email.upper())
    assert signed_in(cast.alice).is_staff
    assert not signed_in(cast.bob).is_staff
    with pytest.raises(NotFound, match="must sign up first"):
        make_admin(fresh_email())


def test_the_team_is_listed_owners_first_with_last_use(cast: Cast) -> None:
    signed_in(cast.bob)
    members = list_team(cast.bob).members
    assert [row.role for row in members] == [Role.OWNER, Role.MEMBER]
    assert [row.is_you for row in members] == [False, True]
    assert members[0].last_seen_at is None
    with system_scope() as scope:
        assert scope.session.scalar(select(User.email).where(User.id == cast.bob.user_id)) == members[1].email


def test_each_time_zone_is_offered_under_one_name() -> None:
    offered = timezones()
    assert {"Asia/Kolkata", "America/Los_Angeles", "Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC"} <= set(
        offered
    )
    assert not {"Asia/Calcutta", "US/Pacific", "America/Buenos_Aires", "Etc/GMT+1", "EST"} & set(offered)
    assert all(timezone_name(zone) == zone for zone in (*offered, "Asia/Calcutta"))  # a choice made earlier stays valid
    for wrong in ("Mars/Base", "Etc/GMT+1", "EST", ""):
        with pytest.raises(Invalid):
            timezone_name(wrong)

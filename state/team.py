"""The team page: members, invitations, and what each role may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from cursive_app.errors import CursiveError, Invalid
from cursive_app.services import accounts
from cursive_app.services.accounts import PERMISSIONS, InvitationRow, MemberRow, Permission
from db.roles import Role
from state.base import allow, ask, person, tenant
from state.catching_up import catches_up
from state.session import ROLE_WORDS
from state.times import ago, exact


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One member as the table shows them. `can_change`: by the person who is looking."""

    user_id: str
    name: str
    email: str
    role: str
    role_word: str
    joined: str
    seen: str
    seen_exact: str
    is_you: bool
    can_change: bool


@dataclass(frozen=True, slots=True)
class InvitationLine:
    """One open invitation as the table shows it."""

    id: str
    email: str
    role_word: str
    invited_by: str
    sent: str
    expires: str
    is_expired: bool


class TeamState(rx.State):
    """`/settings/team`."""

    status: str = "loading"
    error: str = ""
    members: list[MemberLine] = []
    invitations: list[InvitationLine] = []
    can_manage: bool = False
    is_owner: bool = False
    inviting: bool = False
    sending: bool = False
    invite_errors: dict[str, str] = {}
    removing_id: str = ""
    removing_name: str = ""
    removing_you: bool = False
    changing_id: str = ""
    changing_role: str = ""
    changing_title: str = ""
    changing_consequence: str = ""
    withdrawing_id: str = ""
    withdrawing_email: str = ""

    @rx.event(supersedes=True)
    @allow("signed_in")
    async def load(self):
        """List the team."""
        await self._read()

    async def _read(self) -> None:
        who = person()
        try:
            team = await ask(accounts.list_team, tenant())
        except CursiveError as error:
            self.status = "forbidden" if error.status == 403 else "error"
            self.error = error.message
            return
        self.can_manage = accounts.allows(tenant(), Permission.MANAGE_TEAM)
        self.is_owner = tenant().role is Role.OWNER
        self.members = [self._member(row, who.timezone) for row in team.members]
        self.invitations = [_invitation(row, who.timezone) for row in team.invitations] if self.can_manage else []
        self.status = "ready"

    async def _catch_up(self) -> list[Any]:
        await self._read()
        return []

    def _member(self, row: MemberRow, timezone: str) -> MemberLine:
        return MemberLine(
            user_id=str(row.user_id),
            name=row.name or row.email,
            email=row.email,
            role=row.role.value,
            role_word=ROLE_WORDS[row.role],
            joined=exact(row.joined_at, timezone),
            seen=ago(row.last_seen_at) if row.last_seen_at else "–",
            seen_exact=exact(row.last_seen_at, timezone) if row.last_seen_at else "No session of theirs is kept",
            is_you=row.is_you,
            can_change=self.can_manage and (self.is_owner or row.role is not Role.OWNER),
        )

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    async def show_invite(self, open_: bool):
        """Open or close the invitation form."""
        self.inviting, self.invite_errors = open_, {}

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    async def invite(self, form: dict[str, str]):
        """Mail an invitation."""
        self.sending, self.invite_errors = True, {}
        yield
        try:
            await ask(accounts.invite, tenant(), email=form.get("email", ""), role=form.get("role", ""))
        except Invalid as error:
            self.invite_errors = error.fields
            return
        except CursiveError as error:
            self.invite_errors = {"email": error.message}
            return
        finally:
            self.sending = False
        self.inviting = False
        await self._read()
        yield rx.toast.success(f"The invitation to {form.get('email', '').strip()} is on its way.")

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    @catches_up
    async def resend(self, invitation_id: str):
        """Mail a new link."""
        await ask(accounts.resend_invitation, tenant(), invitation_id=invitation_id)
        await self._read()
        return rx.toast.success("A new invitation is on its way; the former link no longer works.")

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    async def ask_revoke(self, invitation_id: str):
        """Open the question whether to withdraw this invitation."""
        line = next((one for one in self.invitations if one.id == invitation_id), None)
        self.withdrawing_id, self.withdrawing_email = (line.id, line.email) if line else ("", "")

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    async def set_withdrawing(self, open_: bool):
        """The dialog was closed."""
        if not open_:
            self.withdrawing_id = ""

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    @catches_up
    async def revoke(self, invitation_id: str):
        """Withdraw an invitation."""
        self.withdrawing_id = ""
        await ask(accounts.revoke_invitation, tenant(), invitation_id=invitation_id)
        await self._read()
        return rx.toast.success("The invitation is withdrawn.")

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    async def choose_role(self, user_id: str, role: str):
        """Another role was chosen in the list, which takes one keystroke. What the person could not take back alone,
        their own role and who is an owner, is asked for first."""
        line = next((one for one in self.members if one.user_id == user_id), None)
        question = _question(line, role) if line is not None else None
        if question is None:
            return await self._change_role(user_id, role)
        self.changing_id, self.changing_role = user_id, role
        self.changing_title, self.changing_consequence = question
        return None

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    async def set_changing(self, open_: bool):
        """The dialog was closed."""
        if not open_:
            self.changing_id = ""

    @rx.event
    @allow(Permission.MANAGE_TEAM)
    async def change_role(self, user_id: str, role: str):
        """Give a member another role, from their next click on."""
        return await self._change_role(user_id, role)

    async def _change_role(self, user_id: str, role: str):
        self.changing_id = ""
        await ask(accounts.change_role, tenant(), user_id=user_id, role=role)
        await self._read()
        return rx.toast.success("The role is changed.")

    @rx.event
    @allow("signed_in")
    async def ask_remove(self, user_id: str):
        """Open the question whether to remove this member; '' closes it."""
        line = next((one for one in self.members if one.user_id == user_id), None)
        self.removing_id = line.user_id if line else ""
        self.removing_name = line.name if line else ""
        self.removing_you = line.is_you if line else False

    @rx.event
    @allow("signed_in")
    async def set_removing(self, open_: bool):
        """The dialog was closed."""
        if not open_:
            self.removing_id = ""

    @rx.event
    @allow("signed_in")
    @catches_up
    async def remove(self):
        """Take the member off the team, or leave it."""
        target, leaving = self.removing_id, self.removing_you
        if not target:
            return None
        self.removing_id = ""
        await ask(accounts.remove_member, tenant(), user_id=target)
        if leaving:
            return rx.call_script("window.location.assign('/')")
        await self._read()
        return rx.toast.success(f"{self.removing_name} is no longer on the team.")


def _question(line: MemberLine, role: str) -> tuple[str, str] | None:
    """Title and consequence of what is asked before this change; None when nothing is asked (an unknown role is refused
    by the service)."""
    if role not in ROLE_WORDS or role == line.role:
        return None
    word = ROLE_WORDS[Role(role)]
    if line.is_you:
        consequence = f"From your next click on you may do what the table on this page says for {word}."
        if Permission.MANAGE_TEAM not in PERMISSIONS[Role(role)] or line.role == Role.OWNER.value:
            consequence += " You cannot take this back yourself: somebody else has to."
        return f"Change your own role to {word}?", consequence
    if role == Role.OWNER.value:
        return f"Make {line.name} an owner?", "Owners may do everything here; they may also change and remove you."
    if line.role == Role.OWNER.value:
        consequence = f"They may do what the table on this page says for {word}. Only an owner can take this back."
        return f"{line.name} is no longer an owner?", consequence
    return None


def _invitation(row: InvitationRow, timezone: str) -> InvitationLine:
    return InvitationLine(
        id=str(row.id),
        email=row.email,
        role_word=ROLE_WORDS[row.role],
        invited_by=row.invited_by,
        sent=ago(row.created_at),
        expires="Expired" if row.is_expired else f"Until {exact(row.expires_at, timezone)}",
        is_expired=row.is_expired,
    )

"""The pages between signing up and working: confirm the address, set a password, accept an invitation."""

from __future__ import annotations

import reflex as rx

from cursive_app.errors import CursiveError, Forbidden, NotFound, Unavailable
from cursive_app.services import accounts
from cursive_app.services.accounts.mailed_tokens import Purpose, is_usable
from state.base import allow, ask, person, principal
from state.flash import FlashState
from state.session import ROLE_WORDS


class SignupState(FlashState, rx.State):
    """The sign-up page."""

    @rx.event
    @allow("public")
    async def load(self):
        """Show what was wrong with the last try; people who are logged in go on."""
        who = principal()
        if who is not None:
            return rx.redirect("/")
        self._read_flash("/signup")
        return None


class LinkState(FlashState, mixin=True):
    """A page of a mailed link. `status` is `error`, and `trouble` says why, when the link could not be looked up; the
    gate sets `error` as well, when nobody can be recognized."""

    trouble: str = Unavailable.default_message

    async def _token_status(self, token: str, purpose: Purpose) -> str:
        try:
            return "usable" if await ask(is_usable, token, purpose=purpose) else "stale"
        except CursiveError as error:
            self.trouble = error.message
            return "error"


class VerifyState(LinkState, rx.State):
    """`/verify`: with a link's token the button that confirms, otherwise "look into your mailbox"."""

    status: str = "loading"  # usable, stale, sent, unconfirmed, error
    token: str = ""
    email: str = ""

    @rx.event(supersedes=True)
    @allow("public")
    async def load(self):
        """Only look at the link: opening it, as mail scanners do, changes nothing."""
        self._read_flash("/verify")
        self.token = self.router.url.query_parameters.get("token", "")[:128]
        who = principal()
        self.email = who.email if who is not None else self.typed.get("email", "")
        if self.token:
            self.status = await self._token_status(self.token, "verify_email")
        elif who is not None and who.email_verified:
            return rx.redirect("/")
        else:
            self.status = "unconfirmed" if who is not None else "sent"
        return None

    @rx.event
    @allow("account")
    async def resend(self):
        """Mail another link to the person who is logged in."""
        who = person()
        await ask(accounts.resend_verification, who)
        return rx.toast.success(f"A new link is on its way to {who.email}.")


class ForgotState(FlashState, rx.State):
    """`/forgot`."""

    @rx.event
    @allow("public")
    async def load(self):
        """Show the answer to the last try."""
        self._read_flash("/forgot")


class ResetState(LinkState, rx.State):
    """`/reset`."""

    status: str = "loading"  # usable, stale, error
    token: str = ""

    @rx.event(supersedes=True)
    @allow("public")
    async def load(self):
        """Only look at the link; the form uses it up."""
        self._read_flash("/reset")
        self.token = self.router.url.query_parameters.get("token", "")[:128]
        self.status = await self._token_status(self.token, "reset_password")


class InviteState(LinkState, rx.State):
    """`/invite`: what is offered, and the way that fits who is looking."""

    status: str = "loading"  # stale, join (no account yet), log_in, accept, other_person, error
    token: str = ""
    workspace: str = ""
    inviter: str = ""
    role: str = ""
    email: str = ""
    own_email: str = ""
    login_href: str = "/login"

    @rx.event(supersedes=True)
    @allow("public")
    async def load(self):
        """Look at the invitation; nothing is accepted by opening it."""
        self._read_flash("/invite")
        self.token = self.router.url.query_parameters.get("token", "")[:128]
        try:
            view = await ask(accounts.look_at_invitation, self.token)
        except NotFound:
            self.status = "stale"
            return
        except CursiveError as error:
            self.status, self.trouble = "error", error.message
            return
        who = principal()
        self.workspace, self.inviter, self.email = view.workspace_name, view.inviter, view.email
        self.role = ROLE_WORDS[view.role]
        self.own_email = who.email if who is not None else ""
        self.login_href = f"/login?next=%2Finvite%3Ftoken%3D{self.token}"
        if who is not None:
            self.status = "accept" if who.email.casefold() == view.email.casefold() else "other_person"
        else:
            self.status = "log_in" if view.has_account else "join"

    @rx.event
    @allow("account")
    async def accept(self):
        """Join as the person who is logged in."""
        try:
            await ask(accounts.accept_invitation, person(), token=self.token)
        except Forbidden as error:
            self.status, self.error = "other_person", error.message
            return None
        return rx.call_script("window.location.assign('/')")


class WelcomeState(rx.State):
    """`/welcome`: for people who are in no workspace."""

    error: str = ""

    @rx.event
    @allow("account")
    async def load(self):
        """People who have a workspace do not belong here."""
        who = person()
        self.error = ""
        if not who.email_verified:
            return rx.redirect("/verify")
        return rx.redirect("/") if who.tenant is not None else None

    @rx.event
    @allow("account")
    async def create(self, form: dict[str, str]):
        """Make a workspace of one's own; one, however often the button was pressed."""
        try:
            if person().tenant is None:
                await ask(accounts.create_workspace, person(), name=form.get("workspace", ""))
        except CursiveError as error:
            self.error = error.message
            return None
        return rx.call_script("window.location.assign('/')")

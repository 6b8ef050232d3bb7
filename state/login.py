"""What the login page shows; the form itself is posted to `/auth/login`."""

from __future__ import annotations

import reflex as rx

from cursive_app.paths import local_path
from state.base import allow, principal
from state.flash import FlashState

ENDED = "Your session has ended. Log in to go on."


class LoginState(FlashState, rx.State):
    """The login page."""

    next_path: str = "/"
    ended: str = ""  # that there was a session, for people whom its end brought here

    @rx.event
    @allow("public")
    async def load(self):
        """Read where to go afterwards and what the last try said; people who are logged in go on at once."""
        self.next_path = local_path(self.router.url.query_parameters.get("next"))
        who = principal()
        if who is not None:
            return rx.redirect(self.next_path if who.email_verified else "/verify")
        self._read_flash("/login")
        said = self.error or self.notice
        self.ended = ENDED if "ended" in self.router.url.query_parameters and not said else ""
        return None

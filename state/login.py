"""What the login page shows; the form itself is posted to `/auth/login`."""

from __future__ import annotations

import reflex as rx

from cursive_app.paths import local_path
from state.base import allow, principal
from state.flash import FlashState


class LoginState(FlashState, rx.State):
    """The login page."""

    next_path: str = "/"

    @rx.event
    @allow("public")
    async def load(self):
        """Read where to go afterwards and what the last try said; people who are logged in go on at once."""
        self.next_path = local_path(self.router.url.query_parameters.get("next"))
        who = principal()
        if who is not None:
            return rx.redirect(self.next_path if who.email_verified else "/verify")
        self._read_flash("/login")
        return None

"""The start page: nothing of its own, it leads to the first page the person may use."""

from __future__ import annotations

import reflex as rx

from cursive_app.services.accounts import Permission, Principal, allows
from state.base import allow, principal

_FIRST = ((Permission.VIEW_SEGMENTS, "/segments"), (Permission.VIEW_CREDITS, "/credits"))


def landing(who: Principal | None) -> str:
    """Where somebody who opens Cursive belongs: login, a step that is still missing, or the first page of the role."""
    if who is None:
        return "/login"
    if not who.email_verified:
        return "/verify"
    if who.tenant is None:
        return "/welcome"
    return next((page for need, page in _FIRST if allows(who.tenant, need)), "/settings/account")


class HomeState(rx.State):
    """`/`."""

    @rx.event
    @allow("public")
    async def load(self):
        """Go on to the right page, without leaving a step that the Back button would bounce off."""
        return rx.redirect(landing(principal()), replace=True)

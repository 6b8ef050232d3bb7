"""Changes that staff give a reason for: the dialog asks for it, the service checks it, and all staff see it.

A page mixes `ReasonPart` in and says what a change is (`_change`, a question that acts) and what it is called once it
is done (`_told`). Asking, refusing an empty reason and looking again are then the same on every page.
"""

from __future__ import annotations

from typing import Any

import reflex as rx

from cursive_app.errors import Conflict, Invalid
from state.admin_base import Question, StaffPart, as_staff, said
from state.base import allow
from state.catching_up import catches_up


class ReasonPart(StaffPart, mixin=True):
    """A page for staff with things that are paused and resumed, by name."""

    asking: bool = False
    wanted: str = ""
    name: str = ""
    wrong: dict[str, str] = {}  # by field of the dialog; what concerns none stands under the reason
    pending: bool = False

    @rx.event
    @allow("staff")
    def ask(self, name: str, wanted: str):
        """Ask for the reason first. `wanted` is the change: “pause” or “resume”."""
        self._ask(name, "pause" if wanted == "pause" else "resume")

    @rx.event
    @allow("staff")
    def set_asking(self, is_open: bool):
        self.asking = is_open

    @rx.event
    @allow("staff")
    @catches_up
    async def change(self, form: dict[str, str]):
        """Make the change that was asked for, with the reason that was given."""
        name, wanted = self.name, self.wanted
        self.pending, self.wrong = True, {}
        yield
        try:
            await as_staff(self._change(wanted, name, form))
        except Invalid as error:
            self.wrong = dict(error.fields) or {"reason": said(error)}
            return
        except Conflict:
            self.asking = False  # somebody else was quicker; there is nothing left to ask
            raise
        finally:
            self.pending = False
        self.asking = False
        yield rx.toast.success(self._told(wanted, name))
        await self._look()

    def _ask(self, name: str, wanted: str) -> None:
        self.name, self.wanted, self.asking, self.wrong = name, wanted, True, {}

    def _change(self, wanted: str, name: str, form: dict[str, Any]) -> Question:  # noqa: ARG002  (for pages)
        """What makes the change; every page names its own."""
        return self._question()

    def _told(self, wanted: str, name: str) -> str:
        """What the person reads when it is done."""
        return f"{name}: {wanted}."


def reason_of(form: dict[str, Any]) -> str:
    return str(form.get("reason", ""))


__all__ = ["ReasonPart", "reason_of"]

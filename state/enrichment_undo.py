"""Undoing the last change of a list's cells: offered above the rows as long as it can be done, and in its toast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx
from reflex_components_sonner.toast import ToastAction

from cursive_app.errors import Conflict
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment import ChangeView
from state.base import allow, person, transact
from state.enrichment_open import OpenPart
from state.times import ago, exact


@dataclass(frozen=True)
class ChangeLine:
    """The last change as the page tells it; `told` is empty when there is none."""

    revision: int = 0
    told: str = ""
    made: str = ""
    made_exact: str = ""


class UndoPart(OpenPart, mixin=True):
    """The line “Last change … Undo” above the rows."""

    last_change: ChangeLine = ChangeLine()
    undoing: bool = False

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def undo(self, revision: int):
        """Take back the change that made this revision of the list; refused when another one followed."""
        if self.undoing:
            return
        self.undoing = True
        yield
        try:
            restored = await transact(enrichment.undo, self.enrichment_id, revision=revision)
            yield rx.toast.info(f"Undone: {restored:,} {'cell is' if restored == 1 else 'cells are'} as before.")
        except Conflict as error:
            yield rx.toast.error(error.message)
        finally:
            self.undoing = False
        yield self._reload()

    def _show_change(self, change: ChangeView | None) -> None:
        self.last_change = change_line(change, person().timezone) if change is not None else ChangeLine()

    def _told_with_undo(self, message: str, *, revision: int) -> Any:
        """A toast about a change, with its undoing. `revision` is what the change has made of the list's."""
        return rx.toast.success(
            message, duration=10_000, action=ToastAction(label="Undo", on_click=type(self).undo(revision))
        )


def change_line(change: ChangeView, timezone: str) -> ChangeLine:
    """What was changed and when. `timezone` is the reader's."""
    name = f"“{change.name}”" if change.name else "beyond the columns"
    if change.row is not None:
        told = f"Row {change.row:,}, {name} was changed"
    else:
        told = f"{change.cells:,} cells of {name} were changed"
    return ChangeLine(change.revision, told, ago(change.at), exact(change.at, timezone))

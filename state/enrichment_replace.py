"""Find and replace in a column of the open list: how many cells it would change is said before it is done."""

from __future__ import annotations

from typing import Any

import reflex as rx

from cursive_app.errors import Conflict, CursiveError, Unauthenticated
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from db.scope import Scope
from state.base import allow, transact
from state.enrichment_undo import UndoPart

LONGEST = 1_000


class ReplacePart(UndoPart, mixin=True):
    """The dialog “Find and replace”. `replace_count` is empty until the cells were counted, and “0” for none."""

    replacing: bool = False
    replace_pending: bool = False
    replace_error: str = ""
    replace_count: str = ""
    replace_options: list[dict[str, str]] = []
    replace_column: str = ""
    replace_match_case: bool = True

    _counted_in: int = 0  # the revision of the list whose cells were counted
    _find: str = ""
    _replace: str = ""

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    def set_replacing(self, is_open: bool):
        """Open the dialog as it is at first, or close it."""
        self.replacing, self.replace_error, self.replace_count = is_open, "", ""
        self._find = self._replace = ""

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def set_replace_column(self, column: str):
        self.replace_column = column
        await self._count()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def set_replace_find(self, text: str):
        self._find = text[:LONGEST]
        await self._count()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def set_replace_with(self, text: str):
        self._replace = text[:LONGEST]
        await self._count()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def set_replace_match_case(self, matches: bool):
        self.replace_match_case = matches
        await self._count()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def replace(self, form: dict[str, Any]):
        """Replace in every cell that was counted. What was typed or changed since is counted first, and done with the
        next press unless only the new text is another and the count is the one that was shown."""
        if not self.replacing or self.replace_pending:  # a second press of what is done already
            return
        names = ("replace-column", "replace-find", "replace-with")
        typed = tuple(str(form.get(name, ""))[:LONGEST] for name in names)
        if not typed[1]:
            self.replace_error = "Type the text to look for."
            return
        if typed != (self.replace_column, self._find, self._replace) or not self.replace_count:
            shown = self.replace_count if typed[:2] == (self.replace_column, self._find) else ""
            self.replace_column, self._find, self._replace = typed
            await self._count()
            if not shown or self.replace_count != shown:
                return
        self.replace_pending = True
        counted_in = self._counted_in
        yield
        try:
            changed = await transact(
                enrichment.replace_in_column, self.enrichment_id, revision=counted_in, **self._wanted()
            )
        except Unauthenticated:
            raise
        except Conflict as error:
            if error.reason == "stale_version":
                await self._count_again()
            else:
                self.replace_error = error.message
            yield self._reload()
            return
        except CursiveError as error:
            self.replace_error = error.message
            return
        finally:
            self.replace_pending = False
        self.replacing = False
        told = f"{changed:,} {'cell was' if changed == 1 else 'cells were'} changed."
        yield self._told_with_undo(told, revision=counted_in + 1) if changed else rx.toast.info(told)
        yield self._reload()

    def _wanted(self) -> dict[str, Any]:
        return {
            "column": int(self.replace_column) if self.replace_column.isdecimal() else -1,
            "find": self._find,
            "replace": self._replace,
            "match_case": self.replace_match_case,
        }

    async def _count_again(self) -> None:
        await self._count()
        if self.replace_count:
            self.replace_error = "The list was changed meanwhile, so its cells were counted again."

    async def _count(self) -> None:
        """How many cells would change, as the dialog and the list stand now."""
        self.replace_error = self.replace_count = ""
        if not self._find:
            return
        try:
            revision, count = await transact(_counted, self.enrichment_id, **self._wanted())
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.replace_error = error.message
            return
        self._counted_in, self.replace_count = revision, f"{count:,}"

    def _offer_columns(self, columns: list[tuple[int, str]]) -> None:
        self.replace_options = [{"value": str(position), "label": name} for position, name in columns]
        if self.replace_column not in {option["value"] for option in self.replace_options}:
            self.replace_column = self.replace_options[0]["value"] if self.replace_options else ""


def _counted(scope: Scope, id: str, **wanted: Any) -> tuple[int, int]:
    """The revision of the list as it is now, whatever the page shows of it, and how many of its cells would change."""
    revision = enrichment.get_enrichment(scope, id).revision
    return revision, enrichment.count_in_column(scope, id, revision=revision, **wanted)

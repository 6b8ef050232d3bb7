"""What can be done with a saved segment wherever it is shown: describe, copy, share, pause, archive, delete, undo."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_sonner.toast import ToastAction

from cursive_app.errors import Conflict, CursiveError, Invalid, NotFound, Unauthenticated
from cursive_app.services import segments
from cursive_app.services.accounts import Permission
from state.base import allow, transact
from state.catching_up import catches_up
from state.segment_lines import SegmentLine, consequence_text


class ActionsPart(rx.State, mixin=True):
    """The menu of a segment and its dialogs. The page says which segments it shows and what follows a change."""

    subject: SegmentLine = SegmentLine()
    renaming: bool = False
    deleting: bool = False
    consequence: str = ""
    name_refused: str = ""
    description_refused: str = ""

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def ask_rename(self, segment_id: str):
        row = self._line(segment_id)
        if row is not None:
            self.subject, self.name_refused, self.description_refused, self.renaming = row, "", "", True

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def set_renaming(self, is_open: bool):
        self.renaming = is_open

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def rename(self, form: dict[str, Any]):
        """Give the segment another name and description."""
        self.name_refused = self.description_refused = ""
        try:
            view = await transact(
                segments.update_segment,
                self.subject.id,
                version=self.subject.version,
                name=str(form.get("name", "")),
                description=str(form.get("description", "")),
            )
        except Unauthenticated:
            raise
        except CursiveError as error:
            if isinstance(error, (Conflict, NotFound)):
                for following in await self._catch_up():
                    yield following
            fields = error.fields if isinstance(error, Invalid) else {}
            self.description_refused = fields.get("description", "")
            self.name_refused = fields.get("name", "" if self.description_refused else error.message)
            return
        self.renaming = False
        for following in await self._changed(view):
            yield following

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    @catches_up
    async def duplicate(self, segment_id: str):
        """Make a copy of one's own."""
        copy = await transact(segments.duplicate_segment, segment_id)
        yield rx.toast.success(f"Copied as “{copy.name}”.")
        yield self._copied(copy)

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    @catches_up
    async def set_status(self, segment_id: str, status: str):
        """Pause, archive or bring back."""
        row = self._line(segment_id)
        changed = await transact(segments.set_status, segment_id, status=status)
        words = {"active": "is active again", "paused": "is paused", "archived": "is archived"}
        undo = {"paused": "active", "archived": row.status if row else "active"}.get(status)
        message = f"“{changed.name}” {words[changed.status]}."
        handlers: Any = type(self)
        yield undo_toast(message, handlers.set_status(segment_id, undo)) if undo else rx.toast.success(message)
        for following in await self._changed(changed):
            yield following

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    @catches_up
    async def share(self, segment_id: str, shared: bool):
        """Show the segment to everybody in the workspace, or to its author and admins only."""
        row = self._line(segment_id)
        if row is None:
            return
        view = await transact(segments.update_segment, segment_id, version=row.version, is_shared=shared)
        yield rx.toast.success("Shared with the workspace." if shared else "Private now.")
        for following in await self._changed(view):
            yield following

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    @catches_up
    async def ask_delete(self, segment_id: str):
        """Ask, with what hangs on the segment."""
        row = self._line(segment_id)
        if row is None:
            return
        attached = await transact(segments.attached, segment_id)
        self.consequence = consequence_text(attached)
        self.subject, self.deleting = row, True
        return

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def set_deleting(self, is_open: bool):
        self.deleting = is_open

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    @catches_up
    async def delete(self):
        """Delete the segment; its leads stay, and the toast takes it back."""
        if not self.deleting:
            return  # the second half of a double click
        subject, self.deleting = self.subject, False
        await transact(segments.delete_segment, subject.id)
        handlers: Any = type(self)
        yield undo_toast(f"“{subject.name}” was deleted. Its leads stay.", handlers.restore(subject.id))
        yield self._gone()

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    @catches_up
    async def restore(self, segment_id: str):
        """Take a deletion back."""
        view = await transact(segments.restore_segment, segment_id)
        yield rx.toast.success(f"“{view.name}” is back.")
        for following in await self._changed(view):
            yield following

    def _line(self, segment_id: str) -> SegmentLine | None:
        """The segment with this id, if the page shows it."""
        return self.subject if self.subject.id == segment_id else None

    async def _changed(self, view: segments.SegmentView) -> list[Any]:
        """Show what a change has made of a segment; what else follows from it."""
        return [rx.redirect(f"/segments/{view.id}")]

    async def _catch_up(self) -> list[Any]:
        """What brings a page that is behind up to date. The page of one segment knows it by its own means."""
        return []

    def _copied(self, copy: segments.SegmentView) -> Any:
        """What follows when a copy was made."""
        return rx.redirect(f"/segments/{copy.id}")

    def _gone(self) -> Any:
        """What follows when the segment was deleted."""
        return rx.redirect("/segments")


def undo_toast(message: str, undo: Any) -> Any:
    """Say what was done, with ten seconds to take it back."""
    return rx.toast.success(message, duration=10_000, action=ToastAction(label="Undo", on_click=undo))

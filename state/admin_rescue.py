"""Taking a stuck job out of the hands it is in, from the list of stuck jobs and from the job itself.

A page mixes `RescuePart` in and says of which job it knows that its worker still answers (`_is_living`). Only then the
dialog asks first: such a job may only be slow, and its try is lost.
"""

from __future__ import annotations

from uuid import UUID

import reflex as rx

from cursive_app.errors import CursiveError, NotFound
from cursive_app.services.jobs import admin
from state.admin_base import StaffPart, as_staff, said
from state.base import allow
from state.catching_up import catches_up


class RescuePart(StaffPart, mixin=True):
    """A page for staff with jobs that can be rescued."""

    rescue_asked: str = ""  # the job that is asked about
    rescue_error: str = ""
    rescuing: str = ""

    @rx.event
    @allow("staff")
    @catches_up
    async def rescue(self, job_id: str):
        """Take the job from whoever holds it and wake it; ask first when its worker still answers."""
        if self._is_living(job_id):
            self.rescue_asked, self.rescue_error = job_id, ""
            return
        self.rescuing = job_id
        yield
        try:
            await self._rescue(job_id, from_living=False)
        finally:
            self.rescuing = ""
        yield rx.toast.success("Put back in the queue. The worker that held it can change nothing any more.")
        await self._look()

    @rx.event
    @allow("staff")
    async def rescue_living(self):
        """Take the job that was asked about, although its worker answers."""
        job_id, self.rescue_error = self.rescue_asked, ""
        self.rescuing = job_id
        yield
        try:
            await self._rescue(job_id, from_living=True)
        except CursiveError as error:
            self.rescue_error = said(error)
            return
        finally:
            self.rescuing = ""
        self.rescue_asked = ""
        yield rx.toast.success("Put back in the queue. The worker that held it can change nothing any more.")
        await self._look()

    @rx.event
    @allow("staff")
    def set_rescue_asked(self, is_open: bool):
        self.rescue_asked = self.rescue_asked if is_open else ""

    async def _rescue(self, job_id: str, *, from_living: bool) -> None:
        try:
            wanted = UUID(job_id)
        except ValueError:
            raise NotFound from None
        await as_staff(lambda actor: admin.rescue(actor, wanted, from_living=from_living))

    def _is_living(self, job_id: str) -> bool:  # noqa: ARG002  (for pages)
        return False


__all__ = ["RescuePart"]

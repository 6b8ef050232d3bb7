"""The workspace's settings, and making another workspace."""

from __future__ import annotations

import reflex as rx

from cursive_app.errors import CursiveError, Invalid
from cursive_app.services import accounts
from cursive_app.services.accounts import Permission
from state.base import allow, ask, person, renew, tenant, transact
from state.session import SessionState
from state.times import exact


class WorkspaceState(rx.State):
    """`/settings/workspace`."""

    status: str = "loading"
    error: str = ""
    workspace_id: str = ""
    name: str = ""
    slug: str = ""
    timezone: str = "UTC"
    created: str = ""
    can_edit: bool = False
    saving: bool = False
    errors: dict[str, str] = {}
    creating: bool = False
    create_error: str = ""

    @rx.event(supersedes=True)
    @allow("signed_in")
    async def load(self):
        """Show the workspace."""
        await self._read()

    async def _read(self) -> None:
        try:
            found = await transact(accounts.workspace_details)
        except CursiveError as error:
            self.status, self.error = "error", error.message
            return
        self.workspace_id, self.name, self.slug = str(found.id), found.name, found.slug
        self.timezone, self.created = found.timezone, exact(found.created_at, person().timezone)
        self.can_edit = accounts.allows(tenant(), Permission.MANAGE_WORKSPACE)
        self.errors, self.status = {}, "ready"

    @rx.event
    @allow(Permission.MANAGE_WORKSPACE)
    async def save(self, form: dict[str, str]):
        """Rename the workspace, set its time zone."""
        self.saving, self.errors = True, {}
        yield
        try:
            await transact(accounts.update_workspace, name=form.get("name", ""), timezone=form.get("timezone", ""))
        except Invalid as error:
            self.errors = error.fields
            return
        finally:
            self.saving = False
        (await self.get_state(SessionState))._show(await renew(touch=True))
        await self._read()
        yield rx.toast.success("Saved.")

    @rx.event
    @allow("signed_in")
    async def show_create(self, open_: bool):
        """Open or close the form for another workspace."""
        self.creating, self.create_error = open_, ""

    @rx.event
    @allow("signed_in")
    async def create(self, form: dict[str, str]):
        """Make another workspace and open it; one, however often the button was pressed."""
        if not self.creating:
            return None
        try:
            await ask(accounts.create_workspace, person(), name=form.get("workspace", ""))
        except CursiveError as error:
            self.create_error = error.message
            return None
        self.creating = False
        return rx.call_script("window.location.assign('/')")

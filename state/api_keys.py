"""The API keys page. A new key is shown once: it lives in this tab's state until the dialog closes, nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from cursive_app.errors import CursiveError, Invalid
from cursive_app.services import accounts
from cursive_app.services.accounts import ApiKeyRow, Permission
from state.base import allow, ask, person, transact
from state.catching_up import catches_up
from state.permission_words import SCOPE_WORDS
from state.times import ago, exact


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key as the table shows it."""

    id: str
    name: str
    prefix: str
    scopes: str
    state: str
    created_by: str
    created: str
    used: str
    used_exact: str
    expires: str


class ApiKeysState(rx.State):
    """`/settings/api-keys`."""

    status: str = "loading"
    error: str = ""
    rows: list[KeyLine] = []
    creating: bool = False
    saving: bool = False
    errors: dict[str, str] = {}
    new_key: str = ""
    new_name: str = ""
    rotating_id: str = ""
    rotating_name: str = ""
    revoking_id: str = ""
    revoking_name: str = ""

    @rx.event(supersedes=True)
    @allow("signed_in")
    async def load(self):
        """List the keys."""
        self.new_key = ""
        await self._read()

    async def _read(self) -> None:
        timezone = person().timezone
        try:
            found = await transact(accounts.list_api_keys)
        except CursiveError as error:
            self.status = "forbidden" if error.status == 403 else "error"
            self.error = error.message
            return
        self.rows = [_line(row, timezone) for row in found]
        self.status = "ready" if self.rows else "empty"

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    async def show_create(self, open_: bool):
        """Open or close the form."""
        self.creating, self.errors = open_, {}

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    async def create(self, form: dict[str, str | bool | None]):
        """Make a key, after asking for the password again. The second half of a double click makes no second one."""
        if self.new_key:
            return
        self.saving, self.errors = True, {}
        yield
        scopes = [scope for scope in SCOPE_WORDS if form.get(f"scope_{scope}")]
        try:
            days = _number(form.get("days"), "days")
            await ask(accounts.confirm_password, person(), password=str(form.get("password", "")))
            made = await transact(
                accounts.create_api_key,
                name=str(form.get("name", "")),
                scopes=scopes,
                days=days,
            )
        except Invalid as error:
            self.errors = error.fields or {"name": error.message}
            return
        except CursiveError as error:
            self.errors = {"name": error.message}
            return
        finally:
            self.saving = False
        self.creating, self.new_key, self.new_name = False, made.key, made.name
        await self._read()

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    async def close_new(self, open_: bool):
        """The new key was seen; forget it."""
        if not open_:
            self.new_key = self.new_name = ""

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    async def ask_rotate(self, key_id: str):
        """Open the form that replaces this key."""
        line = next((one for one in self.rows if one.id == key_id and one.state == "active"), None)
        self.rotating_id, self.rotating_name = (line.id, line.name) if line else ("", "")
        self.errors = {}

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    async def set_rotating(self, open_: bool):
        """The form was closed."""
        if not open_:
            self.rotating_id = ""

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    async def rotate(self, form: dict[str, str | bool | None]):
        """Make the successor, after asking for the password again; the old key ends after the chosen overlap."""
        if not self.rotating_id:
            return
        self.saving, self.errors = True, {}
        yield
        try:
            overlap, days = _number(form.get("overlap"), "overlap"), _number(form.get("rotate_days"), "days")
            await ask(accounts.confirm_password, person(), password=str(form.get("rotate_password", "")))
            made = await transact(
                accounts.rotate_api_key,
                key_id=self.rotating_id,
                overlap_hours=accounts.DEFAULT_OVERLAP if overlap is None else overlap,
                days=days,
            )
        except Invalid as error:
            self.errors = error.fields or {"password": error.message}
            return
        except CursiveError as error:
            self.errors = {"password": error.message}
            return
        finally:
            self.saving = False
        self.rotating_id, self.new_key, self.new_name = "", made.key, made.name
        await self._read()

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    async def ask_revoke(self, key_id: str):
        """Open the question whether to revoke this key."""
        line = next((one for one in self.rows if one.id == key_id), None)
        self.revoking_id, self.revoking_name = (line.id, line.name) if line else ("", "")

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    async def set_revoking(self, open_: bool):
        """The dialog was closed."""
        if not open_:
            self.revoking_id = ""

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    @catches_up
    async def revoke(self):
        """End the key at once."""
        target, self.revoking_id = self.revoking_id, ""
        if not target:
            return None
        await transact(accounts.revoke_api_key, key_id=target)
        await self._read()
        return rx.toast.success(f"“{self.revoking_name}” is revoked.")

    async def _catch_up(self) -> list[Any]:
        await self._read()
        return []


def _number(value: object, field: str) -> int | None:
    """What a list of numbers posted; None for its first, empty entry. Raises Invalid."""
    text = str(value or "")
    if text and not (text.isdecimal() and text.isascii() and len(text) < 6):
        raise Invalid(fields={field: "Choose from the list."})
    return int(text) if text else None


def _line(row: ApiKeyRow, timezone: str) -> KeyLine:
    return KeyLine(
        id=str(row.id),
        name=row.name,
        prefix=f"{row.prefix}…",
        scopes=", ".join(SCOPE_WORDS.get(scope, scope) for scope in row.scopes),
        state=row.state,
        created_by=row.created_by,
        created=exact(row.created_at, timezone),
        used=ago(row.last_used_at) if row.last_used_at else "Never",
        used_exact=exact(row.last_used_at, timezone) if row.last_used_at else "Never used",
        expires=exact(row.expires_at, timezone) if row.expires_at else "Never",
    )

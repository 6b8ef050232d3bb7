"""Who is acting, as every edge sees it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from db.roles import Role
from db.scope import Tenant

TokenStanding = Literal["current", "due", "replaced"]
"""due: the browser should ask for a new token. replaced: it was given one, so a socket that still bears this one should
be opened anew."""


@dataclass(frozen=True, slots=True)
class WorkspaceChoice:
    """A workspace the person may switch to."""

    id: UUID
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person. `tenant` is None while the address is unverified or no workspace is left: nothing of any
    workspace can then be reached. `staff_role` is what platform staff may do ('read_only', 'operate', 'all'), None for
    everybody else. `available` and `held` are credits of the current workspace. `standing` is that of the token the
    person came with."""

    tenant: Tenant | None
    user_id: UUID
    email: str
    name: str
    is_staff: bool
    staff_role: str | None
    session_id: UUID
    workspace_id: UUID | None
    workspace_name: str
    role: Role | None
    timezone: str
    email_verified: bool
    workspaces: tuple[WorkspaceChoice, ...]
    available: Decimal | None
    held: Decimal | None
    is_demo: bool
    standing: TokenStanding = "current"

    @property
    def label(self) -> str:
        """How history and greetings name the person."""
        return self.name or self.email

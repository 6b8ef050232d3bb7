"""The demo workspace of development: people who can log in, credits, saved segments and one real run.

Made through the same services as everybody's data, so nothing in it is painted: the leads are what the run of one
segment delivered, and the statement shows what it cost. Never in production.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from argon2 import PasswordHasher
from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.errors import Forbidden
from cursive_app.settings import Settings
from db.models.accounts import Membership, User, Workspace
from db.roles import Role
from db.system import SystemScope, system_scope

WORKSPACE_NAME = "Harbor & Pine"
WORKSPACE_SLUG = "harbor-and-pine"
PASSWORD = "maple-harbor-lantern-27"  # noqa: S105  (development only, printed on purpose)


@dataclass(frozen=True, slots=True)
class Login:
    """One person of the demo; `purpose` is what the operator is told about them."""

    email: str
    name: str
    role: Role
    purpose: str
    is_staff: bool = False


LOGINS = (
    Login("demo@example.com", "Dana Whitfield", Role.OWNER, "owner of the workspace: start here"),
    Login("member@example.com", "Marco Ellison", Role.MEMBER, "member: runs segments, cannot manage the team"),
    Login("viewer@example.com", "Vera Lindqvist", Role.READ_ONLY, "read-only: sees leads, cannot spend"),
    Login("staff@example.com", "Sam Okafor", Role.ADMIN, "admin of the workspace and platform staff", is_staff=True),
)


def ensure_demo(config: Settings) -> bool:
    """Create what is missing of the demo. Returns whether the workspace is new. Raises Forbidden in production."""
    if config.is_production:
        raise Forbidden("The demo workspace is never created in production.")
    with system_scope() as scope:
        existing = scope.session.scalar(select(Workspace.id).where(Workspace.slug == WORKSPACE_SLUG))
        if existing is not None:
            return False
        workspace = scope.add(Workspace(name=WORKSPACE_NAME, slug=WORKSPACE_SLUG, is_demo=True)).id
        for login in LOGINS:
            _add_person(scope, workspace, login)
    return True


def _add_person(scope: SystemScope, workspace: UUID, login: Login) -> UUID:
    user = scope.session.scalar(select(User).where(User.email_norm == login.email))
    if user is None:
        user = scope.add(
            User(
                email=login.email,
                email_norm=login.email,
                name=login.name,
                password_hash=PasswordHasher().hash(PASSWORD),
                email_verified_at=now(),
                is_staff=login.is_staff,
            )
        )
    scope.add(Membership(workspace_id=workspace, user_id=user.id, role=login.role.value))
    return user.id

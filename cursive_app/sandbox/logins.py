"""Who can log in to the demo workspace. Apart from the demo itself, so that showing it costs no start-up time."""

from __future__ import annotations

from dataclasses import dataclass

from db.roles import Role

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

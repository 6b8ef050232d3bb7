"""Makers of test data. Alice owns a workspace, Bob is a member of it, Charlie owns another and must see nothing."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from cursive_app.clock import now
from db.models.accounts import Membership, User, Workspace
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope


@dataclass(frozen=True, slots=True)
class Cast:
    alice: Tenant
    bob: Tenant
    charlie: Tenant

    @property
    def workspace_id(self) -> UUID:
        return self.alice.workspace_id


def make_user(name: str = "Alice") -> UUID:
    """A verified person without a password."""
    address = f"{name.lower()}-{uuid4().hex[:10]}@example.com"
    with system_scope() as scope:
        return scope.add(User(email=address, email_norm=address, name=name, email_verified_at=now())).id


def make_workspace(name: str = "Acme") -> UUID:
    with system_scope() as scope:
        return scope.add(Workspace(name=name, slug=f"{name.lower()}-{uuid4().hex[:10]}")).id


def make_member(workspace_id: UUID, user_id: UUID, role: Role = Role.MEMBER) -> Tenant:
    """Put a person on a team; the tenant they then act as."""
    with system_scope() as scope:
        scope.add(Membership(workspace_id=workspace_id, user_id=user_id, role=role.value))
    return Tenant(workspace_id=workspace_id, user_id=user_id, role=role)


def make_cast() -> Cast:
    acme, other = make_workspace("Acme"), make_workspace("Other")
    return Cast(
        alice=make_member(acme, make_user("Alice"), Role.OWNER),
        bob=make_member(acme, make_user("Bob"), Role.MEMBER),
        charlie=make_member(other, make_user("Charlie"), Role.OWNER),
    )

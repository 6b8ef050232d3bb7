"""The demo workspace of development: people who can log in, credits, saved segments and one real run.

Made through the same services as everybody's data, so nothing in it is painted: the leads are what the run of one
segment delivered, and the statement shows what it cost. Never in production.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import stamina
from sqlalchemy import func, select

from cursive_app.clock import now
from cursive_app.errors import Forbidden, Unavailable
from cursive_app.sandbox.logins import LOGINS, PASSWORD, WORKSPACE_NAME, WORKSPACE_SLUG, Login
from cursive_app.services import credits, segments
from cursive_app.services.accounts.passwords import hash_password
from cursive_app.settings import Settings
from db.models.accounts import Membership, User, Workspace
from db.models.segments import SavedSegment
from db.roles import Role
from db.scope import Tenant
from db.system import SystemScope, system_scope

CREDITS = Decimal(250)
FIRST_RUN_LEADS = 40
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """One segment of the demo, in the grammar of `services.segments.filters`."""

    name: str
    description: str
    scope: str
    conditions: tuple[dict[str, Any], ...]
    max_leads: int | None = None

    @property
    def filters(self) -> dict[str, Any]:
        return {"version": 1, "scope": self.scope, "where": {"all": list(self.conditions)}}


SEGMENTS = (
    SavedFilter(
        "Sales VPs",
        "Who signs for tools like ours.",
        "provider",
        ({"field": "seniority", "include": ["vp"]}, {"field": "department", "include": ["sales"]}),
        max_leads=FIRST_RUN_LEADS,
    ),
    SavedFilter(
        "Marketing directors on the coasts",
        "For the spring event. Ready to run.",
        "provider",
        (
            {"field": "seniority", "include": ["director"]},
            {"field": "department", "include": ["marketing"]},
            {"field": "state", "include": ["CA", "NY", "WA", "MA"]},
        ),
        max_leads=25,
    ),
    SavedFilter(
        "Leads with a verified e-mail",
        "Of what we own already: safe to write to first.",
        "leads",
        ({"field": "has_verified_email", "is": True},),
    ),
)


def ensure_demo(config: Settings) -> bool:
    """Create what is missing of the demo. Returns whether anything was. Raises Forbidden in production.

    The first segment's run is queued here and worked on as soon as a worker and the sandbox are there. With a real
    provider configured nothing is run, because that would spend real money. A database that is not ready for it yet
    (Unavailable) is asked again for a minute.
    """
    if config.is_production:
        raise Forbidden("The demo workspace is never created in production.")
    # The database has just started, perhaps after a crash, on a machine that is busy with everything else as well.
    for attempt in stamina.retry_context(on=Unavailable, attempts=None, timeout=PATIENCE_SECONDS):
        with attempt:
            return _create_missing(config)
    raise AssertionError("retry_context ends with an answer or an error")


def _create_missing(config: Settings) -> bool:
    with system_scope() as scope:
        owner = _people(scope)
    with owner.begin() as scope:
        # Deleted ones count: what a person removed from the demo must not come back with the next start.
        if scope.session.scalar(select(func.count()).select_from(SavedSegment).where(scope.owned(SavedSegment))):
            return False
        saved = [
            segments.create_segment(
                scope,
                name=one.name,
                description=one.description,
                filters=one.filters,
                max_leads=one.max_leads,
            )
            for one in SEGMENTS
        ]
        if config.provider_is_sandbox:
            segments.start_run(scope, saved[0].id, max_leads=FIRST_RUN_LEADS, idempotency_key="demo:first-run")
    return True


def _people(scope: SystemScope) -> Tenant:
    """The workspace, its people and its credits; the owner as a tenant."""
    workspace = scope.session.scalar(select(Workspace).where(Workspace.slug == WORKSPACE_SLUG))
    if workspace is None:
        workspace = scope.add(Workspace(name=WORKSPACE_NAME, slug=WORKSPACE_SLUG, is_demo=True))
    ids = [_person(scope, workspace.id, login) for login in LOGINS]
    credits.grant(
        scope,
        workspace_id=workspace.id,
        amount=CREDITS,
        key=f"demo:{workspace.id}",
        description="Credits of the demo workspace",
    )
    return Tenant(workspace_id=workspace.id, user_id=ids[0], role=Role.OWNER)


def _person(scope: SystemScope, workspace: UUID, login: Login) -> UUID:
    user = scope.session.scalar(select(User).where(User.email_norm == login.email))
    if user is not None:
        return user.id
    user = scope.add(
        User(
            email=login.email,
            email_norm=login.email,
            name=login.name,
            password_hash=hash_password(PASSWORD),
            email_verified_at=now(),
            staff_role="all" if login.is_staff else None,
        )
    )
    scope.add(Membership(workspace_id=workspace, user_id=user.id, role=login.role.value))
    return user.id

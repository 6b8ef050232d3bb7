"""On whose behalf a job acts now: rights are looked up again for every attempt, never carried in the job (T9, T15)."""

from __future__ import annotations

from sqlalchemy import select

from cursive_app.services import accounts
from cursive_app.services.accounts import Permission
from cursive_app.services.jobs.views import ClaimedJob
from db.models.accounts import Membership, User, Workspace
from db.models.jobs import Job
from db.roles import Role
from db.scope import Tenant
from db.system import SystemScope, system_scope


def actor_of(scope: SystemScope, row: Job) -> tuple[Tenant, str | None]:
    """The tenant of a job's actor with today's rights, and why they lost access (None: they did not)."""
    workspace = scope.session.get(Workspace, row.workspace_id)
    if workspace is None or workspace.deleted_at is not None:
        return _powerless(row), "The workspace has been deleted."
    if row.actor_kind == "api_key":
        return _of_key(scope, row)
    if row.actor_kind == "user":
        return _of_person(scope, row)
    return Tenant(workspace_id=row.workspace_id, user_id=None, role=Role.OWNER), None


def access_lost(claimed: ClaimedJob, *, need: Permission | None = None) -> str | None:
    """Look again, between two chunks: why the actor may no longer act, or None.

    `need` is what the work asks of whoever started it: a role that was taken away stops it as well.
    """
    with system_scope() as scope:
        row = scope.get(Job, claimed.job_id)
        tenant, lost = actor_of(scope, row)
        if lost is None and need is not None and not accounts.allows(tenant, need):
            return f"{row.actor_label or 'The person who started this'} may no longer do this."
        return lost


def _of_person(scope: SystemScope, row: Job) -> tuple[Tenant, str | None]:
    role = scope.session.scalar(
        select(Membership.role)
        .join(User, User.id == Membership.user_id)
        .where(
            Membership.workspace_id == row.workspace_id,
            Membership.user_id == row.actor_user_id,
            User.deleted_at.is_(None),
        )
    )
    if role is None:
        return _powerless(row), f"{row.actor_label or 'The person who started this'} is no longer in the workspace."
    return Tenant(workspace_id=row.workspace_id, user_id=row.actor_user_id, role=Role(role)), None


def _of_key(scope: SystemScope, row: Job) -> tuple[Tenant, str | None]:
    rights = accounts.rights_of_key(scope, key_id=row.actor_api_key_id, workspace_id=row.workspace_id)
    if rights is None or rights.tenant is None:
        return _powerless(row), rights.lost if rights is not None else "The API key that started this is gone."
    return rights.tenant, None


def _powerless(row: Job) -> Tenant:
    return Tenant(workspace_id=row.workspace_id, user_id=None, role=Role.READ_ONLY, scopes=frozenset())

"""Who may do what in the staff's pages, and the record of it (JOB-12, JOB-13).

People who are not staff learn nothing: everything here reads to them as if it did not exist. What staff do or are
refused is written to `staff_actions`, and what they did to a customer's job also to that customer's audit trail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import text

from cursive_app.errors import Conflict, Forbidden, InsufficientCredits, Invalid, NotFound
from cursive_app.services.accounts.principal import Principal
from cursive_app.services.jobs.admin.views import StaffActor, StaffRole
from cursive_app.services.jobs.causes import clean
from db.models.accounts import AuditEntry
from db.models.jobs import Job, StaffAction
from db.roles import Role
from db.scope import Scope, Tenant
from db.system import SystemScope, system_scope

SUPPORT = "Cursive support"  # how a customer's history names staff
SHORTEST_REASON, LONGEST_REASON = 3, 500
_ORDER: tuple[StaffRole, ...] = ("read_only", "operate", "all")
_WORDS = {"read_only": "read-only", "operate": "operate", "all": "all"}
_SET_WORKSPACE = text("SELECT set_config('app.workspace_id', :workspace, true)")


def staff_actor(principal: Principal | None) -> StaffActor:
    """The member of staff behind a session. Raises NotFound for everybody else, signed in or not (T13: no oracle)."""
    role = principal.staff_role if principal is not None else None
    if principal is None or role not in _ORDER:
        raise NotFound(object_type="staff_page")
    return StaffActor(user_id=principal.user_id, label=principal.label, role=role)


def has_role(actor: StaffActor, need: StaffRole) -> bool:
    return _ORDER.index(actor.role) >= _ORDER.index(need)


def require_staff(
    actor: StaffActor, need: StaffRole, *, attempted: str = "", object_type: str = "job", object_id: object = None
) -> None:
    """Refuse what the role does not allow; the refusal is written down. Raises Forbidden."""
    if has_role(actor, need):
        return
    with system_scope() as scope:
        record_action(
            scope, actor, action=f"refused.{attempted}", object_type=object_type, object_id=object_id, need=need
        )
    raise Forbidden(f"This needs the staff role “{_WORDS[need]}”; yours is “{_WORDS[actor.role]}”.", permission=need)


def record_action(
    scope: SystemScope, actor: StaffActor, *, action: str, object_type: str, object_id: object = None, **details: Any
) -> None:
    """Write what was done, in the transaction that does it. `details`: JSON values."""
    scope.add(
        StaffAction(
            actor_user_id=actor.user_id,
            actor_label=actor.label,
            action=action,
            object_type=object_type,
            object_id=str(object_id) if object_id is not None else None,
            details={"role": actor.role, **details},
        )
    )


@contextmanager
def refusal_noted(actor: StaffActor, attempted: str, id: UUID) -> Iterator[None]:
    """Write down what the job's own state refused, once the refused transaction has been rolled back."""
    try:
        yield
    except (Conflict, InsufficientCredits, Invalid, NotFound) as error:
        with system_scope() as scope:
            record_action(
                scope, actor, action=f"refused.{attempted}", object_type="job", object_id=id, reason=error.message
            )
        raise


def record_for_customer(scope: SystemScope, row: Job, *, action: str, **details: Any) -> None:
    """The same in the trail of the workspace that owns the job. Customers do not learn which person it was."""
    scope.add(
        AuditEntry(
            workspace_id=row.workspace_id,
            actor_user_id=None,
            actor_label=SUPPORT,
            action=action,
            object_type="job",
            object_id=str(row.id),
            details={"title": row.title, **details},
        )
    )


def scope_of(scope: SystemScope, workspace_id: UUID) -> Scope:
    """The workspace's own view of the same transaction, for use cases that act inside one workspace."""
    scope.session.execute(_SET_WORKSPACE, {"workspace": str(workspace_id)})
    tenant = Tenant(workspace_id=workspace_id, user_id=None, role=Role.OWNER)
    return Scope(tenant=tenant, session=scope.session)


def read_reason(reason: str) -> str:
    """Why staff pause or resume something. Raises Invalid."""
    said = clean(" ".join(reason.split()))
    if not SHORTEST_REASON <= len(said) <= LONGEST_REASON:
        raise Invalid(fields={"reason": f"Give a reason of {SHORTEST_REASON} to {LONGEST_REASON} characters."})
    return said

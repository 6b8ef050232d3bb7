"""Which columns of the leads list a person sees; remembered per person and workspace."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import JSON, cast, func, select, update

from cursive_app.errors import Invalid
from cursive_app.services.accounts.permissions import Permission, require
from db.models.accounts import Membership
from db.scope import Scope

COLUMNS = (
    "title", "company", "email", "phone", "seniority", "department", "industry", "company_size", "city", "state",
    "source", "created",
)  # fmt: skip
DEFAULT_COLUMNS = ("title", "company", "email", "phone", "seniority", "state", "created")
_KEY = "leads.columns"


def shown_columns(scope: Scope) -> tuple[str, ...]:
    """The columns beside the name, in the list's order; the default ones until somebody chooses."""
    require(scope, Permission.VIEW_LEADS)
    chosen = scope.session.scalar(select(Membership.preferences[_KEY]).where(*_mine(scope)))
    if not isinstance(chosen, list):
        return DEFAULT_COLUMNS
    return tuple(name for name in COLUMNS if name in chosen)


def choose_columns(scope: Scope, *, columns: Sequence[str]) -> tuple[str, ...]:
    """Remember the columns for this person. Raises Invalid for a column there is not."""
    require(scope, Permission.VIEW_LEADS)
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise Invalid(fields={"columns": f"There is no column {unknown[0][:40]}."})
    ordered = [name for name in COLUMNS if name in columns]
    merged = Membership.preferences.op("||")(func.jsonb_build_object(_KEY, cast(ordered, JSON)))
    scope.session.execute(update(Membership).where(*_mine(scope)).values(preferences=merged))
    return tuple(ordered)


def _mine(scope: Scope) -> tuple:
    return scope.owned(Membership), Membership.user_id == scope.tenant.user_id

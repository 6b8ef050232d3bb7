"""Somebody of the staff who logs in, and the addresses of their pages."""

from __future__ import annotations

from urllib.parse import quote

from db.models.accounts import User
from db.scope import Tenant
from db.system import system_scope
from tests.state.driver import sign_in


def as_staff(tenant: Tenant, role: str = "all") -> str:
    """The tenant's person becomes staff and logs in; the value for a Cookie header."""
    with system_scope() as scope:
        scope.get(User, tenant.user_id).staff_role = role  # type: ignore[arg-type]
    return sign_in(tenant)


def at(query: str, more: str = "") -> str:
    return f"/admin/jobs?q={quote(query)}{more}"

"""Who of the staff sends an API request: only a session of theirs, never a key."""

from __future__ import annotations

from fastapi import Depends, Request

from cursive_app.api.auth import tenant_of
from cursive_app.api.cookies import session_token
from cursive_app.errors import NotFound
from cursive_app.services import accounts
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import StaffActor
from db.scope import Tenant

NOTHING_HERE = "There is nothing at this address."  # word for word what an unknown address answers


def staff_of(request: Request, tenant: Tenant = Depends(tenant_of)) -> StaffActor:
    """The member of staff whose session this is. Raises NotFound for everybody else."""
    token = session_token(request.headers.get("cookie")) if tenant.api_key_id is None else None
    principal = accounts.authenticate(token, touch=False) if token else None
    try:
        return admin.staff_actor(principal)
    except NotFound:
        raise NotFound(NOTHING_HERE, object_type="staff_page") from None

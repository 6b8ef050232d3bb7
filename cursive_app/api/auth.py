"""Who sends an API request: an API key in a header, or our own pages with the session cookie.

A cookie travels by itself, so a request that changes something must also prove that our own page sent it (D-15). A key
is read from headers only, never from a query string, where it would end in logs.
"""

from __future__ import annotations

from fastapi import Request

from cursive_app.api.cookies import session_token
from cursive_app.api.origin import require_same_origin
from cursive_app.errors import Forbidden, Unauthenticated
from cursive_app.services import accounts
from db.scope import Tenant

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
NO_CREDENTIALS = "Send an API key as “Authorization: Bearer cur_…”, or log in."


def tenant_of(request: Request) -> Tenant:
    """The workspace and role of a request under /api/v1: `tenant: Tenant = Depends(tenant_of)`.

    Decided once per request, before the route. Raises Unauthenticated.
    """
    tenant = getattr(request.state, "tenant", None)
    if not isinstance(tenant, Tenant):
        raise Unauthenticated(NO_CREDENTIALS)
    return tenant


def authenticate(request: Request) -> Tenant:
    """Work out the tenant from the request's headers. Raises Unauthenticated and Forbidden."""
    presented = _presented_key(request)
    if presented is not None:
        return accounts.authenticate_key(presented)
    token = session_token(request.headers.get("cookie"))
    principal = accounts.authenticate(token) if token else None
    if principal is None:
        raise Unauthenticated(NO_CREDENTIALS)
    if request.method not in SAFE_METHODS:
        require_same_origin(request)
    if principal.tenant is None:
        raise Forbidden("Confirm your e-mail address and join a workspace before you use the API.")
    return principal.tenant


def _presented_key(request: Request) -> str | None:
    """The key a client shows; None when it shows none. Raises Unauthenticated for another kind of Authorization."""
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise Unauthenticated(NO_CREDENTIALS)
        return value.strip()
    return request.headers.get("x-api-key")

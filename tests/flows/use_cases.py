"""One use case of a service in a transaction of its own, as the edges above the services call it."""

from __future__ import annotations

from typing import Any

from db.scope import Tenant


def do(tenant: Tenant, use_case: Any, *arguments: Any, **values: Any) -> Any:
    """What the use case answers."""
    with tenant.begin() as scope:
        return use_case(scope, *arguments, **values)

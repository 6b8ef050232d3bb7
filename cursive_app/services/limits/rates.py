"""How many requests a workspace may make: GCRA in one upsert, exact across all processes (reliability D-25, P13)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from cursive_app.errors import RateLimited
from db.scope import Tenant

# One row says everything: the moment at which the whole allowance would be back. A request moves it one step further,
# if that keeps it within one period from now. The clock is the database's, the same for all processes.
_TAKE = text(
    """
    INSERT INTO rate_limits AS r (workspace_id, name, full_at)
    VALUES (:workspace, :name, clock_timestamp() + CAST(:step AS interval))
    ON CONFLICT (workspace_id, name) DO UPDATE
       SET full_at = greatest(r.full_at, clock_timestamp()) + CAST(:step AS interval)
     WHERE greatest(r.full_at, clock_timestamp()) + CAST(:step AS interval)
           <= clock_timestamp() + CAST(:period AS interval)
    RETURNING extract(epoch FROM r.full_at - clock_timestamp())::float8
    """
)
_LOOK = text(
    "SELECT extract(epoch FROM full_at - clock_timestamp())::float8 FROM rate_limits "
    "WHERE workspace_id = :workspace AND name = :name"
)


@dataclass(frozen=True, slots=True)
class Rate:
    """`limit` requests per `period`; all of them may come at once."""

    name: str
    limit: int
    period: timedelta


API = Rate(name="api", limit=100, period=timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after a request. `reset_seconds`: until the whole allowance is back; `retry_after`: until the next
    request is allowed, 0 when this one was."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after: int


def take(tenant: Tenant, rate: Rate = API) -> Allowance:
    """Count one request of this workspace against a rate, in a transaction of its own. Raises Unavailable."""
    period = rate.period.total_seconds()
    step = period / rate.limit
    values = {
        "workspace": tenant.workspace_id,
        "name": rate.name,
        "step": rate.period / rate.limit,
        "period": rate.period,
    }
    with tenant.begin() as scope:
        taken = scope.session.scalar(_TAKE, values)
        ahead = taken if taken is not None else scope.session.scalar(_LOOK, values) or 0.0
    remaining = max(0, math.floor((period - ahead) / step + 1e-6))
    return Allowance(
        allowed=taken is not None,
        limit=rate.limit,
        remaining=remaining,
        reset_seconds=max(0, math.ceil(ahead)),
        retry_after=0 if taken is not None else max(1, math.ceil(ahead + step - period)),
    )


def require(tenant: Tenant, rate: Rate) -> Allowance:
    """As `take`. Raises RateLimited when the request is one too many."""
    allowance = take(tenant, rate)
    if not allowance.allowed:
        raise RateLimited(retry_after=allowance.retry_after)
    return allowance

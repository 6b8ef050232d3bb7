"""Limits of the REST API: how often a workspace may ask, and that asking twice acts once.

Owns `rate_limits` and `idempotency_records`. Promises P4 and P13: a repeated key gets the first answer for seven days,
and no more requests pass than the limit allows, whichever process they reach.
"""

from __future__ import annotations

from cursive_app.services.limits.idempotency import (
    Reservation,
    StoredAnswer,
    abandon,
    begin,
    check_key,
    complete,
    prune,
)
from cursive_app.services.limits.rates import API, Allowance, Rate, require, take

__all__ = [
    "API",
    "Allowance",
    "Rate",
    "Reservation",
    "StoredAnswer",
    "abandon",
    "begin",
    "check_key",
    "complete",
    "prune",
    "require",
    "take",
]

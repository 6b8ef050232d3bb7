"""Limits: how often a workspace may ask the REST API, that asking twice acts once, and how often at once we ask others.

Owns `rate_limits` and `idempotency_records`. Promises P4 and P13: a repeated key gets the first answer for seven days,
and no more requests pass than the limit allows, whichever process they reach. Nor do more calls go to the provider at
once than its account allows, whichever processes make them.
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
from cursive_app.services.limits.provider_calls import share_provider_slots
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
    "share_provider_slots",
    "take",
]

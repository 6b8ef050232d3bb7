"""Shorter waits for trials that are not about how long they last: a lease runs out in eight seconds instead of twenty.

The order of the lengths stays: a living worker beats several times within its lease, and a sweep comes more often than
a lease runs out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from types import MappingProxyType

LEASE = timedelta(seconds=8)
SHORTER: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "cursive_app.services.jobs.claims": {"STALE_AFTER": LEASE},
        "cursive_app.services.jobs.rescue": {"STALE_AFTER": LEASE, "OVERDUE": LEASE},
        "cursive_app.services.jobs.work": {"BEAT_SECONDS": 1.0},
        "cursive_app.services.jobs.leadership": {"SILENT_AFTER": LEASE},
        "cursive_app.jobs.clock": {"RESCUE_SECONDS": 1.0, "FOLLOW_SECONDS": 0.5, "CONFIRM_SECONDS": 0.5},
        "cursive_app.jobs.worker": {"STALE_AFTER": LEASE, "BEAT_SECONDS": 1.0, "POLL_SECONDS": 0.2},
    }
)


def hurry() -> None:
    """Set the shorter lengths in this process."""
    for module, values in SHORTER.items():
        names = vars(import_module(module))
        for name, value in values.items():
            assert name in names, f"{module} has no {name} any more"
            names[name] = value

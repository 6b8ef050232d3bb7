"""The credits room's tasks: the nightly proof of the ledger, and holds whose work is over."""

from __future__ import annotations

import structlog

from cursive_app.jobs.queue import RETRY, app
from cursive_app.services import credits, limits

log = structlog.get_logger(__name__)


@app.task(name="credits.reconcile", queue="default", retry=RETRY)
def reconcile() -> None:
    """Prove every balance; a difference is logged as an error and kept (services/credits/reconcile)."""
    credits.reconcile()


@app.task(name="credits.expire_holds", queue="default", retry=RETRY)
def expire_holds() -> None:
    """Release what finished jobs still hold; forget answers and counters of the API that are too old to matter."""
    released = credits.expire_holds()
    if released:
        log.warning("credits.holds_expired", released=released)
    limits.prune()

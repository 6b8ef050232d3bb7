"""The credits room's tasks: the nightly proof of the ledger, and holds whose work is over."""

from __future__ import annotations

import structlog
from procrastinate import RetryStrategy
from procrastinate.jobs import Job
from procrastinate.retry import RetryDecision

from cursive_app.jobs.queue import RETRY, app
from cursive_app.services import credits, limits

log = structlog.get_logger(__name__)


class LedgerIsOff(Exception):
    """The proof found a difference. The task fails, so that its schedule shows it, and is not tried again: the same
    sums would be off, and the findings are kept."""


class _UnlessOff(RetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        return None if isinstance(exception, LedgerIsOff) else super().get_retry_decision(exception=exception, job=job)


@app.task(
    name="credits.reconcile",
    queue="default",
    retry=_UnlessOff(max_attempts=RETRY.max_attempts, wait=RETRY.wait, exponential_wait=RETRY.exponential_wait),
)
def reconcile() -> None:
    """Prove every balance; a difference is logged as an error and kept (services/credits/reconcile), and the task
    fails. Raises LedgerIsOff."""
    proof = credits.reconcile()
    if not proof.holds:
        raise LedgerIsOff(f"{len(proof.differences):,} sums of the ledger are off; see ledger_findings.")


@app.task(name="credits.expire_holds", queue="default", retry=RETRY)
def expire_holds() -> None:
    """Release what finished jobs still hold; forget answers and counters of the API that are too old to matter."""
    released = credits.expire_holds()
    if released:
        log.warning("credits.holds_expired", released=released)
    limits.prune()

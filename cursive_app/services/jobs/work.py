"""Running one attempt of a job: claim, beat, run the flow, and end every way a flow can end (F2, F3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import structlog

from cursive_app.clock import now
from cursive_app.errors import CursiveError, RateLimited, Unavailable, UpstreamFailed
from cursive_app.services.jobs import claims
from cursive_app.services.jobs.causes import Cause, cause_of, cause_told
from cursive_app.services.jobs.claims import Interrupted, LostClaim
from cursive_app.services.jobs.views import ClaimedJob
from db.scope import Scope

log = structlog.get_logger(__name__)

BEAT_SECONDS = 5.0
LONGEST_ATTEMPT_SECONDS = 3600.0  # a flow that hangs longer stops beating and is taken over
# A flow whose job was taken over leaves at its next chunk, after a slow vendor call at most.
LOST_PATIENCE_SECONDS = 60.0
hung = threading.Event()  # set once, when a flow does not leave its thread: only another process has that slot again
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)
DATABASE_PATIENCE = 20  # tries, a second apart
UNEXPECTED = "Something unexpected went wrong on our side. Nothing more will be charged for this job."

Flow = Callable[[ClaimedJob], None]
OnDead = Callable[[Scope, ClaimedJob], None]


def work(job_id: UUID | str, flow: Flow, *, on_dead: OnDead | None = None) -> None:
    """Claim the job and run `flow` on it; returns at once when there is nothing to claim.

    The flow commits its own chunks and ends with `finish`, `fail`, `cancelled`, `pause` or `postpone`. When it raises
    instead: errors that may pass are tried again with growing pauses, at most MAX_ATTEMPTS times without progress;
    others, and the last try, fail the job. `on_dead` runs inside the transaction that fails it and gives back what
    the job holds (credits).
    """
    claimed = claims.claim(job_id)
    if claimed is None:
        return
    bound = log.bind(job_id=str(claimed.job_id), kind=claimed.kind, attempt=claimed.attempt)
    try:
        with _beating(claimed):
            if claimed.exhausted:
                tired = cause_told(
                    f"{claimed.kind}:{claimed.stage}",
                    code="too_many_attempts",
                    message=UNEXPECTED,
                    internal="No attempt moved it: each one was lost with its worker or ran out of time.",
                )
                _bury(claimed, on_dead, tired)
                return
            _attempt(claimed, flow, on_dead)
    except LostClaim:
        bound.warning("job.claim_lost")


def _attempt(claimed: ClaimedJob, flow: Flow, on_dead: OnDead | None) -> None:
    try:
        flow(claimed)
        if claims.is_held(claimed):
            raise RuntimeError(f"The flow of {claimed.kind} returned without ending or postponing its job.")
    except LostClaim:
        raise
    except Interrupted:
        with claimed.tenant.begin() as scope:
            claims.postpone(scope, claimed, until=now(), interrupted=True)
    except CursiveError as error:
        cause = cause_of(error, code=error.code, message=error.message)
        if _may_pass(error):
            _retry(claimed, on_dead, cause)
        else:
            _bury(claimed, on_dead, cause)
    except Exception as error:  # noqa: BLE001  # a defect in a flow must not take the worker along
        cause = cause_of(error, code="internal", message=UNEXPECTED)
        log.error(
            "job.defect", job_id=str(claimed.job_id), kind=claimed.kind, attempt=claimed.attempt, trace=cause.internal
        )
        _retry(claimed, on_dead, cause)


def _may_pass(error: CursiveError) -> bool:
    if isinstance(error, UpstreamFailed):
        return not error.permanent
    return isinstance(error, Unavailable | RateLimited)


def _retry(claimed: ClaimedJob, on_dead: OnDead | None, cause: Cause) -> None:
    """Put the job back with a growing pause, or bury it. A database that is just restarting is waited for: only then
    can the claim be given back before its lease runs out."""
    for _ in range(DATABASE_PATIENCE):
        try:
            _retry_once(claimed, on_dead, cause)
            return
        except Unavailable:
            claims.stopping.wait(1)
    log.warning("job.left_to_rescue", job_id=str(claimed.job_id), kind=claimed.kind)


def _retry_once(claimed: ClaimedJob, on_dead: OnDead | None, cause: Cause) -> None:
    with claimed.tenant.begin() as scope:
        attempt = claims.attempts(scope, claimed)  # progress within this attempt has reset the count
        if attempt < claims.MAX_ATTEMPTS:
            pause = min(FIRST_RETRY * 2 ** (attempt - 1), LONGEST_RETRY)
            text = f"A step failed; trying again in {int(pause.total_seconds())} seconds"
            until = now() + pause
            claims.postpone(scope, claimed, until=until, message=text, counts_as_attempt=True, cause=cause)
            return
    _bury(claimed, on_dead, cause)


def _bury(claimed: ClaimedJob, on_dead: OnDead | None, cause: Cause) -> None:
    with claimed.tenant.begin() as scope:
        if on_dead is not None:
            on_dead(scope, claimed)
        claims.fail(scope, claimed, code=cause.code, message=cause.message, cause=cause)


@contextmanager
def _beating(claimed: ClaimedJob) -> Iterator[None]:
    """Beat in the background while the flow works, so that one slow vendor call does not look like death.

    A flow that works for longer than any may, or goes on after its job was taken from it, has `hung` set: a thread
    cannot be ended from outside, and the next try would hang in another one until nobody is served any more (F37).
    """
    done = threading.Event()

    def beat() -> None:
        if _beat_until(done, claimed) and not done.wait(LOST_PATIENCE_SECONDS):
            log.error("job.hangs", job_id=str(claimed.job_id), kind=claimed.kind, attempt=claimed.attempt)
            hung.set()

    thread = threading.Thread(target=beat, name=f"beat-{claimed.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=BEAT_SECONDS)


def _beat_until(done: threading.Event, claimed: ClaimedJob) -> bool:
    """Beat until the flow is done, or until its time is up or its job is no longer its own; whether it goes on then."""
    deadline = time.monotonic() + LONGEST_ATTEMPT_SECONDS
    while not done.wait(BEAT_SECONDS):
        if time.monotonic() >= deadline:
            return True
        try:
            claims.beat(claimed)
        except LostClaim:
            return True
        except CursiveError as error:
            log.warning("job.heartbeat_failed", job_id=str(claimed.job_id), error=error.code)
    return False

"""When the provider asks for time, or is not asked at all because it has not been answering: the whole run waits.

Both are about the account, not about one chunk, so no chunk is nearer to being given up for it. What was asked for is
honoured (contract §1) up to an hour at a time. Only when it goes on for long does it count as an error like others.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cursive_app.clock import now
from cursive_app.integrations.audiencelab import ProviderRateLimited, ProviderUnavailable
from cursive_app.services import jobs
from cursive_app.services.enrichment.chunks import FIRST_RETRY, LONGEST_RETRY
from cursive_app.services.jobs import ClaimedJob
from cursive_app.services.jobs.causes import Cause
from db.models.jobs import Job

LONGEST_WAIT = timedelta(hours=1)  # however long the provider asks for
PATIENCE = {ProviderRateLimited: timedelta(hours=24), ProviderUnavailable: timedelta(hours=1)}
_NOTED_AS = "throttled"


def wait_out(claimed: ClaimedJob, error: ProviderRateLimited | ProviderUnavailable, cause: Cause) -> bool:
    """Put the run off as long as the provider asks, and longer each time it asks again. False, and nothing is done,
    when it has done so for longer than PATIENCE without one answer in between. Raises LostClaim."""
    moment = now()
    with claimed.tenant.begin() as scope:
        jobs.advance(scope, claimed)
        noted: dict[str, Any] = scope.get(Job, claimed.job_id).arguments.get(_NOTED_AS) or {}
        since = datetime.fromisoformat(noted["since"]) if noted else moment
        if moment - since > PATIENCE[type(error)]:
            return False
        times = int(noted.get("times") or 0) + 1
        wait = _wait(error, times=times)
        told = times & (times - 1) == 0  # the first, second, fourth, eighth … time: a day of it is no flood of lines
        jobs.advance(
            scope,
            claimed,
            arguments={_NOTED_AS: {"since": since.isoformat(), "times": times}},
            message=f"The provider is busy; asking again in {_spoken(wait)}" if told else None,
            cause=cause if told else None,
        )
        jobs.postpone(scope, claimed, until=moment + wait, stage="waiting")
    return True


def forget_waits(claimed: ClaimedJob) -> None:
    """The provider has answered: the next wait is a first one again. Raises LostClaim."""
    if claimed.arguments.get(_NOTED_AS):
        with claimed.tenant.begin() as scope:
            jobs.advance(scope, claimed, arguments={_NOTED_AS: None})


def _wait(error: ProviderRateLimited | ProviderUnavailable, *, times: int) -> timedelta:
    """An open breaker asks again after its seconds; a provider that refuses is asked less and less often."""
    asked = timedelta(seconds=min(error.retry_after, LONGEST_WAIT.total_seconds()))
    if isinstance(error, ProviderUnavailable):
        return max(asked, FIRST_RETRY)
    return max(asked, min(FIRST_RETRY * 2 ** min(times - 1, 10), LONGEST_RETRY))


def _spoken(wait: timedelta) -> str:
    seconds = round(wait.total_seconds())
    return f"{seconds} seconds" if seconds < 120 else f"{round(seconds / 60)} minutes"

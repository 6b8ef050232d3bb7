"""The tags of jobs (JOB-02): facts that staff search for and that no other qualifier says.

The code that opens a job or acts on it sets them, from what it knows and never from what somebody wrote, so a tag can
carry nothing that is masked. There are no others: a new one is a line here and the place that sets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from db.models.jobs import Job
from db.scope import Tenant

Tag = Literal["person", "api", "system", "dry-run", "demo", "retry", "edited", "rescued", "staff"]

TAGS: dict[str, str] = {
    "person": "started by somebody who was logged in",
    "api": "started with an API key",
    "system": "started by Cursive itself",
    "dry-run": "the free sample of a list",
    "demo": "of the demo workspace",
    "retry": "taken up again after it failed, or a run of what an earlier run left over",
    "edited": "retried with other arguments",
    "rescued": "taken from a worker that had fallen silent or did not get on, by the clock or by staff",
    "staff": "staff retried, stopped or rescued it",
}


def tags_at_start(tenant: Tenant, more: Iterable[Tag], *, is_demo: bool) -> list[str]:
    """The tags of a new job: who started it, what its opener knows (`more`), and whether its workspace is the demo."""
    starter: Tag = "api" if tenant.api_key_id else "person" if tenant.user_id else "system"
    return _in_order({starter, *more, *({"demo"} if is_demo else ())})


def add_tags(row: Job, *more: Tag) -> None:
    """Add to a job's tags in the transaction that makes them true; a tag it has already changes nothing."""
    row.tags = _in_order({*row.tags, *more})


def _in_order(tags: Iterable[str]) -> list[str]:
    return sorted(set(tags), key=list(TAGS).index)

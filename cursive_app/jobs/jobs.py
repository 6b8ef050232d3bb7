"""The jobs room's own task: forgetting old queue tasks, clock ticks and counted minutes."""

from __future__ import annotations

import structlog

from cursive_app.jobs.queue import RETRY, app
from cursive_app.services.jobs.pruning import prune_queue
from cursive_app.services.jobs.throughput import prune_minutes
from cursive_app.services.jobs.ticks import prune_ticks

log = structlog.get_logger(__name__)


@app.task(name="jobs.prune", queue="default", retry=RETRY)
def prune() -> None:
    log.info("jobs.pruned", tasks=prune_queue(), ticks=prune_ticks(), minutes=prune_minutes())

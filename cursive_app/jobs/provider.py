"""Tasks around the data provider that belong to no customer's job."""

from __future__ import annotations

import structlog

from cursive_app.jobs.queue import RETRY, app
from cursive_app.services import monitoring

log = structlog.get_logger(__name__)


@app.task(name="provider.partitions", queue="default", retry=RETRY)
def partitions() -> None:
    """Make the coming months' partitions of the record of provider calls."""
    created = monitoring.create_partitions()
    if created:
        log.info("provider.partitions_created", count=created)

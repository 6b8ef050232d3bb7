"""Reading a provider job's result: streamed, checked to be one, and left soon after somebody asks to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cursive_app.integrations.audiencelab import AudienceLab, ProviderProtocolError
from cursive_app.integrations.audiencelab.results import Enrichment as ProviderJob
from cursive_app.services import jobs
from cursive_app.services.enrichment.joining import Joiner, sent_row
from cursive_app.services.jobs import ClaimedJob

LOOK_FOR_STOP_SECONDS = 1.0
MAX_PACKED_BYTES = 256 * 1024 * 1024  # of one chunk's result
MAX_UNPACKED_BYTES = 2 * 1024 * 1024 * 1024


Record = tuple[int, dict[str, str]]
"""Number of a row, and what is sent of it."""


class Stopped(Exception):
    """Somebody asked to stop while the provider was being asked."""


def ordered(lab: AudienceLab, name: str, records: Sequence[Record], *, strict: bool) -> ProviderJob:
    """An order at the provider for these rows, under this name. Raises ProviderError."""
    sent = [record for _, record in records]
    return lab.create_enrichment(name=name, records=sent, operator="AND" if strict else "OR")


def joined(
    claimed: ClaimedJob, lab: AudienceLab, job: ProviderJob, records: Sequence[Record], *, strict: bool
) -> Joiner:
    """The results of a completed job, joined to the rows that were sent. Raises as `results` does."""
    joiner = Joiner([sent_row(number, record) for number, record in records], strict=strict)
    for result in results(claimed, lab, job):
        joiner.offer(result)
    return joiner


def results(claimed: ClaimedJob, lab: AudienceLab, job: ProviderJob) -> Iterator[Mapping[str, Any]]:
    """The result rows of a completed job; none when it found nobody.

    Raises Stopped soon after somebody asked to stop, and ProviderError for a link that expired or is missing and for a
    file that is no result.
    """
    if job.matches_known_zero:
        return
    if job.result_url is None:
        raise ProviderProtocolError("The data provider's job is complete, but names no result.")
    looked = time.monotonic()
    rows = lab.download_enrichment(
        job.result_url, max_packed_bytes=MAX_PACKED_BYTES, max_unpacked_bytes=MAX_UNPACKED_BYTES
    )
    for row in rows:
        if time.monotonic() - looked > LOOK_FOR_STOP_SECONDS:
            looked = time.monotonic()
            with claimed.tenant.begin() as scope:
                if jobs.cancel_requested(scope, claimed):
                    raise Stopped
            jobs.heartbeat(claimed)
        yield row

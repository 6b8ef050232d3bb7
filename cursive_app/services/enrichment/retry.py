"""Taking up again, by staff, what failed for good (JOB-05): the same job goes on with what has no answer yet.

A run keeps what was matched and paid. Rows that were left out because it broke off, or that ended in error, get another
chance. Batches that are at the provider are asked about and not ordered again; one whose job came to nothing there is
ordered under another name. The rest is held again under a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, select, update

from cursive_app.errors import Conflict
from cursive_app.integrations.audiencelab import (
    ProviderAuthFailed,
    ProviderRateLimited,
    ProviderServerError,
    ProviderTimeout,
    ProviderUnavailable,
)
from cursive_app.services.enrichment import leads, opening, starting
from cursive_app.services.enrichment.chunks import name_again, sendable, still_needed
from cursive_app.services.enrichment.ending import count_outcomes
from cursive_app.services.enrichment.refusals import REASONS
from cursive_app.services.jobs.admin.editing import Choice, Whole
from cursive_app.services.jobs.admin.retries import Again, RetryRule, refuse_unless_failed, register, reopen
from db.models.enrichment import Enrichment, EnrichmentChunk, EnrichmentFilePart, EnrichmentRow
from db.models.jobs import Job
from db.scope import Scope

# The provider was not to be reached: what was ordered may be there, and is looked for by its name before it is ordered.
_PASSES = frozenset(
    error.__name__
    for error in (
        ProviderAuthFailed, ProviderRateLimited, ProviderServerError, ProviderTimeout, ProviderUnavailable
    )
)  # fmt: skip
_READ_AGAIN = ("read_failed", "access_lost")
LARGEST_LIST = 1_000_000  # rows


def retry_run(scope: Scope, links: Mapping[str, Any], _arguments: Mapping[str, Any]) -> Again:
    """Open a failed run again and hold what its unanswered rows may cost.

    Raises NotFound, InsufficientCredits, and Conflict for a list whose rows were deleted.
    """
    row = _list(scope, links)
    refuse_unless_failed(row)
    mine = (EnrichmentRow.outcome.in_(("skipped", "error")), sendable(row))
    unanswered = {"outcome": None, "reason": None, "chunk": None, "fetched_at": None}
    scope.session.execute(update(EnrichmentRow).where(*mine).values(unanswered))
    _reopen_chunks(scope, row)
    count_outcomes(scope, row)
    _count_again(scope, row)
    return reopen(
        scope,
        row,
        left=still_needed(row),
        key=f"enrichment:{row.id}",
        description=f"Held again for enriching “{row.filename[:200]}”",
        job_id=row.run_job_id,
        reference=f"enrichment:{row.id}",
    )


def retry_reading(scope: Scope, links: Mapping[str, Any], arguments: Mapping[str, Any]) -> Again:
    """Read a file again whose reading broke off. Staff may say `from: "file"` where stored rows were being checked:
    those are gone, and with them cells that were edited.

    Raises NotFound, and Conflict when the file itself was refused, is not kept, or has another layout by now.
    """
    row = _list(scope, links)
    if row.status != "refused" or row.refusal_code not in _READ_AGAIN:
        raise Conflict("The file itself was refused; reading it again would end the same.", reason="not_possible")
    if row.revision != arguments.get("revision"):
        raise Conflict("The list was changed since; its newer reading counts.", reason="stale_version")
    if arguments.get("from") != "file":
        raise Conflict("The stored rows are gone. Retry it from the file instead.", reason="not_possible")
    if not scope.session.scalar(select(scope.select(EnrichmentFilePart).where(_part_of(row)).exists())):
        raise Conflict("The file is not kept any more; the customer uploads it again.", reason="not_possible")
    row.status, row.refusal_code, row.refusal_message = "reading", None, None
    scope.session.flush()
    return Again()


def retry_leads(scope: Scope, links: Mapping[str, Any], _arguments: Mapping[str, Any]) -> Again:
    """Go on taking matched rows into the leads, after the last one that was taken. Raises NotFound, Conflict."""
    _list(scope, links)
    return Again()


def _list(scope: Scope, links: Mapping[str, Any]) -> Enrichment:
    row = scope.get(Enrichment, links.get("enrichment_id", ""), lock=True)
    if row.purged_at is not None:
        raise Conflict("The rows of this list have been deleted.", reason="purged")
    return row


def _part_of(row: Enrichment) -> ColumnElement[bool]:
    return EnrichmentFilePart.enrichment_id == row.id


def _reopen_chunks(scope: Scope, row: Enrichment) -> None:
    """Batches that were dropped or given up. Those that broke off at the provider are asked about at once; the others
    take their turn, three at a time and as far as the hold pays for them."""
    unanswered = scope.select(EnrichmentChunk).where(
        EnrichmentChunk.enrichment_id == row.id,
        EnrichmentChunk.number > 0,
        EnrichmentChunk.status.in_(("dropped", "failed")),
    )
    for chunk in scope.session.scalars(unanswered):
        if chunk.status == "dropped" and chunk.provider_job_id is not None:
            chunk.status = "sent"
        else:
            if chunk.status == "failed" and chunk.error_code not in _PASSES:
                chunk.provider_name = name_again(chunk.provider_name)
            chunk.status, chunk.sent_at, chunk.provider_job_id = "pending", None, None
        chunk.tries = chunk.failures = 0
        chunk.looked_at = chunk.settled_at = chunk.error_code = chunk.error_message = None
    scope.session.flush()


def _count_again(scope: Scope, row: Enrichment) -> None:
    """The job counts what is answered, and its pace from what comes now."""
    if row.run_job_id is None:
        return
    job = scope.get(Job, row.run_job_id)
    job.processed, job.failed = row.matched_count + row.no_match_count, 0
    job.moving_since = None


_FROM_FILE = Choice("Read again", {"file": "From the uploaded file"}, hint="Cells that were edited since are lost.")
_AFTER_ROW = Whole(
    "Go on after row",
    minimum=0,
    maximum=LARGEST_LIST,
    rises=True,
    hint="To get past a row that breaks it: the rows in between do not become leads.",
)

_ORDERED = (
    "What is enriched and at what price was ordered by the customer, and how far the run came is noted with each row."
)

register(starting.KIND, RetryRule(again=retry_run, kept=frozenset({"start_key", "mailed"}), why_fixed=_ORDERED))
register(
    opening.KIND,
    RetryRule(
        again=retry_reading,
        editable={"from": _FROM_FILE},
        refused=REASONS | {"invalid"},
        why_refused="The customer’s file was refused; reading it again would end the same.",
    ),
)
register(
    leads.KIND,
    RetryRule(again=retry_leads, editable={"after": _AFTER_ROW}, kept=frozenset({"after", "seen", "new", "owned"})),
)

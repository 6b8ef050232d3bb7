"""What went wrong at the provider with a chunk, as staff read and group it (JOB-04, JOB-11).

Every trouble of one kind has the same fingerprint in its attempt and at the end of the run, whichever list it was. The
provider's own words are in none of it.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from cursive_app.integrations.audiencelab import ProviderError
from cursive_app.integrations.audiencelab.results import Enrichment as ProviderJob
from cursive_app.services.enrichment.chunks import ChunkPlan
from cursive_app.services.jobs.causes import Cause, cause_of, cause_told
from db.models.enrichment import Enrichment, EnrichmentChunk
from db.scope import Scope

GIVEN_UP = "The data provider could not look these rows up. They cost nothing and can be run again."
OVERDUE = "overdue"  # the provider's job takes longer than this, is reported, and still waited for
LONGEST_UNREPORTED = timedelta(hours=24)
OVERDUE_WORDS = f"with the provider for more than {LONGEST_UNREPORTED // timedelta(hours=1)} hours; we have been told"
JOB_FAILED = "provider_failed"  # the provider itself ended its job as failed
_KIND = "enrichment at the provider"
_BATCHES_NAMED = 20


def error_trouble(chunk: ChunkPlan, error: ProviderError) -> Cause:
    """An error of one call about a chunk: where it happened, what was answered, and the stack."""
    stack = cause_of(error, code="", message="").internal
    lines = [
        f"error: {type(error).__name__}",
        f"endpoint: {error.endpoint or 'nothing was asked'}",
        f"HTTP status: {error.http_status or 'no answer'}",
        *_place(chunk, chunk.job_id),
        "",
        stack or "",
    ]
    return _cause(type(error).__name__, message=error.message, internal="\n".join(lines))


def failed_trouble(chunk: ChunkPlan, job: ProviderJob) -> Cause:
    """The provider's job of a chunk came to an end of its own, without a result."""
    lines = ["endpoint: GET /enrichments/{id}", f"status of the provider's job: {job.status}", *_place(chunk, job.id)]
    return _cause(JOB_FAILED, message=GIVEN_UP, internal="\n".join(lines))


def run_trouble(scope: Scope, row: Enrichment, *, message: str) -> Cause | None:
    """Why the rows in error of a run have no answer: the error that cost most of them; None when no batch failed."""
    failed = (
        scope.owned(EnrichmentChunk),
        EnrichmentChunk.enrichment_id == row.id,
        EnrichmentChunk.number > 0,
        EnrichmentChunk.status == "failed",
    )
    rows = func.sum(EnrichmentChunk.row_count)
    counted = scope.session.execute(
        select(EnrichmentChunk.error_code, func.count(), rows)
        .where(*failed)
        .group_by(EnrichmentChunk.error_code)
        .order_by(rows.desc(), EnrichmentChunk.error_code)
    ).all()
    if not counted:
        return None
    named = scope.session.scalars(
        select(EnrichmentChunk).where(*failed).order_by(EnrichmentChunk.number).limit(_BATCHES_NAMED)
    )
    lines = [f"{code or 'unknown'}: {_batches(batches)}, {rows:,} rows" for code, batches, rows in counted]
    lines += [f"batch {one.number:,}: {one.error_code}, provider job {one.provider_job_id or 'none'}" for one in named]
    code, batches, lost = counted[0]
    error = code or JOB_FAILED
    told = f"{error} from the provider: {_batches(batches)} without an answer, {lost:,} rows"
    return _cause(error, message=message, internal="\n".join(lines), for_staff=told)


def _batches(count: int) -> str:
    return f"{count:,} {'batch' if count == 1 else 'batches'}"


def _place(chunk: ChunkPlan, job_id: str | None) -> list[str]:
    return [
        f"provider job: {job_id or 'none known'}",
        f"name of the job: {chunk.name}",
        f"batch {chunk.number:,}, rows {chunk.first_number:,} to {chunk.last_number:,}",
    ]


def _cause(code: str, *, message: str, internal: str, for_staff: str | None = None) -> Cause:
    return cause_told(_KIND, code=code, message=message, internal=internal, grouped_by=code, for_staff=for_staff)

"""The free dry run: up to 50 drawn rows are looked up to say what a whole run would bring (ENR-07).

The rows follow from the list and its revision, so asking again looks at the same ones. Nothing of the people found is
kept but how many there were: a sample is never a way to read data for free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Text, and_, cast, func, select

from cursive_app.clock import now
from cursive_app.errors import Conflict, RateLimited
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.services import jobs
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.links import job_links
from cursive_app.services.enrichment.pricing import DELETED, check_matching, rate, sampled_matching, why_not_start
from cursive_app.services.enrichment.results import Record, Stopped, joined, ordered
from cursive_app.services.enrichment.seen import enrichment_view
from cursive_app.services.enrichment.stored import sent_records
from cursive_app.services.enrichment.views import EnrichmentView
from cursive_app.services.enrichment.watching import watched
from cursive_app.services.jobs import ClaimedJob
from cursive_app.settings import settings
from db.models.enrichment import Enrichment, EnrichmentChunk, EnrichmentRow
from db.models.jobs import Job
from db.scope import Scope

KIND = "enrichment_sample"
TASK = "enrichment.sample"
DAY = timedelta(hours=24)
_EMAILS = ("PERSONAL_EMAILS", "PERSONAL_VERIFIED_EMAILS", "BUSINESS_EMAIL", "BUSINESS_VERIFIED_EMAILS")
_FAILED = "The data provider could not look the sample up. It was free; you can try it again."


def start_sample(scope: Scope, id: UUID | str, *, matching: str = "balanced") -> EnrichmentView:
    """Queue a free dry run of the list as it stands, matched as the run will be. One that runs, or is done for this
    revision and matching, is not repeated.

    Raises Conflict (`not_ready`, `purged`), Invalid (matching), RateLimited when the workspace had its dry runs of the
    day, NotFound, Forbidden.
    """
    require(scope, Permission.RUN_ENRICHMENTS)
    check_matching(matching)
    row = scope.get(Enrichment, id, lock=True)
    if row.purged_at is not None:
        raise Conflict(DELETED, reason="purged")
    sample = row.sample or {}
    status = sample.get("status") if sample.get("revision") == row.revision else None
    if status == "running" or (status == "done" and sampled_matching(sample) == matching):
        return enrichment_view(scope, row)
    why = why_not_start(row, rows=row.valid_count or 0)
    if row.status != "ready" or not row.valid_count:
        raise Conflict(why or "No row of this list can be looked up.", reason="not_ready")
    _within_limit(scope)
    size = min(row.valid_count, settings().enrichment_sample_rows)
    job = jobs.open_job(
        scope,
        kind=KIND,
        title=f"Sample of {row.filename}",
        task=TASK,
        total=size,
        arguments={"file": row.filename, "revision": row.revision, "matching": matching},
        links=job_links(row),
        tags=("dry-run",),
    )
    row.sample_job_id = job.id
    row.sample = {
        "revision": row.revision,
        "status": "running",
        "size": size,
        "matching": matching,
        "job_id": str(job.id),
    }
    _chunk(scope, row, size=size, name=f"cursive-{scope.workspace_id.hex[:8]}-{row.id}-0-{job.id.hex[-12:]}")
    return enrichment_view(scope, row)


def run_sample(claimed: ClaimedJob, *, provider: AudienceLab) -> None:
    """One attempt of a dry run: send, look, count. Raises what `jobs.work` translates, and LostClaim."""
    lab = provider.for_workspace(claimed.tenant.workspace_id)
    state = _state(claimed)
    if state is None:
        return
    try:
        _move(claimed, lab, *state)
    except Stopped:
        _cancel(claimed)


def _move(
    claimed: ClaimedJob, lab: AudienceLab, name: str, job_id: str | None, was_asked: bool, records: list[Record]
) -> None:
    """The next step of a dry run. Raises Stopped."""
    strict = claimed.arguments.get("matching") == "strict"
    if job_id is None:
        job = watched(claimed, lab, lambda lab: lab.find_enrichment(name=name)) if was_asked else None
        if job is None:
            job = watched(claimed, lab, lambda lab: ordered(lab, name, records, strict=strict))
        _wait(claimed, job_id=job.id)
        return
    job = watched(claimed, lab, lambda lab: lab.enrichment(job_id))
    if job.status == "failed":
        with claimed.tenant.begin() as scope:
            bury_sample(scope, claimed)
            jobs.fail(scope, claimed, code="provider_failed", message=_FAILED)
    elif job.status != "completed":
        _wait(claimed)
    else:
        joiner = watched(claimed, lab, lambda lab: joined(claimed, lab, job, records, strict=strict))
        _count(claimed, [match.found for match in joiner.matches().values()], size=len(records))


def bury_sample(scope: Scope, claimed: ClaimedJob) -> None:
    """Called in the transaction that fails the job for good."""
    _write(scope, claimed, {"status": "failed", "message": _FAILED, "at": now().isoformat()}, chunk="failed")


def _within_limit(scope: Scope) -> None:
    """Raises RateLimited when the workspace started as many dry runs in 24 hours as it may."""
    recent = scope.select(Job).where(Job.kind == KIND, Job.created_at > now() - DAY).order_by(Job.created_at)
    started = list(scope.session.scalars(recent.with_only_columns(Job.created_at)))
    most = settings().enrichment_samples_per_day
    if len(started) >= most:
        wait = (started[len(started) - most] + DAY - now()).total_seconds() if most else DAY.total_seconds()
        raise RateLimited(
            f"This workspace had its {most} free dry runs of the last 24 hours. Start the list with a small ceiling to "
            "see how it matches, or try again later.",
            retry_after=int(wait) + 1,
        )


def _chunk(scope: Scope, row: Enrichment, *, size: int, name: str) -> None:
    """Chunk number 0 is the sample; a new one takes the place of the last."""
    stored = _find_chunk(scope, row)
    if stored is None:
        scope.add(EnrichmentChunk(enrichment_id=row.id, number=0, row_count=size, provider_name=name))
        return
    stored.status, stored.row_count, stored.provider_name, stored.provider_job_id = "pending", size, name, None
    stored.sent_at = stored.settled_at = stored.looked_at = stored.error_code = stored.error_message = None
    stored.tries = stored.failures = stored.matched = 0


def _find_chunk(scope: Scope, row: Enrichment) -> EnrichmentChunk | None:
    mine = scope.select(EnrichmentChunk).where(EnrichmentChunk.enrichment_id == row.id, EnrichmentChunk.number == 0)
    return scope.session.scalar(mine.with_for_update())


def _state(claimed: ClaimedJob) -> tuple[str, str | None, bool, list[Record]] | None:
    """Name, provider job, whether it may have been sent before, and the drawn rows; None when the job ended here."""
    lost = claimed.access_lost or jobs.access_lost(claimed, need=Permission.RUN_ENRICHMENTS)
    with claimed.tenant.begin() as scope:
        jobs.advance(scope, claimed)
        row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
        chunk = _find_chunk(scope, row)
        is_stale = row.revision != claimed.arguments["revision"] or row.sample_job_id != claimed.job_id
        if lost or is_stale or chunk is None or row.purged_at is not None:
            message = f"Stopped: {lost}" if lost else "The list changed; the dry run of its earlier state ended."
            _write(scope, claimed, {"status": "failed", "message": message, "at": now().isoformat()}, chunk="dropped")
            jobs.cancelled(scope, claimed, message=message)
            return None
        if jobs.cancel_requested(scope, claimed):
            _end_canceled(scope, claimed)
            return None
        was_asked = chunk.tries > 0
        if chunk.provider_job_id is None:
            chunk.tries = 1
        jobs.advance(scope, claimed, stage="sampling")
        return chunk.provider_name, chunk.provider_job_id, was_asked, _drawn(scope, row, size=chunk.row_count)


def _drawn(scope: Scope, row: Enrichment, *, size: int) -> list[tuple[int, dict[str, str]]]:
    """`size` valid rows in an order that nobody can steer, the same each time for a revision."""
    seed = f"{row.id}:{row.revision}:"
    numbers = scope.session.scalars(
        select(EnrichmentRow.number)
        .where(scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == row.id, EnrichmentRow.verdict == "valid")
        .order_by(func.md5(func.concat(seed, cast(EnrichmentRow.number, Text))), EnrichmentRow.number)
        .limit(size)
    ).all()
    drawn = (
        scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == row.id, EnrichmentRow.number.in_(numbers)
    )  # fmt: skip
    records = dict(sent_records(scope, row, and_(*drawn)))
    return [(number, records[number]) for number in numbers]


def _wait(claimed: ClaimedJob, *, job_id: str | None = None) -> None:
    pauses = settings().enrichment_pauses
    with claimed.tenant.begin() as scope:
        jobs.advance(scope, claimed)
        row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
        chunk = _find_chunk(scope, row)
        assert chunk is not None
        if job_id is not None:
            chunk.provider_job_id, chunk.status, chunk.sent_at, chunk.tries = job_id, "sent", now(), 0
        pause = pauses[min(chunk.tries, len(pauses) - 1)]
        chunk.tries, chunk.looked_at = chunk.tries + 1, now()
        jobs.postpone(scope, claimed, until=now() + timedelta(seconds=pause), stage="waiting")


def _count(claimed: ClaimedJob, found: list[Mapping[str, str]] | list[dict[str, str]], *, size: int) -> None:
    rates = {
        "email": sum(any(one.get(name) for name in _EMAILS) for one in found),
        "mobile": sum(bool(one.get("MOBILE_PHONE")) for one in found),
        "company": sum(bool(one.get("COMPANY_NAME")) for one in found),
    }
    message = f"{len(found):,} of {size:,} drawn rows matched"
    result = {
        "status": "done",
        "size": size,
        "matched": asdict(rate("matched", found=len(found), of=size)),
        "fields": [asdict(rate(field, found=count, of=size)) for field, count in rates.items()],
        "message": message,
        "at": now().isoformat(),
    }
    with claimed.tenant.begin() as scope:
        _write(scope, claimed, result, chunk="settled")
        jobs.advance(scope, claimed, processed=size)
        jobs.finish(scope, claimed, message=message)


def _cancel(claimed: ClaimedJob) -> None:
    with claimed.tenant.begin() as scope:
        _end_canceled(scope, claimed)


def _end_canceled(scope: Scope, claimed: ClaimedJob) -> None:
    _write(scope, claimed, {"status": "failed", "message": "Stopped", "at": now().isoformat()}, chunk="dropped")
    jobs.cancelled(scope, claimed)


def _write(scope: Scope, claimed: ClaimedJob, values: dict[str, Any], *, chunk: str) -> None:
    """Put the result on the list, unless a newer dry run or another revision has taken the place."""
    jobs.advance(scope, claimed)
    row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
    if row.sample is None or row.sample.get("job_id") != str(claimed.job_id):
        return
    row.sample = {**row.sample, **values}
    stored = _find_chunk(scope, row)
    if stored is not None:
        stored.status, stored.settled_at = chunk, now()
    scope.session.flush()

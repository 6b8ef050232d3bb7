"""The chunks of a list's run as its job shows them (JOB-15): where each one is, and what is wrong with it in words."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from cursive_app.services.enrichment import starting
from cursive_app.services.enrichment.chunks import OPEN
from cursive_app.services.enrichment.progress import batches_to_come
from cursive_app.services.enrichment.troubles import GIVEN_UP, OVERDUE, OVERDUE_WORDS
from cursive_app.services.jobs.batches import (
    BATCHES_SHOWN,
    Batch,
    Batches,
    BatchRule,
    BatchStatus,
    BatchTrace,
    register,
)
from db.models.enrichment import Enrichment, EnrichmentChunk
from db.models.jobs import Job

# In the order in which they are shown.
_STATUS = case(
    (EnrichmentChunk.status == "failed", "failed"),
    (EnrichmentChunk.status.in_(OPEN) & EnrichmentChunk.sent_at.is_not(None), "at_provider"),
    (EnrichmentChunk.status.in_(OPEN), "not_sent"),
    (EnrichmentChunk.status == "settled", "answered"),
    (EnrichmentChunk.sent_at.is_not(None), "not_awaited"),
    else_="not_sent",
)
_ORDER: dict[BatchStatus, int] = {"failed": 0, "at_provider": 1, "not_sent": 2, "not_awaited": 3, "answered": 4}


def read_batches(session: Session, job: Job) -> Batches | None:
    """The batches of the run that this job is; None for a job that is no list's run, or had nothing to send."""
    row = _list_of(session, job)
    if row is None:
        return None
    counted = session.execute(
        select(_STATUS, func.count(), func.sum(EnrichmentChunk.row_count)).where(*_of(row)).group_by(_STATUS)
    ).all()
    by_status: dict[BatchStatus, int] = {status: count for status, count, _ in counted}
    to_come = batches_to_come(row, in_batches=sum(rows for _, _, rows in counted))
    if to_come:
        by_status["not_sent"] = by_status.get("not_sent", 0) + to_come
    if not by_status:
        return None
    shown = session.execute(
        select(EnrichmentChunk, _STATUS)
        .where(*_of(row))
        .order_by(case(_ORDER, value=_STATUS), EnrichmentChunk.number)
        .limit(BATCHES_SHOWN)
    )
    return Batches(by_status=by_status, shown=tuple(_batch(chunk, status) for chunk, status in shown))


def trace_batches(session: Session, job: Job, numbers: Sequence[int]) -> tuple[BatchTrace, ...]:
    """What staff may know besides of the batches with these numbers."""
    row = _list_of(session, job)
    if row is None:
        return ()
    asked = select(EnrichmentChunk).where(*_of(row), EnrichmentChunk.number.in_(numbers))
    return tuple(
        BatchTrace(
            number=chunk.number,
            provider_name=chunk.provider_name,
            provider_job_id=chunk.provider_job_id,
            error_code=chunk.error_code if chunk.status != "settled" else None,  # what passed is in the timeline
        )
        for chunk in session.scalars(asked.order_by(EnrichmentChunk.number))
    )


def _list_of(session: Session, job: Job) -> Enrichment | None:
    mine = (Enrichment.workspace_id == job.workspace_id, Enrichment.run_job_id == job.id)
    return session.scalar(select(Enrichment).where(*mine))


def _of(row: Enrichment) -> tuple[ColumnElement[bool], ...]:
    """The chunks of the run, without the sample."""
    return (
        EnrichmentChunk.workspace_id == row.workspace_id,
        EnrichmentChunk.enrichment_id == row.id,
        EnrichmentChunk.number > 0,
    )


def _batch(chunk: EnrichmentChunk, status: BatchStatus) -> Batch:
    return Batch(
        number=chunk.number,
        status=status,
        rows=chunk.row_count,
        first_row=chunk.first_number or 0,
        last_row=chunk.last_number or 0,
        matched=chunk.matched,
        credits_captured=chunk.captured,
        tries=chunk.tries,
        failures=chunk.failures,
        sent_at=chunk.sent_at,
        ended_at=chunk.settled_at,
        problem=_problem(chunk, status),
    )


def _problem(chunk: EnrichmentChunk, status: BatchStatus) -> str | None:
    """In our words for everybody: what the provider said is for staff, in the timeline."""
    if status == "failed":
        return GIVEN_UP
    if status == "not_awaited":
        return "At the provider when the run ended. It cost nothing."
    if status != "at_provider":
        return None
    if chunk.failures:
        return "The provider did not answer well. It is asked again shortly."
    return f"It has been {OVERDUE_WORDS}." if chunk.error_code == OVERDUE else None


register(starting.KIND, BatchRule(read=read_batches, trace=trace_batches))

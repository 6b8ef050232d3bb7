"""Work that takes time: GET /api/v1/jobs, …/{id}, POST …/{id}/cancel, …/{id}/resume."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from cursive_app.api.auth import tenant_of
from cursive_app.services import jobs
from cursive_app.services.jobs import BATCHES_SHOWN, BatchStatus, Relation
from db.scope import Tenant

router = APIRouter(prefix="/jobs", tags=["Jobs"])

Status = Literal["pending", "processing", "paused", "completed", "failed", "cancelled"]
Credits = Annotated[Decimal, Field(description="Credits, two decimals.", examples=["12.50"])]


class JobOut(BaseModel):
    """One job."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str = Field(examples=["segment_run"])
    title: str
    status: Status
    stage: str = Field(description="What it does now; depends on the kind.", examples=["fetching"])
    total: int | None = Field(description="How many items there are; null while nobody knows.")
    processed: int
    failed: int
    per_second: Decimal | None = Field(description="Items per second; null until it was measured.")
    seconds_left: int | None
    credits_held: Credits
    credits_captured: Credits
    credits_released: Credits
    attempts: int = Field(description="Tries since it last moved forward.")
    cancel_requested: bool
    error_code: str | None
    error_message: str | None
    actor_label: str = Field(description="Who started it.")
    links: dict[str, Any] = Field(description="Ids of what it works on, such as segment_id and run_id.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    resumes_at: datetime | None = Field(description="When it goes on, while it waits for something.")
    kept_back_since: datetime | None = Field(
        description="It waits since then because work of its kind is paused at the moment; it goes on by itself."
    )


class EventOut(BaseModel):
    """One line of a job's timeline."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    level: Literal["info", "warning", "error"]
    stage: str
    message: str


class RelatedOut(BaseModel):
    """A job that belongs to another one."""

    relation: Relation = Field(
        description="`same`: works on the same list or run; `segment`: another run of its segment; `rerun`: on a list "
        "made of its rows, to run them again; `origin`: on the list its own rows come from."
    )
    job: JobOut


class RelatedSumOut(BaseModel):
    """What all jobs that belong together came to, this one among them."""

    model_config = ConfigDict(from_attributes=True)

    jobs: int
    ended: int = Field(description="So many of them have ended, however.")
    by_status: dict[Status, int] = Field(description="Only the statuses there are.")
    credits_captured: Credits
    credits_held: Annotated[Decimal, Field(description="Credits they hold now, two decimals.")]


class BatchOut(BaseModel):
    """Rows that travel to the data provider together."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    status: BatchStatus = Field(
        description="`failed`: given up; `at_provider`: no answer yet; `not_sent`: to be sent, or never sent when the "
        "job has ended; `not_awaited`: there when the job ended, no longer waited for; `answered`."
    )
    rows: int = Field(description="Rows that travel, of those from `first_row` to `last_row`.")
    first_row: int
    last_row: int
    matched: int
    credits_captured: Credits
    tries: int = Field(description="How often it was asked about without an answer since it was sent.")
    failures: int = Field(description="Errors one after another.")
    sent_at: datetime | None
    ended_at: datetime | None = Field(description="When it was answered or given up.")
    problem: str | None = Field(description="What is wrong with it, in words; null when nothing is.")


class BatchesOut(BaseModel):
    """The batches in which the rows of a list travel."""

    model_config = ConfigDict(from_attributes=True)

    total: int = Field(description="As far as is known: a hold that cannot pay for whole batches makes them smaller.")
    done: int = Field(description="Answered or failed.")
    by_status: dict[BatchStatus, int] = Field(
        description="Only the statuses there are; batches still to be made count as `not_sent`."
    )
    shown: list[BatchOut] = Field(
        description=f"At most {BATCHES_SHOWN} of those that are made: failed ones first, answered ones last."
    )


class JobDetailOut(JobOut):
    """A job with its timeline, oldest line first, its batches, and the jobs that belong to it."""

    events: list[EventOut]
    earlier_events: int = Field(description="How many older lines are left out.")
    credits_refunded: Credits = Field(description="Charged first and given back later.")
    related: list[RelatedOut] = Field(description="At most 20 jobs that belong to it, failed ones first.")
    related_sum: RelatedSumOut | None = Field(description="null when no other job belongs to it.")
    batches: BatchesOut | None = Field(description="Of the run of a list; null for other jobs.")


class JobsOut(BaseModel):
    """One page of jobs, newest first."""

    items: list[JobOut]
    next_cursor: str | None = Field(description="Pass as `cursor` for the following page; null on the last.")
    previous_cursor: str | None


@router.get("", summary="List jobs")
def get_jobs(
    tenant: Tenant = Depends(tenant_of),
    kind: Annotated[list[str] | None, Query(max_length=50, description="Only these kinds; may be repeated.")] = None,
    status: Annotated[list[Status] | None, Query(description="Only these statuses; may be repeated.")] = None,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=jobs.LARGEST_PAGE)] = 50,
) -> JobsOut:
    """The jobs of the workspace, newest first."""
    with tenant.begin() as scope:
        page = jobs.list_jobs(scope, kinds=kind or (), statuses=status or (), cursor=cursor, limit=limit)
    return JobsOut(
        items=[JobOut.model_validate(job) for job in page.jobs],
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
    )


@router.get("/{job_id}", summary="One job")
def get_job(job_id: UUID, tenant: Tenant = Depends(tenant_of)) -> JobDetailOut:
    """A job with its timeline."""
    with tenant.begin() as scope:
        detail = jobs.get_job(scope, job_id)
    return JobDetailOut(
        **JobOut.model_validate(detail.job).model_dump(),
        events=[EventOut.model_validate(line) for line in detail.events],
        earlier_events=detail.earlier_events,
        credits_refunded=detail.refunded,
        related=[RelatedOut(relation=one.relation, job=JobOut.model_validate(one.job)) for one in detail.related],
        related_sum=RelatedSumOut.model_validate(detail.related_sum) if detail.related_sum is not None else None,
        batches=BatchesOut.model_validate(detail.batches) if detail.batches is not None else None,
    )


@router.post("/{job_id}/cancel", summary="Stop a job", status_code=202)
def cancel_job(job_id: UUID, tenant: Tenant = Depends(tenant_of)) -> JobOut:
    """Ask the job to stop. It does so after the chunk it works on and gives back the credits it still holds."""
    with tenant.begin() as scope:
        return JobOut.model_validate(jobs.request_cancel(scope, job_id))


@router.post("/{job_id}/resume", summary="Resume a paused job", status_code=202)
def resume_job(job_id: UUID, tenant: Tenant = Depends(tenant_of)) -> JobOut:
    """Let a paused job go on where it stopped."""
    with tenant.begin() as scope:
        return JobOut.model_validate(jobs.resume(scope, job_id))

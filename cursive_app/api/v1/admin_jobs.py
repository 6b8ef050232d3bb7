"""Every job of every workspace, for staff: GET /api/admin/audiencelab/jobs, …/{id}, POST …/{id}/retry, …/{id}/cancel.

Only for the session of a member of staff; whoever else asks, also with an API key, finds nothing at these addresses.
They are no part of the customers' OpenAPI document, but of the staff's (`admin_openapi`). The same answers under
/api/v1/admin/jobs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from cursive_app.api.csv_files import csv_attachment
from cursive_app.api.staff import staff_of
from cursive_app.api.v1.jobs import Status
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import AdminJobDetail, AdminJobPage, AdminJobRow, JobSearch, StaffActor

Words = Annotated[str, Query(alias="query", max_length=500, description="As in the query box, such as state:failed.")]
Statuses = Annotated[list[Status] | None, Query(alias="status", description="Only these states; may be repeated.")]
Kinds = Annotated[
    list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.*-]{1,50}$")]] | None,
    Query(alias="kind", description="Only these kinds of work, such as csv_upload; may be repeated."),
]
Since = Annotated[datetime | None, Query(description="Created at or after, with a time zone.")]
Until = Annotated[datetime | None, Query(description="Created before, with a time zone.")]
FailedSince = Annotated[
    datetime | None,
    Query(
        description="A try failed at or after, with a time zone: with the error of `met:` in the query, else with the "
        "error that the job has now."
    ),
]
FailedUntil = Annotated[datetime | None, Query(description="The same, before.")]


class RetryIn(BaseModel):
    """What to change for a retry; only for the role all, and only arguments that the kind lets change."""

    model_config = ConfigDict(extra="forbid")

    arguments: dict[str, Any] | None = Field(default=None, max_length=20)


def search_of(
    query: Words = "",
    status: Statuses = None,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    failed_since: FailedSince = None,
    failed_until: FailedUntil = None,
) -> JobSearch:
    """The search that a request's parameters ask for. States and kinds count as words of the query: with others of the
    same qualifier there they mean either."""
    more = [f"{name}:{','.join(values)}" for name, values in (("state", status), ("kind", kind)) if values]
    return JobSearch(
        query=" ".join([query, *more]).strip(),
        since=since,
        until=until,
        failed_since=failed_since,
        failed_until=failed_until,
    )


def get_jobs(
    actor: StaffActor = Depends(staff_of),
    search: JobSearch = Depends(search_of),
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=admin.LARGEST_PAGE)] = 50,
) -> AdminJobPage:
    """The jobs that match, newest first, with the number in each state. States and kinds count as words of the query:
    with others of the same qualifier there they mean either."""
    return admin.list_jobs(actor, search, cursor=cursor, limit=limit)


def get_history(actor: StaffActor = Depends(staff_of), search: JobSearch = Depends(search_of)) -> StreamingResponse:
    """The jobs that match as a CSV file. A query looks at the newest 100,000 jobs of the dates; when there are more,
    the last line says so, and `X-Searched-Back-To` is the time of creation at which the search ended."""
    found = admin.history_csv(actor, search)
    edge = {"X-Searched-Back-To": found.searched_back_to.isoformat()} if found.searched_back_to is not None else {}
    return csv_attachment(found.lines, filename="jobs.csv", for_a_person=True, headers=edge)  # staff have no keys


def get_job(job_id: UUID, actor: StaffActor = Depends(staff_of)) -> AdminJobDetail:
    """One job with its timeline and every attempt."""
    return admin.get_job(actor, job_id)


def retry_job(
    job_id: UUID, actor: StaffActor = Depends(staff_of), body: Annotated[RetryIn | None, Body()] = None
) -> AdminJobRow:
    """Let a failed job go on with what is unfinished."""
    if body is not None and body.arguments is not None:
        return admin.retry_edited(actor, job_id, arguments=body.arguments)
    return admin.act(actor, "retry", job_id)


def cancel_job(job_id: UUID, actor: StaffActor = Depends(staff_of)) -> AdminJobRow:
    """Ask the job to stop."""
    return admin.act(actor, "cancel", job_id)


def _routes(prefix: str, *, tag: str) -> APIRouter:
    made = APIRouter(prefix=prefix, tags=[tag])
    made.add_api_route("", get_jobs, methods=["GET"], summary="Jobs of every workspace")
    made.add_api_route(
        "/history.csv", get_history, methods=["GET"], response_class=StreamingResponse, summary="Their history"
    )
    made.add_api_route("/{job_id}", get_job, methods=["GET"], summary="One job")
    made.add_api_route("/{job_id}/retry", retry_job, methods=["POST"], status_code=202, summary="Retry a failed job")
    made.add_api_route("/{job_id}/cancel", cancel_job, methods=["POST"], status_code=202, summary="Stop a job")
    return made


router = _routes("/admin/jobs", tag="Jobs")
aliases = _routes("/admin/audiencelab/jobs", tag="Aliases")

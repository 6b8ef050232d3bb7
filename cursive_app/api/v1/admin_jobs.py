"""Every job of every workspace, for staff: GET /api/admin/audiencelab/jobs, …/{id}, POST …/{id}/retry, …/{id}/cancel.

Only for the session of a member of staff; whoever else asks, also with an API key, finds nothing at these addresses.
They are no part of the customers' OpenAPI document. The same answers under /api/v1/admin/jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from cursive_app.api.auth import tenant_of
from cursive_app.api.cookies import session_token
from cursive_app.errors import NotFound
from cursive_app.services import accounts
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import AdminJobDetail, AdminJobPage, AdminJobRow, StaffActor
from db.scope import Tenant

NOTHING_HERE = "There is nothing at this address."  # word for word what an unknown address answers

Words = Annotated[str, Query(alias="query", max_length=500, description="As in the query box, such as state:failed.")]
Since = Annotated[datetime | None, Query(description="Created at or after, with a time zone.")]
Until = Annotated[datetime | None, Query(description="Created before, with a time zone.")]


class RetryIn(BaseModel):
    """What to change for a retry; only for the role all, and only arguments that the kind lets change."""

    model_config = ConfigDict(extra="forbid")

    arguments: dict[str, Any] | None = Field(default=None, max_length=20)


def staff_of(request: Request, tenant: Tenant = Depends(tenant_of)) -> StaffActor:
    """The member of staff whose session this is. Raises NotFound for everybody else."""
    token = session_token(request.headers.get("cookie")) if tenant.api_key_id is None else None
    principal = accounts.authenticate(token, touch=False) if token else None
    try:
        return admin.staff_actor(principal)
    except NotFound:
        raise NotFound(NOTHING_HERE, object_type="staff_page") from None


def get_jobs(
    actor: StaffActor = Depends(staff_of),
    query: Words = "",
    since: Since = None,
    until: Until = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=admin.LARGEST_PAGE)] = 50,
) -> AdminJobPage:
    """The jobs that match, newest first, with the number in each state."""
    return admin.list_jobs(actor, query=query, since=since, until=until, cursor=cursor, limit=limit)


def get_history(
    actor: StaffActor = Depends(staff_of), query: Words = "", since: Since = None, until: Until = None
) -> StreamingResponse:
    """The jobs that match as a CSV file."""
    lines: Iterator[bytes] = admin.history_csv(actor, query=query, since=since, until=until)
    headers = {"Content-Disposition": 'attachment; filename="jobs.csv"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


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


def _routes(prefix: str) -> APIRouter:
    made = APIRouter(prefix=prefix, include_in_schema=False)
    made.add_api_route("", get_jobs, methods=["GET"])
    made.add_api_route("/history.csv", get_history, methods=["GET"], response_class=StreamingResponse)
    made.add_api_route("/{job_id}", get_job, methods=["GET"])
    made.add_api_route("/{job_id}/retry", retry_job, methods=["POST"], status_code=202)
    made.add_api_route("/{job_id}/cancel", cancel_job, methods=["POST"], status_code=202)
    return made


router = _routes("/admin/jobs")
aliases = _routes("/admin/audiencelab/jobs")

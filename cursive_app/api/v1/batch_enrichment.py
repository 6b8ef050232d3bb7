"""The roadmap's addresses of enrichment, /api/audiencelab/batch-enrichment: the same use cases in a smaller shape."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from cursive_app.api.auth import tenant_of
from cursive_app.api.gate import idempotency_key_of
from cursive_app.api.problems import documented
from cursive_app.api.v1.enrichment_shapes import StartRequest
from cursive_app.api.v1.enrichments import BODY, OUTPUT, Wanted, new_list, sent
from cursive_app.services import enrichment
from cursive_app.services.enrichment import EnrichmentView
from db.scope import Tenant

Status = Literal["pending", "processing", "completed", "failed"]
Who = Annotated[Tenant, Depends(tenant_of)]
STATUSES: dict[str, Status] = {
    "received": "pending",
    "reading": "pending",
    "ready": "pending",
    "queued": "pending",
    "running": "processing",
    "paused": "processing",
    "completed": "completed",
    "refused": "failed",
    "failed": "failed",
    "cancelled": "failed",
    "deleted": "failed",
}


class BatchJob(BaseModel):
    """A list as one job. `progress` is 0 to 100; counts are null until they are known."""

    id: UUID
    job_id: UUID
    filename: str
    total_rows: int | None
    matched_rows: int | None
    credit_cost: Decimal
    status: Status
    progress: int
    error_message: str | None
    created_at: datetime
    completed_at: datetime | None


router = APIRouter()
aliases = APIRouter(prefix="/audiencelab/batch-enrichment", tags=["Aliases"])


@aliases.post(
    "", status_code=201, summary="Upload a list (alias)", openapi_extra=BODY,
    responses=documented(400, 408, 413, 415, 507),
)  # fmt: skip
def create_batch(tenant: Who, request: Request, response: Response) -> BatchJob:
    """As POST /api/v1/enrichments: the list is read and checked, and started with …/{enrichment_id}/start."""
    view = new_list(tenant, request)
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{view.id}"
    return batch_job(view)


@aliases.get("/{enrichment_id}", summary="One list (alias)")
def get_batch(tenant: Who, enrichment_id: UUID) -> BatchJob:
    """As GET /api/v1/enrichments/{enrichment_id}, in this shape."""
    with tenant.begin() as scope:
        return batch_job(enrichment.get_enrichment(scope, enrichment_id))


@aliases.post("/{enrichment_id}/start", status_code=202, summary="Start the run (alias)", responses=documented(402))
def start_batch(tenant: Who, enrichment_id: UUID, body: StartRequest, request: Request) -> BatchJob:
    """As POST /api/v1/enrichments/{enrichment_id}/start."""
    key = idempotency_key_of(request)
    with tenant.begin() as scope:
        return batch_job(enrichment.start(scope, enrichment_id, idempotency_key=key, **body.model_dump()))


@aliases.post("/{enrichment_id}/cancel", status_code=202, summary="Stop the run (alias)")
def cancel_batch(tenant: Who, enrichment_id: UUID) -> BatchJob:
    """As POST /api/v1/enrichments/{enrichment_id}/cancel."""
    with tenant.begin() as scope:
        return batch_job(enrichment.cancel(scope, enrichment_id))


@aliases.get(
    "/{enrichment_id}/download", summary="Download (alias)", response_class=StreamingResponse,
    responses={**OUTPUT, **documented(409)},
)  # fmt: skip
def download_batch(tenant: Who, wanted: Wanted) -> StreamingResponse:
    """As GET /api/v1/enrichments/{enrichment_id}/download."""
    return sent(tenant, wanted)


def batch_job(view: EnrichmentView) -> BatchJob:
    """The view in the roadmap's shape."""
    started = view.run_job_id is not None
    return BatchJob(
        id=view.id,
        job_id=view.id,
        filename=view.filename,
        total_rows=view.counts.total,
        matched_rows=view.matched if started else None,
        credit_cost=view.credits_captured,
        status=STATUSES[view.status],
        progress=_progress(view),
        error_message=_error(view),
        created_at=view.created_at,
        completed_at=view.finished_at,
    )


def _error(view: EnrichmentView) -> str | None:
    if view.status in ("ready", "deleted"):
        return view.why_not
    return view.refusal_message or (view.message if STATUSES[view.status] == "failed" else None)


def _progress(view: EnrichmentView) -> int:
    """Rows that have their outcome, of those that are sent."""
    if view.finished_at is not None:
        return 100
    rows = (view.counts.valid or 0) + ((view.counts.owned or 0) if view.includes_owned else 0)
    done = view.matched + view.no_match + view.errors
    return min(99, done * 100 // rows) if rows else 0

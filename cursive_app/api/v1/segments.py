"""Segments and their runs: /api/v1/segments, …/{id}, …/{id}/run, …/{id}/runs, …/{id}/runs/{run_id}.

The same routes answer below /api/segments, the addresses of the roadmap.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cursive_app.api.auth import tenant_of
from cursive_app.api.gate import idempotency_key_of
from cursive_app.errors import Invalid, NotFound
from cursive_app.integrations.audiencelab import provider
from cursive_app.services import segments
from db.scope import Tenant

Status = Literal["active", "paused", "archived"]
EXAMPLE_FILTER = {
    "version": 1,
    "scope": "provider",
    "where": {
        "all": [
            {"field": "job_title", "include": ["VP Sales", "Head of Sales"], "exclude": ["assistant"]},
            {"any": [{"field": "state", "include": ["TX", "CA"]}, {"field": "city", "include": ["New York"]}]},
            {"field": "has_email", "is": True},
        ]
    },
}
FilterJson = Annotated[
    dict[str, Any],
    Field(description="The filter: version, scope (provider or leads) and where.", examples=[EXAMPLE_FILTER]),
]
Ceiling = Annotated[
    Decimal | None,
    Field(max_digits=10, decimal_places=2, description="Most credits a run may spend.", examples=["50.00"]),
]
MaxLeads = Annotated[int | None, Field(strict=True, description="Most new leads a run may deliver.", examples=[100])]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewSegment(_Body):
    """A segment to save."""

    name: str = Field(description="1 to 100 characters, unique in the workspace.", examples=["Sales leaders in Texas"])
    description: str = Field("", description="At most 500 characters.")
    filters: FilterJson
    is_shared: bool = Field(True, strict=True, description="False: only its author, owners and admins see it.")
    max_leads: MaxLeads = None
    ceiling: Ceiling = None


class SegmentChange(_Body):
    """What to change; parts left out stay. `version` (or If-Match) is the version the change is based on."""

    version: int | None = Field(None, strict=True, ge=1, examples=[3])
    name: str | None = None
    description: str | None = None
    filters: FilterJson | None = None
    is_shared: bool | None = Field(None, strict=True)
    status: Status | None = None
    max_leads: MaxLeads = None
    ceiling: Ceiling = None

    @model_validator(mode="after")
    def _something(self) -> SegmentChange:
        if not self.model_fields_set - {"version"}:
            raise ValueError("Name at least one part to change.")
        return self


class RunRequest(_Body):
    """`preview` shows a free, masked sample; `pull` delivers leads and charges for new ones."""

    mode: Literal["preview", "pull"] = "pull"
    max_leads: MaxLeads = None
    ceiling: Ceiling = None
    version: int | None = Field(None, strict=True, ge=1, description="Refuse when the segment has changed since.")


class SegmentOut(BaseModel):
    """A saved segment. `last_run_at` is null until a run has ended, however it ended."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str
    scope: str
    filters: dict[str, Any] | None = Field(description="null when the stored filter can no longer be read.")
    sentence: str = Field(description="The filter read aloud.")
    problem: str | None = Field(description="Why the stored filter can no longer be read, and what to do; else null.")
    version: int
    status: Status
    is_shared: bool
    max_leads: int | None
    ceiling: Decimal | None
    last_count: int | None = Field(
        description="How many people matched in the last run; null where it ended before it had looked at everybody "
        "(it was full, or stopped), and before the first run."
    )
    last_matched: int | None = Field(
        description="How many matched among those the last run looked at: at least so many there are."
    )
    last_run_at: datetime | None
    active_run_id: UUID | None
    author: str
    may_edit: bool
    created_at: datetime
    updated_at: datetime
    updated_by: str


class SegmentsOut(BaseModel):
    """One page of segments, the last changed first."""

    items: list[SegmentOut]
    counts: dict[str, int] = Field(description="How many there are per status.")
    next_cursor: str | None


class RunOut(BaseModel):
    """A run. Counters move while `status` is queued or running."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    segment_id: UUID
    segment_version: int
    job_id: UUID | None
    status: Literal["queued", "running", "completed", "failed", "cancelled"]
    outcome: str | None = Field(description="full, exhausted, no_match, nobody, filters_ignored, access_lost, …")
    message: str | None
    actor: str
    max_leads: int
    ceiling: Decimal
    price: Decimal
    credits_held: Decimal
    credits_captured: Decimal
    audience_total: int | None = Field(description="People the provider found; null until it has built the audience.")
    audience_capped: bool
    fetched: int
    matched: int
    new_leads: int
    owned_leads: int
    duplicates: int
    not_taken: int = Field(
        description="People who match and were not delivered: beyond `max_leads`, or without anything to know them by. "
        "With new, owned and duplicate people they make up `matched`."
    )
    delta: int | None = Field(description="New leads compared with the run before.")
    created_at: datetime
    finished_at: datetime | None


class RunsOut(BaseModel):
    """One page of runs, newest first."""

    items: list[RunOut]
    next_cursor: str | None


class PreviewRowOut(BaseModel):
    """One masked person of the sample."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    job_title: str | None
    company: str | None
    place: str | None
    has_email: bool
    has_verified_email: bool
    has_phone: bool
    has_linkedin: bool
    fits: bool | None = Field(description="null: the sample does not say enough to tell.")
    owned: bool


class PreviewOut(BaseModel):
    """A sample, never a total: its size says nothing about how many people there are."""

    model_config = ConfigDict(from_attributes=True)

    sample_size: int
    fits: int
    fails: int
    unknown: int
    owned: int
    new: int
    rows: list[PreviewRowOut]
    narrowed: list[str]
    checked: list[str]
    dropped: list[str]
    ignored: str | None
    price_each: Decimal
    at: datetime


class RunAnswer(BaseModel):
    """Of a preview: `preview`. Of a pull: `run`, which works on in the background."""

    mode: Literal["preview", "pull"]
    preview: PreviewOut | None = None
    run: RunOut | None = None


Cursor = Annotated[str | None, Query(max_length=500)]
IfMatch = Annotated[str | None, Header(description='The version, as ETag gave it: "3".', max_length=40)]
Who = Annotated[Tenant, Depends(tenant_of)]
routes = APIRouter(prefix="/segments", tags=["Segments"])


@routes.get("", summary="List segments")
def list_segments(
    tenant: Who,
    status: Annotated[Status | None, Query(description="Left out: all but archived ones.")] = None,
    q: Annotated[str, Query(max_length=100, description="In the name.")] = "",
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SegmentsOut:
    """The segments you may see."""
    with tenant.begin() as scope:
        page = segments.list_segments(scope, status=status, query=q, cursor=cursor, limit=limit)
    return SegmentsOut(
        items=[_segment(view) for view in page.segments], counts=page.counts, next_cursor=page.next_cursor
    )


@routes.post("", status_code=201, summary="Save a segment")
def create_segment(tenant: Who, body: NewSegment, request: Request, response: Response) -> SegmentOut:
    """Save a new segment. A name that is taken is 409 `name_taken`."""
    with tenant.begin() as scope:
        view = segments.create_segment(scope, **body.model_dump())
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{view.id}"
    response.headers["ETag"] = f'"{view.version}"'
    return _segment(view)


@routes.get("/{segment_id}", summary="One segment")
def get_segment(tenant: Who, segment_id: UUID, response: Response) -> SegmentOut:
    """One segment; its version is also the ETag."""
    with tenant.begin() as scope:
        view = segments.get_segment(scope, segment_id)
    response.headers["ETag"] = f'"{view.version}"'
    return _segment(view)


@routes.patch("/{segment_id}", summary="Change a segment")
def change_segment(
    tenant: Who, segment_id: UUID, body: SegmentChange, response: Response, if_match: IfMatch = None
) -> SegmentOut:
    """Change what is named, all of it or nothing. An older version is 409 `stale_version`."""
    version = body.version if body.version is not None else _version(if_match)
    if version is None:
        raise Invalid(fields={"version": "Name the version your change is based on, here or in If-Match."})
    changes = {name: getattr(body, name) for name in body.model_fields_set - {"version"}}
    with tenant.begin() as scope:
        view = segments.update_segment(scope, segment_id, version=version, **changes)
    response.headers["ETag"] = f'"{view.version}"'
    return _segment(view)


@routes.delete("/{segment_id}", status_code=204, summary="Delete a segment")
def delete_segment(tenant: Who, segment_id: UUID, if_match: IfMatch = None) -> None:
    """Delete the segment. Leads that came from it stay yours."""
    with tenant.begin() as scope:
        segments.delete_segment(scope, segment_id, version=_version(if_match))


@routes.post("/{segment_id}/run", status_code=202, summary="Preview or run a segment")
def run_segment(tenant: Who, segment_id: UUID, body: RunRequest, request: Request, response: Response) -> RunAnswer:
    """A preview answers at once and is free. A pull holds the most it may cost and works in the background; send an
    Idempotency-Key so that a repeated request starts one run only."""
    if body.mode == "preview":
        with tenant.begin() as scope:
            view = segments.get_segment(scope, segment_id)
        if view.filters is None:
            raise Invalid(view.problem)
        sample = segments.preview_segment(tenant, view.filters, provider=provider())
        response.status_code = 200
        return RunAnswer(mode="preview", preview=PreviewOut.model_validate(sample))
    with tenant.begin() as scope:
        run = segments.start_run(
            scope,
            segment_id,
            max_leads=body.max_leads,
            ceiling=body.ceiling,
            version=body.version,
            idempotency_key=idempotency_key_of(request),
        )
    response.headers["Location"] = f"{request.url.path.removesuffix('/run')}/runs/{run.id}"
    return RunAnswer(mode="pull", run=RunOut.model_validate(run))


@routes.get("/{segment_id}/runs", summary="Runs of a segment")
def list_runs(
    tenant: Who, segment_id: UUID, cursor: Cursor = None, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> RunsOut:
    """Every run of the segment, newest first."""
    with tenant.begin() as scope:
        page = segments.list_runs(scope, segment_id, cursor=cursor, limit=limit)
    return RunsOut(items=[RunOut.model_validate(run) for run in page.runs], next_cursor=page.next_cursor)


@routes.get("/{segment_id}/runs/{run_id}", summary="One run")
def get_run(tenant: Who, segment_id: UUID, run_id: UUID) -> RunOut:
    """One run, with its counters as they stand."""
    return RunOut.model_validate(_run_of(tenant, segment_id, run_id))


@routes.post("/{segment_id}/runs/{run_id}/cancel", status_code=202, summary="Stop a run")
def cancel_run(tenant: Who, segment_id: UUID, run_id: UUID) -> RunOut:
    """Ask the run to stop after the page it works on. Leads delivered stay yours; the other credits come back."""
    _run_of(tenant, segment_id, run_id)
    with tenant.begin() as scope:
        return RunOut.model_validate(segments.cancel_run(scope, run_id))


def _run_of(tenant: Tenant, segment_id: UUID, run_id: UUID) -> segments.RunView:
    with tenant.begin() as scope:
        run = segments.get_run(scope, run_id)
    if run.segment_id != segment_id:
        raise NotFound
    return run


def _segment(view: segments.SegmentView) -> SegmentOut:
    values = {name: getattr(view, name) for name in SegmentOut.model_fields if name != "filters"}
    return SegmentOut(filters=view.filters.to_json() if view.filters else None, **values)


def _version(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Invalid(fields={"If-Match": 'Send the version as the ETag gave it, such as "3".'})
    return int(text)


router = APIRouter()
router.include_router(routes)
aliases = APIRouter()
aliases.include_router(routes)

"""The leads of the workspace: GET /api/v1/leads, …/{id}, …/export.csv."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from cursive_app.api.auth import tenant_of
from cursive_app.api.csv_files import ANSWER, csv_attachment, is_for_a_person
from cursive_app.clock import now
from cursive_app.services import leads
from db.scope import Tenant

router = APIRouter(prefix="/leads", tags=["Leads"])

Has = Literal["email", "verified_email", "phone", "linkedin"]
Source = Literal["database", "upload", "pixel", "marketplace", "manual"]
ANY_SPELLING = "Any of these, in any spelling; one that does not exist is refused."
OPEN = "Any of these. The list is open: known words are found in any spelling, others as they are written."
Closed = Annotated[list[str] | None, Query(max_length=50, description=ANY_SPELLING)]
Open = Annotated[list[str] | None, Query(max_length=50, description=OPEN)]
DoNotCall = Annotated[bool | None, Field(description="null is unknown: treat it as true.")]


class LeadOut(BaseModel):
    """One lead. null means not known."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    first_name: str | None
    last_name: str | None
    job_title: str | None
    seniority: str | None = Field(description="cxo, vp, director, manager or staff.")
    department: str | None
    company_name: str | None
    company_domain: str | None
    industry: str | None
    company_size: str | None
    city: str | None
    state: str | None = Field(description="Two letters.")
    state_from_company: bool = Field(
        description="The state (and the city) is the employer's: no place of the person's own is known."
    )
    email: str | None = Field(description="The primary address.", examples=["dana@acme.example"])
    email_verification: str = Field(description="verified, catch_all, unknown, invalid or none.")
    phone: str | None = Field(description="The primary number, E.164.", examples=["+15125550101"])
    phone_do_not_call: DoNotCall
    linkedin_url: str | None
    source: Source
    created_at: datetime = Field(description="When it became yours.")


class LeadsOut(BaseModel):
    """One page of leads."""

    items: list[LeadOut]
    total: int | None = Field(description="Exactly how many leads match; null with `with_total=false`.")
    next_cursor: str | None = Field(description="Pass as `cursor` for the following page; null on the last.")
    previous_cursor: str | None


class EmailOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    address: str
    kind: Literal["business", "personal"]
    verification: str = Field(description="verified, catch_all, unknown, invalid or none.")


class PhoneOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    e164: str
    kind: str
    do_not_call: DoNotCall
    verified: bool


class ReceiptOut(BaseModel):
    """Where the lead came from and what it cost."""

    model_config = ConfigDict(from_attributes=True)

    source: Source
    segment_id: UUID | None
    run_id: UUID | None
    ledger_line_id: UUID | None
    is_new: bool = Field(description="False where a run met a lead that was yours already.")
    cost: Decimal = Field(description="Credits, two decimals.", examples=["0.50"])
    actor_label: str = Field(description="Who caused it.")
    at: datetime


class LeadDetailOut(LeadOut):
    """All that is known of one lead. Contact lists start with the primary one."""

    emails: list[EmailOut]
    phones: list[PhoneOut]
    receipts: list[ReceiptOut] = Field(description="Newest first, at most 100.")
    headline: str | None
    years_experience: int | None
    twitter_url: str | None
    facebook_url: str | None
    company_description: str | None
    company_linkedin_url: str | None
    company_phone: str | None
    company_address: str | None
    company_city: str | None
    company_state: str | None
    company_postal_code: str | None
    company_revenue: str | None
    sic: str | None
    naics: str | None
    address: str | None
    postal_code: str | None
    age_range: str | None
    gender: str | None
    is_homeowner: bool | None
    is_married: bool | None
    has_children: bool | None
    demographics: dict[str, str]
    updated_at: datetime


def chosen_leads(
    q: Annotated[str | None, Query(max_length=200, description="Words in name, company, title or e-mail.")] = None,
    has: Annotated[list[Has] | None, Query(description="Must have all of these.")] = None,
    source: Annotated[list[Source] | None, Query(description="Any of these.")] = None,
    seniority: Closed = None,
    department: Open = None,
    state: Closed = None,
    industry: Open = None,
    company_size: Open = None,
    run: Annotated[UUID | None, Query(description="Only leads that this segment run delivered.")] = None,
    segment: Annotated[UUID | None, Query(description="Only leads of this saved segment.")] = None,
) -> leads.LeadFilter:
    """The filter the list and the export share. Values of one field are alternatives, fields narrow each other."""
    return leads.parse_filter(
        {
            "query": q,
            "has": has,
            "source": source,
            "seniority": seniority,
            "department": department,
            "state": state,
            "industry": industry,
            "company_size": company_size,
            "run": run,
            "segment": segment,
        }
    )


def chosen_sort(
    sort: Annotated[
        str, Query(max_length=20, description=f"One of {', '.join(leads.SORTS)}; “-” in front for descending.")
    ] = "-created",
) -> leads.Sort:
    return leads.parse_sort(sort)


@router.get("", summary="List leads")
def list_leads(
    tenant: Tenant = Depends(tenant_of),
    chosen: leads.LeadFilter = Depends(chosen_leads),
    sort: leads.Sort = Depends(chosen_sort),
    cursor: Annotated[str | None, Query(max_length=4_000)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    with_total: Annotated[bool, Query(description="false saves counting.")] = True,
) -> LeadsOut:
    """One page of the leads that match. Leads without a value in the sorted column come last."""
    with tenant.begin() as scope:
        page = leads.list_leads(scope, filter=chosen, sort=sort, cursor=cursor, limit=limit, with_total=with_total)
    return LeadsOut(
        items=[LeadOut.model_validate(row) for row in page.rows],
        total=page.total,
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
    )


@router.get(
    "/export.csv",
    summary="Leads as CSV",
    response_class=StreamingResponse,
    responses={200: ANSWER},
)
def export_leads(
    tenant: Tenant = Depends(tenant_of),
    chosen: leads.LeadFilter = Depends(chosen_leads),
    sort: leads.Sort = Depends(chosen_sort),
) -> StreamingResponse:
    """All leads that match, 45 fixed columns. Text that a spreadsheet would run as a formula starts with an apostrophe;
    an unknown do-not-call flag is exported as “yes”."""
    content = leads.export_csv(tenant, filter=chosen, sort=sort)
    return csv_attachment(content, filename=f"leads-{now():%Y-%m-%d}.csv", for_a_person=is_for_a_person(tenant))


@router.get("/{lead_id}", summary="One lead")
def get_lead(lead_id: UUID, tenant: Tenant = Depends(tenant_of)) -> LeadDetailOut:
    """One lead with every address, number and receipt."""
    with tenant.begin() as scope:
        detail = leads.get_lead(scope, lead_id)
    more = {name: getattr(detail, name) for name in LeadDetailOut.model_fields if name not in LeadOut.model_fields}
    return LeadDetailOut.model_validate({**LeadOut.model_validate(detail.row).model_dump(), **more})

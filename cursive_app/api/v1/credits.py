"""Balance and statement of the workspace: GET /api/v1/credits, …/ledger, …/ledger.csv, …/ledger/{id}."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from cursive_app.api.auth import tenant_of
from cursive_app.api.csv_files import ANSWER, csv_attachment, is_for_a_person
from cursive_app.services import credits
from db.scope import Tenant

router = APIRouter(prefix="/credits", tags=["Credits"])

Kind = Literal["purchase", "grant", "hold", "capture", "release", "debit", "refund", "adjustment", "reversal"]
Credits = Annotated[Decimal, Field(description="Credits, two decimals.", examples=["12.50"])]


class BalanceOut(BaseModel):
    """The two balances of the workspace."""

    model_config = ConfigDict(from_attributes=True)

    available: Credits
    held: Credits = Field(description="Set aside for work that runs now; not in `available`.")


class LineOut(BaseModel):
    """One line of the ledger."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    seq: int = Field(description="1, 2, 3… inside the workspace, without a gap.")
    kind: Kind
    amount: Credits
    change: Credits = Field(description="What the line did to the available credits.")
    held_change: Credits = Field(description="What the line did to the held credits.")
    balance_after: Credits
    held_after: Credits
    description: str
    created_at: datetime
    answers_id: UUID | None = Field(description="The hold, debit or purchase this line settles.")
    job_id: UUID | None
    reference: str | None
    actor_label: str = Field(description="Who caused it.")
    expires_at: datetime | None = Field(description="Of a hold: when it is released if its work is over.")


class LedgerOut(BaseModel):
    """One page of the ledger, newest first."""

    items: list[LineOut]
    total: int = Field(description="All lines of the filter.")
    next_cursor: str | None = Field(description="Pass as `cursor` for the following page; null on the last.")
    previous_cursor: str | None


def chosen_lines(
    kind: Annotated[list[Kind] | None, Query(description="Only these kinds; may be repeated.")] = None,
    since: Annotated[date | None, Query(description="First day, in the workspace's time zone.")] = None,
    until: Annotated[date | None, Query(description="Last day, included.")] = None,
    user_id: Annotated[UUID | None, Query(description="Only what this person caused.")] = None,
    job_id: Annotated[UUID | None, Query(description="Only lines of this job.")] = None,
    q: Annotated[str | None, Query(max_length=200, description="In the description or reference.")] = None,
) -> credits.StatementFilter:
    """The filter both listings share."""
    return credits.make_filter(kinds=list(kind or ()), since=since, until=until, user_id=user_id, job_id=job_id, text=q)


@router.get("", summary="Balance")
def get_balance(tenant: Tenant = Depends(tenant_of)) -> BalanceOut:
    """What can be spent now and what is held."""
    with tenant.begin() as scope:
        return BalanceOut.model_validate(credits.balance(scope))


@router.get("/ledger", summary="Statement")
def get_ledger(
    tenant: Tenant = Depends(tenant_of),
    chosen: credits.StatementFilter = Depends(chosen_lines),
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> LedgerOut:
    """The ledger's lines, newest first."""
    with tenant.begin() as scope:
        page = credits.list_lines(scope, filter=chosen, cursor=cursor, limit=limit)
    return LedgerOut(
        items=[LineOut.model_validate(line) for line in page.lines],
        total=page.total,
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
    )


@router.get(
    "/ledger.csv",
    summary="Statement as CSV",
    response_class=StreamingResponse,
    responses={200: ANSWER},
)
def get_ledger_csv(
    tenant: Tenant = Depends(tenant_of), chosen: credits.StatementFilter = Depends(chosen_lines)
) -> StreamingResponse:
    """All lines of the filter, oldest first; text that a spreadsheet would run as a formula is escaped."""
    lines = credits.export_csv(tenant, filter=chosen)
    return csv_attachment(lines, filename="credits.csv", for_a_person=is_for_a_person(tenant))


@router.get("/ledger/{line_id}", summary="One line")
def get_line(line_id: UUID, tenant: Tenant = Depends(tenant_of)) -> LineOut:
    """One line by its id."""
    with tenant.begin() as scope:
        return LineOut.model_validate(credits.get_line(scope, line_id))

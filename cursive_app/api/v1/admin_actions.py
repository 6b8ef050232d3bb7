"""What all staff did and were refused, for staff: GET /api/v1/admin/actions.csv."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from cursive_app.api.csv_files import csv_attachment
from cursive_app.api.staff import staff_of
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import StaffActor

router = APIRouter(prefix="/admin/actions.csv", tags=["Staff"])


@router.get("", response_class=StreamingResponse, summary="What staff did")
def get_actions(actor: Annotated[StaffActor, Depends(staff_of)]) -> StreamingResponse:
    """Every action and every refusal of all staff as a CSV file, newest first. Whoever may not see arguments finds them
    masked here, too."""
    return csv_attachment(admin.actions_csv(actor), filename="staff-actions.csv", for_a_person=True)

"""The OpenAPI document of the staff's addresses: GET /api/v1/admin/openapi.json, for staff alone. What it does not name
is refused, as at the public addresses."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request

from cursive_app import __version__
from cursive_app.api.openapi import STAFF_DESCRIPTION, complete
from cursive_app.api.parameters import PREFIX, refuse_unknown
from cursive_app.api.staff import staff_of
from cursive_app.api.v1 import admin_actions, admin_jobs, admin_queues
from cursive_app.services.jobs.admin import StaffActor

router = APIRouter(prefix="/admin", tags=["Description"])


@router.get("/openapi.json", summary="This description")
def get_document(_: Annotated[StaffActor, Depends(staff_of)]) -> dict[str, Any]:
    """What staff may ask for besides the public API."""
    return staff_document()


@lru_cache(maxsize=1)
def staff_document() -> dict[str, Any]:
    """The document, made once on first use."""
    described = FastAPI(title="Cursive API for staff", version=__version__, description=STAFF_DESCRIPTION.strip())
    for one in (admin_jobs.router, admin_queues.router, admin_actions.router, router):
        described.include_router(one, prefix=PREFIX)
    described.include_router(admin_jobs.aliases, prefix="/api")
    return complete(described.openapi(), session_only=True)


def only_known_to_staff(request: Request, _: Annotated[StaffActor, Depends(staff_of)]) -> None:
    """Refuse unknown query parameters. A dependency of the staff's routers: whoever is not staff finds nothing first.

    Raises NotFound, Invalid.
    """
    refuse_unknown(request, staff_document)

"""The HTTP application in front of the pages: REST API, sign-in forms, health.

    create()            what the web process puts in front of Reflex; everything unknown falls through to the pages
    └─ /api/…           an application of its own: problem+json for every refusal, authentication, limits, OpenAPI
       └─ v1/<room>.py  `router = APIRouter(prefix="/<room>", tags=["<Room>"])`, one line in ROUTERS

A router names its paths below `/api/v1`, takes `tenant: Tenant = Depends(tenant_of)` and is a sync function. What every
route shares (security, problems, rate headers) is written into the OpenAPI document here, once.
"""

from __future__ import annotations

from importlib import import_module

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from cursive_app import __version__
from cursive_app.api.gate import Gate, Problems
from cursive_app.api.health import router as health
from cursive_app.api.openapi import describe
from cursive_app.api.parameters import PREFIX, only_known_parameters
from cursive_app.api.problems import on_cursive_error, on_http_exception, on_validation_error
from cursive_app.api.session_routes import router as session_routes
from cursive_app.api.v1.admin_openapi import only_known_to_staff
from cursive_app.errors import CursiveError

ROUTERS = ("me", "credits", "jobs", "leads", "segments", "enrichments", "batch_enrichment")
"""The modules of `cursive_app.api.v1`; each exports `router`, and `aliases` if it answers at older addresses too."""
STAFF_ROUTERS = ("admin_jobs", "admin_queues", "admin_actions", "admin_openapi")
"""Those for staff: to everybody else there is nothing at their addresses, so they are not in the public document."""
DESCRIBED_ALIASES = ("batch_enrichment",)
"""Older addresses with shapes of their own. The others answer word for word as the address under /api/v1 does."""


def create() -> FastAPI:
    """The application that stands in front of the pages."""
    front = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    front.add_exception_handler(CursiveError, on_cursive_error)
    front.add_exception_handler(HTTPException, on_http_exception)
    front.add_exception_handler(RequestValidationError, on_validation_error)
    front.include_router(session_routes)
    front.include_router(health)
    front.add_middleware(_Api, api=rest())
    front.add_middleware(Problems)
    return front


def rest() -> FastAPI:
    """The REST API alone."""
    api = FastAPI(
        title="Cursive API",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.add_exception_handler(CursiveError, on_cursive_error)
    api.add_exception_handler(HTTPException, on_http_exception)
    api.add_exception_handler(RequestValidationError, on_validation_error)
    for room in (*ROUTERS, *STAFF_ROUTERS):
        module = import_module(f"cursive_app.api.v1.{room}")
        is_public = room in ROUTERS
        known = [Depends(only_known_parameters if is_public else only_known_to_staff)]
        api.include_router(module.router, prefix=PREFIX, include_in_schema=is_public, dependencies=known)
        if hasattr(module, "aliases"):  # older addresses, below /api
            is_described = room in DESCRIBED_ALIASES
            api.include_router(module.aliases, prefix="/api", include_in_schema=is_described, dependencies=known)
    api.add_middleware(Gate)
    api.add_middleware(Problems)
    describe(api)
    return api


class _Api:
    """Hands everything under /api to the API, so that the pages' catch-all never answers for it."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self.app = app
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        mine = scope["type"] == "http" and (path == "/api" or path.startswith("/api/"))
        await (self.api if mine else self.app)(scope, receive, send)


def operations(app: FastAPI) -> list[tuple[str, str]]:
    """Every (method, path) an application answers, described in a document or not, for tests that walk them all."""
    found = {(method, one.path) for one in iter_route_contexts(app.routes) for method in one.methods or ()}
    return sorted((method, path) for method, path in found if path is not None)

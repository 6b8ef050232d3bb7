"""Errors as `application/problem+json` (RFC 9457): one shape for everything the API refuses.

`code` is stable and meant for programs, `detail` for people. Nothing of a vendor, of SQL or of a stack trace is ever in
one; `request_id` finds the request in our logs.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from cursive_app.api.plain_words import in_plain_words
from cursive_app.api.problem_page import problem_page, wants_page
from cursive_app.errors import (
    Conflict,
    CursiveError,
    Forbidden,
    InsufficientCredits,
    Invalid,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from cursive_app.services import accounts
from db.scope import Tenant

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
LONGEST_FIELDS = 50


class Problem(BaseModel):
    """Why a request was refused."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:cursive:problem:invalid"])
    title: str = Field(description="The HTTP status in words.")
    status: int
    code: str = Field(description="Stable, for programs.", examples=["invalid"])
    detail: str = Field(description="What happened and what to do, for people.")
    request_id: str | None = Field(default=None, description="Name this when you ask us about it.")
    fields: dict[str, str] | None = Field(
        default=None, description="Input name (dotted path) to what is wrong with it."
    )
    reason: str | None = Field(default=None, description="Of a conflict: which one, for programs.")
    needed: str | None = Field(default=None, description="Credits the request needs (402).")
    available: str | None = Field(default=None, description="Credits that are available (402).")
    missing: str | None = Field(default=None, description="Credits that are missing (402).")
    retry_after: int | None = Field(default=None, description="Seconds until the same request may be sent again.")


def problem_of(error: CursiveError, *, request_id: str | None = None) -> JSONResponse:
    """A CursiveError as its response."""
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, Invalid) and error.fields:
        more["fields"] = error.fields
    if isinstance(error, Conflict):
        more["reason"] = error.reason
        if error.reason == "in_progress":
            more["retry_after"] = 1
    if isinstance(error, InsufficientCredits):
        more |= {name: f"{getattr(error, name):.2f}" for name in ("needed", "available", "missing")}
    if isinstance(error, RateLimited | Unavailable):
        more["retry_after"] = error.retry_after
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="Cursive"'
    if "retry_after" in more:
        headers["Retry-After"] = str(more["retry_after"])
    return problem(error.status, error.code, error.message, request_id=request_id, headers=headers, **more)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """A problem response with extension members `more`."""
    body = {
        "type": f"urn:cursive:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **({"request_id": request_id} if request_id else {}),
        **more,
    }
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers={**(headers or {})})


def request_id_of(scope: Any) -> str | None:
    """The id the web edge gave this request."""
    return (scope.get("state") or {}).get("request_id")


def answer_to(request: HTTPConnection, error: CursiveError) -> Response:
    """A CursiveError as a page for people who met it in a browser, as a problem for programs."""
    request_id = request_id_of(request.scope)
    if wants_page(request):
        return problem_page(request, error.status, error.message, request_id=request_id)
    return problem_of(error, request_id=request_id)


async def on_cursive_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CursiveError)
    answer = answer_to(request, error)
    tenant = getattr(request.state, "tenant", None)
    if isinstance(tenant, Tenant) and isinstance(error, Forbidden | NotFound):
        # After the answer has gone out, so that its time tells nothing about what was looked for (T13, T15).
        attempted = getattr(request.scope.get("endpoint"), "__name__", request.method.lower())
        answer.background = BackgroundTask(accounts.record_refusal, tenant, error, attempted=attempted)
    return answer


async def on_http_exception(request: Request, error: Exception) -> Response:
    """404 and 405 of the router, and whatever a route raises as plain HTTP."""
    assert isinstance(error, HTTPException)
    texts = {
        404: ("not_found", "There is nothing at this address."),
        405: ("method_not_allowed", "This address does not know that method."),
    }
    phrase = HTTPStatus(error.status_code).phrase
    code, detail = texts.get(error.status_code, (phrase.lower().replace(" ", "_"), str(error.detail)))
    headers = dict(error.headers or {})
    if wants_page(request):
        return problem_page(request, error.status_code, detail, request_id=request_id_of(request.scope))
    return problem(error.status_code, code, detail, request_id=request_id_of(request.scope), headers=headers)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """What pydantic refused, by field; what was sent is not repeated (it may be a secret, and may be huge)."""
    assert isinstance(error, RequestValidationError)
    fields: dict[str, str] = {}
    for one in error.errors()[:LONGEST_FIELDS]:
        where = [_name(part) for part in one["loc"] if part not in ("body", "query", "path", "header")]
        fields.setdefault(".".join(where)[:200] or "body", in_plain_words(one))
    return answer_to(request, Invalid(fields=fields))


def _name(part: object) -> str:
    """A step of the path to a field. An unknown field's name is the sender's text: only a plain one is repeated."""
    text = str(part)
    return text if re.fullmatch(r"[A-Za-z0-9_-]{1,32}", text) else "(unknown)"


def on_defect(scope: Any, error: Exception) -> Response:
    """A defect of ours: logged with its trace under the request id, answered without any of it."""
    request_id = request_id_of(scope)
    log.error("api.defect", path=scope.get("path"), method=scope.get("method"), exc_info=error)
    detail = "Something went wrong on our side. Please try again; if it happens again, tell us the request id."
    if wants_page(request := HTTPConnection(scope)):
        return problem_page(request, 500, detail, request_id=request_id)
    return problem(500, "internal", detail, request_id=request_id)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: which problems it may answer with, beside the ones every route has."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }

"""The OpenAPI document: what FastAPI derives from the routes, plus what the gate does for all of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cursive_app.api.cookies import session_cookie
from cursive_app.api.problems import MEDIA_TYPE, Problem

DESCRIPTION = """
Leads, segments, enrichments, jobs and credits of one workspace.

**Authentication.** Create an API key under Settings → API keys and send it as `Authorization: Bearer cur_…` (or as
`X-Api-Key`). A key belongs to one workspace and may do what its scopes name. Keys in a query string are not read.

**Idempotency.** Send `Idempotency-Key` (1–255 visible characters) with any request that changes something. A repeat
within seven days gets the first answer again, marked `Idempotent-Replayed: true`; the same key with another request is
refused with 422, as is a repeat by somebody with other rights, and with 409 while the first one still runs. A refused
request changed nothing: its key is free.

**Limits.** 100 requests a minute per workspace; every answer says in `X-RateLimit-Limit`, `-Remaining` and `-Reset`
(seconds) where you stand, and 429 says in `Retry-After` when to come back. Bodies are JSON of at most 1 MB, but for
`POST /api/v1/enrichments`: it takes files of up to 25 MB, 120 an hour.

**Query parameters** that a route does not document are refused with 422, which names them; so are those given twice
that take one value.

**Aliases.** `/api/audiencelab/batch-enrichment` is an older address of `/api/v1/enrichments`, with the same lists in a
smaller shape. `/api/segments` and what is below it answers word for word as `/api/v1/segments` does. New code uses the
addresses under `/api/v1`.

**Errors** are `application/problem+json` (RFC 9457) with a stable `code`.

**Credits** are decimal text with two decimals. **Times** are UTC, ISO 8601.
"""
STAFF_DESCRIPTION = """
What staff may ask for besides the public API, with the session of a member of staff and by their role: read-only,
operate or all. To everybody else there is nothing at these addresses, this document included. Every action and every
refusal is written down. Idempotency, limits, times and errors are those of the public API.
"""
ALWAYS = (401, 403, 404, 422, 429, 500, 503)
WITH_BODY = (409, 413, 415)
PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
RATE_HEADERS = {
    "X-RateLimit-Limit": "Requests a minute.",
    "X-RateLimit-Remaining": "Requests left now.",
    "X-RateLimit-Reset": "Seconds until all of them are back.",
}


def describe(api: FastAPI) -> None:
    """Give the application its OpenAPI document, made once on first use."""

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = complete(
                get_openapi(
                    title=api.title,
                    version=api.version,
                    description=DESCRIPTION.strip(),
                    routes=api.routes,
                    servers=[{"url": "/"}],
                )
            )
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def complete(document: dict[str, Any], *, session_only: bool = False) -> dict[str, Any]:
    """Write into a document what the gate does for every route. `session_only`: no API key opens these routes."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key: `cur_…`."},
        "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        "session": {"type": "apiKey", "in": "cookie", "name": session_cookie()},
    }
    document["security"] = (
        [{"session": []}] if session_only else [{"apiKey": []}, {"apiKeyHeader": []}, {"session": []}]
    )
    for methods in document["paths"].values():
        for method, operation in methods.items():
            _complete_operation(method, operation)
    return document


def _complete_operation(method: str, operation: dict[str, Any]) -> None:
    changes = method not in ("get", "head")
    responses = operation["responses"]
    for status in (*ALWAYS, *(WITH_BODY if changes else ())):
        described = {"description": HTTPStatus(status).phrase, "content": PROBLEM}
        if status == 422:  # FastAPI's own shape is not what we answer with
            responses["422"] = described
        else:
            responses.setdefault(str(status), described)
    for response in responses.values():
        headers = response.setdefault("headers", {})
        for name, meaning in RATE_HEADERS.items():
            headers.setdefault(name, {"description": meaning, "schema": {"type": "string", "pattern": "^[0-9]+$"}})
    responses["429"]["headers"]["Retry-After"] = {
        "description": "Seconds until the next request is allowed.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    }
    if changes:
        operation.setdefault("parameters", []).append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "Makes a repeat of this request harmless; see the introduction.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            }
        )

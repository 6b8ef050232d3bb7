"""Answers of the sandbox provider in the vendor's shapes, and reading what it was asked."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response


class Refusal(Exception):
    """An answer that is an error: status and the vendor's words."""

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        self.words = words
        super().__init__(words)


def refusal(status: int, words: str) -> Response:
    """An error in one of the vendor's four shapes (§1); which one depends on the status, so that all are met."""
    match status:
        case 401 | 403:
            return JSONResponse({"error": {"code": "UNAUTHORIZED", "message": words}}, status)
        case 404:
            return JSONResponse({"message": words}, status)
        case 405:
            return PlainTextResponse(words, status)
        case _:
            return JSONResponse({"error": words}, status)


async def json_body(request: Request, *, allowed: frozenset[str]) -> dict[str, Any]:
    """The request's JSON object. Raises Refusal as the vendor does for other bodies and unknown members."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Refusal(400, "Malformed JSON/Unknown Field detected: <nil>") from None
    if not isinstance(body, dict) or set(body) - allowed:
        raise Refusal(400, "Malformed JSON/Unknown Field detected: <nil>")
    return body


def paging(request: Request, *, default: int = 100, most: int = 1_000) -> tuple[int, int]:
    """Page (1-indexed) and page size as asked; sizes outside the range are pulled into it."""
    try:
        page = int(request.query_params.get("page", "1"))
        size = int(request.query_params.get("page_size", str(default)))
    except ValueError:
        raise Refusal(400, "invalid page") from None
    return max(1, page), max(1, min(size, most))


def listing(items: list[Any], *, page: int, size: int, key: str = "data", counters: bool = True) -> dict[str, Any]:
    """One page of a list in the documented envelope, or (without `counters`) in the one seen live under `key`."""
    pages = -(-len(items) // size)
    rows = items[(page - 1) * size : page * size]
    if not counters:
        return {key: rows, "total": len(items), "total_pages": pages}
    return {"total_records": len(items), "page_size": size, "page": page, "total_pages": pages, key: rows}

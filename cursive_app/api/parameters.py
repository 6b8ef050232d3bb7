"""Query parameters nobody reads are refused: a misspelled filter that was ignored would answer with everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request

from cursive_app.errors import Invalid

PREFIX = "/api/v1"
MOST_NAMED = 10


def only_known_parameters(request: Request) -> None:
    """Refuse a GET with a query parameter that the OpenAPI document does not name for its route. Raises Invalid.

    A dependency of every router. Routes that are not documented at all are left alone.
    """
    refuse_unknown(request, request.app.openapi)


def refuse_unknown(request: Request, document: Callable[[], Mapping[str, Any]]) -> None:
    """Refuse a GET with a query parameter that this document does not name for its route. Raises Invalid."""
    if request.method != "GET" or not request.query_params:
        return
    known = documented_parameters(document(), str(request.scope["route"].path).removeprefix(PREFIX))
    if known is None:
        return
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known][:MOST_NAMED]
    if not unknown:
        return
    hint = f"Known here: {', '.join(sorted(known))}." if known else "This address takes no parameters."
    raise Invalid(
        f"Unknown query parameter: {', '.join(name[:40] for name in unknown)}. {hint}",
        fields={name[:100] or "?": "There is no such parameter." for name in unknown},
    )


def documented_parameters(document: Mapping[str, Any], path: str) -> frozenset[str] | None:
    """The query parameters of GET at a route's path, which is the one below its router's prefix; so the older addresses
    of a route need no entry of their own, but those with shapes of their own have one. None for a route that is not in
    the document."""
    paths = document["paths"]
    methods = paths.get(PREFIX + path) or paths.get(f"/api{path}")
    if methods is None or "get" not in methods:
        return None
    return frozenset(one["name"] for one in methods["get"].get("parameters", ()) if one["in"] == "query")

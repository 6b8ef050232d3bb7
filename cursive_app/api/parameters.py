"""Query parameters nobody reads are refused: a misspelled filter, or the first of two that contradict each other, would
be ignored and answered with everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import Request

from cursive_app.errors import Invalid

PREFIX = "/api/v1"
MOST_NAMED = 10


def only_known_parameters(request: Request) -> None:
    """Refuse a GET with a query parameter that the OpenAPI document does not name for its route, or that is given twice
    and takes one value. Raises Invalid.

    A dependency of every router. Routes that are not documented at all are left alone.
    """
    refuse_unknown(request, request.app.openapi)


def refuse_unknown(request: Request, document: Callable[[], Mapping[str, Any]]) -> None:
    """As `only_known_parameters`, by this document. Raises Invalid."""
    if request.method != "GET" or not request.query_params:
        return
    known = documented_parameters(document(), str(request.scope["route"].path).removeprefix(PREFIX))
    if known is None:
        return
    given = [name for name, _ in request.query_params.multi_items()]
    unknown = [name for name in dict.fromkeys(given) if name not in known][:MOST_NAMED]
    if not unknown:
        _refuse_repeated([name for name in known if given.count(name) > 1 and not known[name]])
        return
    hint = f"Known here: {', '.join(sorted(known))}." if known else "This address takes no parameters."
    raise Invalid(
        f"Unknown query parameter: {', '.join(name[:40] for name in unknown)}. {hint}",
        fields={name[:100] or "?": "There is no such parameter." for name in unknown},
    )


def _refuse_repeated(names: Sequence[str]) -> None:
    if names:
        raise Invalid(
            f"Query parameter given more than once: {', '.join(names)}.",
            fields=dict.fromkeys(names, "Send this parameter once; it takes one value."),
        )


def documented_parameters(document: Mapping[str, Any], path: str) -> dict[str, bool] | None:
    """The query parameters of GET at a route's path, and whether each may be given several times. The path is the one
    below its router's prefix; so the older addresses of a route need no entry of their own, but those with shapes of
    their own have one. None for a route that is not in the document."""
    paths = document["paths"]
    methods = paths.get(PREFIX + path) or paths.get(f"/api{path}")
    if methods is None or "get" not in methods:
        return None
    parameters = [one for one in methods["get"].get("parameters", ()) if one["in"] == "query"]
    return {one["name"]: _takes_several(one["schema"]) for one in parameters}


def _takes_several(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" or any(map(_takes_several, schema.get("anyOf", ())))

"""The sandbox provider as one ASGI app: the Audience Labs contract (§§2-7) over synthetic people, quirks included.

Everything under an underscore is ours and no part of the contract: `GET/PUT/DELETE /_faults`, `GET /_calls`.
"""

from __future__ import annotations

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cursive_app.sandbox.audiencelab.answers import Refusal, refusal
from cursive_app.sandbox.audiencelab.audiences import Audiences
from cursive_app.sandbox.audiencelab.enrichments import Enrichments
from cursive_app.sandbox.audiencelab.faults import FaultBoard, FaultyProvider, Moods
from cursive_app.sandbox.audiencelab.journal import Journal
from cursive_app.sandbox.audiencelab.pixels import Pixels
from cursive_app.sandbox.population import Population

API_KEY = "sandbox-key"


def create_app(
    population: Population,
    *,
    quirks: bool = True,
    build_seconds: float = 2.0,
    journal_path: Path | None = None,
    api_key: str = API_KEY,
) -> ASGIApp:
    """The provider. `journal_path`: where audiences, jobs and pixels survive a restart; None: in memory only.

    `build_seconds`: how long an audience or a batch job takes. `quirks`: behave as the vendor was seen to.
    """
    journal, board, moods = Journal(journal_path), FaultBoard(), Moods(enabled=quirks)
    options = {"journal": journal, "quirks": quirks}
    routes = [
        *Audiences(population, board=board, build_seconds=build_seconds, **options).routes,
        *Enrichments(population, board=board, build_seconds=build_seconds, **options).routes,
        *Pixels(population, **options).routes,
        *_control_routes(board, moods, journal),
    ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(FaultyProvider, board=board, moods=moods),
            Middleware(KeyCheck, api_key=api_key),
        ],
        exception_handlers={Refusal: _refused, 404: _unknown_route, 405: _wrong_method},
    )


class KeyCheck:
    """ASGI middleware: everything but our own controls and result links needs the key."""

    def __init__(self, app: ASGIApp, *, api_key: str) -> None:
        self._app = app
        self._api_key = api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        is_open = path.startswith(("/_", "/files/"))  # result links carry no key, as with any file store
        if scope["type"] != "http" or is_open or dict(scope["headers"]).get(b"x-api-key") == self._api_key:
            await self._app(scope, receive, send)
        else:
            await refusal(401, "invalid api key")(scope, receive, send)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refusal(error.status, error.words)


def _unknown_route(_: Request, __: Exception) -> Response:
    return refusal(404, "not found")


def _wrong_method(_: Request, __: Exception) -> Response:
    return refusal(405, "method not allowed")


def _control_routes(board: FaultBoard, moods: Moods, journal: Journal) -> list[Route]:
    async def put_faults(request: Request) -> Response:
        try:
            given = json.loads(await request.body())
        except ValueError:
            return JSONResponse({"problems": ["the body is no JSON"]}, 422)
        problems = board.replace(given if isinstance(given, list) else [given])
        return JSONResponse({"problems": problems}, 422) if problems else Response(status_code=204)

    async def clear(request: Request) -> Response:
        board.clear()
        moods.reset()
        if "everything" in request.query_params:
            journal.clear()
        return Response(status_code=204)

    async def calls(_: Request) -> Response:
        return JSONResponse(board.report())

    return [
        Route("/_faults", put_faults, methods=["PUT"]),
        Route("/_faults", clear, methods=["DELETE"]),
        Route("/_calls", calls, methods=["GET"]),
    ]

"""Pixels and their visitor events at the sandbox provider (contract §5)."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cursive_app.sandbox.audiencelab.answers import Refusal, json_body, listing, paging
from cursive_app.sandbox.audiencelab.journal import Item, Journal
from cursive_app.sandbox.population import Population
from cursive_app.sandbox.population.draws import bits
from cursive_app.sandbox.population.rows import version_4

_CREATE = frozenset({"websiteName", "websiteUrl", "webhookUrl", "version"})
_MOST_EVENTS = 1_000
_SECONDS_PER_EVENT = 60.0
_FIRST_EVENTS = 25  # visits found at once, so that a look-up right after creation shows something
_PAGES = ("/", "/pricing", "/features", "/contact", "/blog", "/docs", "/signup")


class Pixels:
    """The handlers; `routes` goes into the provider's app."""

    def __init__(self, population: Population, *, journal: Journal, quirks: bool) -> None:
        self._population = population
        self._journal = journal
        self._quirks = quirks

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/pixels", self.create, methods=["POST"]),
            Route("/pixels", self.list, methods=["GET"]),
            Route("/pixels/{id}", self.events, methods=["GET"]),
            Route("/pixels/{id}/v4", self.events_v4, methods=["GET"]),
            Route("/pixels/{id}", self.delete, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        body = await json_body(request, allowed=_CREATE)
        if not all(isinstance(body.get(name), str) and body[name] for name in ("websiteName", "websiteUrl")):
            raise Refusal(400, "websiteName and websiteUrl are required")
        if body.get("version", "v3") not in ("v3", "v4"):
            raise Refusal(400, "invalid version")
        item = {"id": str(uuid.uuid4()), "script": str(uuid.uuid4()), "created_at": time.time(), "request": body}
        self._journal.put("pixels", item)
        return JSONResponse({"pixel_id": item["id"], "install_url": _install_url(item)})

    async def list(self, request: Request) -> Response:
        page, size = paging(request)
        rows = [
            {
                "id": item["id"],
                "install_url": _install_url(item),
                "last_sync": None,
                "webhook_url": item["request"].get("webhookUrl"),
                "website_name": item["request"]["websiteName"],
                "website_url": item["request"]["websiteUrl"],
            }
            for item in self._journal.all("pixels")
        ]
        return JSONResponse(listing(rows, page=page, size=size))

    async def events(self, request: Request) -> Response:
        return await self._events(request, version="v3")

    async def events_v4(self, request: Request) -> Response:
        if self._quirks:  # it failed for every pixel on the day it was tried (§5.3)
            return JSONResponse({"error": {"code": "INTERNAL", "message": "demo"}}, 500)
        return await self._events(request, version="v4")

    async def delete(self, request: Request) -> Response:
        if not self._journal.remove("pixels", request.path_params["id"]):
            raise Refusal(404, "pixel not found")
        return Response(status_code=204)

    async def _events(self, request: Request, *, version: str) -> Response:
        item = self._journal.get("pixels", request.path_params["id"])
        if item is None:
            raise Refusal(404, "pixel not found")
        page, size = paging(request)
        count = min(_MOST_EVENTS, _FIRST_EVENTS + int((time.time() - item["created_at"]) / _SECONDS_PER_EVENT))
        found = listing(list(range(count)), page=page, size=size, key="events")
        found["events"] = await run_in_threadpool(self._visits, item, found["events"], version)
        return JSONResponse(found)

    def _visits(self, item: Item, numbers: list[int], version: str) -> list[dict[str, Any]]:
        """Who came: the same visitors for the same pixel each time it is asked."""
        seed = uuid.UUID(item["id"]).int % 2**31
        index = np.array(numbers, dtype=np.int64)
        visitors = (bits(seed, "visitor", index) % np.uint64(self._population.size)).astype(np.int64)
        rows = self._population.records(visitors)
        start = item["created_at"] - _FIRST_EVENTS * _SECONDS_PER_EVENT
        site = item["request"]["websiteUrl"].rstrip("/")
        return [
            {
                "pixel_id": item["id"],
                "hem_sha256": (row["SHA256_PERSONAL_EMAIL"] or row["SHA256_BUSINESS_EMAIL"] or [""])[0],
                "event_timestamp": _iso(start + number * _SECONDS_PER_EVENT),
                "referrer_url": "https://search.example/" if number % 3 else "",
                "full_url": site + _PAGES[number % len(_PAGES)],
                "resolution": version_4(row) if version == "v4" else row,
            }
            for number, row in zip(numbers, rows, strict=True)
        ]


def _install_url(item: Item) -> str:
    if item["request"].get("version") == "v4":
        return f"https://cdn.idpixel.app/v1/idp-analytics-{item['script'].replace('-', '')[:24]}.min.js"
    return f"https://cdn.v3.identitypxl.app/pixels/{item['script']}/p.js"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

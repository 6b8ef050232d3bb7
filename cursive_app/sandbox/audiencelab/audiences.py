"""Audiences, previews, vocabularies and house segments of the sandbox provider (contract §2, §6)."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cursive_app.integrations.audiencelab import vocabulary as words
from cursive_app.sandbox.audiencelab.answers import Refusal, json_body, listing, paging
from cursive_app.sandbox.audiencelab.catalog import Catalog, Segment
from cursive_app.sandbox.audiencelab.faults import FaultBoard
from cursive_app.sandbox.audiencelab.journal import Item, Journal
from cursive_app.sandbox.population import FilterRefused, Population
from cursive_app.sandbox.population.draws import mix
from cursive_app.sandbox.population.rows import preview_row

CAP = words.AUDIENCE_CAP
_ROWS_PER_PAGE = 400  # with quirks: fewer than clients like to ask for
_KEPT_RESULTS = 16
_STRAY_SHARE = 0.03  # people in an audience whom nobody asked for
_PREVIEW_STRAY_SHARE = 0.08
_CREATE = frozenset({"name", "filters", "segment", "days_back"})
_PREVIEW = frozenset({"days_back", "filters", "segment", "limit", "score", "include_dnc"})

Index = npt.NDArray[np.int64]


class Audiences:
    """The handlers; `routes` goes into the provider's app."""

    def __init__(
        self, population: Population, *, journal: Journal, board: FaultBoard, quirks: bool, build_seconds: float
    ) -> None:
        self._population = population
        self._catalog = Catalog(population)
        self._journal = journal
        self._board = board
        self._quirks = quirks
        self._build_seconds = build_seconds
        self._results: OrderedDict[str, Index] = OrderedDict()

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/audiences", self.list, methods=["GET"]),
            Route("/audiences", self.create, methods=["POST"]),
            Route("/audiences/preview", self.preview, methods=["POST"]),
            Route("/audiences/custom", self.custom, methods=["POST"]),
            Route("/audiences/attributes/{name}", self.attributes, methods=["GET"]),
            Route("/audiences/{id}", self.records, methods=["GET"]),
            Route("/audiences/{id}", self.delete, methods=["DELETE"]),
            Route("/segments/{id}", self.segment, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Response:
        page, size = paging(request)
        rows = [
            {
                "id": item["id"],
                "name": item["name"],
                "next_scheduled_refresh": None,
                "refresh_interval": None,
                "scheduled_refresh": False,
                "webhook_url": None,
            }
            for item in self._journal.all("audiences")
        ]
        if self._quirks:  # as seen live, against the documentation
            return JSONResponse(listing(rows, page=page, size=size, key="Data", counters=False))
        return JSONResponse(listing(rows, page=page, size=size))

    async def create(self, request: Request) -> Response:
        body = await json_body(request, allowed=_CREATE)
        name, filters = body.get("name"), body.get("filters")
        if not isinstance(name, str) or not name.strip() or not isinstance(filters, dict):
            raise Refusal(400, "Malformed JSON/Unknown Field detected: <nil>")
        self._segments_of(body)
        await run_in_threadpool(self._mask, filters)  # refuses now what it would refuse later
        item = self._keep(name, {**body, "days_back": body.get("days_back") or 7})
        return JSONResponse({"audienceId": item["id"]})

    async def custom(self, request: Request) -> Response:
        body = await json_body(request, allowed=frozenset({"topic", "description"}))
        topic = body.get("topic")
        if not isinstance(topic, str) or not topic.strip():
            raise Refusal(400, "topic is required")
        self._keep(topic, {"filters": {"businessProfile": {"companyDescription": [topic]}}, "days_back": 7})
        return JSONResponse({"status": "processing"})

    async def preview(self, request: Request) -> Response:
        body = await json_body(request, allowed=_PREVIEW)
        days, limit = body.get("days_back"), body.get("limit", 25)
        if not _whole(days, 1, 10) or not _whole(limit, 0, 500):
            raise Refusal(400, "days_back must be 1-10 and limit 0-500")
        rows = await run_in_threadpool(self._sample, body, limit)
        fields = sorted({name for row in rows for name in row})
        coverage = {name.upper(): sum(bool(row.get(name)) for row in rows) / len(rows) for name in fields}
        answer = {"job_id": f"j_{uuid.uuid4().hex[:12]}", "count": len(rows), "result": rows}
        return JSONResponse({**answer, "field_coverage": coverage})

    async def records(self, request: Request) -> Response:
        item = self._journal.get("audiences", request.path_params["id"])
        if item is None:
            raise Refusal(404, "audience not found")
        page, size = paging(request)
        if time.time() < item["ready_at"] or self._board.has("never_ready"):
            # both ways of saying "still building" were seen
            if int(item["id"][:2], 16) % 2:
                return JSONResponse({"status": "no data"})
            return JSONResponse({"data": [], "total_records": 0, "page": page, "page_size": size, "total_pages": 0})
        if self._quirks:
            size = min(size, _ROWS_PER_PAGE)
        return JSONResponse(await run_in_threadpool(self._page, item, page, size))

    async def delete(self, request: Request) -> Response:
        if not self._journal.remove("audiences", request.path_params["id"]):
            raise Refusal(404, "audience not found")
        self._results.pop(request.path_params["id"], None)
        return Response(status_code=204)

    async def attributes(self, request: Request) -> Response:
        name = request.path_params["name"]
        vocabularies: dict[str, list[dict[str, Any]]] = {
            "segments": [{"id": seg.id, "name": seg.name, "b2b": seg.b2b} for seg in self._catalog.segments],
            "industries": [{"name": word} for word in words.INDUSTRIES],
            "departments": [{"name": word} for word in words.DEPARTMENTS],
            "seniority": [{"name": word} for word in words.SENIORITIES],
            "sic": [],
        }
        if name not in vocabularies:
            raise Refusal(404, "unknown attribute")
        data = vocabularies[name]
        return JSONResponse({"attributes": {name: {"count": len(data), "data": data}}})

    async def segment(self, request: Request) -> Response:
        segment = self._catalog.get(request.path_params["id"])
        if segment is None:
            raise Refusal(404, "segment not found")
        page, size = paging(request, default=50)
        members = await run_in_threadpool(lambda: np.flatnonzero(self._catalog.mask([segment], days_back=10)))
        rows = self._population.records(members[(page - 1) * size : page * size])
        for row in rows:
            row["PERSONAL_EMAIL"] = row.pop("PERSONAL_EMAILS")  # singular here, plural elsewhere (§6)
        return JSONResponse(
            {
                "data": rows,
                "segment_id": request.path_params["id"],
                "segment_name": segment.name,
                "total_records": len(members),
                "total_pages": -(-len(members) // size),
                "page": page,
                "page_size": size,
                "has_more": page * size < len(members),
            }
        )

    def _keep(self, name: str, request: Item) -> Item:
        now = time.time()
        item = {"id": str(uuid.uuid4()), "name": name, "request": request, "ready_at": now + self._build_seconds}
        self._journal.put("audiences", item)
        return item

    def _segments_of(self, body: Item) -> list[Segment]:
        """The segments asked for. Bare ids are refused, as the vendor has done since it prefixed them (§2.2)."""
        asked = body.get("segment") or []
        if not isinstance(asked, list):
            raise Refusal(400, "Malformed JSON/Unknown Field detected: <nil>")
        found = [self._catalog.get(segment) for segment in asked if isinstance(segment, str)]
        if None in found or len(found) != len(asked):
            raise Refusal(400, "invalid segment")
        if self._quirks and any(segment.isdigit() for segment in asked):
            raise Refusal(400, "Malformed JSON/Unknown Field detected: <nil>")
        return [segment for segment in found if segment]

    def _mask(self, filters: Item) -> npt.NDArray[np.bool_]:
        for member in self._board.refused_members():
            *parents, leaf = member.split(".")
            if leaf in reduce(lambda found, parent: found.get(parent) or {}, parents, filters):
                raise Refusal(400, f"invalid filter field: {leaf.upper()}")
        try:
            return self._population.mask(filters, strict=self._quirks)
        except FilterRefused as error:
            raise Refusal(400, str(error)) from None

    def _wanted(self, request: Item, *, with_filters: bool) -> npt.NDArray[np.bool_]:
        mask = np.ones(self._population.size, dtype=bool)
        if with_filters and not self._board.has("ignore_filters"):
            mask &= self._mask(request.get("filters") or {})
        if segments := self._segments_of(request):
            mask &= self._catalog.mask(segments, days_back=int(request.get("days_back") or 7))
        return mask

    def _result(self, item: Item) -> Index:
        """The people of a built audience, in an order of its own, none twice, at most CAP."""
        if self._board.has("ignore_filters"):
            return self._shuffled(self._wanted(item["request"], with_filters=True), item["id"])[:CAP]
        if item["id"] not in self._results:
            mask = self._wanted(item["request"], with_filters=True)
            if self._quirks:
                mask = self._with_strays(mask, item["id"], _STRAY_SHARE)
            self._results[item["id"]] = self._shuffled(mask, item["id"])[:CAP]
            while len(self._results) > _KEPT_RESULTS:
                self._results.popitem(last=False)
        return self._results[item["id"]]

    def _shuffled(self, mask: npt.NDArray[np.bool_], key: str) -> Index:
        index = np.flatnonzero(mask)
        salt = np.uint64(uuid.uuid5(uuid.NAMESPACE_OID, key).int >> 64)
        return index[np.argsort(mix(index.astype(np.uint64) ^ salt), kind="stable")]

    def _with_strays(self, mask: npt.NDArray[np.bool_], key: str, share: float) -> npt.NDArray[np.bool_]:
        """Some people who do not match, as the vendor's audiences and previews have them (§2.2, §2.3)."""
        matches = int(mask.sum())
        # chosen by another order than the audience's own, or they would all come first
        others = self._shuffled(~mask, f"strays:{key}")[: round(matches * share)]
        mixed = mask.copy()
        mixed[others] = True
        return mixed

    def _page(self, item: Item, page: int, size: int) -> Item:
        people = self._result(item)
        rows = self._population.records(people[(page - 1) * size : page * size])
        pages = -(-len(people) // size)
        return {"data": rows, "total_records": len(people), "page": page, "page_size": size, "total_pages": pages}

    def _sample(self, body: Item, limit: int) -> list[Item]:
        # With a segment the filters are not looked at (§2.3).
        mask = self._wanted(body, with_filters=not body.get("segment"))
        chosen = self._shuffled(mask, repr(body))[:limit]
        if self._quirks and len(chosen) and len(mask) > len(chosen):
            strays = self._shuffled(~mask, repr(body))[: round(len(chosen) * _PREVIEW_STRAY_SHARE)]
            chosen = np.concatenate([chosen[: len(chosen) - len(strays)], strays])
        return [preview_row(row) for row in self._population.records(chosen)]


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

"""Single look-ups and batch jobs of the sandbox provider (contract §3-4)."""

from __future__ import annotations

import csv
import gzip
import io
import time
import uuid
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cursive_app.integrations.audiencelab.enrichments import BATCH_COLUMNS, ENRICH_FILTERS
from cursive_app.sandbox.audiencelab.answers import Refusal, json_body, listing, paging
from cursive_app.sandbox.audiencelab.faults import FaultBoard
from cursive_app.sandbox.audiencelab.journal import Item, Journal
from cursive_app.sandbox.population import Population, find_people

_ENRICH = frozenset({"request_id", "filter", "fields", "is_or_match"})
_CREATE = frozenset({"name", "records", "operator", "columns"})
_MOST_RESULTS = 10
_ENDS = {"job_failed": "FAILED", "job_unknown": "UNDER_REVIEW", "no_data": "NO_DATA"}
_BOMB_BYTES = 64 * 1024 * 1024
_STRANGERS = 30


class Enrichments:
    """The handlers; `routes` goes into the provider's app."""

    def __init__(
        self, population: Population, *, journal: Journal, board: FaultBoard, quirks: bool, build_seconds: float
    ) -> None:
        self._population = population
        self._board = board
        self._journal = journal
        self._quirks = quirks
        self._build_seconds = build_seconds

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/enrich", self.enrich, methods=["POST"]),
            Route("/enrichments", self.create, methods=["POST"]),
            Route("/enrichments", self.list, methods=["GET"]),
            Route("/enrichments/{id}", self.one, methods=["GET"]),
            Route("/files/{id}.csv.gz", self.file, methods=["GET"]),
        ]

    async def enrich(self, request: Request) -> Response:
        body = await json_body(request, allowed=_ENRICH)
        given, fields = body.get("filter"), body.get("fields")
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise Refusal(400, "Malformed JSON/Unknown Field detected: <nil>")
        for name in given:
            if name not in ENRICH_FILTERS:
                raise Refusal(400, f"invalid filter field: {name.upper()}")
        operator = "OR" if body.get("is_or_match") else "AND"
        people = await run_in_threadpool(find_people, self._population, given, operator=operator)
        rows = self._population.records(np.array(people[:_MOST_RESULTS], dtype=np.int64))
        if isinstance(fields, list) and fields:
            rows = [{str(name): row.get(_column(str(name)), "") for name in fields} for row in rows]
        answer: Item = {"timestamp": round(time.time() * 1000), "found": len(rows), "result": rows}
        return JSONResponse(answer if body.get("request_id") is None else {**answer, "request_id": body["request_id"]})

    async def create(self, request: Request) -> Response:
        body = await json_body(request, allowed=_CREATE)
        records, columns = body.get("records"), body.get("columns")
        if not isinstance(body.get("name"), str) or not isinstance(records, list) or not isinstance(columns, list):
            raise Refusal(400, "Malformed JSON/Unknown Field detected: <nil>")
        unknown = [column for column in columns if column not in BATCH_COLUMNS]
        if unknown or body.get("operator", "OR") not in ("OR", "AND") or not all(map(_flat_text, records)):
            raise Refusal(400, f"invalid filter field: {unknown[0]}" if unknown else "invalid records")
        item = {
            "id": str(uuid.uuid4()),
            "name": body["name"],
            "created_at": time.time(),
            "request": {"records": records, "operator": body.get("operator", "OR")},
        }
        self._journal.put("enrichments", item)
        return JSONResponse({"jobId": item["id"], "status": "IN_QUEUE"}, 202)

    async def list(self, request: Request) -> Response:
        page, size = paging(request)
        found = listing(self._journal.all("enrichments"), page=page, size=size)
        rows = [await run_in_threadpool(self._row, item, request) for item in found["data"]]
        return JSONResponse({**found, "data": rows})

    async def one(self, request: Request) -> Response:
        item = self._journal.get("enrichments", request.path_params["id"])
        if item is None or self._quirks:  # the address is undocumented; with quirks it is not there (§4.3)
            raise Refusal(404, "not found")
        return JSONResponse(await run_in_threadpool(self._row, item, request))

    async def file(self, request: Request) -> Response:
        item = self._journal.get("enrichments", request.path_params["id"])
        if item is None:
            raise Refusal(404, "not found")
        if self._board.has("expired"):
            raise Refusal(403, "Request has expired")
        packed = await run_in_threadpool(self._packed, item)
        return Response(packed, media_type="application/gzip")

    def _row(self, item: Item, request: Request) -> Item:
        age = time.time() - item["created_at"]
        people = self._people(item) if age >= self._build_seconds else []
        status = "IN_QUEUE" if age < self._build_seconds / 3 else "PROCESSING" if age < self._build_seconds else (
            "COMPLETED" if people else "NO_DATA"
        )  # fmt: skip
        for behavior, word in _ENDS.items():
            if self._board.has(behavior) and age >= self._build_seconds:
                status = word
        base = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
        return {
            "id": item["id"],
            "name": item["name"],
            "status": status,
            "csv_url": f"{base}/files/{item['id']}.csv.gz" if status == "COMPLETED" else None,
            "total": len(people) if status == "COMPLETED" else 0,
            "created_at": datetime.fromtimestamp(item["created_at"], UTC).isoformat(),
        }

    def _people(self, item: Item) -> list[int]:
        if "people" not in item:
            request = item["request"]
            found = {
                index
                for record in request["records"]
                for index in find_people(self._population, record, operator=request["operator"])[:_MOST_RESULTS]
            }
            item["people"] = sorted(found)
        return item["people"]

    def _packed(self, item: Item) -> bytes:
        people = self._people(item)
        if self._board.has("bomb"):
            return _bomb()
        if self._board.has("strangers"):
            people = sorted({*people, *range(min(_STRANGERS, self._population.size))})
        rows = self._population.records(np.array(people, dtype=np.int64))
        text = io.StringIO(newline="")
        if rows:
            writer = csv.DictWriter(text, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        packed = gzip.compress(text.getvalue().encode())
        return packed[: len(packed) // 2] if self._board.has("torn") else packed


_COLUMN_OF = {
    "company": "COMPANY_NAME", "b2b_email": "BUSINESS_EMAIL", "personal_email": "PERSONAL_EMAILS",
    "b2b_phone": "DIRECT_NUMBER", "sha256": "SHA256_PERSONAL_EMAIL", "address": "PERSONAL_ADDRESS",
    "city": "PERSONAL_CITY", "state": "PERSONAL_STATE", "zip": "PERSONAL_ZIP", "industry": "COMPANY_INDUSTRY",
}  # fmt: skip


@cache
def _bomb() -> bytes:
    return gzip.compress(b"UUID,FIRST_NAME\n" + b"0" * _BOMB_BYTES)


def _column(field: str) -> str:
    return _COLUMN_OF.get(field, field.upper())


def _cell(value: Any) -> str:
    """Arrays stand in a CSV as text separated by commas, like the other lists."""
    return ", ".join(value) if isinstance(value, list) else str(value)


def _flat_text(record: Any) -> bool:
    return isinstance(record, dict) and all(isinstance(value, str) for value in record.values())

"""Each wrapper around the web process, alone and together, over real ASGI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Scope

from cursive_app.settings import Settings
from cursive_app.web_edge import (
    MAX_BODY_BYTES,
    BodyLimit,
    RequestLog,
    SameOriginSocket,
    SecurityHeaders,
    StaticPolish,
    allowed_origins,
)


async def count(request: Request) -> JSONResponse:
    return JSONResponse({"bytes": len(await request.body())})


def client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://cursive.test")


@pytest.fixture
def site(tmp_path: Path) -> ASGIApp:
    """A finished build with one page, one hashed script and one font."""
    for name in ("index.html", "leads/index.html", "assets/app-1a2b.js", "fonts/inter.woff2"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    static = Starlette()
    static.mount("/", StaticFiles(directory=tmp_path, html=True))
    return StaticPolish(static, client=tmp_path)


class TestStaticPolish:
    async def test_a_page_needs_no_redirect(self, site: ASGIApp) -> None:
        async with client(site) as http:
            answer = await http.get("/leads?page=2")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"

    @pytest.mark.parametrize(
        ("path", "rule"),
        [
            ("/assets/app-1a2b.js", "public, max-age=31536000, immutable"),
            ("/fonts/inter.woff2", "public, max-age=604800"),
            ("/", "no-cache"),
            ("/missing", "no-store"),
            ("/assets/missing.js", "no-store"),
        ],
    )
    async def test_caching_follows_the_kind_of_file(self, site: ASGIApp, path: str, rule: str) -> None:
        async with client(site) as http:
            assert (await http.get(path)).headers["cache-control"] == rule

    @pytest.mark.parametrize("path", ["/../leads", "/leads/../../etc", "/%00", "/" + "a" * 5000])
    async def test_hostile_paths_stay_inside(self, site: ASGIApp, path: str) -> None:
        async with client(site) as http:
            assert (await http.get(path)).status_code in (200, 400, 404)

    async def test_routes_of_the_server_are_left_alone(self) -> None:
        async def echo(request: Request) -> PlainTextResponse:
            return PlainTextResponse(request.url.path)

        app = StaticPolish(Starlette(routes=[Route("/api/thing", echo)]))
        async with client(app) as http:
            answer = await http.get("/api/thing")
        assert answer.text == "/api/thing"
        assert "cache-control" not in answer.headers


class TestBodyLimit:
    app = BodyLimit(Starlette(routes=[Route("/in", count, methods=["POST"])]))

    async def test_a_normal_body_passes(self) -> None:
        async with client(self.app) as http:
            assert (await http.post("/in", content=b"x" * 1000)).json() == {"bytes": 1000}

    async def test_an_announced_length_is_refused_before_reading(self) -> None:
        async with client(self.app) as http:
            answer = await http.post("/in", content=b"x" * (MAX_BODY_BYTES + 1))
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 413

    async def test_it_is_refused_in_the_shape_of_every_refusal(self) -> None:
        async with client(RequestLog(self.app)) as http:
            answer = await http.post("/in", content=b"x" * (MAX_BODY_BYTES + 1))
        body = answer.json()
        assert body["type"] == "urn:cursive:problem:too_large"
        assert body["request_id"] == answer.headers["x-request-id"]

    async def test_of_a_list_the_limit_of_lists_is_named(self) -> None:
        async with client(self.app) as http:
            answer = await http.post("/api/v1/enrichments", headers={"content-length": "900000000"}, content=b"x")
        assert answer.status_code == 413
        assert answer.json()["detail"] == "This is larger than 25 MB. Split the list, or compress it with gzip."

    async def test_an_unannounced_stream_is_cut_off(self) -> None:
        async def stream() -> AsyncIterator[bytes]:
            for _ in range(MAX_BODY_BYTES // 100_000 + 2):
                yield b"x" * 100_000

        async with client(self.app) as http:
            assert (await http.post("/in", content=stream())).status_code == 413

    async def test_a_length_that_is_no_number_is_refused(self) -> None:
        async with client(self.app) as http:
            assert (await http.post("/in", content=b"x", headers={"content-length": "-5"})).status_code == 413


async def socket(app: ASGIApp, *, origin: str | None, host: str = "cursive.test") -> list[Message]:
    """What the server says to somebody who opens the page socket."""
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])
    scope: Scope = {"type": "websocket", "path": "/_event/", "headers": headers, "query_string": b""}
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said


async def accept(_scope: Scope, _receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})


class TestSameOriginSocket:
    @pytest.mark.parametrize("origin", ["http://cursive.test", "https://cursive.test", "http://CURSIVE.test"])
    async def test_own_pages_get_in(self, origin: str) -> None:
        assert (await socket(SameOriginSocket(accept), origin=origin))[0]["type"] == "websocket.accept"

    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "https://cursive.test.evil.example", "http://cursive.test:81", "null", "x", "", None],
    )
    async def test_other_sites_and_whoever_names_none_are_turned_away(self, origin: str | None) -> None:
        said = await socket(SameOriginSocket(accept), origin=origin)
        assert said == [{"type": "websocket.close", "code": 4403}]

    async def test_polling_is_checked_too(self) -> None:
        app = SameOriginSocket(Starlette(routes=[Route("/_event/", count)]))
        async with client(app) as http:
            assert (await http.get("/_event/", headers={"origin": "https://evil.example"})).status_code == 403
            assert (await http.get("/_event/")).status_code == 403
            assert (await http.get("/_event/", headers={"origin": "http://cursive.test"})).status_code == 200


class TestHeadersAndLog:
    async def test_every_answer_is_protected(self) -> None:
        async with client(SecurityHeaders(Starlette(routes=[Route("/", count)]))) as http:
            for path in ("/", "/missing"):
                headers = (await http.get(path)).headers
                assert "frame-ancestors 'none'" in headers["content-security-policy"]
                assert "object-src 'none'" in headers["content-security-policy"]
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["x-frame-options"] == "DENY"

    async def test_a_route_may_be_stricter(self) -> None:
        async def strict(_request: Request) -> PlainTextResponse:
            return PlainTextResponse("x", headers={"Content-Security-Policy": "default-src 'none'"})

        async with client(SecurityHeaders(Starlette(routes=[Route("/", strict)]))) as http:
            assert (await http.get("/")).headers["content-security-policy"] == "default-src 'none'"

    async def test_the_log_has_the_id_and_no_query(self) -> None:
        with structlog.testing.capture_logs() as lines:
            async with client(RequestLog(Starlette(routes=[Route("/in", count)]))) as http:
                answer = await http.get("/in?token=secret-value", headers={"x-request-id": "forged-by-visitor"})
        assert answer.headers["x-request-id"].startswith("req_")
        line = next(line for line in lines if line["event"] == "request")
        assert (line["path"], line["status"], line["method"]) == ("/in", 200, "GET")
        assert "secret-value" not in str(lines)

    async def test_a_crash_is_logged_as_500(self) -> None:
        async def crash(_request: Request) -> PlainTextResponse:
            raise RuntimeError("boom")

        with structlog.testing.capture_logs() as lines:
            async with client(RequestLog(Starlette(routes=[Route("/", crash)]))) as http:
                with pytest.raises(RuntimeError):
                    await http.get("/")
        assert next(line for line in lines if line["event"] == "request")["status"] == 500


def test_origins_are_never_open() -> None:
    development = allowed_origins(Settings(PORT=8123, PUBLIC_URL="http://localhost:8123"))
    assert development == ["http://localhost:8123", "http://127.0.0.1:8123"]
    production = allowed_origins(Settings(CURSIVE_ENV="production", PUBLIC_URL="https://app.cursive.example"))
    assert production == ["https://app.cursive.example"]

"""What every request passes on its way in: request id, access log, headers, origin check, size limit, page addresses.

Each class is a plain ASGI wrapper around the next one; `EDGE` lists them innermost first, the order Reflex's
`api_transformer` expects. None of them knows a service.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cursive_app.api.problems import problem, request_id_of
from cursive_app.build import CLIENT, ROOT
from cursive_app.settings import Settings, settings

log = structlog.get_logger("cursive.web")

MAX_BODY_BYTES = 2_000_000
# Large bodies are welcome here only; each route checks its own limit again.
LARGE_BODY_BYTES = {"/api/v1/enrichments": 200_000_000, "/api/audiencelab/batch-enrichment": 200_000_000}

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Reflex's hydration is inline and its client-side events are evaluated: without these two the page is dead.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")


def allowed_origins(config: Settings) -> list[str]:
    """Origins Reflex accepts for its socket and CORS: ours, and outside production this machine's own names."""
    origins = [config.public_url]
    if not config.is_production:
        origins += [f"http://{name}:{config.port}" for name in ("localhost", "127.0.0.1")]
    return list(dict.fromkeys(origins))


class BodyLimit:
    """Refuse bodies that are too large: by their announced length at once, otherwise when the limit is passed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return await self.app(scope, receive, send)
        limit = LARGE_BODY_BYTES.get(scope["path"], MAX_BODY_BYTES)
        announced = Headers(scope=scope).get("content-length", "0")
        if not (announced.isascii() and announced.isdigit()) or int(announced) > limit:
            return await _too_large(scope, limit)(scope, receive, send)
        received, refused, started = 0, False, False

        async def counted() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def guarded(message: Message) -> None:
            nonlocal started
            if refused and not started:
                return
            started = True
            await send(message)

        try:
            await self.app(scope, counted, guarded)
        except Exception:
            if not refused:  # a reader that was cut off raises its own kind of disconnect
                raise
        if refused and not started:
            await _too_large(scope, limit)(scope, receive, send)
        return None


def _too_large(scope: Scope, limit: int) -> JSONResponse:
    detail = f"This request is larger than {limit / 1_000_000:g} MB."
    if scope["path"] in LARGE_BODY_BYTES:  # whoever sends a list needs the limit of lists, which is lower
        most = settings().enrichment_maximum_bytes / 1_048_576
        detail = f"This is larger than {most:,.0f} MB. Split the list, or compress it with gzip."
    return problem(413, "too_large", detail, request_id=request_id_of(scope))


class SameOriginSocket:
    """Close page sockets opened by another site, whatever the configured origins say (cross-site socket hijacking).

    Browsers name their origin with every web socket, so one that names none is no page of ours (D-13). There is
    nothing else to let in: the page socket is not offered by polling, whose reading requests would name none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/_event") and not _same_origin(Headers(scope=scope)):
            if scope["type"] == "websocket":
                await receive()
                return await send({"type": "websocket.close", "code": 4403})
            return await JSONResponse({"detail": "This origin is not allowed."}, status_code=403)(scope, receive, send)
        return await self.app(scope, receive, send)


def _same_origin(headers: Headers) -> bool:
    host = headers.get("origin", "").partition("://")[2].lower()
    forwarded = headers.get("x-forwarded-host", "").lower() if settings().trusted_proxy_hops else ""
    return bool(host) and host in {
        headers.get("host", "").lower(),
        forwarded,
        settings().public_url.partition("://")[2],
    }


class SecurityHeaders:
    """Headers that make a browser refuse framing, sniffing, plugins and foreign scripts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("X-Frame-Options", "DENY")
                headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
                headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
                headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
                if settings().uses_https:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
            await send(message)

        await self.app(scope, receive, with_headers)


class StaticPolish:
    """Serve `/leads` without a redirect to `/leads/`, and say how long each kind of file may be cached."""

    def __init__(self, app: ASGIApp, client: Path = ROOT / CLIENT) -> None:
        self.app = app
        # Which addresses are pages is known once the interface is built; no request touches the disk to find out.
        self.pages = frozenset(f"/{file.parent.relative_to(client).as_posix()}" for file in client.rglob("index.html"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return await self.app(scope, receive, send)
        path: str = scope["path"]
        if path.startswith(("/api/", "/auth/", "/_")):
            return await self.app(scope, receive, send)
        if path in self.pages:
            scope = {**scope, "path": path + "/"}

        async def with_cache(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Cache-Control", _cache_rule(path, message["status"]))
            await send(message)

        return await self.app(scope, receive, with_cache)


def _cache_rule(path: str, status: int) -> str:
    if status >= 400:
        return "no-store"
    if path.startswith("/assets/"):  # names carry a content hash
        return "public, max-age=31536000, immutable"
    if path.startswith(("/fonts/", "/icons/")):
        return "public, max-age=604800"
    return "no-cache"


class RequestLog:
    """Give each request an id (kept when a trusted proxy sent one) and log it without its query string."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        offered = Headers(scope=scope).get("x-request-id", "")
        trusted = settings().trusted_proxy_hops > 0 and _REQUEST_ID.match(offered)
        request_id = offered if trusted else f"req_{uuid4().hex[:20]}"
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 500

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, with_id)
            finally:
                took = round((time.perf_counter() - started) * 1000, 1)
                write = log.debug if _is_file(scope["path"]) else log.info
                write("request", method=scope["method"], path=scope["path"], status=status, milliseconds=took)
        return None


def _is_file(path: str) -> bool:
    """Whether a path is a file of the interface rather than a page or a route; one page brings dozens of them."""
    return not path.startswith(("/api/", "/auth/")) and "." in path.rpartition("/")[2]


EDGE = (BodyLimit, SameOriginSocket, SecurityHeaders, StaticPolish, RequestLog)

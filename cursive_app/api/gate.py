"""What every REST request passes before its route: who asks, how often, how large, and whether it was asked before.

    Problems -> Gate -> routes

Both are plain ASGI wrappers. The gate stands before the API alone; pages and their socket never come there. A route
finds its tenant through `auth.tenant_of`. Routes that start or spend something pass `idempotency_key_of(request)` to
their use case, so that the effect stays single even when a process died between the effect and its stored answer.
"""

from __future__ import annotations

import hashlib

import structlog
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cursive_app.api.auth import SAFE_METHODS, authenticate
from cursive_app.api.bodies import check_json, read_body, replay
from cursive_app.api.links import OPEN_PREFIX
from cursive_app.api.problems import answer_to, on_defect, problem_of, request_id_of
from cursive_app.api.uploads import received, takes_uploads
from cursive_app.errors import CursiveError, RateLimited
from cursive_app.services import accounts, limits
from db.scope import Tenant

log = structlog.get_logger(__name__)

OPEN_PATHS = frozenset({"/api/openapi.json", "/api/docs"})
KEPT_HEADERS = ("content-type", "location", "etag")


def idempotency_key_of(request: Request) -> str | None:
    """The caller's Idempotency-Key, already checked; None when there is none."""
    return getattr(request.state, "idempotency_key", None)


class Problems:
    """Every error that nobody handled becomes a problem answer; defects are logged with their trace."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if started:  # too late for another answer: the connection is cut
                raise
            is_expected = isinstance(error, CursiveError)
            answer = answer_to(HTTPConnection(scope), error) if is_expected else on_defect(scope, error)
            await answer(scope, receive, send)
        return None


class Gate:
    """Authentication, CSRF, rate limit, body limits and idempotency."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or scope["path"].startswith(OPEN_PREFIX):
            return await self.app(scope, receive, send)
        request = Request(scope, receive)
        tenant, allowance = await run_in_threadpool(_admit, request)
        send = _with_rate(send, allowance)
        if not allowance.allowed:
            refused = problem_of(RateLimited(retry_after=allowance.retry_after), request_id=request_id_of(scope))
            return await refused(scope, receive, send)
        scope.setdefault("state", {})["tenant"] = tenant
        if request.method in SAFE_METHODS or not _is_known(request):
            return await self.app(scope, receive, send)
        try:
            if takes_uploads(request):
                return await self._upload(request, receive, send, tenant=tenant)
            body = await read_body(receive, request.headers.get("content-length"))
            await run_in_threadpool(check_json, body, request.headers.get("content-type"))
            await self._act(request, replay(body, receive), send, tenant=tenant, content=body)
        except CursiveError as error:  # with the rate headers of this request
            await problem_of(error, request_id=request_id_of(scope))(scope, receive, send)
        return None

    async def _upload(self, request: Request, receive: Receive, send: Send, *, tenant: Tenant) -> None:
        """A body that is streamed to disk. Whoever may not send one is refused by the route, before it is read."""
        nothing = replay(b"", receive)
        if not accounts.allows(tenant, accounts.Permission.EDIT_ENRICHMENTS):
            return await self.app(request.scope, nothing, send)
        async with received(request, receive, tenant=tenant) as upload:
            request.scope["state"]["upload"] = upload
            return await self._act(request, nothing, send, tenant=tenant, content=upload.fingerprint)

    async def _act(self, request: Request, receive: Receive, send: Send, *, tenant: Tenant, content: bytes) -> None:
        """Pass a request that changes something on; `content` stands for its body."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return await self.app(request.scope, receive, send)
        fingerprint = _fingerprint(request.scope, content, tenant)
        return await self._once(request.scope, receive, send, tenant=tenant, key=key, fingerprint=fingerprint)

    async def _once(
        self, scope: Scope, receive: Receive, send: Send, *, tenant: Tenant, key: str, fingerprint: bytes
    ) -> None:
        """Run the request under its key, or give the answer it already has."""
        found = await run_in_threadpool(limits.begin, tenant, key=key, fingerprint=fingerprint)
        if isinstance(found, limits.StoredAnswer):
            headers = {**found.headers, "idempotent-replayed": "true"}
            return await Response(found.body, found.status, headers)(scope, receive, send)
        scope["state"]["idempotency_key"] = key
        answer = _Recorded()
        try:
            await self.app(scope, receive, answer)
        finally:
            await run_in_threadpool(_settle, tenant, found, answer)
        return await answer.pass_on(send)


class _Recorded:
    """An answer that is kept back until its record is stored."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    async def pass_on(self, send: Send) -> None:
        for message in self.messages:
            await send(message)

    @property
    def status(self) -> int | None:
        return self.messages[0]["status"] if self.messages else None

    def stored(self) -> limits.StoredAnswer:
        headers = Headers(raw=self.messages[0]["headers"])
        body = b"".join(message.get("body", b"") for message in self.messages[1:])
        kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
        return limits.StoredAnswer(status=self.messages[0]["status"], headers=kept, body=body)


def _settle(tenant: Tenant, reservation: limits.Reservation, answer: _Recorded) -> None:
    """Keep the answer of a success; a refusal changed nothing, so its key is free again.

    When storing fails the effect has happened all the same: the answer goes out, and a later repeat runs into the key
    that the effect itself carries.
    """
    try:
        if answer.status is not None and answer.status < 300:
            limits.complete(tenant, reservation, answer.stored())
        else:
            limits.abandon(tenant, reservation)
    except CursiveError as error:
        log.error("api.idempotency_not_stored", error=error.code, status=answer.status)


def _admit(request: Request) -> tuple[Tenant, limits.Allowance]:
    tenant = authenticate(request)
    return tenant, limits.take(tenant)


def _is_known(request: Request) -> bool:
    """Whether a route takes this; the router answers for itself otherwise, whatever the key was used for before."""
    return any(route.matches(request.scope)[0] is Match.FULL for route in request.app.routes)


def _fingerprint(scope: Scope, body: bytes, tenant: Tenant) -> bytes:
    """Of everything that makes the request, and of what its sender may do: a stored answer is nobody's who could not
    have got it (T15). A key that replaces another one has the same rights and gets the same answers."""
    rights = ",".join(one.value for one in accounts.Permission if accounts.allows(tenant, one))
    parts = (scope["method"].encode(), scope["path"].encode(), scope.get("query_string", b""), body, rights.encode())
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).digest()


def _with_rate(send: Send, allowance: limits.Allowance) -> Send:
    async def labelled(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-RateLimit-Limit"] = str(allowance.limit)
            headers["X-RateLimit-Remaining"] = str(allowance.remaining)
            headers["X-RateLimit-Reset"] = str(allowance.reset_seconds)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return labelled

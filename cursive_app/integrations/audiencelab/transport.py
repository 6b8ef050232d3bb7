"""How requests reach the provider: timeouts, size caps, a cap on concurrency, a circuit breaker, retries where they are
safe, and a record of every attempt.

Only requests that change nothing are repeated (§1: no idempotency key is documented). Everything that can go wrong
leaves here as a `ProviderError`; httpx's own errors never do.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol
from uuid import UUID

import httpx
import stamina
import structlog

from cursive_app import clock
from cursive_app.integrations.audiencelab.breaker import CircuitBreaker
from cursive_app.integrations.audiencelab.errors import (
    ProviderAuthFailed,
    ProviderError,
    ProviderNotWanted,
    ProviderProtocolError,
    ProviderRateLimited,
    ProviderServerError,
    ProviderTimeout,
    ProviderUnavailable,
    asked,
    asked_wait,
    error_for,
    error_text,
    scrubbed,
)
from cursive_app.integrations.audiencelab.results import ProviderCall, row_count

log = structlog.get_logger(__name__)

ATTEMPTS = 3
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0  # a longer Retry-After is the caller's to schedule, not ours to sleep
MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024

RecordCall = Callable[[ProviderCall], None]


class TakeSlot(Protocol):
    """Waits for one of the slots that all processes share, for `seconds` at most; raises nothing. Returns what gives it
    back, which raises nothing either, or None when there was no slot in time."""

    def __call__(self, *, seconds: float) -> Callable[[], None] | None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `template` names the endpoint in records and logs; `path` is what is sent."""

    method: str
    template: str
    path: str
    query: Mapping[str, str | int] | None = None
    body: Mapping[str, Any] | None = None
    repeatable: bool = False


class Transport:
    """A thread-safe connection to one provider account, shared by all workspaces of a process.

    No more than `max_concurrency` requests are under way at once; where several processes ask for one account,
    `take_slot` keeps the cap for all of them together.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        timeout_seconds: float,
        max_concurrency: int,
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
        breaker: CircuitBreaker | None = None,
        record_call: RecordCall | None = None,
        take_slot: TakeSlot | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = httpx.URL(base_url.rstrip("/"))
        self._api_key = api_key
        self._timeout_seconds = timeout_seconds
        self._first_wait_seconds = first_wait_seconds
        self._slots = threading.BoundedSemaphore(max_concurrency)
        self._breaker = breaker or CircuitBreaker()
        self._record_call = record_call
        self._take_slot = take_slot
        self._max_body_bytes = max_body_bytes
        self.http = httpx.Client(
            base_url=self.base_url,
            headers={"X-Api-Key": api_key, "Accept": "application/json"},
            timeout=httpx.Timeout(timeout_seconds, connect=min(10.0, timeout_seconds)),
            limits=httpx.Limits(max_connections=max_concurrency, max_keepalive_connections=max_concurrency),
            follow_redirects=False,
            trust_env=False,
            transport=http,
        )
        self.http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # one client serves all workspaces

    def close(self) -> None:
        self.http.close()

    def send(self, request: Request, *, workspace_id: UUID | None, wanted: Callable[[], bool] | None = None) -> Any:
        """The parsed JSON answer (None for an empty one). `wanted` is asked before each attempt.

        Raises ProviderError."""
        attempts = ATTEMPTS if request.repeatable else 1
        retries = -1
        for attempt in stamina.retry_context(
            on=self._backoff,
            attempts=attempts,
            timeout=None,
            wait_initial=self._first_wait_seconds,
            wait_max=LONGEST_WAIT_SECONDS,
            wait_jitter=self._first_wait_seconds,
        ):
            with attempt:
                retries += 1
                if wanted is not None and not wanted():
                    raise ProviderNotWanted
                with asked(f"{request.method} {request.template}"):
                    return self._attempt(request, workspace_id=workspace_id, retries=retries)
        raise AssertionError("unreachable: the loop returns or raises")

    def _backoff(self, error: Exception) -> bool | float:
        """Whether, or after how many seconds, a failed repeatable request is sent again."""
        if isinstance(error, ProviderRateLimited):
            return error.retry_after if error.retry_after <= LONGEST_WAIT_SECONDS else False
        if isinstance(error, ProviderUnavailable):
            return False  # the breaker has just said not to ask
        if isinstance(error, ProviderServerError):
            return error.http_status in (None, 500, 502, 503, 504)
        return isinstance(error, ProviderTimeout)

    def _attempt(self, request: Request, *, workspace_id: UUID | None, retries: int) -> Any:
        if wait := self._breaker.wait_seconds():
            raise ProviderUnavailable(retry_after=wait)
        body: Any = None
        failure: ProviderError | None = None
        status: int | None = None
        with self._slot():
            started_at, started = clock.now(), time.monotonic()
            try:
                status, headers, content = self._exchange(request)
                body = self._read(status, headers, content)
            except ProviderError as error:
                failure = error
                status = status or error.http_status
        self._settle(failure)
        self._record(
            ProviderCall(
                endpoint=request.template,
                method=request.method,
                status=status,
                milliseconds=round((time.monotonic() - started) * 1000),
                rows=row_count(body),
                workspace_id=workspace_id,
                retries=retries,
                error_class=type(failure).__name__ if failure else None,
                at=started_at,
            )
        )
        if failure is not None:
            raise failure
        return body

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """One of the calls allowed at once: among this process's own, then among those of all processes.

        Raises ProviderUnavailable when there is none within the timeout of a call."""
        deadline = time.monotonic() + self._timeout_seconds
        give_back: Callable[[], None] | None = None
        if not self._slots.acquire(timeout=self._timeout_seconds):
            raise ProviderUnavailable(retry_after=self._timeout_seconds)
        try:
            if self._take_slot is not None:
                give_back = self._take_slot(seconds=max(0.0, deadline - time.monotonic()))
                if give_back is None:
                    raise ProviderUnavailable(retry_after=self._timeout_seconds)
            yield
        finally:
            if give_back is not None:
                give_back()
            self._slots.release()

    def _exchange(self, request: Request) -> tuple[int, httpx.Headers, bytes]:
        """One request and its answer, read no further than the size cap and no longer than the deadline."""
        deadline = time.monotonic() + self._timeout_seconds
        try:
            with self.http.stream(
                request.method, request.path.lstrip("/"), params=request.query, json=request.body
            ) as response:
                cap = self._max_body_bytes if response.is_success else MAX_ERROR_BYTES
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > cap:
                        if response.is_success:
                            raise ProviderProtocolError(status=response.status_code)
                        break
                    if time.monotonic() > deadline:  # httpx limits each read, not a drip of many
                        raise ProviderTimeout(status=response.status_code)
                return response.status_code, response.headers, bytes(content)
        except httpx.TimeoutException as error:
            raise ProviderTimeout from error
        except httpx.DecodingError as error:
            raise ProviderProtocolError from error
        except (httpx.TransportError, httpx.StreamError, httpx.InvalidURL) as error:
            raise ProviderServerError from error

    def _read(self, status: int, headers: httpx.Headers, content: bytes) -> Any:
        if not 200 <= status < 300:
            words = error_text(content)
            error = error_for(status, words, retry_after=asked_wait(headers))
            said = scrubbed(words.replace(self._api_key or "\0", "[removed]"))
            if isinstance(error, ProviderAuthFailed):  # nothing works until an operator acts (§7)
                log.error("provider_key_refused", status=status, words=said)
            else:
                log.warning("provider_refused", status=status, words=said)
            raise error
        if not content.strip():
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            log.warning("provider_unreadable", status=status, bytes=len(content))
            raise ProviderProtocolError(status=status) from error

    def _settle(self, failure: ProviderError | None) -> None:
        """Tell the breaker. A refusal (4xx) shows a living provider."""
        if isinstance(failure, ProviderServerError | ProviderTimeout | ProviderProtocolError):
            self._breaker.failed()
        else:
            self._breaker.succeeded()

    def _record(self, call: ProviderCall) -> None:
        if self._record_call is None:
            return
        try:
            self._record_call(call)
        except Exception:  # recording must never break the call it describes
            log.exception("provider_call_not_recorded", endpoint=call.endpoint)

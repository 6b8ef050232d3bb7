"""What can go wrong at the provider, as errors a flow can act on.

UpstreamFailed (port "provider")
├── ProviderAuthFailed      401, 403: the key is wrong; permanent, an operator must act
├── ProviderRefused         400, 422: this request will never be accepted; `member` names the filter if the reply did
├── ProviderNotFound        404: no such audience, job or pixel
├── ProviderRateLimited     429: `retry_after` seconds
├── ProviderServerError     5xx, a refused or dropped connection
│   └── ProviderUnavailable nothing was sent: the circuit is open after repeated failures; `retry_after` seconds
├── ProviderTimeout         no (complete) answer in time
├── ProviderNotWanted       nothing was sent: whoever asks does not want an answer any more (`while_wanted`)
└── ProviderProtocolError   an answer that cannot be read, or one larger than we accept

`uncertain` says whether the request may have been carried out although it failed: then a create must first be looked
for before it is sent again. Messages are ours; the vendor's words go to the log, scrubbed, and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

from cursive_app import clock
from cursive_app.errors import UpstreamFailed

PORT = "provider"


class ProviderError(UpstreamFailed):
    """Base of everything the provider can do to us. `endpoint` is the template of what was asked, for staff ("GET
    /enrichments/{id}"); None when nothing was."""

    endpoint: str | None = None
    uncertain = False
    permanent_kind = False
    text = "The data provider could not answer. Nothing was charged; please try again in a minute."

    def __init__(self, message: str | None = None, *, status: int | None = None) -> None:
        self.http_status = status
        super().__init__(message or self.text, port=PORT, permanent=self.permanent_kind)


class ProviderAuthFailed(ProviderError):
    permanent_kind = True
    text = (
        "The data provider is not available to this installation right now. We have been told and are looking into it."
    )


class ProviderRefused(ProviderError):
    """`member` is the filter member the reply named, in its words ("COMPANY"), or None when it named none."""

    permanent_kind = True
    text = "The data provider does not accept this combination of filters."

    def __init__(self, message: str | None = None, *, status: int | None = None, member: str | None = None) -> None:
        self.member = member
        super().__init__(message, status=status)


class ProviderNotFound(ProviderError):
    permanent_kind = True
    text = "The data provider no longer has this list. Please run it again."


class ProviderRateLimited(ProviderError):
    text = "The data provider is busy. Nothing was charged; please try again in a moment."

    def __init__(self, message: str | None = None, *, status: int | None = None, retry_after: float = 1.0) -> None:
        self.retry_after = max(0.1, retry_after)
        super().__init__(message, status=status)


class ProviderServerError(ProviderError):
    uncertain = True


class ProviderUnavailable(ProviderServerError):
    uncertain = False
    text = "The data provider has not been answering for a moment. Nothing was charged; please try again shortly."

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        self.retry_after = max(0.1, retry_after)
        super().__init__(message)


class ProviderTimeout(ProviderError):
    uncertain = True
    text = "The data provider took too long to answer. Nothing was charged; please try again in a minute."


class ProviderNotWanted(ProviderError):
    text = "Nothing was asked of the data provider: the work was stopped."


class ProviderProtocolError(ProviderError):
    uncertain = True
    text = "The data provider answered in a way we could not read. Nothing was charged; we have been told."


@contextmanager
def asked(endpoint: str) -> Iterator[None]:
    """Note on whatever error comes out of the block what was asked for."""
    try:
        yield
    except ProviderError as error:
        error.endpoint = error.endpoint or endpoint
        raise


_MEMBER = re.compile(r"invalid filter field:?\s*\"?([A-Za-z_][A-Za-z0-9_.]{0,60})", re.IGNORECASE)


def error_text(body: bytes) -> str:
    """The vendor's own words from any of its four error shapes, for the log and for recognizing a filter's name.

    Shapes: `{"error": {"code", "message"}}`, `{"message"}`, `{"error": "text"}`, and text that is no JSON.
    """
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError):
        return body[:2_000].decode("utf-8", "replace")
    if isinstance(parsed, dict):
        error = parsed.get("error")
        inner = error.get("message") or error.get("code") if isinstance(error, dict) else error
        return str(inner or parsed.get("message") or "")[:2_000]
    return str(parsed)[:2_000]


def error_for(status: int, words: str, *, retry_after: float | None = None) -> ProviderError:
    """The typed error of one non-2xx answer."""
    if status in (401, 403):
        return ProviderAuthFailed(status=status)
    if status == 404:
        return ProviderNotFound(status=status)
    if status == 429:
        return ProviderRateLimited(status=status, retry_after=1.0 if retry_after is None else retry_after)
    if status >= 500:
        return ProviderServerError(status=status)
    if 300 <= status < 400:
        return ProviderProtocolError(status=status)
    found = _MEMBER.search(words)
    return ProviderRefused(status=status, member=found[1] if found else None)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds from a Retry-After header in either form, or None."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return None


_EMAIL_OR_NUMBER = re.compile(r"[^\s@\"']+@[^\s@\"']+|\+?\d[\d ().-]{6,}\d|[A-Za-z0-9_-]{32,}")


def scrubbed(words: str) -> str:
    """Vendor text with addresses, phone numbers and anything like a key removed, short enough for a log line."""
    return _EMAIL_OR_NUMBER.sub("[removed]", words)[:300]

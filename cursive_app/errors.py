"""Every error a caller is meant to handle, and the HTTP status each becomes at an edge.

CursiveError
├── Invalid              422  something typed or sent is wrong; `fields` says what and how to fix it
├── NotFound             404  no such object in this workspace (another workspace's object reads the same)
├── Unauthenticated      401  nobody is signed in, or the session has ended
├── Forbidden            403  signed in, but the role does not allow it
├── Conflict             409  stale version, name taken, already running
├── InsufficientCredits  402  carries what is needed and what is there
├── RateLimited          429  carries when to try again
├── UpstreamFailed       502  a vendor failed; `permanent` says whether trying again can help
└── Unavailable          503  our own database or queue is out of reach for the moment

Services raise them; each edge translates once: a toast or field message (state), problem+json (api), a job row (jobs).
Messages are written for the person who reads them and never contain vendor text, SQL or a stack trace.
Anything that is not a CursiveError is a defect and is reported as one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar


class CursiveError(Exception):
    """Base of all expected errors. `message` may be shown to the customer as it is."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    default_message: ClassVar[str] = "Something went wrong."

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.default_message
        super().__init__(self.message)


class Invalid(CursiveError):
    """Input was refused. `fields` maps an input's name (dotted path for nested input) to what is wrong with it."""

    status = 422
    code = "invalid"
    default_message = "Some of what you entered needs a change."

    def __init__(self, message: str | None = None, *, fields: dict[str, str] | None = None) -> None:
        self.fields = dict(fields or {})
        if message is None and len(self.fields) == 1:
            message = next(iter(self.fields.values()))
        super().__init__(message)


class NotFound(CursiveError):
    """No such object here. `object_type` and `object_id` say what was asked for, when it was asked for by id; they are
    for the audit trail and never shown."""

    status = 404
    code = "not_found"
    default_message = "We could not find that here. It may have been deleted, or it belongs to another workspace."

    def __init__(
        self, message: str | None = None, *, object_type: str | None = None, object_id: str | None = None
    ) -> None:
        self.object_type = object_type
        self.object_id = object_id
        super().__init__(message)


class Unauthenticated(CursiveError):
    status = 401
    code = "unauthenticated"
    default_message = "Your session has ended. Log in again to continue."


class Forbidden(CursiveError):
    """The role does not allow it. `permission` is the one that was missing, for the audit trail."""

    status = 403
    code = "forbidden"
    default_message = "Your role in this workspace does not allow that. Ask an owner or admin."

    def __init__(self, message: str | None = None, *, permission: str | None = None) -> None:
        self.permission = permission
        super().__init__(message)


class Conflict(CursiveError):
    """The object changed, or another action is in the way. `reason` is a stable machine code."""

    status = 409
    code = "conflict"
    default_message = "This changed in the meantime. Reload to see the newest version."

    def __init__(self, message: str | None = None, *, reason: str = "conflict") -> None:
        self.reason = reason
        super().__init__(message)


class InsufficientCredits(CursiveError):
    """A spend was refused. Amounts are credits with two decimals."""

    status = 402
    code = "insufficient_credits"

    def __init__(self, *, needed: Decimal, available: Decimal) -> None:
        self.needed = needed
        self.available = available
        self.missing = max(needed - available, Decimal(0))
        super().__init__(
            f"This needs {needed:,.2f} credits and {available:,.2f} are available: {self.missing:,.2f} are missing."
        )


class RateLimited(CursiveError):
    """Too many requests. `retry_after` is whole seconds until the next one is allowed."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str | None = None, *, retry_after: int) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(message or f"Too many tries. Try again in {self.retry_after} seconds.")


class UpstreamFailed(CursiveError):
    """A vendor behind a port failed. `port` is ours ("provider", "mail"), never the vendor's words."""

    status = 502
    code = "upstream_failed"

    def __init__(self, message: str | None = None, *, port: str, permanent: bool = False) -> None:
        self.port = port
        self.permanent = permanent
        super().__init__(message or f"The {port} did not answer as expected. Nothing was charged; please try again.")


class Unavailable(CursiveError):
    """Our own database or queue is out of reach for the moment; the same request may be sent again."""

    status = 503
    code = "unavailable"
    default_message = "Cursive is busy or restarting. Nothing was changed; try again in a few seconds."

    def __init__(self, message: str | None = None, *, retry_after: int = 5) -> None:
        self.retry_after = retry_after
        super().__init__(message)

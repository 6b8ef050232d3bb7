"""The answer to an Idempotency-Key, kept for seven days and given again (P4).

`begin` reserves the key for one request; `complete` stores its answer; `abandon` frees the key after a refusal, which
changed nothing and may be tried again. The reservation's token names the process that handles the request: once that
has died, whoever asks next takes the key over at once, and after `LEASE` in any case. Then the use case runs again, and
what it spends or starts carries the same key, so that the effect is still one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.dialects.postgresql import insert

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid
from db import presence
from db.models.credits import IdempotencyRecord, RateLimit
from db.scope import Scope, Tenant
from db.system import system_scope

KEPT = timedelta(days=7)
LEASE = timedelta(seconds=60)
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Reservation:
    """The key belongs to this request until it completes or abandons it."""

    key: str
    token: UUID


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first request was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


def check_key(key: str) -> str:
    """The key as it is. Raises Invalid unless it is 1 to 255 visible ASCII characters."""
    if not (1 <= len(key) <= LONGEST_KEY and all("!" <= char <= "~" for char in key)):
        raise Invalid(fields={"Idempotency-Key": "Use 1 to 255 visible ASCII characters without spaces."})
    return key


def begin(tenant: Tenant, *, key: str, fingerprint: bytes) -> Reservation | StoredAnswer:
    """Reserve the key, or return the answer it already has.

    `fingerprint` is the SHA-256 of everything that makes the request. Raises Conflict (`in_progress`) while a twin
    runs, Invalid when the key was used for another request.
    """
    check_key(key)
    token = presence.new_token()
    with tenant.begin() as scope:
        if _insert(scope, key=key, fingerprint=fingerprint, token=token):
            return Reservation(key=key, token=token)
        record = scope.session.scalar(
            scope.select(IdempotencyRecord).where(IdempotencyRecord.key == key).with_for_update()
        )
        if record is None:  # its twin was refused between our two statements
            raise Conflict("This request is being handled. Try again in a moment.", reason="in_progress")
        if record.created_at < now() - KEPT:
            record.status = record.body = None
            record.fingerprint, record.created_at = fingerprint, now()
        elif record.fingerprint != fingerprint:
            raise Invalid(fields={"Idempotency-Key": "This key was already used for another request."})
        elif record.status is not None and record.body is not None:
            return StoredAnswer(status=record.status, headers=dict(record.headers), body=record.body)
        elif record.locked_until > now() and not presence.is_gone(scope.session, record.token):
            raise Conflict("The first request with this key is still being handled.", reason="in_progress")
        record.token, record.locked_until = token, now() + LEASE
        return Reservation(key=key, token=token)


def complete(tenant: Tenant, reservation: Reservation, answer: StoredAnswer) -> None:
    """Store the answer, unless the reservation was taken over in the meantime."""
    with tenant.begin() as scope:
        scope.session.execute(
            update(IdempotencyRecord)
            .where(*_mine(scope, reservation))
            .values(status=answer.status, headers=answer.headers, body=answer.body)
        )


def abandon(tenant: Tenant, reservation: Reservation) -> None:
    """Free the key: the request was refused and changed nothing."""
    with tenant.begin() as scope:
        scope.session.execute(delete(IdempotencyRecord).where(*_mine(scope, reservation)))


def prune() -> int:
    """Forget answers older than seven days and rate counters that are full again; how many rows went."""
    with system_scope() as scope:
        answers = scope.session.execute(
            delete(IdempotencyRecord)
            .where(IdempotencyRecord.created_at < now() - KEPT)
            .returning(IdempotencyRecord.key)
        )
        counters = scope.session.execute(
            delete(RateLimit).where(RateLimit.full_at < now() - timedelta(minutes=5)).returning(RateLimit.name)
        )
        return len(answers.all()) + len(counters.all())


def _insert(scope: Scope, *, key: str, fingerprint: bytes, token: UUID) -> bool:
    statement = (
        insert(IdempotencyRecord)
        .values(
            workspace_id=scope.workspace_id,
            key=key,
            fingerprint=fingerprint,
            token=token,
            locked_until=now() + LEASE,
            created_at=now(),
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyRecord.key)
    )
    return scope.session.scalar(statement) is not None


def _mine(scope: Scope, reservation: Reservation) -> tuple[ColumnElement[bool], ...]:
    return (
        scope.owned(IdempotencyRecord),
        IdempotencyRecord.key == reservation.key,
        IdempotencyRecord.token == reservation.token,
    )

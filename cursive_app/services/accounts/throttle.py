"""Slowing down guesses. Counts live in Postgres, so that all processes share them and a restart forgets nothing.

A try is counted before it is judged: a thousand parallel guesses cannot all slip in before the first one is recorded.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, select, text, update

from cursive_app.clock import now
from cursive_app.errors import RateLimited
from cursive_app.services.accounts.statements import affected
from db.models.accounts import Throttle
from db.system import SystemScope, system_scope


@dataclass(frozen=True, slots=True)
class Pace:
    """`free` tries in a row, then a pause that doubles from `first_pause` to `longest_pause` seconds; all is forgotten
    after `memory` seconds without a try, and one try after every `fades` seconds (0: none)."""

    free: int
    first_pause: int
    longest_pause: int
    memory: int
    fades: int = 0


LOGIN_ACCOUNT = Pace(free=5, first_pause=5, longest_pause=900, memory=3600)
LOGIN_ADDRESS = Pace(free=50, first_pause=5, longest_pause=900, memory=3600, fades=180)
"""Many people may share a network address: the mistakes of a morning must not keep the afternoon out."""
MAIL_TO_ACCOUNT = Pace(free=3, first_pause=60, longest_pause=3600, memory=3600)
MAIL_FROM_ADDRESS = Pace(free=20, first_pause=60, longest_pause=3600, memory=3600)
NEW_PASSWORD = Pace(free=20, first_pause=5, longest_pause=900, memory=3600)
"""New passwords that are judged, for one network address, mailed link or person."""

# What is left of earlier tries; the part of `fades` seconds that has passed stays in `last_at`, or tries that come more
# often than that would never fade.
_FADED = "floor(extract(epoch FROM CAST(:moment AS timestamptz) - t.last_at) / nullif(CAST(:fades AS int), 0))"
_LEFT = f"""
    CASE WHEN t.last_at < :forget THEN 0 ELSE t.tries - least(coalesce({_FADED}, 0), t.tries)::int END
"""
_COUNT = text(
    f"""
    INSERT INTO throttles AS t (key, tries, last_at) VALUES (:key, 1, :moment)
    ON CONFLICT (key) DO UPDATE SET
      tries = {_LEFT} + 1,
      last_at = CASE
        WHEN {_LEFT} = 0 THEN :moment ELSE coalesce(t.last_at + make_interval(secs => {_FADED} * :fades), :moment)
      END,
      blocked_until = CASE
        WHEN {_LEFT} + 1 < :free THEN NULL
        ELSE :moment + make_interval(secs => least(:longest, :first * power(2, least({_LEFT} + 1 - :free, 20))))
      END
    WHERE t.blocked_until IS NULL OR t.blocked_until <= :moment
    RETURNING tries
    """
)


def account_key(purpose: str, email_norm: str) -> str:
    """A key for an address that does not reveal it."""
    return f"{purpose}:{hashlib.sha256(email_norm.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def address_key(purpose: str, ip: str | None) -> str:
    """A key for where a request came from; an IPv6 customer owns a whole /64."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return f"{purpose}:ip:unknown"
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False).network_address
    return f"{purpose}:ip:{address}"


def count_try(key: str, pace: Pace) -> int:
    """Count one try in a transaction of its own; its number since the key was last forgotten.

    Raises RateLimited while the key is paused.
    """
    moment = now()
    with system_scope() as scope:
        counted = scope.session.execute(
            _COUNT,
            {
                "key": key,
                "moment": moment,
                "forget": moment - timedelta(seconds=pace.memory),
                "free": pace.free,
                "first": pace.first_pause,
                "longest": pace.longest_pause,
                "fades": pace.fades,
            },
        ).first()
        until = None if counted else scope.session.scalar(select(Throttle.blocked_until).where(Throttle.key == key))
    if counted is None:
        seconds = math.ceil((until - moment).total_seconds()) if until else 1
        raise RateLimited(f"Too many tries. Wait {_words(max(1, seconds))} and try again.", retry_after=seconds)
    return counted.tries


def _words(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    return f"{math.ceil(seconds / 60)} minutes"


def forgive(scope: SystemScope, *keys: str) -> None:
    """The tries under these keys turned out to be honest."""
    scope.session.execute(delete(Throttle).where(Throttle.key.in_(keys)))


def take_back(scope: SystemScope, key: str, number: int) -> None:
    """One try under a shared key was honest; the others still count. `number` is what `count_try` gave: the pause that
    this very try began ends, one that a later try began does not."""
    began = (Throttle.tries == number, None)
    scope.session.execute(
        update(Throttle)
        .where(Throttle.key == key, Throttle.tries > 0)
        .values(tries=Throttle.tries - 1, blocked_until=case(began, else_=Throttle.blocked_until))
    )


def prune_throttles(scope: SystemScope, *, before: datetime) -> int:
    return affected(scope.session, delete(Throttle).where(Throttle.last_at < before))

"""Which kinds of work can be taken up again after they failed, and how (JOB-05, JOB-06).

A retry is the same job with the same arguments and idempotency keys: it goes on with what is unfinished. What a room
must do so that its thing can go on (hold credits again, open it again) it registers here, once, when it is imported:

    retries.register("segment_run", RetryRule(again=retry_run))

`again(scope, links, arguments)` runs in the transaction that puts the job back, inside the job's workspace, and raises
a CursiveError that says why this one cannot go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from db.scope import Scope


@dataclass(frozen=True, slots=True)
class Again:
    """What taking it up again did: credits now held in total over all tries, or None when nothing is held."""

    credits_held: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RetryRule:
    """`editable` names the arguments staff may change for a retry, each with a check that returns the value to store
    and raises Invalid."""

    again: Callable[[Scope, Mapping[str, Any], Mapping[str, Any]], Again]
    editable: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


_RULES: dict[str, RetryRule] = {}


def register(kind: str, rule: RetryRule) -> None:
    """Say how jobs of this kind are taken up again."""
    _RULES[kind] = rule


def rule_of(kind: str) -> RetryRule | None:
    return _RULES.get(kind)


def why_no_retry(*, kind: str, status: str) -> str | None:
    """Why a job in this state cannot be retried, as far as that is known without opening it; None when it can."""
    if status != "failed":
        return "Only a failed job can be retried."
    if kind not in _RULES:
        return f"Work of the kind {kind} cannot be taken up again; start it anew where it was started."
    return None


def retryable_kinds() -> frozenset[str]:
    return frozenset(_RULES)

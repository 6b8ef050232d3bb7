"""Which kinds of work can be taken up again after they failed, and how (JOB-05, JOB-06).

A retry is the same job with the same arguments and idempotency keys: it goes on with what is unfinished. What a room
must do so that its thing can go on (hold credits again, open it again) it registers here, once, when it is imported:

    retries.register("segment_run", RetryRule(again=retry_run))

`again(scope, links, arguments)` runs in the transaction that puts the job back, inside the job's workspace, and raises
a CursiveError that says why this one cannot go on. Failing gave back everything that was still held, so a run that
goes on holds again, for what is left: `refuse_unless_failed(run)`, then `reopen(scope, run, left=…)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_
from uuid_utils.compat import uuid7

from cursive_app.errors import Conflict
from cursive_app.services import credits
from cursive_app.services.jobs.admin.editing import Editable
from db.models.jobs import Job
from db.scope import Scope


@dataclass(frozen=True, slots=True)
class Again:
    """What taking it up again did: credits now held in total over all tries, or None when nothing is held."""

    credits_held: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RetryRule:
    """`editable` declares the arguments that staff may change for a retry, by name (see `editing`), and `kept` those
    in which the work itself notes how far it has come. A kind without any editable says in `why_fixed` why its retry
    changes nothing. `refused` are the error codes with which it ends when what the
    customer gave cannot be used: no failure of ours, and no retry helps; `why_refused` says so.
    """

    again: Callable[[Scope, Mapping[str, Any], Mapping[str, Any]], Again]
    editable: Mapping[str, Editable] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    why_refused: str = ""
    why_fixed: str = ""

    def __post_init__(self) -> None:
        if bool(self.editable) == bool(self.why_fixed):
            raise ValueError("Declare either arguments that can be edited or why there are none.")


class Run(Protocol):
    """A room's own record of what its job works on, with the credits it holds."""

    status: Any
    outcome: Any
    message: Any
    finished_at: Any
    hold_id: Any
    credits_held: Any


def refuse_unless_failed(run: Run) -> None:
    """Raises Conflict (reason "not_possible")."""
    if run.status != "failed":
        raise Conflict("The run of this job has not failed.", reason="not_possible")


def reopen(
    scope: Scope, run: Run, *, left: Decimal, key: str, description: str, job_id: UUID | None, reference: str
) -> Again:
    """Queue a failed run again and hold `left` credits, what the rest of it may cost; nothing when nothing is left.

    The hold's idempotency key begins with `key`. Raises InsufficientCredits.
    """
    run.hold_id = None
    if left > 0:
        line = credits.hold(
            scope, amount=left, key=f"{key}:hold:{uuid7()}", description=description, job_id=job_id, reference=reference
        )
        run.hold_id = line.id
        run.credits_held += left
    run.status, run.outcome, run.message, run.finished_at = "queued", None, None, None
    scope.session.flush()
    return Again(credits_held=run.credits_held)


_RULES: dict[str, RetryRule] = {}


def register(kind: str, rule: RetryRule) -> None:
    """Say how jobs of this kind are taken up again."""
    _RULES[kind] = rule


def rule_of(kind: str) -> RetryRule | None:
    return _RULES.get(kind)


def editable_of(kind: str) -> Mapping[str, Editable]:
    """What may be changed for a retry of this kind; nothing for kinds that cannot be retried."""
    rule = _RULES.get(kind)
    return rule.editable if rule is not None else {}


def why_fixed_of(kind: str) -> str | None:
    """Why no argument can be changed for a retry of this kind; None when some can, or when there is no retry at all."""
    rule = _RULES.get(kind)
    return (rule.why_fixed or None) if rule is not None else None


def kept_of(kind: str) -> frozenset[str]:
    """The arguments in which work of this kind notes how far it has come."""
    rule = _RULES.get(kind)
    return rule.kept if rule is not None else frozenset()


def why_no_retry(*, kind: str, status: str, error_code: str | None) -> str | None:
    """Why a job in this state cannot be retried, as far as that is known without opening it; None when it can."""
    if status != "failed":
        return "Only a failed job can be retried."
    rule = _RULES.get(kind)
    if rule is None:
        return f"Work of the kind {kind} cannot be taken up again; start it anew where it was started."
    return rule.why_refused if error_code in rule.refused else None


def was_refused() -> ColumnElement[bool]:
    """Of a failed job, as SQL: it ended because what the customer gave cannot be used."""
    by_kind = [
        (Job.kind == kind) & Job.error_code.in_(sorted(rule.refused)) for kind, rule in _RULES.items() if rule.refused
    ]
    return (Job.status == "failed") & or_(false(), *by_kind)

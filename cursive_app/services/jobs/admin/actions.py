"""Retry, cancel and delete: for one job, for chosen ones, for all that match (JOB-05, JOB-06, JOB-13).

First `plan` counts and changes nothing; then `apply` gets that plan back and acts on the jobs that were counted and on
no others, whatever matches by then. Each job is its own short transaction that locks the job, looks again, acts, and
writes down who did it: a job that meanwhile went on or ended is refused, and what was done stays done when a later one
cannot be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.errors import Conflict, CursiveError, Invalid, NotFound, Unavailable
from cursive_app.services.jobs.admin.editing import checked
from cursive_app.services.jobs.admin.listing import open_search
from cursive_app.services.jobs.admin.retries import editable_of, rule_of, why_fixed_of, why_no_retry
from cursive_app.services.jobs.admin.rows import read_rows, rows_of, rows_statement, why_no_cancel, why_no_delete
from cursive_app.services.jobs.admin.staff import (
    SUPPORT,
    record_action,
    record_for_customer,
    refusal_noted,
    require_staff,
    scope_of,
)
from cursive_app.services.jobs.admin.views import (
    Action,
    AdminJobRow,
    Applied,
    Plan,
    Refusals,
    Selection,
    StaffActor,
    StaffRole,
)
from cursive_app.services.jobs.keepers import kept_by
from cursive_app.services.jobs.opening import add_event, wake
from cursive_app.services.jobs.tags import add_tags
from db.models.jobs import Job
from db.system import SystemScope, system_scope

MOST_AT_ONCE = 1_000
EXAMPLES = 5
_NEED: dict[Action, StaffRole] = {"retry": "operate", "cancel": "operate", "delete": "all"}
_GONE = "It is not there any more."


def plan(actor: StaffActor, action: Action, selection: Selection) -> Plan:
    """What an action would do, without doing it.

    Raises Forbidden, and Invalid for a query that is not understood, an empty choice, or too many jobs.
    """
    require_staff(actor, _need(action), attempted=f"jobs.{action}", object_id=_name_of(selection.ids, selection.query))
    with system_scope() as scope:
        chosen = _chosen(scope, actor, selection)
    reasons = [_why_not(action, row) for row in chosen]
    possible = [row for row, reason in zip(chosen, reasons, strict=True) if reason is None]
    refused = Counter(reason for reason in reasons if reason is not None)
    if selection.ids is not None:
        refused[_GONE] += len(set(selection.ids)) - len(chosen)
    return Plan(
        action=action,
        matching=len(chosen),
        ids=tuple(row.id for row in possible),
        query=selection.query,
        refused=_refusals(+refused),  # without zeros
        workspaces=len({row.workspace_id for row in possible}),
        credits_held=sum(
            (row.credits_held - row.credits_captured - row.credits_released for row in possible), start=Decimal(0)
        ),
        examples=tuple(row.title for row in possible[:EXAMPLES]),
        limit=MOST_AT_ONCE,
    )


def apply(actor: StaffActor, planned: Plan) -> Applied:
    """Do it, to the jobs of `planned.ids`: what came since is not dragged along. Raises Forbidden, Invalid."""
    action = planned.action
    require_staff(actor, _need(action), attempted=f"jobs.{action}", object_id=_name_of(planned.ids, planned.query))
    done = 0
    refused: Counter[str] = Counter()
    for id in planned.ids:
        reason = _act_on_one(actor, action, id)
        done += reason is None
        if reason is not None:
            refused[reason] += 1
    if planned.query or planned.matching > 1:
        with system_scope() as scope:
            record_action(
                scope, actor, action=f"jobs.{action}", object_type="selection", query=planned.query, done=done,
                refused=sum(refused.values()), expected=planned.possible,
            )  # fmt: skip
    return Applied(action=action, done=done, refused=_refusals(refused))


def act(actor: StaffActor, action: Action, id: UUID) -> AdminJobRow:
    """The same for one job, at once. Raises Forbidden, NotFound, Conflict or what the work itself says."""
    require_staff(actor, _need(action), attempted=f"job.{action}", object_id=id)
    with refusal_noted(actor, f"job.{action}", id), system_scope() as scope:
        before = rows_of(scope, [id])
        _DO[action](scope, actor, id)
        scope.session.flush()
        return before[0] if action == "delete" else rows_of(scope, [id])[0]


def retry_edited(actor: StaffActor, id: UUID, *, arguments: Mapping[str, Any]) -> AdminJobRow:
    """Retry with other values for some arguments, for the role all.

    Raises Forbidden, NotFound, Conflict, and Invalid for an argument or a value that does not fit.
    """
    require_staff(actor, "all", attempted="job.retry_edited", object_id=id)
    with refusal_noted(actor, "job.retry_edited", id), system_scope() as scope:
        row = scope.get(Job, id, lock=True)
        present = dict(row.arguments)
        changed = checked(
            editable_of(row.kind), arguments, present=present, kind=row.kind, why_fixed=why_fixed_of(row.kind)
        )
        row.arguments = {**present, **changed}
        changes = {name: {"from": present.get(name), "to": value} for name, value in changed.items()}
        _retry(scope, actor, id, changes=changes)
        scope.session.flush()
        return rows_of(scope, [id])[0]


def _act_on_one(actor: StaffActor, action: Action, id: UUID) -> str | None:
    try:
        with system_scope() as scope:
            _DO[action](scope, actor, id)
    except NotFound:
        return _GONE
    except Unavailable:
        return "The database did not answer in time; try this one again."
    except CursiveError as error:
        return error.message
    return None


def _retry(scope: SystemScope, actor: StaffActor, id: UUID, *, changes: Mapping[str, Any] | None = None) -> None:
    """Put a failed job back: its room opens its thing again, the job goes on where it stopped."""
    row = scope.get(Job, id, lock=True)
    _refuse(why_no_retry(kind=row.kind, status=row.status, error_code=row.error_code))
    rule = rule_of(row.kind)
    assert rule is not None
    inside = scope_of(scope, row.workspace_id)
    again = rule.again(inside, dict(row.links), dict(row.arguments))
    error = row.error_message
    row.status, row.attempts, row.finished_at, row.cancel_requested_at = "pending", 0, None, None
    row.error_code = row.error_message = row.error_fingerprint = None
    row.attempt_token = row.heartbeat_at = row.run_after = None
    # It takes as long and goes as fast as this try does: the time in which it had failed is nobody's work.
    row.started_at = row.moving_since = None
    if again.credits_held is not None:
        row.credits_held = again.credits_held
    add_tags(row, "retry", "staff", *(("edited",) if changes else ()))
    add_event(inside, row.id, stage=row.stage, message=f"Started again by {SUPPORT}",
              internal=f"By {actor.label}")  # fmt: skip
    wake(inside, job_id=row.id, task=row.task, queue=row.queue)
    more = {"changed": dict(changes)} if changes else {}
    record_action(scope, actor, action="job.retry_edited" if changes else "job.retry", object_type="job",
                  object_id=id, kind=row.kind, title=row.title, error=error, **more)  # fmt: skip
    record_for_customer(scope, row, action="job.retry", **more)


def _cancel(scope: SystemScope, actor: StaffActor, id: UUID) -> None:
    row = scope.get(Job, id, lock=True)
    _refuse(why_no_cancel(row))
    inside = scope_of(scope, row.workspace_id)
    row.cancel_requested_at = now()
    add_tags(row, "staff")
    add_event(inside, row.id, stage=row.stage, message=f"Stop requested by {SUPPORT}",
              internal=f"By {actor.label}")  # fmt: skip
    wake(inside, job_id=row.id, task=row.task, queue=row.queue, reason="cancel")
    record_action(scope, actor, action="job.cancel", object_type="job", object_id=id, kind=row.kind, title=row.title)
    record_for_customer(scope, row, action="job.cancel")


def _delete(scope: SystemScope, actor: StaffActor, id: UUID) -> None:
    row = scope.get(Job, id, lock=True)
    keeper = scope.session.scalar(select(kept_by()).select_from(Job).where(Job.id == id))
    _refuse(why_no_delete(row, keeper=keeper))
    record_action(scope, actor, action="job.delete", object_type="job", object_id=id, kind=row.kind, title=row.title,
                  state=row.status, workspace_id=str(row.workspace_id))  # fmt: skip
    record_for_customer(scope, row, action="job.delete")
    scope.session.delete(row)


_DO: dict[Action, Callable[[SystemScope, StaffActor, UUID], None]] = {
    "retry": _retry,
    "cancel": _cancel,
    "delete": _delete,
}


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise Conflict(reason, reason="not_possible")


def _chosen(scope: SystemScope, actor: StaffActor, selection: Selection) -> list[AdminJobRow]:
    """The jobs that are meant, newest first. Raises Invalid when there are too many, or none was chosen."""
    statement = rows_statement().order_by(Job.created_at.desc(), Job.id.desc()).limit(MOST_AT_ONCE + 1)
    if selection.ids is None:
        statement = statement.where(*open_search(scope, actor, selection).conditions())
    elif selection.ids:
        statement = statement.where(Job.id.in_(selection.ids[: MOST_AT_ONCE + 1]))
    else:
        raise Invalid(fields={"selection": "No job is selected any more. Select some and try again."})
    found = list(read_rows(scope, statement))
    if len(found) > MOST_AT_ONCE:
        raise Invalid(
            fields={
                "selection": f"More than {MOST_AT_ONCE:,} jobs match. Narrow the query or the dates and go in parts."
            }
        )
    return found


def _why_not(action: Action, row: AdminJobRow) -> str | None:
    return {"retry": row.why_no_retry, "cancel": row.why_no_cancel, "delete": row.why_no_delete}[action]


def _need(action: Action) -> StaffRole:
    if action not in _NEED:
        raise Invalid(fields={"action": "Use retry, cancel or delete."})
    return _NEED[action]


def _refusals(found: Counter[str]) -> tuple[Refusals, ...]:
    return tuple(Refusals(reason=reason, count=count) for reason, count in found.most_common())


def _name_of(ids: Sequence[UUID] | None, query: str) -> str | None:
    return str(ids[0]) if ids is not None and len(ids) == 1 else query or None

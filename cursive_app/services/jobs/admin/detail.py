"""One job with everything staff may know: timeline, attempts, arguments, links, batches (JOB-04, JOB-15)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from cursive_app.errors import NotFound
from cursive_app.services.jobs.admin.editing import Choice, Editable, Whole, Words
from cursive_app.services.jobs.admin.masking import MASK, masked
from cursive_app.services.jobs.admin.retries import editable_of, kept_of, why_fixed_of
from cursive_app.services.jobs.admin.rows import rows_of
from cursive_app.services.jobs.admin.staff import has_role, require_staff
from cursive_app.services.jobs.admin.stuck import how_stuck
from cursive_app.services.jobs.admin.views import (
    AdminJobDetail,
    AdminRelatedJob,
    Argument,
    AttemptView,
    Edit,
    JobLink,
    StaffActor,
    TimelineLine,
)
from cursive_app.services.jobs.batches import batches_of, traces_of
from cursive_app.services.jobs.family import FIRST_THINGS_FIRST, RELATED_SHOWN, others, relation, sum_of
from cursive_app.services.jobs.views import ENDED, RelatedSum
from db.models.jobs import Job, JobAttempt, JobEvent, QueuePause
from db.scope import parse_id
from db.system import SystemScope, system_scope

EVENTS_SHOWN = 200
ATTEMPTS_SHOWN = 50
_PAGES = (
    ("enrichment_id", "List", "/enrichments/{}"),
    ("segment_id", "Segment", "/segments/{}"),
    ("run_id", "Leads of the run", "/leads?run={}"),
)


def get_job(actor: StaffActor, id: UUID | str) -> AdminJobDetail:
    """Everything about one job. Stacks and the provider's ids are for the role operate and up, and read_only sees no
    argument's value.

    Raises NotFound for an id that no job has.
    """
    require_staff(actor, "read_only", attempted="get_job", object_id=id)
    wanted = parse_id(id)
    with system_scope() as scope:
        found = rows_of(scope, [wanted])
        if not found:
            raise NotFound(object_type="jobs", object_id=str(wanted))
        row = scope.get(Job, wanted)
        timeline, earlier = _timeline(scope, row, internals=has_role(actor, "operate"))
        attempts, earlier_attempts = _attempts(scope, row, internals=has_role(actor, "operate"))
        related, related_sum = _related(scope, row)
        batches = batches_of(scope.session, row)
        hidden = not has_role(actor, "operate")
        return AdminJobDetail(
            job=found[0],
            timeline=timeline,
            earlier_events=earlier,
            attempts=attempts,
            earlier_attempts=earlier_attempts,
            arguments=_arguments(row, masked_all=hidden, may_edit=has_role(actor, "all")),
            arguments_json=_json(masked(row.arguments, everything=hidden), indent=2),
            links=_links(row.links),
            customer_href=f"/jobs?job={row.id}",
            related=related,
            related_sum=related_sum,
            batches=batches,
            batch_traces=traces_of(scope.session, row, batches) if not hidden else (),
            idempotency_key=row.idempotency_key if not hidden else None,
            queue_paused=row.status not in ENDED and scope.session.get(QueuePause, row.queue) is not None,
            why_no_edit=why_fixed_of(row.kind),
            stuck=how_stuck(scope, row.id),
        )


def _timeline(scope: SystemScope, row: Job, *, internals: bool) -> tuple[tuple[TimelineLine, ...], int]:
    mine = (JobEvent.workspace_id == row.workspace_id, JobEvent.job_id == row.id)
    newest = scope.session.scalars(select(JobEvent).where(*mine).order_by(JobEvent.id.desc()).limit(EVENTS_SHOWN)).all()
    lines: list[TimelineLine] = []
    before = None
    for event in reversed(newest):
        after = max(int((event.at - before).total_seconds()), 0) if before is not None else None
        before = event.at
        lines.append(
            TimelineLine(
                at=event.at,
                level=event.level,
                stage=event.stage,
                message=event.message,
                after_seconds=after,
                internal=event.internal if internals else None,
            )
        )
    total = scope.session.scalar(select(func.count()).select_from(JobEvent).where(*mine)) or 0
    return tuple(lines), total - len(lines)


def _attempts(scope: SystemScope, row: Job, *, internals: bool) -> tuple[tuple[AttemptView, ...], int]:
    mine = (JobAttempt.workspace_id == row.workspace_id, JobAttempt.job_id == row.id)
    order = JobAttempt.number.desc()
    newest = scope.session.scalars(select(JobAttempt).where(*mine).order_by(order).limit(ATTEMPTS_SHOWN + 1)).all()
    shown = list(reversed(newest[:ATTEMPTS_SHOWN]))
    before = newest[ATTEMPTS_SHOWN].number if len(newest) > ATTEMPTS_SHOWN else 0
    views: list[AttemptView] = []
    for attempt in shown:
        views.append(_attempt(attempt, folded=attempt.number - before - 1, internals=internals))
        before = attempt.number
    total = scope.session.scalar(select(func.count()).select_from(JobAttempt).where(*mine)) or 0
    return tuple(views), total - len(views)


def _attempt(attempt: JobAttempt, *, folded: int, internals: bool) -> AttemptView:
    ended = attempt.ended_at
    return AttemptView(
        number=attempt.number,
        worker=attempt.worker,
        stage=attempt.stage,
        started_at=attempt.started_at,
        ended_at=ended,
        seconds=max(int((ended - attempt.started_at).total_seconds()), 0) if ended is not None else None,
        outcome=attempt.outcome,
        error_code=attempt.error_code,
        error_message=attempt.error_message,
        internal=attempt.internal if internals else None,
        fingerprint=attempt.fingerprint,
        folded=max(folded, 0),
    )


def _arguments(row: Job, *, masked_all: bool, may_edit: bool) -> tuple[Argument, ...]:
    """What the job has, and what it could be given for a retry."""
    editable = editable_of(row.kind) if may_edit and row.status == "failed" else {}
    shown, kept = masked(row.arguments, everything=masked_all), kept_of(row.kind)
    return tuple(
        Argument(
            name=name,
            value=_value(shown[name]) if name in shown else "",
            is_masked=shown.get(name) == MASK,
            is_kept=name in kept,
            edit=_edit(editable[name]) if name in editable and shown.get(name) != MASK else None,
        )
        for name in [*shown, *(name for name in editable if name not in shown)]
    )


def _value(value: Any) -> str:
    return MASK if value == MASK else _json(value, indent=2 if isinstance(value, dict | list) else None)


def _edit(one: Editable) -> Edit:
    return Edit(
        control=one.control,
        label=one.label,
        hint=one.hint,
        minimum=one.minimum if isinstance(one, Whole) else None,
        maximum=one.maximum if isinstance(one, Whole) else None,
        longest=one.longest if isinstance(one, Words) else None,
        options=tuple(one.options.items()) if isinstance(one, Choice) else (),
    )


def _json(value: Any, *, indent: int | None = None) -> str:
    """JSON text; Python's integers have no limit, so large ones keep every digit (riverui#593)."""
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


def _links(links: Mapping[str, Any]) -> tuple[JobLink, ...]:
    return tuple(
        JobLink(label=label, href=pattern.format(links[name]))
        for name, label, pattern in _PAGES
        if isinstance(links.get(name), str) and re.fullmatch(r"[0-9a-f-]{36}", links[name])
    )


def _related(scope: SystemScope, row: Job) -> tuple[tuple[AdminRelatedJob, ...], RelatedSum | None]:
    """Jobs that belong to it, and what all of them came to with this one (JOB-15)."""
    belong = others(row)
    if belong is None:
        return (), None
    statement = select(Job.id, Job.links).where(belong).order_by(*FIRST_THINGS_FIRST).limit(RELATED_SHOWN)
    found = {one.id: one.links for one in scope.session.execute(statement)}
    shown = {one.id: one for one in rows_of(scope, list(found))}
    related = tuple(
        AdminRelatedJob(job=shown[id], relation=relation(row, links)) for id, links in found.items() if id in shown
    )
    return related, sum_of(scope.session, row) if related else None

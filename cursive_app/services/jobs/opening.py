"""Opening a job: the record and the task that moves it are written in the caller's transaction, or neither is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from cursive_app.clock import now
from cursive_app.services.accounts.audit import actor_label
from cursive_app.services.jobs.causes import clean, shorten
from cursive_app.services.jobs.tags import Tag, tags_at_start
from cursive_app.services.jobs.views import JobView, job_view
from db.models.accounts import Workspace
from db.models.jobs import Job, JobEvent
from db.scope import Scope

URGENT = 1  # before every turn: it is what a person waits for
LAST_TURN = 100  # beyond this many unfinished jobs of one workspace their order no longer matters to others


def open_job(
    scope: Scope,
    *,
    kind: str,
    title: str,
    task: str,
    total: int | None = None,
    arguments: dict[str, Any] | None = None,
    links: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
    queue: str = "runs",
    tags: Iterable[Tag] = (),
) -> JobView:
    """Write a job and defer `task` with `job_id=<id>`; both exist exactly if the caller's transaction commits.

    `arguments` and `links` are JSON values (ids as text). The same `idempotency_key` for the same kind in the same
    workspace returns the first job and defers nothing, also when two calls race. Who started it is tagged here, `tags`
    are what the caller knows besides. Authorization is the caller's.
    """
    tenant = scope.tenant
    job_id = uuid7()
    is_demo = scope.session.scalar(select(Workspace.is_demo).where(Workspace.id == scope.workspace_id))
    created = scope.session.scalar(
        insert(Job)
        .values(
            id=job_id,
            workspace_id=scope.workspace_id,
            kind=kind,
            title=title[:200],
            task=task,
            queue=queue,
            total=total,
            arguments=arguments or {},
            links=links or {},
            idempotency_key=idempotency_key,
            **actor_fields(scope),
            tags=tags_at_start(tenant, tags, is_demo=bool(is_demo)),
        )
        .on_conflict_do_nothing(index_elements=["workspace_id", "kind", "idempotency_key"])
        .returning(Job.id)
    )
    if created is None:
        return job_view(_first(scope, kind, idempotency_key))
    add_event(scope, created, stage="queued", message="Queued")
    wake(scope, job_id=created, task=task, queue=queue)
    return job_view(scope.get(Job, created))


def actor_fields(scope: Scope) -> dict[str, Any]:
    """The columns of a job that say in whose name it works: by their rights of the day (T15)."""
    tenant = scope.tenant
    return {
        "actor_user_id": tenant.user_id,
        "actor_api_key_id": tenant.api_key_id,
        "actor_kind": "api_key" if tenant.api_key_id else "user" if tenant.user_id else "system",
        "actor_label": actor_label(scope),
    }


def wake(scope: Scope, *, job_id: UUID, task: str, queue: str, at: Any = None, reason: str = "") -> None:
    """Defer the job's task once, in its turn. `reason` marks an urgent call: kept apart from a waiting later one, and
    before all turns."""
    lock = f"job:{job_id}:{reason}" if reason else f"job:{job_id}"
    turn = URGENT if reason else turn_of(scope.session, workspace_id=scope.workspace_id, job_id=job_id, queue=queue)
    scope.defer(task, queue=queue, queueing_lock=lock, at=at, priority=turn, job_id=str(job_id))


def turn_of(session: Session, *, workspace_id: UUID, job_id: UUID, queue: str) -> int:
    """The queue priority of a job's task: 0 for the workspace's first unfinished job in this queue, -1 for its second…

    So the workspaces take turns: the only job of one comes before the second of another, however many that one has.
    """
    earlier = (
        select(Job.id)
        .where(
            Job.workspace_id == workspace_id,
            Job.status.in_(("pending", "processing")),
            Job.queue == queue,
            Job.id < job_id,
        )
        .limit(LAST_TURN)
        .subquery()
    )
    return -(session.scalar(select(func.count()).select_from(earlier)) or 0)


def add_event(
    scope: Scope, job_id: UUID, *, stage: str, message: str, level: str = "info", internal: str | None = None
) -> None:
    """Append one line to the timeline; long texts are cut."""
    scope.add(
        JobEvent(
            job_id=job_id, at=now(), stage=stage, level=level, message=clean(message[:500]),
            internal=shorten(internal) if internal else None,
        )
    )  # fmt: skip


def _first(scope: Scope, kind: str, idempotency_key: str | None) -> Job:
    return scope.session.execute(
        select(Job).where(scope.owned(Job), Job.kind == kind, Job.idempotency_key == idempotency_key)
    ).scalar_one()

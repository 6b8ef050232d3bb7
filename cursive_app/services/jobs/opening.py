"""Opening a job: the record and the task that moves it are written in the caller's transaction, or neither is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from cursive_app.clock import now
from cursive_app.services.accounts.audit import actor_label
from cursive_app.services.jobs.views import JobView, job_view
from db.models.jobs import Job, JobEvent
from db.scope import Scope


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
) -> JobView:
    """Write a job and defer `task` with `job_id=<id>`; both exist exactly if the caller's transaction commits.

    `arguments` and `links` are JSON values (ids as text). The same `idempotency_key` for the same kind in the same
    workspace returns the first job and defers nothing, also when two calls race. Authorization is the caller's.
    """
    tenant = scope.tenant
    job_id = uuid7()
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
            actor_user_id=tenant.user_id,
            actor_api_key_id=tenant.api_key_id,
            actor_kind="api_key" if tenant.api_key_id else "user" if tenant.user_id else "system",
            actor_label=actor_label(scope),
        )
        .on_conflict_do_nothing(index_elements=["workspace_id", "kind", "idempotency_key"])
        .returning(Job.id)
    )
    if created is None:
        return job_view(_first(scope, kind, idempotency_key))
    add_event(scope, created, stage="queued", message="Queued")
    wake(scope, job_id=created, task=task, queue=queue)
    return job_view(scope.get(Job, created))


def wake(scope: Scope, *, job_id: UUID, task: str, queue: str, at: Any = None, reason: str = "") -> None:
    """Defer the job's task once. `reason` keeps an urgent call apart from a waiting later one."""
    lock = f"job:{job_id}:{reason}" if reason else f"job:{job_id}"
    scope.defer(task, queue=queue, queueing_lock=lock, at=at, job_id=str(job_id))


def add_event(
    scope: Scope, job_id: UUID, *, stage: str, message: str, level: str = "info", internal: str | None = None
) -> None:
    """Append one line to the timeline; long texts are cut."""
    scope.add(
        JobEvent(
            job_id=job_id, at=now(), stage=stage, level=level, message=message[:500],
            internal=internal[-4000:] if internal else None,
        )
    )  # fmt: skip


def _first(scope: Scope, kind: str, idempotency_key: str | None) -> Job:
    return scope.session.execute(
        select(Job).where(scope.owned(Job), Job.kind == kind, Job.idempotency_key == idempotency_key)
    ).scalar_one()

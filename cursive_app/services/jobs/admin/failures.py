"""Failures grouped by what went wrong, with how far each one reaches (JOB-11)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from cursive_app.clock import now
from cursive_app.services.jobs.admin.retries import why_no_retry
from cursive_app.services.jobs.admin.staff import require_staff
from cursive_app.services.jobs.admin.times import LOOK_BACK, within
from cursive_app.services.jobs.admin.views import FailureGroup, FailurePage, StaffActor, WorkspaceHit
from db.models.accounts import Workspace
from db.models.jobs import Job, JobAttempt
from db.system import SystemScope, system_scope

MOST_GROUPS = 100
WORKSPACES_SHOWN = 5


def failures(actor: StaffActor, *, since: datetime | None = None, until: datetime | None = None) -> FailurePage:
    """Failed tries by fingerprint, the most recent first, of the last 30 days unless dates are given (of the failure).

    Raises Forbidden, Invalid.
    """
    require_staff(actor, "read_only", attempted="failures")
    if since is None and until is None:
        since = now() - LOOK_BACK
    failed = [JobAttempt.fingerprint.is_not(None), *within(JobAttempt.ended_at, since, until)]
    with system_scope() as scope:
        groups = scope.session.execute(
            select(
                JobAttempt.fingerprint,
                func.count(),
                func.min(JobAttempt.ended_at),
                func.max(JobAttempt.ended_at),
                func.max(JobAttempt.id),
            )
            .where(*failed)
            .group_by(JobAttempt.fingerprint)
            .order_by(func.max(JobAttempt.ended_at).desc())
            .limit(MOST_GROUPS + 1)
        ).all()
        shown = groups[:MOST_GROUPS]
        reach = _reach(scope, failed, [str(row[0]) for row in shown])
        samples = _samples(scope, [row[4] for row in shown])
    found = tuple(
        _group(fingerprint, tries, first, last, samples[sample], reach[fingerprint])
        for fingerprint, tries, first, last, sample in shown
        if fingerprint is not None and first is not None and last is not None
    )
    return FailurePage(groups=found, is_cut=len(groups) > MOST_GROUPS, since=since, until=until)


def _samples(scope: SystemScope, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Code and message of these attempts."""
    statement = select(JobAttempt.id, JobAttempt.error_code, JobAttempt.error_message).where(JobAttempt.id.in_(ids))
    return {id: (code or "", message or "") for id, code, message in scope.session.execute(statement)}


def _reach(scope: SystemScope, failed: list[ColumnElement[bool]], fingerprints: Sequence[str]) -> dict[str, list[Any]]:
    """Per fingerprint and workspace and kind: the jobs that met it and their credits."""
    hit = (
        select(JobAttempt.job_id, JobAttempt.fingerprint)
        .where(*failed, JobAttempt.fingerprint.in_(fingerprints))
        .distinct()
        .subquery()
    )
    ended_by_it = func.count().filter(Job.status == "failed", Job.error_fingerprint == hit.c.fingerprint)
    open_holds = func.greatest(Job.credits_held - Job.credits_captured - Job.credits_released, 0)
    rows = scope.session.execute(
        select(
            hit.c.fingerprint,
            Job.workspace_id,
            Workspace.name,
            Job.kind,
            func.count().label("jobs"),
            ended_by_it.label("failed"),
            func.sum(open_holds).label("held"),
            func.sum(Job.credits_captured).label("captured"),
            func.sum(Job.credits_released).label("released"),
        )
        .join(Job, Job.id == hit.c.job_id)
        .join(Workspace, Workspace.id == Job.workspace_id)
        .group_by(hit.c.fingerprint, Job.workspace_id, Workspace.name, Job.kind)
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.fingerprint].append(row)
    return found


def _group(
    fingerprint: str, tries: int, first: datetime, last: datetime, sample: tuple[str, str], reach: list[Any]
) -> FailureGroup:
    hits: dict[UUID, WorkspaceHit] = {}
    for row in reach:
        before = hits[row.workspace_id].jobs if row.workspace_id in hits else 0
        hits[row.workspace_id] = WorkspaceHit(id=row.workspace_id, name=row.name, jobs=before + row.jobs)
    why_not = {
        kind: why_no_retry(kind=kind, status="failed", error_code=sample[0]) for kind in {row.kind for row in reach}
    }
    zero = Decimal(0)
    return FailureGroup(
        fingerprint=fingerprint,
        error_code=sample[0],
        message=sample[1],
        kinds=tuple(sorted({row.kind for row in reach})),
        attempts=tries,
        jobs=sum(row.jobs for row in reach),
        failed_jobs=sum(row.failed for row in reach),
        retryable=sum(row.failed for row in reach if why_not[row.kind] is None),
        why_no_retry=next((reason for reason in why_not.values() if reason is not None), None),
        first_seen=first,
        last_seen=last,
        workspace_count=len(hits),
        workspaces=tuple(sorted(hits.values(), key=lambda hit: -hit.jobs)[:WORKSPACES_SHOWN]),
        credits_held=sum((row.held for row in reach), start=zero),
        credits_captured=sum((row.captured for row in reach), start=zero),
        credits_released=sum((row.released for row in reach), start=zero),
        met=f"met:{fingerprint}",
        query=f"error:{fingerprint} state:failed",
    )

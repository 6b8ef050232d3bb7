"""Makers of filters and segments, and the worker's part of a run without a worker process."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select

from cursive_app.clock import now
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.services import jobs, segments
from db.models.credits import CreditLine
from db.models.jobs import Job
from db.models.leads import Lead
from db.models.segments import SegmentRun
from db.scope import Tenant
from db.system import system_scope


def where(*conditions: dict[str, Any], scope: str = "provider", op: str = "all") -> dict[str, Any]:
    """A filter of these rows."""
    return {"version": 1, "scope": scope, "where": {op: list(conditions)}}


TEXANS = where({"field": "state", "include": ["TX"]})
MANAGERS = where({"field": "seniority", "include": ["manager"]})  # everybody the provider sends for it matches


def make_segment(tenant: Tenant, filters: Any = TEXANS, **values: Any) -> segments.SegmentView:
    name = values.pop("name", f"Segment {uuid4().hex[:8]}")
    with tenant.begin() as scope:
        return segments.create_segment(scope, name=name, filters=filters, **values)


def start(tenant: Tenant, segment_id: UUID, **values: Any) -> segments.RunView:
    with tenant.begin() as scope:
        return segments.start_run(scope, segment_id, **values)


def step(run: segments.RunView, lab: AudienceLab) -> None:
    """One attempt, at once: as if the time the job waits for had come."""
    assert run.job_id is not None
    with system_scope() as scope:
        scope.get(Job, run.job_id).run_after = now()
    jobs.work(run.job_id, lambda claimed: segments.run_segment(claimed, provider=lab), on_dead=segments.bury_run)


def work_off(tenant: Tenant, run: segments.RunView, lab: AudienceLab, *, steps: int = 60) -> segments.RunView:
    """Attempts until the run has ended."""
    for _ in range(steps):
        step(run, lab)
        found = look(tenant, run)
        if not found.is_active:
            return found
    raise AssertionError(f"the run did not end in {steps} attempts: {look(tenant, run)}")


def look(tenant: Tenant, run: segments.RunView) -> segments.RunView:
    with tenant.begin() as scope:
        return segments.get_run(scope, run.id)


def run_row(run: segments.RunView) -> SegmentRun:
    with system_scope() as scope:
        return scope.get(SegmentRun, run.id)


def lead_count(tenant: Tenant) -> int:
    with tenant.begin() as scope:
        return scope.session.scalar(select(func.count()).select_from(Lead).where(scope.owned(Lead))) or 0


def captured(tenant: Tenant) -> Decimal:
    with tenant.begin() as scope:
        found = scope.session.scalar(
            select(func.coalesce(func.sum(CreditLine.amount), 0)).where(
                scope.owned(CreditLine), CreditLine.kind == "capture"
            )
        )
    return Decimal(found or 0)

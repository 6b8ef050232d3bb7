"""The provider's audiences behind runs: asked for once, found again by name, and never left lying around (§2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.errors import CursiveError
from cursive_app.integrations.audiencelab import AudienceLab, ProviderError
from cursive_app.services.segments.views import ACTIVE
from db.models.segments import SegmentRun
from db.scope import Scope, Tenant
from db.system import SystemScope, system_scope

log = structlog.get_logger(__name__)

SETTLED = timedelta(minutes=5)  # a run that ended this long ago is no longer deleting its audience itself
BATCH = 100


def request_audience(lab: AudienceLab, *, name: str, filters: Mapping[str, Any], asked_before: bool) -> str:
    """The id of the audience with this name; makes it when there is none. `asked_before`: an earlier attempt may have.

    Creating is not repeatable at the provider, so after a crash the name is looked up first.
    """
    found = lab.find_audience(name=name) if asked_before else None
    return found or lab.create_audience(name=name, filters=filters)


def drop_audience(tenant: Tenant, run_id: UUID, lab: AudienceLab) -> None:
    """Delete the audience of a run that ended. A failure is left to `cleanup_audiences`; the run is over either way."""
    try:
        with tenant.begin() as scope:
            row = scope.get(SegmentRun, run_id)
        if row.audience_name is None or row.audience_deleted_at is not None:
            return
        _delete(lab, row)
        with tenant.begin() as scope:
            _deleted(scope, run_id)
    except CursiveError as error:
        log.warning("segments.audience_left", run_id=str(run_id), error=error.code)


def cleanup_audiences(provider: AudienceLab) -> int:
    """Delete the audiences of ended runs that could not do it themselves; how many went. Safe to run twice."""
    with system_scope() as scope:
        rows = scope.session.scalars(
            select(SegmentRun)
            .where(
                SegmentRun.audience_name.is_not(None),
                SegmentRun.audience_deleted_at.is_(None),
                SegmentRun.status.not_in(ACTIVE),
                SegmentRun.finished_at < now() - SETTLED,
            )
            .order_by(SegmentRun.finished_at)
            .limit(BATCH)
        ).all()
    gone = 0
    for row in rows:
        try:
            _delete(provider.for_workspace(row.workspace_id), row)
        except ProviderError as error:
            log.warning("segments.audience_left", run_id=str(row.id), error=error.code)
            continue
        with system_scope() as scope:
            _deleted(scope, row.id)
        gone += 1
    return gone


def _delete(lab: AudienceLab, run: SegmentRun) -> None:
    if run.audience_id is not None:
        lab.delete_audience(run.audience_id)
        return
    found = lab.find_audience(name=run.audience_name or "")
    if found is not None:
        lab.delete_audience(found)


def _deleted(scope: Scope | SystemScope, run_id: UUID) -> None:
    scope.get(SegmentRun, run_id, lock=True).audience_deleted_at = now()

"""Deleting what customers uploaded and what was found for them: after the stated days, or when they ask (ENR-18).

The file, its rows and the results go; the list itself stays as the receipt of what was charged, without any value that
was in the file (lessons.md row 38).
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, select

from cursive_app.clock import now
from cursive_app.errors import Conflict
from cursive_app.services import accounts, jobs
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.seen import enrichment_view
from cursive_app.services.enrichment.views import EnrichmentView
from db.models.enrichment import Enrichment, EnrichmentChange, EnrichmentFilePart, EnrichmentRow
from db.models.jobs import Job
from db.roles import Role
from db.scope import Scope, Tenant
from db.system import system_scope

BUSY = ("received", "reading", "queued", "running", "paused")
BATCH = 100


def delete_files(scope: Scope, id: UUID | str) -> EnrichmentView:
    """Delete a list's file, rows and results now; the receipt stays. A second time changes nothing.

    Raises Conflict (`running`) while something works on it, NotFound, Forbidden.
    """
    require(scope, Permission.EDIT_ENRICHMENTS)
    row = scope.get(Enrichment, id, lock=True)
    if row.status in BUSY:
        raise Conflict("Stop the run first, or wait for its end; then the files can be deleted.", reason="running")
    if row.purged_at is None:
        _purge(scope, row)
        accounts.record_audit(
            scope, action="enrichment.files_deleted", object_type="enrichments", object_id=row.id, rows=row.row_count
        )
    return enrichment_view(scope, row)


def purge_expired() -> int:
    """Delete the files, rows and results of every list whose time is over; how many lists were purged.

    A run that still works keeps its rows until it has ended; one that is paused is canceled first, so that what it
    holds goes back. Each list is its own transaction.
    """
    purged = 0
    after = UUID(int=0)
    while batch := _expired(after):
        for workspace_id, id in batch:
            purged += _purge_one(Tenant(workspace_id=workspace_id, user_id=None, role=Role.OWNER), id)
        after = batch[-1][1]
    return purged


def _expired(after: UUID) -> list[tuple[UUID, UUID]]:
    statement = (
        select(Enrichment.workspace_id, Enrichment.id)
        .where(Enrichment.purged_at.is_(None), Enrichment.expires_at < now(), Enrichment.id > after)
        .order_by(Enrichment.id)
        .limit(BATCH)
    )
    with system_scope() as scope:
        return [(row.workspace_id, row.id) for row in scope.session.execute(statement)]


def _purge_one(tenant: Tenant, id: UUID) -> bool:
    with tenant.begin() as scope:
        found = scope.get(Enrichment, id)
        if found.status == "paused" and found.run_job_id is not None:
            if scope.get(Job, found.run_job_id).status == "paused":
                jobs.request_cancel(scope, found.run_job_id)
            return False
        row = scope.get(Enrichment, id, lock=True)
        if row.status in BUSY or row.purged_at is not None:
            return False
        _purge(scope, row)
        return True


def _purge(scope: Scope, row: Enrichment) -> None:
    for table in (EnrichmentRow, EnrichmentFilePart, EnrichmentChange):
        scope.session.execute(delete(table).where(scope.owned(table), table.enrichment_id == row.id))
    row.layout = {name: value for name, value in row.layout.items() if name != "head"}  # the file's first rows
    row.columns = [{"name": column.get("name")} for column in row.columns]
    row.purged_at = now()
    scope.session.flush()

"""No job of the lists works with another workspace's list (T9): a foreign id is an unknown one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from cursive_app.clock import now
from cursive_app.errors import NotFound
from cursive_app.services import enrichment, jobs
from cursive_app.services.enrichment.views import EnrichmentView
from cursive_app.services.jobs import ClaimedJob
from db.models.enrichment import Enrichment, EnrichmentChunk, EnrichmentRow
from db.models.jobs import Job
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import Line, as_stored, list_row, make_list, start_run
from tests.factories_jobs import job_row
from tests.factories_segments import lead_count
from tests.services.test_enrichment_reading import PEOPLE, do, read, upload
from tests.services.test_foreign_ids import Nobody

LINES = [Line((f"a{n}@acme.example", "A", "B", ""), {"email": f"a{n}@acme.example"}) for n in range(120)]


def seen(tenant: Tenant, id: UUID) -> Any:
    """All that is stored of a list, its credits and its leads."""
    with system_scope() as scope:
        rows = select(EnrichmentRow).where(EnrichmentRow.enrichment_id == id).order_by(EnrichmentRow.number)
        chunks = select(EnrichmentChunk).where(EnrichmentChunk.enrichment_id == id)
        stored = [scope.get(Enrichment, id), *scope.session.scalars(rows), *scope.session.scalars(chunks)]
        columns = [{name: getattr(one, name) for name in one.__mapper__.columns.keys()} for one in stored]  # noqa: SIM118
    return columns, balance_of(tenant), lead_count(tenant)


def ended(tenant: Tenant) -> UUID:
    id = make_list(tenant, LINES[:3], status="completed", matched_count=3, finished_at=now())
    with tenant.begin() as scope:
        mine = (scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == id)
        found = {"UUID": str(id), "FIRST_NAME": "A", "BUSINESS_EMAIL": "a@acme.example"}
        scope.session.execute(update(EnrichmentRow).where(*mine).values(outcome="matched", found=as_stored(found)))
    return id


def reading(tenant: Tenant, folder: Path) -> tuple[UUID, UUID]:
    view: EnrichmentView = upload(tenant, PEOPLE, folder)
    return view.id, list_row(view.id).read_job_id  # type: ignore[return-value]


def sampling(tenant: Tenant, folder: Path) -> tuple[UUID, UUID]:
    id = make_list(tenant, LINES)
    return id, do(tenant, enrichment.start_sample, id).sample_job_id


def running(tenant: Tenant, folder: Path) -> tuple[UUID, UUID]:
    id = make_list(tenant, LINES)
    return id, start_run(tenant, id).run_job_id  # type: ignore[return-value]


def adding(tenant: Tenant, folder: Path) -> tuple[UUID, UUID]:
    id = ended(tenant)
    return id, do(tenant, enrichment.add_to_leads, id).id


def _sample(claimed: ClaimedJob) -> None:
    enrichment.run_sample(claimed, provider=Nobody())  # type: ignore[arg-type]  # must not be asked


def _run(claimed: ClaimedJob) -> None:
    enrichment.run_enrichment(claimed, provider=Nobody())  # type: ignore[arg-type]  # must not be asked


@pytest.mark.parametrize(
    ("begin", "flow", "on_dead"),
    [
        (reading, enrichment.read_list, enrichment.bury_read),
        (sampling, _sample, enrichment.bury_sample),
        (running, _run, enrichment.bury_enrichment),
        (adding, enrichment.take_leads, None),
    ],
    ids=["reading", "sampling", "running", "leads"],
)
def test_a_job_with_another_workspaces_list_changes_nothing_there(
    cast: Cast, tmp_path: Path, begin: Callable[[Tenant, Path], tuple[UUID, UUID]], flow: Any, on_dead: Any
) -> None:
    for tenant in (cast.alice, cast.charlie):
        fund(tenant.workspace_id, 50)
    hers, _ = begin(cast.alice, tmp_path)
    _, his_job = begin(cast.charlie, tmp_path)
    with system_scope() as scope:
        links = {"enrichment_id": str(hers)}
        scope.session.execute(update(Job).where(Job.id == his_job).values(links=links))
    before = seen(cast.alice, hers)
    claimed = jobs.claim(his_job)
    assert claimed is not None
    assert claimed.tenant.workspace_id == cast.charlie.workspace_id
    if flow is enrichment.take_leads:
        flow(claimed)
        assert job_row(his_job).processed == 0, "of a list that is not there, there are no rows"
        assert lead_count(cast.charlie) == 0
    else:
        with pytest.raises(NotFound):
            flow(claimed)
        with cast.charlie.begin() as scope, pytest.raises(NotFound):
            on_dead(scope, claimed)
    assert seen(cast.alice, hers) == before


def test_a_list_that_is_read_is_the_readers_own(cast: Cast, tmp_path: Path) -> None:
    """The walk above would also pass if nothing were ever read."""
    assert read(cast.charlie, upload(cast.charlie, PEOPLE, tmp_path)).status == "ready"

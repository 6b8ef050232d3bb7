"""Matched rows on their way into the leads: stopped and gone on with, and rows that were matched only later."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import update

from cursive_app.errors import NotFound
from cursive_app.services import enrichment, jobs
from db.models.enrichment import Enrichment, EnrichmentRow
from tests.factories import Cast
from tests.factories_enrichment import start_mixed, work_off
from tests.factories_segments import lead_count
from tests.flows.use_cases import do
from tests.sandbox_fixtures import Sandbox

KNOWN = 12


@pytest.fixture
def ran(cast: Cast, sandbox: Sandbox, small: None) -> UUID:
    """A list of Alice's whose run has ended, with twelve matched rows."""
    id = start_mixed(cast.alice, sandbox.population, known=KNOWN, unknown=3)
    work_off(id, sandbox.client())
    return id


def take(cast: Cast, id: UUID) -> UUID:
    """Ask for the leads and let a worker do it; the job."""
    job = do(cast.alice, enrichment.add_to_leads, id).id
    for _ in range(3):
        jobs.work(job, enrichment.take_leads)
    return job


def change(cast: Cast, id: UUID, *, matched: int, **values: object) -> None:
    with cast.alice.begin() as scope:
        scope.get(Enrichment, id).matched_count = matched
        mine = (EnrichmentRow.workspace_id == cast.workspace_id, EnrichmentRow.enrichment_id == id)
        last = scope.session.scalar(
            scope.select(EnrichmentRow)
            .with_only_columns(EnrichmentRow.number)
            .where(*mine, EnrichmentRow.found.is_not(None))
            .order_by(EnrichmentRow.number)
            .limit(1)
        )
        scope.session.execute(update(EnrichmentRow).where(*mine, EnrichmentRow.number == last).values(**values))


def test_what_was_stopped_is_gone_on_with(cast: Cast, ran: UUID) -> None:
    assert do(cast.alice, enrichment.leads_of, ran) is None
    first = do(cast.alice, enrichment.add_to_leads, ran).id
    asked = do(cast.alice, enrichment.leads_of, ran)
    assert (asked.is_moving, asked.seen, asked.total) == (True, 0, KNOWN)
    do(cast.alice, jobs.request_cancel, first)
    jobs.work(first, enrichment.take_leads)
    stopped = do(cast.alice, enrichment.leads_of, ran)
    assert (stopped.is_moving, stopped.is_done, lead_count(cast.alice)) == (False, False, 0)
    second = take(cast, ran)
    assert second != first
    done = do(cast.alice, enrichment.leads_of, ran)
    assert (done.is_done, done.seen, done.new, done.owned) == (True, KNOWN, KNOWN, 0)
    assert lead_count(cast.alice) == KNOWN
    assert take(cast, ran) == second, "nothing is left to be taken"


def test_rows_that_were_matched_later_are_taken_as_well(cast: Cast, ran: UUID) -> None:
    change(cast, ran, matched=KNOWN - 1, outcome="error")  # as if the run had failed for it
    first = take(cast, ran)
    assert lead_count(cast.alice) == KNOWN - 1
    change(cast, ran, matched=KNOWN, outcome="matched")  # and support had taken the run up again
    assert not do(cast.alice, enrichment.leads_of, ran).is_done
    assert take(cast, ran) != first
    done = do(cast.alice, enrichment.leads_of, ran)
    assert (done.is_done, done.new, done.owned) == (True, 1, KNOWN - 1)
    assert lead_count(cast.alice) == KNOWN


def test_nobody_else_hears_of_it(cast: Cast, ran: UUID) -> None:
    take(cast, ran)
    with pytest.raises(NotFound):
        do(cast.charlie, enrichment.leads_of, ran)

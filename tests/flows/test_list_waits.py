"""A run when the provider asks for time, or is not asked because it has not been answering: it waits, no more."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from cursive_app.clock import now
from cursive_app.integrations.audiencelab.breaker import CircuitBreaker
from cursive_app.services.enrichment import chunks as chunk_rules
from db.models.jobs import Job
from db.system import system_scope
from tests.factories import Cast
from tests.factories_enrichment import check, chunks_of, list_row, run_job_id, step, work_off
from tests.factories_jobs import messages
from tests.flows.test_list_trouble import assert_all_matched, begin
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.usefixtures("small")


def waits_until(id: UUID) -> float:
    """Seconds until the run looks again."""
    with system_scope() as scope:
        moment = scope.get(Job, run_job_id(id)).run_after
    assert moment is not None
    return (moment - now()).total_seconds()


def been_waiting(id: UUID, *, hours: int) -> None:
    """As if the run had been waiting for the provider as long."""
    with system_scope() as scope:
        job = scope.get(Job, run_job_id(id))
        since = (now() - timedelta(hours=hours)).isoformat()
        job.arguments = {**job.arguments, "throttled": {**job.arguments["throttled"], "since": since}}


@pytest.mark.parametrize("endpoint", ["POST /enrichments", "GET /enrichments", "GET /files"])
def test_a_provider_that_asks_for_time_is_given_it(cast: Cast, sandbox: Sandbox, endpoint: str) -> None:
    id = begin(cast, sandbox)
    lab = sandbox.client()
    sandbox.faults({"mode": "429", "endpoints": [endpoint], "delay_seconds": 900})
    for _ in range(40):
        step(id, lab)
        assert list_row(id).status == "running"
        if messages(run_job_id(id))[-1] == "The provider is busy; asking again in 15 minutes":
            break
    assert 890 < waits_until(id) <= 900
    for _ in range(3 * chunk_rules.MOST_FAILURES):
        step(id, lab)
    assert {chunk.failures for chunk in chunks_of(id)} == {0}, "no chunk is given up for it"
    assert sum("The provider is busy" in message for message in messages(run_job_id(id))) < 8
    sandbox.faults()
    work_off(id, lab)
    assert_all_matched(cast, id)


def test_a_wait_is_bounded_and_grows_where_the_provider_names_none(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    lab = sandbox.client()
    sandbox.faults({"mode": "429", "endpoints": ["POST /enrichments"], "delay_seconds": 10**9})
    step(id, lab)
    assert 3590 < waits_until(id) <= 3600
    sandbox.faults({"mode": "429", "delay_seconds": 0})
    waits = []
    for _ in range(8):
        step(id, lab)
        waits.append(round(waits_until(id)))
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (10, 300)


def test_a_provider_that_asks_for_time_for_a_whole_day_is_given_up(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    lab = sandbox.client()
    sandbox.faults({"mode": "429", "delay_seconds": 0})
    step(id, lab)
    been_waiting(id, hours=25)
    ended = work_off(id, lab)
    check(cast.alice, id)
    assert (ended.status, ended.error_count, ended.credits_captured) == ("failed", 50, 0)


def test_an_open_circuit_gives_no_chunk_up(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    sandbox.faults({"mode": "500", "endpoints": ["POST /enrichments"], "times": 1})
    lab = sandbox.client(breaker=CircuitBreaker(threshold=1, open_seconds=300))
    step(id, lab)
    first = [chunk.failures for chunk in chunks_of(id)]
    assert 200 < waits_until(id) <= 300
    for _ in range(2 * chunk_rules.MOST_FAILURES):
        step(id, lab)
    assert [chunk.failures for chunk in chunks_of(id)] == first
    work_off(id, sandbox.client())
    assert_all_matched(cast, id)


def test_a_circuit_that_stays_open_gives_the_run_up_in_the_end(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    sandbox.faults({"mode": "down"})
    lab = sandbox.client(breaker=CircuitBreaker(threshold=1, open_seconds=300))
    step(id, lab)
    been_waiting(id, hours=2)
    ended = work_off(id, lab)
    check(cast.alice, id)
    assert (ended.status, ended.error_count, ended.credits_captured) == ("failed", 50, 0)

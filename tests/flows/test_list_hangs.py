"""Stop while a call to the provider hangs: it takes effect, and nothing more is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest

from cursive_app.services import enrichment, jobs
from tests.factories import Cast
from tests.factories_credits import balance_of
from tests.factories_enrichment import (
    check,
    chunks_of,
    list_row,
    make_list,
    mixed_lines,
    rows_of,
    run_job_id,
    step,
    step_sample,
    work_off,
)
from tests.flows.test_list_trouble import assert_all_matched, begin
from tests.flows.use_cases import do
from tests.product import wait_for
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.usefixtures("small")

HANGS_SECONDS = 60.0


@contextmanager
def hanging(id: UUID, sandbox: Sandbox, endpoint: str, *, patience: float) -> Iterator[Callable[[], int]]:
    """A worker whose call to this endpoint hangs, for as long as its client waits; how many calls there were."""
    sandbox.faults({"mode": "slow", "endpoints": [endpoint], "delay_seconds": HANGS_SECONDS})
    before = len(sandbox.calls())
    worker = threading.Thread(target=step, args=(id, sandbox.client(timeout_seconds=patience)))
    worker.start()
    method, _, path = endpoint.partition(" ")

    def is_out() -> bool:
        return any(call["method"] == method and call["path"].startswith(path) for call in sandbox.calls()[before:])

    wait_for(is_out, seconds=30, what="the call")
    try:
        yield lambda: len(sandbox.calls())
    finally:
        worker.join(60)


def asking(id: UUID) -> list[threading.Thread]:
    """Calls about a list's run that still wait for the provider."""
    return [one for one in threading.enumerate() if one.name == f"provider-{run_job_id(id)}"]


@pytest.mark.parametrize("endpoint", ["POST /enrichments", "GET /enrichments", "GET /files"])
def test_stop_takes_effect_while_the_provider_hangs(cast: Cast, sandbox: Sandbox, endpoint: str) -> None:
    id = begin(cast, sandbox)
    if endpoint != "POST /enrichments":
        sandbox.faults({"mode": "job_unknown"})
        step(id, sandbox.client())
    with hanging(id, sandbox, endpoint, patience=12) as calls:
        before = calls()
        with cast.alice.begin() as scope:
            enrichment.cancel(scope, id)
        started = time.monotonic()
        wait_for(lambda: list_row(id).finished_at, seconds=11, what="the end of the run")
        assert time.monotonic() - started < 5
        assert asking(id), "the call has not come back"
        check(cast.alice, id)
        ended = list_row(id)
        assert (ended.status, ended.credits_captured, balance_of(cast.alice)) == ("cancelled", 0, (100, 0))
        out = {row.number for row in rows_of(id) if "at the provider" in (row.reason or "")}
        assert {*range(1, 21)} <= out, "what may be at the provider is said to be"
    wait_for(lambda: not asking(id), seconds=30, what="the end of the call")
    assert calls() == before, "neither a repeat nor a look for the order"
    check(cast.alice, id)
    assert list_row(id).status == "cancelled", "what comes late changes nothing"


def test_a_dry_run_is_stopped_while_the_provider_hangs(cast: Cast, sandbox: Sandbox) -> None:
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=30, unknown=30))
    do(cast.alice, enrichment.start_sample, id)
    sandbox.faults({"mode": "slow", "endpoints": ["POST /enrichments"], "delay_seconds": HANGS_SECONDS})
    worker = threading.Thread(target=step_sample, args=(id, sandbox.client(timeout_seconds=12)))
    worker.start()
    wait_for(sandbox.calls, seconds=30, what="the call")
    do(cast.alice, enrichment.cancel, id)
    started = time.monotonic()
    wait_for(lambda: (list_row(id).sample or {})["status"] == "failed", seconds=11, what="the end of the dry run")
    assert time.monotonic() - started < 5
    worker.join(30)
    assert do(cast.alice, jobs.get_job, list_row(id).sample_job_id).job.status == "cancelled"


def test_a_call_that_hangs_without_a_stop_is_waited_for(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    sandbox.faults({"mode": "slow", "endpoints": ["POST /enrichments"], "times": 1, "delay_seconds": 2.5})
    step(id, sandbox.client())
    assert [chunk.failures for chunk in chunks_of(id)] == [0, 0, 0]
    work_off(id, sandbox.client())
    assert_all_matched(cast, id)

"""A run of a list when the provider misbehaves or somebody stops it: no row is lost, nothing unanswered is paid."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from cursive_app.clock import now
from cursive_app.errors import Conflict, Unavailable
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.services import enrichment, jobs
from cursive_app.services.enrichment import chunks as chunk_rules
from cursive_app.services.enrichment import results, running
from cursive_app.services.jobs import LostClaim, claim, claims
from cursive_app.settings import settings
from db.models.enrichment import EnrichmentChunk
from db.models.jobs import Job
from db.scope import Scope, Tenant
from db.system import system_scope
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of
from tests.factories_enrichment import (
    check,
    chunks_of,
    chunks_of_rows,
    list_row,
    rows_of,
    run_job_id,
    start_mixed,
    step,
    work_off,
)
from tests.factories_jobs import grow_stale, messages
from tests.flows.use_cases import do
from tests.sandbox_fixtures import Sandbox

PRICE = Decimal("0.25")
KNOWN, UNKNOWN = 32, 18
Fault = dict[str, Any]


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    """Lists of any size, in chunks of 20 rows: 50 rows are three."""
    with chunks_of_rows(20):
        yield


def begin(cast: Cast, sandbox: Sandbox) -> UUID:
    return start_mixed(cast.alice, sandbox.population, known=KNOWN, unknown=UNKNOWN)


def assert_all_matched(cast: Cast, id: UUID) -> None:
    check(cast.alice, id)
    row = list_row(id)
    assert (row.status, row.matched_count, row.no_match_count, row.error_count) == ("completed", KNOWN, UNKNOWN, 0)
    assert balance_of(cast.alice) == (100 - KNOWN * PRICE, 0)


# What passes


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("mode", ["500", "429", "down", "reset", "garbage", "schema"])
def test_a_lost_or_failed_order_is_never_sent_twice(cast: Cast, sandbox: Sandbox, mode: str, after: bool) -> None:
    id = begin(cast, sandbox)
    sandbox.faults({"mode": mode, "endpoints": ["POST /enrichments"], "times": 4, "after": after, "delay_seconds": 0})
    work_off(id, sandbox.client())
    assert_all_matched(cast, id)
    jobs_made = sandbox.client().enrichments(page_size=1000)
    names = [job.name for job in jobs_made if job.name and str(id) in job.name]  # a test before may order late
    assert sorted(names) == sorted(set(names)), "no chunk was bought twice"
    assert len(names) == 3


@pytest.mark.parametrize("mode", ["500", "429", "reset", "garbage", "schema"])
@pytest.mark.parametrize("endpoint", ["GET /enrichments", "GET /files"])
def test_a_failing_look_or_download_is_tried_again(cast: Cast, sandbox: Sandbox, mode: str, endpoint: str) -> None:
    id = begin(cast, sandbox)
    sandbox.faults({"mode": mode, "endpoints": [endpoint], "times": 4, "delay_seconds": 0})
    work_off(id, sandbox.client())
    assert_all_matched(cast, id)


@pytest.mark.parametrize("behavior", ["torn", "bomb", "expired"])
def test_a_bad_result_file_is_fetched_again(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, behavior: str
) -> None:
    monkeypatch.setattr(results, "MAX_UNPACKED_BYTES", 8 * 1024 * 1024)
    id = begin(cast, sandbox)
    sandbox.faults({"mode": behavior})
    lab = sandbox.client()
    for _ in range(4):
        step(id, lab)
    row = list_row(id)
    assert (row.status, row.matched_count, row.credits_captured) == ("running", 0, 0)
    assert all(chunk.failures for chunk in chunks_of(id))
    sandbox.faults()
    work_off(id, lab)
    assert_all_matched(cast, id)


def test_a_slow_provider_is_waited_for(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    sandbox.faults({"mode": "slow", "endpoints": ["POST /enrichments"], "times": 2, "delay_seconds": 1.5})
    work_off(id, sandbox.client(timeout_seconds=0.5))
    assert_all_matched(cast, id)


def test_people_nobody_asked_for_are_dropped(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    sandbox.faults({"mode": "strangers"})
    work_off(id, sandbox.client())
    assert_all_matched(cast, id)
    assert any("results without a row" in message for message in messages(run_job_id(id)))


def test_the_vendors_moods_change_nothing(cast: Cast, quirky_sandbox: Sandbox) -> None:
    id = start_mixed(cast.alice, quirky_sandbox.population, known=KNOWN, unknown=UNKNOWN)
    work_off(id, quirky_sandbox.client())
    assert_all_matched(cast, id)


# What does not pass


@pytest.mark.parametrize(
    ("fault", "status", "outcome"),
    [
        ({"mode": "no_data"}, "completed", "no_match"),
        ({"mode": "job_failed"}, "failed", "error"),
        ({"mode": "bomb"}, "failed", "error"),
        ({"mode": "torn"}, "failed", "error"),
        ({"mode": "expired"}, "failed", "error"),
        ({"mode": "garbage", "endpoints": ["GET /files"]}, "failed", "error"),
        ({"mode": "500", "endpoints": ["POST /enrichments"]}, "failed", "error"),
        ({"mode": "down", "endpoints": ["/"]}, "failed", "error"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value,
)
def test_a_provider_that_never_answers_well_costs_nothing(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: Fault, status: str, outcome: str
) -> None:
    monkeypatch.setattr(results, "MAX_UNPACKED_BYTES", 8 * 1024 * 1024)
    id = begin(cast, sandbox)
    sandbox.faults(fault)
    ended = work_off(id, sandbox.client())
    check(cast.alice, id)
    assert (ended.status, ended.credits_captured) == (status, 0)
    assert {row.outcome for row in rows_of(id)} == {outcome}
    assert balance_of(cast.alice) == (100, 0)


def test_one_failed_chunk_leaves_the_others_alone(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    lab = sandbox.client()
    sandbox.faults({"mode": "job_unknown"})  # however slow this machine is, nothing is settled yet
    step(id, lab)
    sandbox.faults()
    with system_scope() as scope:
        second = scope.session.get(EnrichmentChunk, (cast.workspace_id, id, 2))
        assert second is not None
        second.provider_job_id = "00000000-0000-0000-0000-000000000000"  # the provider has lost it
    ended = work_off(id, lab)
    check(cast.alice, id)
    assert (ended.status, ended.outcome, ended.error_count) == ("completed", "errors", 20)
    assert ended.matched_count + ended.no_match_count == 30
    assert {row.chunk for row in rows_of(id) if row.outcome == "error"} == {2}
    batches = do(cast.alice, jobs.get_job, run_job_id(id)).batches
    assert batches is not None
    assert [(one.number, one.status) for one in batches.shown] == [(2, "failed"), (1, "answered"), (3, "answered")]
    assert sum(one.matched for one in batches.shown) == ended.matched_count
    assert sum(one.credits_captured for one in batches.shown) == ended.credits_captured
    assert all((row.fetched_at is None) == (row.outcome == "error") for row in rows_of(id)), "nobody answered for them"


def test_a_status_nobody_knows_is_reported_after_a_day_and_waited_for(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    sandbox.faults({"mode": "job_unknown"})
    lab = sandbox.client()
    for _ in range(4):
        step(id, lab)
    assert list_row(id).status == "running"
    assert not any("24 hours" in message for message in messages(run_job_id(id)))
    with system_scope() as scope:
        for chunk in chunks_of(id):
            stored = scope.session.get(EnrichmentChunk, (cast.workspace_id, id, chunk.number))
            assert stored is not None
            stored.sent_at = now() - timedelta(hours=25)
    for _ in range(6):
        step(id, lab)
    assert sum("24 hours" in message for message in messages(run_job_id(id))) == 3, "once for each chunk"
    sandbox.faults()
    work_off(id, lab)
    assert_all_matched(cast, id)


def test_pauses_grow_between_looks_and_after_errors(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    sandbox.faults({"mode": "job_unknown"})
    step(id, sandbox.client())
    chunk = chunks_of(id)[0]
    waits = []
    for tries in range(6):
        chunk.tries = tries
        assert chunk.looked_at is not None
        waits.append((chunk_rules.due_at(chunk) - chunk.looked_at).total_seconds())
    assert waits == [*settings().enrichment_pauses, settings().enrichment_pauses[-1]]
    chunk.failures = 3
    assert chunk.looked_at is not None
    assert chunk_rules.due_at(chunk) - chunk.looked_at == chunk_rules.FIRST_RETRY * 4


# Stopping

Stage = Callable[[UUID, AudienceLab, Sandbox], None]


def _queued(id: UUID, lab: AudienceLab, sandbox: Sandbox) -> None:
    """Nobody has worked at it yet."""


def _answer_lost(id: UUID, lab: AudienceLab, sandbox: Sandbox) -> None:
    """The provider has the chunk, but neither answer nor list came back."""
    sandbox.faults(
        {"mode": "reset", "endpoints": ["POST /enrichments"], "after": True}, {"mode": "500", "endpoints": ["GET /"]}
    )
    step(id, lab)
    sandbox.faults()
    assert {chunk.status for chunk in chunks_of(id)} == {"pending"}


def _waiting(id: UUID, lab: AudienceLab, sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "job_unknown"})
    step(id, lab)
    sandbox.faults()
    assert {chunk.status for chunk in chunks_of(id)} == {"sent"}


def _half_settled(id: UUID, lab: AudienceLab, sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "500", "endpoints": ["POST /enrichments"]})
    step(id, lab)
    sandbox.faults({"mode": "500", "endpoints": ["GET /files"]})
    step(id, lab)
    sandbox.faults()
    with system_scope() as scope:
        for number in (2, 3):
            chunk = scope.session.get(EnrichmentChunk, (list_row(id).workspace_id, id, number))
            if chunk is not None:
                chunk.provider_job_id = "00000000-0000-0000-0000-000000000000"
    while not list_row(id).matched_count:
        step(id, lab)
    assert list_row(id).status == "running"


def _in_dead_hands(id: UUID, lab: AudienceLab, sandbox: Sandbox) -> None:
    """The worker that held it has died."""
    _half_settled(id, lab, sandbox)
    with system_scope() as scope:
        scope.get(Job, run_job_id(id)).run_after = None
    assert claim(run_job_id(id)) is not None
    grow_stale(run_job_id(id))


@pytest.mark.parametrize("stage", [_queued, _answer_lost, _waiting, _half_settled, _in_dead_hands])
def test_canceling_at_every_stage(cast: Cast, sandbox: Sandbox, stage: Stage) -> None:
    id = begin(cast, sandbox)
    lab = sandbox.client()
    stage(id, lab, sandbox)
    before = len(sandbox.calls())
    with cast.alice.begin() as scope:
        enrichment.cancel(scope, id)
    step(id, lab)
    assert len(sandbox.calls()) == before, "nothing more is asked of the provider"
    check(cast.alice, id)
    ended = list_row(id)
    assert (ended.status, ended.outcome) == ("cancelled", "cancelled")
    assert ended.credits_captured == ended.matched_count * PRICE
    assert balance_of(cast.alice) == (100 - ended.credits_captured, 0)
    assert all((row.reason or "").startswith("The run was stopped") for row in rows_of(id) if row.outcome == "skipped")
    with cast.alice.begin() as scope, pytest.raises(Conflict):
        enrichment.cancel(scope, id)


def test_stop_is_heard_in_the_middle_of_a_download(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "LOOK_FOR_STOP_SECONDS", 0.0)
    id = begin(cast, sandbox)
    lab = sandbox.client()
    whole = AudienceLab.download_enrichment

    def download(self: AudienceLab, url: str, **limits: Any) -> Iterator[dict[str, str]]:
        for number, row in enumerate(whole(self, url, **limits)):
            if number == 2:
                with cast.alice.begin() as scope:
                    enrichment.cancel(scope, id)
            yield row

    monkeypatch.setattr(AudienceLab, "download_enrichment", download)
    work_off(id, lab)
    check(cast.alice, id)
    ended = list_row(id)
    assert (ended.status, ended.matched_count, ended.credits_captured) == ("cancelled", 0, 0)


def test_two_workers_never_settle_one_chunk_twice(cast: Cast, sandbox: Sandbox) -> None:
    """A frozen worker wakes with its results after another one has settled the chunk (F3)."""
    id = begin(cast, sandbox)
    lab = sandbox.client()
    sandbox.faults({"mode": "job_unknown"})  # however slow this machine is, nothing is settled yet
    step(id, lab)
    sandbox.faults()
    with system_scope() as scope:
        scope.get(Job, run_job_id(id)).run_after = None
    first = claim(run_job_id(id))
    assert first is not None
    grow_stale(run_job_id(id))
    work_off(id, lab)
    before = balance_of(cast.alice)
    with pytest.raises(LostClaim):
        enrichment.run_enrichment(first, provider=lab)
    assert balance_of(cast.alice) == before
    assert_all_matched(cast, id)


def test_a_run_that_cannot_go_on_gives_everything_back(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poison chunk: a defect of ours in every attempt (F37)."""
    id = begin(cast, sandbox)

    def defect(*_: Any, **__: Any) -> None:
        raise RuntimeError("x" * 10_000_000)

    monkeypatch.setattr(running, "settle", defect)
    work_off(id, sandbox.client())
    check(cast.alice, id)
    ended = list_row(id)
    assert (ended.status, ended.credits_captured, balance_of(cast.alice)) == ("failed", 0, (100, 0))
    with system_scope() as scope:
        assert len(scope.get(Job, run_job_id(id)).error_message or "") <= 500


def test_answers_lost_at_commit_change_nothing(sandbox: Sandbox, small: None) -> None:
    """The connection breaks after COMMIT was carried out, before its answer came (F12), again and again."""
    ended = [_ended_by_a_worker_that_loses_answers(sandbox, random.Random(seed)) for seed in range(3)]
    assert "completed" in ended, "each was given up, so nothing shows that a run can outlive lost answers"


def _ended_by_a_worker_that_loses_answers(sandbox: Sandbox, chance: random.Random) -> str:
    """How a run of a list of somebody new ended."""
    cast = make_cast()
    id = begin(cast, sandbox)
    whole = Tenant.begin

    @contextmanager
    def losing(self: Tenant) -> Iterator[Scope]:
        with whole(self) as scope:
            yield scope
        if threading.current_thread() is worker and chance.random() < 0.12:
            raise Unavailable

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tenant, "begin", losing)
        patch.setattr(claims.stopping, "wait", lambda _: None)
        worker = threading.Thread(target=work_off, args=(id, sandbox.client()))
        worker.start()
        worker.join(120)
        assert not worker.is_alive()
    check(cast.alice, id)
    row = list_row(id)
    assert row.finished_at is not None
    if row.status == "completed":
        assert_all_matched(cast, id)
    everybodys = [job.name or "" for job in sandbox.client().enrichments(page_size=1000)]
    names = [name for name in everybodys if f"-{id}-" in name]  # a call that another test gave up may arrive late
    assert len(names) == len(set(names)) == 3, "no chunk was bought twice"
    return row.status

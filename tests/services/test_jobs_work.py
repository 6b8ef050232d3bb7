"""Every way an attempt can end: what is tried again, what fails, and that a failed job holds nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

import pytest

from cursive_app.clock import now
from cursive_app.errors import CursiveError, Invalid, Unavailable, UpstreamFailed
from cursive_app.services import jobs
from cursive_app.services.jobs import ClaimedJob, Interrupted
from cursive_app.services.jobs.claims import stopping
from db.models.accounts import AuditEntry
from db.models.jobs import Job
from db.scope import Scope
from db.system import system_scope
from tests.factories import Cast
from tests.factories_jobs import forget_tasks, grow_stale, job_row, make_job, messages, waiting_tasks


def raising(error: Exception) -> Callable[[ClaimedJob], None]:
    def flow(claimed: ClaimedJob) -> None:
        raise error

    return flow


def release(scope: Scope, claimed: ClaimedJob) -> None:
    scope.add(AuditEntry(actor_label="t", action="trial.released", object_type="job", object_id=str(claimed.job_id)))


def releases(cast: Cast, job_id: object) -> int:
    with cast.alice.begin() as scope:
        found = scope.select(AuditEntry).where(
            AuditEntry.action == "trial.released", AuditEntry.object_id == str(job_id)
        )
        return len(scope.session.scalars(found).all())


def make_due(job_id: object) -> None:
    with system_scope() as scope:
        scope.get(Job, job_id).run_after = now() - timedelta(seconds=1)  # type: ignore[arg-type]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Short waits, and the word that a job hangs kept apart from this process's own."""
    module, hung = import_module("cursive_app.services.jobs.work"), threading.Event()
    monkeypatch.setattr(module, "hung", hung)
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(module, "LOST_PATIENCE_SECONDS", 2.0)
    return hung


def finishing(claimed: ClaimedJob) -> None:
    with claimed.tenant.begin() as scope:
        jobs.finish(scope, claimed)


def test_a_flow_that_finishes(cast: Cast) -> None:
    job = make_job(cast.alice)
    jobs.work(str(job.id), finishing)
    assert job_row(job.id).status == "completed"


def test_an_ended_job_is_not_run_again(cast: Cast) -> None:
    job = make_job(cast.alice)
    jobs.work(job.id, finishing)
    jobs.work(job.id, raising(AssertionError("ran again")))
    assert job_row(job.id).status == "completed"


@pytest.mark.parametrize("error", [Unavailable(), UpstreamFailed(port="provider"), RuntimeError("a defect")])
def test_trouble_that_may_pass_is_tried_again_later(cast: Cast, error: Exception) -> None:
    job = make_job(cast.alice)
    forget_tasks(job.id)
    jobs.work(job.id, raising(error), on_dead=release)
    row = job_row(job.id)
    assert (row.status, row.attempts, row.attempt_token) == ("processing", 1, None)
    assert row.run_after is not None
    assert row.run_after > now()
    assert waiting_tasks(job.id) == [f"job:{job.id}"]
    assert releases(cast, job.id) == 0


def test_the_fifth_failure_in_a_row_fails_the_job_and_releases_once(cast: Cast) -> None:
    job = make_job(cast.alice)
    for _ in range(5):
        jobs.work(job.id, raising(RuntimeError("secret of the house")), on_dead=release)
        make_due(job.id)
    row = job_row(job.id)
    assert (row.status, row.error_code) == ("failed", "internal")
    assert "secret" not in (row.error_message or "")
    assert not any("secret" in message for message in messages(job.id))
    assert releases(cast, job.id) == 1


@pytest.mark.parametrize("error", [Invalid("The filter is empty."), UpstreamFailed(port="provider", permanent=True)])
def test_trouble_that_stays_fails_at_once_with_its_own_words(cast: Cast, error: CursiveError) -> None:
    job = make_job(cast.alice)
    jobs.work(job.id, raising(error), on_dead=release)
    row = job_row(job.id)
    assert (row.status, row.error_code, row.error_message) == ("failed", error.code, error.message)
    assert releases(cast, job.id) == 1


def test_a_job_that_kills_every_worker_is_buried(cast: Cast) -> None:
    job = make_job(cast.alice)
    for _ in range(jobs.MAX_ATTEMPTS):
        assert jobs.claim(job.id) is not None
        grow_stale(job.id)  # nobody came back from that one
    jobs.work(job.id, raising(AssertionError("ran again")), on_dead=release)
    row = job_row(job.id)
    assert (row.status, row.error_code) == ("failed", "too_many_attempts")
    assert releases(cast, job.id) == 1


def test_progress_resets_the_count_so_that_a_long_job_survives_many_kills(cast: Cast) -> None:
    job = make_job(cast.alice)
    for chunk in range(12):
        claimed = jobs.claim(job.id)
        assert claimed is not None
        assert not claimed.exhausted
        with cast.alice.begin() as scope:
            jobs.advance(scope, claimed, processed=chunk + 1)
        grow_stale(job.id)


def test_a_release_that_fails_leaves_the_job_alive(cast: Cast) -> None:
    def broken(scope: Scope, claimed: ClaimedJob) -> None:
        release(scope, claimed)
        raise RuntimeError("the ledger refused")

    job = make_job(cast.alice)
    with pytest.raises(RuntimeError):
        jobs.work(job.id, raising(Invalid("no")), on_dead=broken)
    assert job_row(job.id).status == "processing"
    assert releases(cast, job.id) == 0


def test_a_flow_that_forgets_to_end_is_a_defect_not_a_silence(cast: Cast) -> None:
    job = make_job(cast.alice)
    jobs.work(job.id, lambda claimed: None)
    assert job_row(job.id).run_after is not None


def test_a_stopping_worker_hands_the_job_over_at_the_next_chunk(cast: Cast) -> None:
    def flow(claimed: ClaimedJob) -> None:
        with claimed.tenant.begin() as scope:
            jobs.advance(scope, claimed, processed=1)
        stopping.set()
        jobs.heartbeat(claimed)
        raise AssertionError("must have left")

    job = make_job(cast.alice)
    forget_tasks(job.id)
    try:
        jobs.work(job.id, flow)
    finally:
        stopping.clear()
    row = job_row(job.id)
    assert (row.status, row.attempt_token, row.processed) == ("processing", None, 1)
    assert waiting_tasks(job.id) == [f"job:{job.id}"]
    assert jobs.claim(job.id) is not None


def test_interruption_is_not_an_error() -> None:
    assert not issubclass(Interrupted, CursiveError)


def take_away(claimed: ClaimedJob) -> None:
    """As a rescue does."""
    with system_scope() as scope:
        scope.get(Job, claimed.job_id).attempt_token = None


def test_a_flow_that_goes_on_after_its_job_was_taken_hangs(cast: Cast, hurried: threading.Event) -> None:
    def flow(claimed: ClaimedJob) -> None:
        take_away(claimed)
        assert hurried.wait(30)

    jobs.work(make_job(cast.alice).id, flow)
    assert hurried.is_set()


def test_a_flow_that_works_longer_than_any_may_hangs(
    cast: Cast, hurried: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("cursive_app.services.jobs.work"), "LONGEST_ATTEMPT_SECONDS", 0.1)
    jobs.work(make_job(cast.alice).id, lambda _: (hurried.wait(30), None)[1])
    assert hurried.is_set()


def test_a_flow_that_leaves_when_its_job_was_taken_does_not_hang(cast: Cast, hurried: threading.Event) -> None:
    def flow(claimed: ClaimedJob) -> None:
        take_away(claimed)
        assert not hurried.wait(0.3)  # several beats
        jobs.heartbeat(claimed)  # the next chunk's edge

    jobs.work(make_job(cast.alice).id, flow)
    assert not [one for one in threading.enumerate() if one.name.startswith("beat-")]
    assert not hurried.is_set()

"""Every try of a job leaves a record: who, how it ended, why; and texts of errors can do no harm (JOB-04, F37)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from cursive_app.clock import now
from cursive_app.errors import Invalid, UpstreamFailed
from cursive_app.services import jobs
from cursive_app.services.jobs import ClaimedJob
from cursive_app.services.jobs.causes import LONGEST_INTERNAL, cause_of, cause_told
from db.models.jobs import Job, QueuePause
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import attempts_of
from tests.factories_jobs import forget_tasks, grow_stale, job_row, make_job, messages, waiting_tasks


def make_due(job_id: object) -> None:
    with system_scope() as scope:
        scope.get(Job, job_id).run_after = now() - timedelta(seconds=1)  # type: ignore[arg-type]


def test_a_try_that_finishes(cast: Cast) -> None:
    job = make_job(cast.alice)

    def flow(claimed: ClaimedJob) -> None:
        with claimed.tenant.begin() as scope:
            jobs.finish(scope, claimed)

    jobs.work(job.id, flow)
    (attempt,) = attempts_of(job.id)
    assert (attempt.number, attempt.outcome, attempt.error_code, attempt.fingerprint) == (1, "finished", None, None)
    assert ":" in attempt.worker
    assert attempt.ended_at is not None


def test_tries_that_fail_keep_their_cause_and_share_a_fingerprint(cast: Cast) -> None:
    job = make_job(cast.alice)

    def flow(_: ClaimedJob) -> None:
        raise UpstreamFailed(port="provider")

    for _ in range(jobs.MAX_ATTEMPTS):
        jobs.work(job.id, flow)
        make_due(job.id)
    found = attempts_of(job.id)
    assert [one.outcome for one in found] == ["retried"] * 4 + ["failed"]
    assert [one.number for one in found] == [1, 2, 3, 4, 5]
    assert {one.error_code for one in found} == {"upstream_failed"}
    assert (
        len({one.fingerprint for one in found}) == 1 == len({job_row(job.id).error_fingerprint, found[0].fingerprint})
    )
    assert all("UpstreamFailed" in (one.internal or "") for one in found)


def test_looks_that_only_waited_are_folded_into_one_record(cast: Cast) -> None:
    job = make_job(cast.alice)

    def wait(claimed: ClaimedJob) -> None:
        with claimed.tenant.begin() as scope:
            jobs.postpone(scope, claimed, until=now(), stage="building")

    for _ in range(6):
        jobs.work(job.id, wait)
    found = attempts_of(job.id)
    assert len(found) == 1
    assert found[-1].number == 6


def test_a_try_whose_worker_vanished_is_lost(cast: Cast) -> None:
    job = make_job(cast.alice)
    assert jobs.claim(job.id) is not None
    grow_stale(job.id)
    assert jobs.claim(job.id) is not None
    first, second = attempts_of(job.id)
    assert (first.outcome, first.error_code, second.outcome) == ("lost", "worker_lost", None)
    assert first.fingerprint is not None


@pytest.mark.parametrize("text", ["x" * 10_000_000, "before\0after", "half \ud83d of a letter"])
def test_no_text_of_an_error_can_hurt(cast: Cast, text: str) -> None:
    def flow(_: ClaimedJob) -> None:
        raise RuntimeError(text)

    job = make_job(cast.alice)
    for _ in range(jobs.MAX_ATTEMPTS):
        jobs.work(job.id, flow)
        make_due(job.id)
    row = job_row(job.id)
    assert (row.status, row.error_code) == ("failed", "internal")
    found = attempts_of(job.id)
    assert len(found) == jobs.MAX_ATTEMPTS
    assert all(one.internal and len(one.internal) < LONGEST_INTERNAL + 200 for one in found)
    assert all("\0" not in (one.internal or "") for one in found)


def test_a_refusal_with_a_huge_message_is_cut(cast: Cast) -> None:
    def flow(_: ClaimedJob) -> None:
        raise Invalid("y" * 1_000_000 + "\0")

    job = make_job(cast.alice)
    jobs.work(job.id, flow)
    assert len(job_row(job.id).error_message or "") == 500


def test_numbers_and_ids_do_not_make_another_failure() -> None:
    one = cause_told("enrichment", code="bad_rows", message="Row 17 of 3f2a9c3e-0000-4000-8000-000000000001: “Dana”")
    two = cause_told("enrichment", code="bad_rows", message="Row 9,214 of 11111111-0000-4000-8000-000000000002: “Kim”")
    other = cause_told("enrichment", code="bad_file", message="Row 17 of 3f2a9c3e-0000-4000-8000-000000000001: “Dana”")
    assert one.fingerprint == two.fingerprint != other.fingerprint
    assert one.fingerprint.startswith("bad_rows-")


def test_another_place_in_the_code_is_another_failure() -> None:
    def here() -> None:
        raise RuntimeError("a 1")

    def there() -> None:
        raise RuntimeError("a 1")

    def caught(run) -> str:
        try:
            run()
        except RuntimeError as error:
            return cause_of(error, code="internal", message="m").fingerprint
        raise AssertionError

    assert caught(here) == caught(here) != caught(there)


def test_a_paused_queue_keeps_its_jobs_and_a_running_one_leaves_at_its_chunk(cast: Cast) -> None:
    queue = f"trial-{uuid4().hex[:8]}"
    job, running = make_job(cast.alice, queue=queue), make_job(cast.alice, queue=queue)

    def flow(claimed: ClaimedJob) -> None:
        with system_scope() as scope:
            scope.add(QueuePause(queue=queue, reason="The provider is down", paused_by_label="Sam"))
        jobs.heartbeat(claimed)
        raise AssertionError("went on in a paused queue")

    jobs.work(running.id, flow)
    assert attempts_of(running.id)[0].outcome == "interrupted"
    assert jobs.claim(job.id) is None
    assert jobs.claim(running.id) is None
    assert job_row(job.id).status == "pending"
    forget_tasks(job.id)
    with system_scope() as scope:
        scope.get(Job, job.id).updated_at = now() - timedelta(minutes=5)
    jobs.rescue_stalled()
    assert waiting_tasks(job.id) == []  # nothing to wake: it is kept back on purpose


def test_a_cancel_gets_through_a_paused_queue(cast: Cast) -> None:
    queue = f"trial-{uuid4().hex[:8]}"
    job = make_job(cast.alice, queue=queue)
    with system_scope() as scope:
        scope.add(QueuePause(queue=queue, reason="The provider is down", paused_by_label="Sam"))
    with cast.alice.begin() as scope:
        jobs.request_cancel(scope, job.id)

    def flow(claimed: ClaimedJob) -> None:
        jobs.heartbeat(claimed)
        with claimed.tenant.begin() as scope:
            jobs.cancelled(scope, claimed)

    jobs.work(job.id, flow)
    assert job_row(job.id).status == "cancelled"
    assert "Stopped" in messages(job.id)

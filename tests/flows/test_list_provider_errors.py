"""What staff learn of a run that met errors at the provider: where, with which answer, and grouped by cause."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from cursive_app.integrations.audiencelab import AudienceLab, ProviderRefused
from cursive_app.integrations.audiencelab import Enrichment as ProviderJob
from cursive_app.services import jobs
from cursive_app.services.enrichment.chunks import MOST_FAILURES
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import AdminJobDetail, JobSearch
from cursive_app.services.jobs.admin.views import FailureGroup
from db.models.jobs import JobAttempt
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_enrichment import (
    check,
    chunks_of,
    list_row,
    run_job_id,
    start_mixed,
    work_off,
)
from tests.flows.use_cases import do
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.usefixtures("small")

KNOWN, UNKNOWN = 32, 18


def run(cast: Cast, sandbox: Sandbox, *faults: dict[str, Any]) -> UUID:
    """A list whose run has ended under these faults."""
    id = start_mixed(cast.alice, sandbox.population, known=KNOWN, unknown=UNKNOWN)
    sandbox.faults(*faults)
    work_off(id, sandbox.client())
    check(cast.alice, id)
    return id


def seen_by_staff(id: UUID) -> AdminJobDetail:
    return admin.get_job(staff("operate"), run_job_id(id))


def group_of(fingerprint: str | None) -> FailureGroup:
    return next(one for one in admin.failures(staff("operate")).groups if one.fingerprint == fingerprint)


def test_a_job_that_failed_at_the_provider_is_named_in_timeline_and_attempts(cast: Cast, sandbox: Sandbox) -> None:
    id = run(cast, sandbox, {"mode": "job_failed"})
    detail = seen_by_staff(id)
    assert detail.job.error_code == "provider_failed"
    told = [line for line in detail.timeline if line.level == "warning" and line.internal]
    for chunk in chunks_of(id):
        [line] = [line for line in told if f"provider job: {chunk.provider_job_id}" in (line.internal or "")]
        assert "GET /enrichments/{id}" in (line.internal or "")
        assert "status of the provider's job: failed" in (line.internal or "")
    last = detail.attempts[-1]
    assert (last.outcome, last.error_code, last.fingerprint) == ("failed", "provider_failed", detail.job.fingerprint)
    assert "provider_failed: 3 batches, 50 rows" in (last.internal or "")


def test_calls_that_went_wrong_are_warnings_with_endpoint_status_class_and_stack(cast: Cast, sandbox: Sandbox) -> None:
    id = run(cast, sandbox, {"mode": "500", "endpoints": ["GET /enrichments"]})
    detail = seen_by_staff(id)
    assert (detail.job.status, detail.job.error_code) == ("failed", "ProviderServerError")
    told = [line.internal or "" for line in detail.timeline if line.level == "warning"]
    of_code = [text for text in told if "error: ProviderServerError" in text]
    assert len(of_code) == 3 * MOST_FAILURES, "each look at each batch"
    assert all("endpoint: GET /enrichments/{id}" in text and "HTTP status: 500" in text for text in of_code)
    assert all("Traceback" in text for text in of_code)
    for chunk in chunks_of(id):
        assert sum(f"provider job: {chunk.provider_job_id}" in text for text in of_code) == MOST_FAILURES
    tried = [one for one in detail.attempts if one.error_code == "ProviderServerError"]
    assert len(tried) > 1, "tries that met the error are not folded away"
    assert {one.fingerprint for one in tried} == {detail.job.fingerprint}


@pytest.mark.parametrize(
    ("fault", "code", "endpoint", "status"),
    [
        ({"mode": "429", "endpoints": ["POST /enrichments"]}, "ProviderRateLimited", "POST /enrichments", "429"),
        ({"mode": "garbage", "endpoints": ["GET /files"]}, "ProviderProtocolError", "GET result file", "no answer"),
    ],
)
def test_an_error_that_passed_stands_in_the_attempt_it_happened_in(
    cast: Cast, sandbox: Sandbox, fault: dict[str, Any], code: str, endpoint: str, status: str
) -> None:
    id = run(cast, sandbox, {**fault, "times": 1})
    detail = seen_by_staff(id)
    assert (detail.job.status, detail.job.error_code) == ("completed", None)
    [line] = [line for line in detail.timeline if line.level == "warning"]
    [tried] = [one for one in detail.attempts if one.error_code]
    assert (tried.error_code, tried.internal) == (code, line.internal)
    assert f"endpoint: {endpoint}" in (line.internal or "") and f"HTTP status: {status}" in (line.internal or "")
    assert group_of(tried.fingerprint).error_code == code


def test_customers_read_that_it_went_wrong_and_nothing_of_the_inside(cast: Cast, sandbox: Sandbox) -> None:
    id = run(cast, sandbox, {"mode": "500", "endpoints": ["GET /enrichments"]})
    seen = do(cast.alice, jobs.get_job, run_job_id(id))
    words = " ".join(line.message for line in seen.events) + (seen.job.error_message or "")
    assert "trying again shortly" in words
    assert not any(word in words for word in ("GET ", "Traceback", "500", "http"))


def test_failures_are_grouped_by_what_the_provider_did(cast: Cast, sandbox: Sandbox) -> None:
    failed = run(cast, sandbox, {"mode": "job_failed"})
    also_failed = run(cast, sandbox, {"mode": "job_failed"})
    unreachable = run(cast, sandbox, {"mode": "500", "endpoints": ["GET /enrichments"]})
    one, other = seen_by_staff(failed).job, seen_by_staff(unreachable).job
    assert one.fingerprint == seen_by_staff(also_failed).job.fingerprint != other.fingerprint
    group = group_of(one.fingerprint)
    assert group.error_code == "provider_failed"
    assert group.failed_jobs >= 2 and group.retryable >= 2


@pytest.fixture
def first_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider refuses the first order it gets."""
    whole, refusals = AudienceLab.create_enrichment, [ProviderRefused(status=422)]

    def create(self: AudienceLab, **order: Any) -> ProviderJob:
        if refusals:
            raise refusals.pop()
        return whole(self, **order)

    monkeypatch.setattr(AudienceLab, "create_enrichment", create)


@pytest.mark.usefixtures("first_refused")
def test_the_error_that_cost_most_rows_names_the_run(cast: Cast, sandbox: Sandbox) -> None:
    """One batch is refused, two come to nothing."""
    id = run(cast, sandbox, {"mode": "job_failed"})
    assert list_row(id).status == "failed"
    codes = sorted(chunk.error_code or "" for chunk in chunks_of(id))
    assert codes == ["ProviderRefused", "provider_failed", "provider_failed"]
    assert seen_by_staff(id).job.error_code == "provider_failed"


# A run that has results, and some rows in error


def partly(cast: Cast, sandbox: Sandbox) -> UUID:
    """A run of three batches of which one was refused."""
    id = run(cast, sandbox)
    assert (list_row(id).status, list_row(id).error_count) == ("completed", 20)
    return id


@pytest.mark.usefixtures("first_refused")
def test_staff_find_runs_with_rows_in_error(cast: Cast, sandbox: Sandbox) -> None:
    id = partly(cast, sandbox)
    job = seen_by_staff(id).job
    assert (job.status, job.failed, job.error_code) == ("completed", 20, "ProviderRefused")
    assert "20 rows could not be looked up" in (job.error_message or "")
    found = admin.list_jobs(staff("read_only"), JobSearch(query=f"error:ProviderRefused state:completed id:{job.id}"))
    assert [one.id for one in found.jobs] == [job.id]
    last = seen_by_staff(id).timeline[-1]
    assert last.level == "warning" and "ProviderRefused: 1 batch, 20 rows" in (last.internal or "")
    group = group_of(job.fingerprint)
    assert group.jobs >= 1
    assert group.message == "ProviderRefused from the provider: 1 batch without an answer, 20 rows"


@pytest.mark.usefixtures("first_refused")
def test_for_the_customer_it_is_completed(cast: Cast, sandbox: Sandbox) -> None:
    id = partly(cast, sandbox)
    seen = do(cast.alice, jobs.get_job, run_job_id(id))
    assert (seen.job.status, seen.job.failed, seen.job.error_code, seen.job.error_message) == (
        "completed", 20, None, None,
    )  # fmt: skip
    assert "20 rows could not be looked up" in seen.events[-1].message
    with system_scope() as scope:
        tries = scope.session.scalars(select(JobAttempt).where(JobAttempt.job_id == run_job_id(id))).all()
    assert max(tries, key=lambda one: one.number).outcome == "finished"

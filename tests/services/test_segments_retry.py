"""A failed run is taken up again by staff: the rest is held again, delivered once, and the ledger adds up (JOB-05)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cursive_app.errors import Conflict, InsufficientCredits
from cursive_app.services import credits, jobs, segments
from cursive_app.services.jobs import admin
from db.models.jobs import Job
from db.models.segments import SegmentRun
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_credits import fund
from tests.factories_jobs import job_row
from tests.factories_segments import captured, lead_count, make_segment, run_row, start, step, work_off
from tests.sandbox_fixtures import Sandbox, sandbox, sandbox_server

__all__ = ["sandbox", "sandbox_server"]


def balance(tenant: Tenant) -> credits.Balance:
    with tenant.begin() as scope:
        return credits.balance(scope)


def break_down(run: segments.RunView) -> None:
    """The run's job fails for good where it stands."""
    assert run.job_id is not None
    with system_scope() as scope:
        scope.get(Job, run.job_id).run_after = None
    claimed = jobs.claim(run.job_id)
    assert claimed is not None
    with claimed.tenant.begin() as scope:
        segments.bury_run(scope, claimed)
        jobs.fail(scope, claimed, code="upstream_failed", message="The provider did not answer.")


def partly_done(cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> segments.RunView:
    """A run of 60 leads that delivered its first page and then failed."""
    monkeypatch.setattr("cursive_app.services.segments.run.TURN_SECONDS", 0.0)
    run, lab = start(cast.alice, make_segment(cast.alice).id, max_leads=60), sandbox.client(page_size=20)
    while run_row(run).next_page == 1:
        step(run, lab)
    break_down(run)
    return run


def test_a_failed_run_goes_on_and_charges_each_lead_once(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(cast.workspace_id, 100)
    before = balance(cast.alice).available
    run = partly_done(cast, sandbox, monkeypatch)
    delivered = lead_count(cast.alice)
    assert 0 < delivered < 60
    assert balance(cast.alice).held == 0
    assert run.job_id is not None
    row = admin.act(staff("operate"), "retry", run.job_id)
    assert row.status == "pending"
    price = run_row(run).price
    assert balance(cast.alice).held == (60 - delivered) * price
    ended = work_off(cast.alice, run, sandbox.client(page_size=20))
    assert (ended.status, ended.new_leads, lead_count(cast.alice)) == ("completed", 60, 60)
    after, job = balance(cast.alice), job_row(run.job_id)
    assert captured(cast.alice) == 60 * price == before - after.available
    assert after.held == 0
    assert job.credits_held == job.credits_captured + job.credits_released
    assert job.credits_captured == 60 * price


def test_an_audience_that_is_gone_is_read_again_without_a_second_charge(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(cast.workspace_id, 100)
    run = partly_done(cast, sandbox, monkeypatch)
    sandbox.client().delete_audience(run_row(run).audience_id or "")
    with system_scope() as scope:
        gone = scope.get(SegmentRun, run.id)
        gone.audience_deleted_at = gone.updated_at
    assert run.job_id is not None
    admin.act(staff("operate"), "retry", run.job_id)
    assert run_row(run).next_page == 1
    ended = work_off(cast.alice, run, sandbox.client(page_size=20))
    assert (ended.status, ended.new_leads, lead_count(cast.alice)) == ("completed", 60, 60)
    assert ended.owned_leads == 0, "those it delivered before are its own new leads"
    assert captured(cast.alice) == 60 * run_row(run).price
    assert balance(cast.alice).held == 0


def test_a_retry_without_the_credits_for_it_changes_nothing(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(cast.workspace_id, 100)
    run = partly_done(cast, sandbox, monkeypatch)
    with cast.alice.begin() as scope:
        credits.debit(scope, amount=credits.balance(scope).available, key="spent", description="Spent elsewhere")
    assert run.job_id is not None
    with pytest.raises(InsufficientCredits):
        admin.act(staff("operate"), "retry", run.job_id)
    assert (job_row(run.job_id).status, run_row(run).status) == ("failed", "failed")
    assert balance(cast.alice).held == Decimal(0)


def test_a_retry_waits_for_another_run_of_the_segment(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(cast.workspace_id, 100)
    run = partly_done(cast, sandbox, monkeypatch)
    start(cast.alice, run.segment_id, max_leads=10)
    assert run.job_id is not None
    with pytest.raises(Conflict, match="Another run"):
        admin.act(staff("operate"), "retry", run.job_id)


@pytest.mark.parametrize("state", ["deleted", "archived", "paused"])
def test_a_run_of_a_segment_that_could_not_be_run_now_is_not_retried_either(
    cast: Cast, sandbox: Sandbox, state: str
) -> None:
    fund(cast.workspace_id, 100)
    run = start(cast.alice, make_segment(cast.alice).id, max_leads=10)
    break_down(run)
    with cast.alice.begin() as scope:
        if state == "deleted":
            segments.delete_segment(scope, run.segment_id)
        else:
            segments.set_status(scope, run.segment_id, status=state)
    assert run.job_id is not None
    with pytest.raises(Conflict, match=state):
        admin.act(staff("operate"), "retry", run.job_id)
    assert (job_row(run.job_id).status, run_row(run).status) == ("failed", "failed")
    assert balance(cast.alice).held == 0
    with cast.alice.begin() as scope:
        if state == "deleted":
            segments.restore_segment(scope, run.segment_id)
        else:
            segments.set_status(scope, run.segment_id, status="active")
    admin.act(staff("operate"), "retry", run.job_id)
    assert work_off(cast.alice, run, sandbox.client()).new_leads == 10

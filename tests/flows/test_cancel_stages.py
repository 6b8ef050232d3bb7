"""Canceling a run wherever it stands: it ends, what is delivered stays and is paid, all else goes back, nothing stays
at the provider."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from cursive_app.errors import Conflict
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.services import segments
from cursive_app.services.jobs import claim
from db.models.jobs import Job
from db.models.segments import SegmentRun
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.factories_jobs import grow_stale
from tests.factories_segments import captured, lead_count, look, make_segment, run_row, start, step, work_off
from tests.sandbox_fixtures import Sandbox

PAGE = 20
Prepare = Callable[[segments.RunView, AudienceLab, Sandbox], None]


def _queued(run: segments.RunView, lab: AudienceLab, sandbox: Sandbox) -> None:
    """Nobody has worked at it yet."""


def _answer_lost(run: segments.RunView, lab: AudienceLab, sandbox: Sandbox) -> None:
    """The audience was made, but neither its id nor the list that would name it came back."""
    sandbox.faults(
        {"mode": "reset", "endpoints": ["POST /audiences"], "after": True}, {"mode": "500", "endpoints": ["GET /"]}
    )
    step(run, lab)
    sandbox.faults()
    assert run_row(run).audience_id is None


def _building(run: segments.RunView, lab: AudienceLab, sandbox: Sandbox) -> None:
    step(run, lab)
    assert run_row(run).audience_id is not None


def _still_building(run: segments.RunView, lab: AudienceLab, sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "never_ready"})
    step(run, lab)
    step(run, lab)
    sandbox.faults()


def _between_retries(run: segments.RunView, lab: AudienceLab, sandbox: Sandbox) -> None:
    """A page was delivered, the next one failed, and the run waits for its next try."""
    step(run, lab)
    while run_row(run).next_page == 1:
        step(run, _FirstPageOnly(lab, sandbox))  # type: ignore[arg-type]
    sandbox.faults()
    assert 0 < run_row(run).new_leads <= PAGE  # not everybody the provider calls Texan lives there


def _in_dead_hands(run: segments.RunView, lab: AudienceLab, sandbox: Sandbox) -> None:
    """The worker that held it has died in the middle of the page."""
    _between_retries(run, lab, sandbox)
    with system_scope() as scope:
        job_id = scope.get(SegmentRun, run.id).job_id
        scope.get(Job, job_id or "").run_after = None
    assert claim(job_id or "") is not None
    grow_stale(job_id)  # type: ignore[arg-type]


class _FirstPageOnly:
    """The client, at a provider that goes down as soon as a page has been served."""

    def __init__(self, lab: AudienceLab, sandbox: Sandbox) -> None:
        self._lab, self._sandbox = lab, sandbox

    def for_workspace(self, _: object) -> _FirstPageOnly:
        return self

    def __getattr__(self, name: str) -> object:
        return getattr(self._lab, name)

    def audience_page(self, audience_id: str, *, page: int) -> object:
        found = self._lab.audience_page(audience_id, page=page)
        if found.ready:
            self._sandbox.faults({"mode": "down"})
        return found


@pytest.mark.parametrize(
    "prepare", [_queued, _answer_lost, _building, _still_building, _between_retries, _in_dead_hands]
)
def test_a_canceled_run_ends_wherever_it_stands(cast: Cast, sandbox: Sandbox, prepare: Prepare) -> None:
    alice, lab = _funded(cast), sandbox.client(page_size=PAGE)
    run = start(alice, make_segment(alice).id, max_leads=100)
    prepare(run, lab, sandbox)
    delivered = run_row(run).new_leads
    with alice.begin() as scope:
        segments.cancel_run(scope, run.id)
    ended = work_off(alice, run, lab)
    assert (ended.status, ended.outcome, ended.new_leads) == ("cancelled", "cancelled", delivered)
    assert lead_count(alice) == delivered
    assert captured(alice) == delivered * Decimal("0.5")
    assert balance_of(alice) == sums_of(alice.workspace_id) == (1_000 - captured(alice), 0)
    assert lab.find_audience(name=run_row(run).audience_name or "none") is None
    with alice.begin() as scope, pytest.raises(Conflict) as again:
        segments.cancel_run(scope, run.id)
    assert again.value.reason == "ended"


def test_a_run_that_is_done_cannot_be_canceled(cast: Cast, sandbox: Sandbox) -> None:
    alice, lab = _funded(cast), sandbox.client()
    run = start(alice, make_segment(alice).id, max_leads=10)
    work_off(alice, run, lab)
    with alice.begin() as scope, pytest.raises(Conflict):
        segments.cancel_run(scope, run.id)
    assert look(alice, run).status == "completed"
    assert balance_of(alice) == (995, 0)


def _funded(cast: Cast) -> Tenant:
    fund(cast.workspace_id, 1_000)
    return cast.alice

"""F21: the provider fails in the middle of a run. What was delivered is charged, nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.services import segments
from db.engine import Database
from db.scope import Tenant
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.factories_jobs import job_row
from tests.factories_segments import MANAGERS, captured, lead_count, look, make_segment, run_row, start, step, work_off
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.faults

Trials = Callable[[int, int], int]
MODES = ("down", "500", "429", "reset", "slow", "drip", "garbage", "schema", "oversize")
PAGE = 20
LEADS = 60
FUNDS = 1_000


def impatient(sandbox: Sandbox) -> AudienceLab:
    return sandbox.client(page_size=PAGE, timeout_seconds=0.3)


def fault(mode: str, **options: Any) -> dict[str, Any]:
    """A fault that costs the tests little time."""
    seconds = {"slow": 0.5, "429": 0.0}.get(mode)
    return {"mode": mode, **({} if seconds is None else {"delay_seconds": seconds}), **options}


def begun(tenant: Tenant, lab: AudienceLab, sandbox: Sandbox) -> segments.RunView:
    """A run that has delivered its first page and met a dead provider on its way to the second."""
    run = start(tenant, make_segment(tenant, MANAGERS).id, max_leads=LEADS)
    step(run, lab)
    first_page = lab.for_workspace(None)

    class OnePage:
        def for_workspace(self, _: object) -> OnePage:
            return self

        def audience_page(self, audience_id: str, *, page: int) -> Any:
            found = first_page.audience_page(audience_id, page=page)
            if found.ready:
                sandbox.faults({"mode": "down"})
            return found

    while run_row(run).next_page == 1:
        step(run, OnePage())  # type: ignore[arg-type]
    assert run_row(run).new_leads == PAGE
    return run


def assert_fair(tenant: Tenant, run: segments.RunView) -> segments.RunView:
    """Ended, with as many leads as it says, paid for exactly these, and nothing held."""
    ended = look(tenant, run)
    assert not ended.is_active
    assert run.job_id is not None
    assert job_row(run.job_id).status in ("completed", "failed")
    assert lead_count(tenant) == ended.new_leads
    assert captured(tenant) == ended.credits_captured == ended.new_leads * Decimal("0.5")
    assert balance_of(tenant) == sums_of(tenant.workspace_id) == (FUNDS - captured(tenant), 0)
    return ended


@pytest.mark.parametrize("mode", MODES)
def test_trouble_in_the_middle_of_a_run_only_delays_it(cast: Cast, sandbox: Sandbox, mode: str) -> None:
    fund(cast.workspace_id, FUNDS)
    lab = impatient(sandbox)
    run = begun(cast.alice, lab, sandbox)
    sandbox.faults(fault(mode, times=3))
    work_off(cast.alice, run, lab)
    assert assert_fair(cast.alice, run).new_leads == LEADS


@pytest.mark.parametrize("mode", ["down", "garbage"])
def test_trouble_that_lasts_costs_only_what_was_delivered(cast: Cast, sandbox: Sandbox, mode: str) -> None:
    fund(cast.workspace_id, FUNDS)
    lab = impatient(sandbox)
    run = begun(cast.alice, lab, sandbox)
    sandbox.faults(fault(mode))
    work_off(cast.alice, run, lab)
    ended = assert_fair(cast.alice, run)
    assert (ended.status, ended.new_leads) == ("failed", PAGE)
    assert ended.message and "stays yours" in ended.message


def test_any_mixture_of_troubles_ends_with_all_leads_and_a_right_bill(
    database: Database, sandbox: Sandbox, trials: Trials
) -> None:
    """At most four failures: a run is given five tries without progress, so it must get there."""
    chance = random.Random(20260101)
    for _ in range(trials(29, 290)):
        tenant, lab = _workspace(), impatient(sandbox)
        mixture = [
            fault(
                chance.choice(MODES),
                times=chance.randint(1, 2),
                endpoints=[chance.choice(["POST /audiences", "GET /audiences", "DELETE /audiences", "/"])],
                after=chance.random() < 0.5,
            )
            for _ in range(2)
        ]
        sandbox.faults(*mixture)
        run = start(tenant, make_segment(tenant, MANAGERS).id, max_leads=LEADS)
        work_off(tenant, run, lab)
        assert assert_fair(tenant, run).new_leads == LEADS, mixture
        sandbox.reset()


def _workspace() -> Tenant:
    tenant = make_cast().alice
    fund(tenant.workspace_id, FUNDS)
    return tenant

"""F2 for what people pay for: kill -9 of a real worker in every phase of a segment run, and at random moments.

The provider is the real sandbox behind a gate, the database is real, the worker is the product's own. Afterwards a
second worker ends every run: nothing lost, nobody delivered twice, and what was charged is what was delivered.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import func, select

from cursive_app.clock import now
from cursive_app.services import segments
from db.models.leads import Lead
from db.scope import Tenant
from tests.factories import make_cast
from tests.factories_credits import assert_ledger_proved, balance_of, fund, sums_of
from tests.factories_jobs import job_row, was_in_hand, was_left_by
from tests.factories_segments import MANAGERS, captured, lead_count, look, make_segment, run_row, start
from tests.faults.gate import Gate
from tests.faults.processes import Process, wait_until
from tests.faults.row_locks import HeldRows, waiting_for_rows
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
WORKER = "tests.faults.hasty_worker"
PATIENT = "cursive_app.jobs.worker"  # holds on to what is held at the gate, however busy the machine is
LEADS = 50
PAGE = 20
FUNDS = Decimal(100)


@dataclass(frozen=True)
class Trial:
    """One workspace with one run in it."""

    tenant: Tenant
    run: segments.RunView

    @property
    def job_id(self) -> UUID:
        assert self.run.job_id is not None
        return self.run.job_id

    def has_ended(self) -> bool:
        return run_row(self.run).status not in ("queued", "running")

    def page(self) -> int:
        """The page the run asks for next."""
        return run_row(self.run).next_page


def begin(leads: int = LEADS) -> Trial:
    tenant = make_cast().alice
    fund(tenant.workspace_id, str(FUNDS))
    return Trial(tenant, start(tenant, make_segment(tenant, MANAGERS).id, max_leads=leads))


@pytest.fixture
def gate(sandbox: Sandbox) -> Iterator[Gate]:
    value = Gate(sandbox.url)
    yield value
    value.close()


def worker_settings(gate: Gate) -> dict[str, str]:
    return {
        "AUDIENCELAB_BASE_URL": gate.url,
        "AUDIENCELAB_PAGE_SIZE": str(PAGE),
        "AUDIENCELAB_PAGE_PAUSE_SECONDS": "0.1",
        "AUDIENCELAB_MAX_CONCURRENCY": "20",
        "WORKER_CONCURRENCY": "12",
        "DATABASE_POOL_SIZE": "20",
    }


def assert_whole(trial: Trial, leads: int = LEADS) -> None:
    """The run is there, ended well, and money and people agree to the last one."""
    ended = look(trial.tenant, trial.run)
    assert (ended.status, ended.outcome, ended.new_leads) == ("completed", "full", leads), ended
    assert job_row(trial.job_id).status == "completed"
    assert lead_count(trial.tenant) == distinct_people(trial.tenant) == leads
    price = Decimal("0.5") * leads
    assert ended.credits_captured == captured(trial.tenant) == price
    assert balance_of(trial.tenant) == sums_of(trial.tenant.workspace_id) == (FUNDS - price, 0)


def distinct_people(tenant: Tenant) -> int:
    with tenant.begin() as scope:
        people = select(func.count(func.distinct(Lead.provider_uuid))).where(scope.owned(Lead))
        return scope.session.scalar(people) or 0


# In every phase


def test_a_worker_killed_in_every_phase_at_once(spawn: Spawn, gate: Gate, rows: HeldRows, trials: Trials) -> None:
    """Eight runs, each held in another phase by the time their worker is killed."""
    for _ in range(trials(1, 13)):
        asking, asked, fetching, checking, charging, between, deleting = (begin() for _ in range(7))
        held = [
            gate.hold(asking.run.id, "POST", "before"),  # building: the provider has not heard of it
            gate.hold(asked.run.id, "POST", "after"),  # building: it has, the answer is lost
            gate.hold(fetching.run.id, "GET", "before", lambda path: "page=1&" in path),
            gate.hold(between.run.id, "GET", "after", lambda path: "page=2&" in path),  # one page charged
            gate.hold(deleting.run.id, "DELETE", "before"),  # done, its audience not yet deleted
        ]
        inside = [
            gate.hold(checking.run.id, "GET", "after", lambda path: "page=2&" in path),
            gate.hold(charging.run.id, "GET", "after", lambda path: "page=2&" in path),
        ]
        victim = spawn(PATIENT, **worker_settings(gate))
        for one in [*held, *inside]:
            assert one.reached.wait(40), f"{one.method} of its run never came: {victim.output()[-2000:]}"
        rows.hold("segment_runs", checking.run.id)  # in the transaction that checks, before anybody is delivered
        rows.hold("workspaces", charging.tenant.workspace_id)  # leads are written, the capture waits
        # the queue's task is taken, the job not yet claimed; a run that was claimed at once is one more that goes on
        queued = next(one for one in iter(begin, None) if rows.hold_unclaimed(one.job_id))
        for one in inside:
            one.release.set()
        wait_until(lambda: waiting_for_rows() >= 3, seconds=9, what="three transactions to stand still")
        assert (look(between.tenant, between.run).new_leads, look(queued.tenant, queued.run).status) == (PAGE, "queued")
        assert look(charging.tenant, charging.run).new_leads == PAGE, "the page in the open transaction must not count"
        victim.kill()
        rows.release()
        gate.open()
        everyone = (queued, asking, asked, fetching, checking, charging, between, deleting)
        heir = spawn(WORKER, **worker_settings(gate))
        wait_until(lambda: all(one.has_ended() for one in everyone), seconds=75, what="the end of every run")  # noqa: B023
        for one in everyone:
            assert_whole(one)
        assert_ledger_proved(one.tenant.workspace_id for one in everyone)
        assert sorted(map(str, gate.made)) == sorted({str(one) for one in gate.made}), "no audience was made twice"
        heir.kill()


# At random moments


def test_a_worker_killed_at_random_moments(spawn: Spawn, gate: Gate, trials: Trials) -> None:
    """Several runs, their worker killed again and again while they go on; the claims run out between two kills."""
    chance = random.Random(20260101)
    leads = 200
    kills = met = 0
    for _ in range(trials(1, 8)):
        everyone = [begin(leads) for _ in range(5)]
        for _ in range(trials(2, 6)):
            everyone.append(begin(leads))  # on a quick machine the others may have ended
            began, victim = now(), spawn(WORKER, **worker_settings(gate))
            job_ids = [one.job_id for one in everyone]
            wait_until(lambda: any(was_in_hand(job_id, since=began) for job_id in job_ids), seconds=45, what="work")  # noqa: B023
            time.sleep(chance.random() * 2.5)
            victim.kill()
            left = [one for one in everyone if was_left_by(one.job_id, since=began)]
            kills, met = kills + 1, met + any(not one.has_ended() for one in left)
        heir = spawn(WORKER, **worker_settings(gate))
        wait_until(lambda: all(one.has_ended() for one in everyone), seconds=90, what="the end of every run")  # noqa: B023
        for one in everyone:
            assert_whole(one, leads)
        assert_ledger_proved(one.tenant.workspace_id for one in everyone)
        heir.kill()
    assert met * 2 >= kills, f"only {met} of {kills} kills met a run that was in hand"

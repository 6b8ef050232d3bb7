"""F12 where people spend: the connection is cut when the start of a run commits, of a segment or of a list. Whoever
asks again with the same key has one run, held for once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from cursive_app.errors import Unavailable
from db.models.enrichment import Enrichment
from db.models.jobs import Job
from db.models.segments import SegmentRun
from db.scope import Tenant
from tests.factories import make_cast
from tests.factories_credits import assert_ledger_proved, balance_of, fund, sums_of
from tests.factories_enrichment import Line, chunks_of_rows, make_list, start_run
from tests.factories_jobs import waiting_tasks
from tests.factories_segments import make_segment, start
from tests.faults.socket_proxy import SocketProxy
from tests.faults.test_database_faults import proxy

__all__ = ["proxy"]
pytestmark = pytest.mark.faults

ROWS, LEADS = 4, 10
HELD = {"segment": Decimal("0.5") * LEADS, "list": Decimal("0.25") * ROWS}
Start = Callable[[Tenant, str], object]


def prepared(kind: str, tenant: Tenant) -> Start:
    """Something that is ready to run, and how it is started with a key."""
    if kind == "segment":
        segment = make_segment(tenant)
        return lambda who, key: start(who, segment.id, max_leads=LEADS, idempotency_key=key)
    lines = [Line((f"p{number}@acme.example", "Dana", "Reyes", ""), {}) for number in range(ROWS)]
    listed = make_list(tenant, lines)
    return lambda who, key: start_run(who, listed, idempotency_key=key)


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    with chunks_of_rows(ROWS):
        yield


@pytest.mark.parametrize("kind", ["segment", "list"])
@pytest.mark.parametrize("mode", ["cut_after_commit", "cut_before_commit"])
def test_a_start_that_was_cut_is_one_start_when_it_is_asked_again(
    proxy: SocketProxy, mode: str, kind: str, trials: Callable[[int, int], int]
) -> None:
    chance, cut = random.Random(20260107), 0
    tenants = []
    for number in range(trials(5, 50)):
        tenant, key = make_cast().alice, f"start:{number}"
        fund(tenant.workspace_id, 100)
        begin = prepared(kind, tenant)
        before = proxy.cuts
        proxy.mode = mode  # type: ignore[assignment]
        for _ in range(chance.randint(1, 2)):  # it may be cut again when it is asked again
            with pytest.raises(Unavailable):
                begin(tenant, key)
        proxy.mode = "pass"
        began = jobs_of(tenant)
        assert began == (1 if mode == "cut_after_commit" else 0)
        begin(tenant, key)
        begin(tenant, key)
        cut += proxy.cuts - before
        assert jobs_of(tenant) == 1
        assert runs_of(kind, tenant) == 1
        assert balance_of(tenant) == sums_of(tenant.workspace_id) == (100 - HELD[kind], HELD[kind])
        tenants.append(tenant)
    assert cut >= len(tenants)
    assert_ledger_proved(tenant.workspace_id for tenant in tenants)


def jobs_of(tenant: Tenant) -> int:
    """How many runs have a job, each of which has one task in the queue."""
    with tenant.begin() as scope:
        found = scope.session.scalars(
            select(Job.id).where(scope.owned(Job), Job.kind.in_(("segment_run", "enrichment")))
        )
        ids = list(found)
    assert all(len(waiting_tasks(id)) == 1 for id in ids)
    return len(ids)


def runs_of(kind: str, tenant: Tenant) -> int:
    with tenant.begin() as scope:
        if kind == "segment":
            return scope.session.scalar(select(func.count()).where(scope.owned(SegmentRun))) or 0
        started = select(func.count()).where(scope.owned(Enrichment), Enrichment.run_job_id.is_not(None))
        return scope.session.scalar(started) or 0

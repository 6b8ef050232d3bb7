"""The provider's account is one for all processes: real workers together make no more calls at once than it allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

import psycopg
import pytest

from cursive_app.services import segments
from cursive_app.settings import settings
from db.embedded import socket_url
from db.scope import Tenant
from db.slots import LOCK_CLASS, QUEUE
from tests.factories import make_cast
from tests.factories_credits import balance_of, fund
from tests.factories_segments import MANAGERS, lead_count, look, make_segment, start
from tests.faults.gate import Gate
from tests.faults.processes import Process, wait_until
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
WORKER = "tests.faults.hasty_worker"
LEADS, PAGE = 50, 20
FUNDS = Decimal(100)


def begin() -> tuple[Tenant, segments.RunView]:
    tenant = make_cast().alice
    fund(tenant.workspace_id, str(FUNDS))
    return tenant, start(tenant, make_segment(tenant, MANAGERS).id, max_leads=LEADS)


def has_ended(one: tuple[Tenant, segments.RunView]) -> bool:
    return not look(*one).is_active


def assert_whole(one: tuple[Tenant, segments.RunView]) -> None:
    ended = look(*one)
    assert (ended.status, ended.new_leads, lead_count(one[0])) == ("completed", LEADS, LEADS), ended
    assert balance_of(one[0]) == (FUNDS - Decimal("0.5") * LEADS, 0)


def worker_settings(url: str, *, cap: int, tasks: int = 6) -> dict[str, str]:
    return {
        "AUDIENCELAB_BASE_URL": url,
        "AUDIENCELAB_PAGE_SIZE": str(PAGE),
        "AUDIENCELAB_PAGE_PAUSE_SECONDS": "0.01",
        "AUDIENCELAB_MAX_CONCURRENCY": str(cap),
        "WORKER_CONCURRENCY": str(tasks),
    }


def waiting_processes() -> int:
    with psycopg.connect(socket_url(settings().data_dir)) as owner:
        found = owner.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s",
            (LOCK_CLASS, QUEUE),
        ).fetchone()
    return found[0] if found else 0


def test_two_workers_together_keep_the_cap(spawn: Spawn, sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "slow", "delay_seconds": 0.2})
    everyone = [begin() for _ in range(10)]
    for _ in range(2):
        spawn(WORKER, **worker_settings(sandbox.url, cap=2))
    wait_until(lambda: waiting_processes() == 2, seconds=60, what="both workers to wait for the provider")
    wait_until(lambda: all(map(has_ended, everyone)), seconds=120, what="the end of every run")
    for one in everyone:
        assert_whole(one)
    assert len(sandbox.calls()) > 10 * LEADS // PAGE
    assert sandbox.most_in_flight() == 2


def test_a_worker_killed_in_the_middle_of_a_call_leaves_its_slot(spawn: Spawn, sandbox: Sandbox) -> None:
    gate = Gate(sandbox.url)
    try:
        first = begin()
        held = gate.hold(first[1].id, "POST", "before")
        victim = spawn(WORKER, **worker_settings(gate.url, cap=1, tasks=1))
        assert held.reached.wait(60), victim.output()[-2000:]
        since = time.time()  # before, the words of the provider's lists may have been read
        second = begin()
        spawn(WORKER, **worker_settings(gate.url, cap=1))
        wait_until(lambda: waiting_processes() > 0, seconds=60, what="the other worker to wait for the only slot")
        heard = [call for call in sandbox.calls() if call["at"] >= since]
        assert heard == [], "the provider hears of nobody while the one call is under way"
        victim.kill()
        wait_until(lambda: has_ended(first) and has_ended(second), seconds=90, what="the end of both runs")
        assert_whole(first)
        assert_whole(second)
    finally:
        gate.open()
        gate.close()

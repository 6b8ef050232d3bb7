"""F2 for lists: kill -9 of a real worker in every phase of a run, and at random moments (P1, P5).

The provider is the real sandbox behind a gate, the database is real, the worker is the product's own. Afterwards a
second worker ends every run: no row is lost, nobody is charged for twice, no chunk is bought twice.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import UUID

import psycopg
import pytest

from cursive_app.clock import now
from cursive_app.settings import Settings, settings
from db.embedded import socket_url
from db.scope import Tenant
from tests.factories import make_cast
from tests.factories_credits import assert_ledger_proved, balance_of, fund
from tests.factories_enrichment import (
    check,
    chunks_of,
    chunks_of_rows,
    list_row,
    make_list,
    mixed_lines,
    run_job_id,
    start_run,
)
from tests.factories_jobs import was_in_hand, was_left_by
from tests.faults.forwarding import body_of, send_back
from tests.faults.gate import Gate
from tests.faults.processes import Process, wait_until
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
WORKER = "tests.faults.hasty_worker"
PATIENT = "cursive_app.jobs.worker"  # holds on to what is held at the gate, however busy the machine is
KNOWN, UNKNOWN, CHUNK = 45, 15, 20
REQUESTS = 9  # of a run at least: each chunk is ordered, looked at and fetched
PRICE = Decimal("0.25")
FUNDS = Decimal(100)
NAME = re.compile(rb'"name": ?"cursive-[0-9a-f]{8}-([0-9a-f-]{36})-([0-9]+)"')
JOB = re.compile(r"^/(?:enrichments|files)/([0-9a-f-]{36})")


class ListGate(Gate):
    """The gate for batch jobs: knows which list a request is about, and hands out result links through itself."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self._base = upstream
        self.ordered: list[str] = []  # list and chunk of every job that was made

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        body = body_of(request)
        named, job = NAME.search(body), JOB.match(request.path)
        list_id = UUID(named[1].decode()) if named else self._run_of.get(job[1]) if job else None
        self._wait("before", list_id, request)
        headers = {name: request.headers[name] for name in ("X-Api-Key", "Content-Type") if name in request.headers}
        answer = self.upstream.request(request.command, request.path, content=body, headers=headers)
        if named and list_id is not None and answer.status_code == 202:
            self._run_of[answer.json()["jobId"]] = list_id
            self.ordered.append(f"{list_id}-{named[2].decode()}")
        self._wait("after", list_id, request)
        content = answer.content
        if request.command == "GET" and not request.path.startswith("/files"):
            content = content.replace(self._base.encode(), self.url.encode())
        send_back(request, answer, content)


@dataclass(frozen=True)
class Trial:
    """One workspace with one run of a list in it."""

    tenant: Tenant
    id: UUID

    def has_ended(self) -> bool:
        return list_row(self.id).finished_at is not None

    def assert_whole(self) -> None:
        check(self.tenant, self.id)
        row = list_row(self.id)
        assert (row.status, row.matched_count, row.no_match_count) == ("completed", KNOWN, UNKNOWN), row.message
        assert balance_of(self.tenant) == (FUNDS - KNOWN * PRICE, 0)


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    with chunks_of_rows(CHUNK):
        yield


@pytest.fixture
def gate(sandbox: Sandbox) -> Iterator[ListGate]:
    value = ListGate(sandbox.url)
    yield value
    value.close()


@pytest.fixture
def begin(sandbox: Sandbox) -> Callable[[], Trial]:
    lines = mixed_lines(sandbox.population, known=KNOWN, unknown=UNKNOWN)

    def make() -> Trial:
        tenant = make_cast().alice
        fund(tenant.workspace_id, str(FUNDS))
        id = make_list(tenant, lines)
        start_run(tenant, id)
        return Trial(tenant, id)

    return make


def worker_settings(gate: ListGate) -> dict[str, str]:
    return {
        "AUDIENCELAB_BASE_URL": gate.url,
        "AUDIENCELAB_PAGE_PAUSE_SECONDS": "0.05",
        "AUDIENCELAB_MAX_CONCURRENCY": "20",
        "WORKER_CONCURRENCY": "12",
        "DATABASE_POOL_SIZE": "20",
        "ENRICHMENT_CHUNK_ROWS": str(CHUNK),
    }


@pytest.fixture
def hold(config: Settings) -> Iterator[Callable[..., None]]:
    """`hold(sql, *values)` locks rows, so that whoever wants to write them next stands still in its transaction."""
    with ExitStack() as stack:

        def lock(sql: str, *values: Any) -> None:
            stack.enter_context(psycopg.connect(socket_url(settings().data_dir))).execute(sql, values)  # type: ignore[arg-type]

        lock.release = stack.close  # type: ignore[attr-defined]
        yield lock


def waiting_for_rows() -> int:
    """How many of the product's connections stand in front of a held row."""
    with psycopg.connect(socket_url(settings().data_dir)) as owner:
        found = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename LIKE 'cursive_%'"
        ).fetchone()
    return found[0] if found else 0


def test_a_worker_killed_in_every_phase_at_once(
    spawn: Spawn, gate: ListGate, begin: Callable[[], Trial], hold: Callable[..., None], trials: Trials
) -> None:
    """Eight runs, each held in another phase by the time their worker is killed."""
    for _ in range(trials(1, 13)):
        asking, asked, looking, fetching, matching, charging, second = (begin() for _ in range(7))
        held = [
            gate.hold(asking.id, "POST", "before"),  # the provider has not heard of the chunk
            gate.hold(asked.id, "POST", "after"),  # it has, the answer is lost
            gate.hold(looking.id, "GET", "before", lambda path: path.startswith("/enrichments/")),
            gate.hold(fetching.id, "GET", "before", lambda path: path.startswith("/files/")),
        ]
        inside = [
            gate.hold(one.id, "GET", "after", lambda path: path.startswith("/files/")) for one in (matching, charging)
        ]
        later = gate.hold(second.id, "GET", "before", _second_file())
        victim = spawn(PATIENT, **worker_settings(gate))
        for one in [*held, *inside, later]:
            assert one.reached.wait(40), f"{one.method} of its run never came: {victim.output()[-2000:]}"
        hold("SELECT FROM enrichment_rows WHERE enrichment_id = %s FOR NO KEY UPDATE", matching.id)
        hold("SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE", charging.tenant.workspace_id)
        queued = begin()
        hold("SELECT FROM jobs WHERE id = %s FOR NO KEY UPDATE", run_job_id(queued.id))
        for one in inside:
            one.release.set()
        wait_until(lambda: waiting_for_rows() >= 3, seconds=9, what="three transactions to stand still")
        assert list_row(second.id).matched_count > 0
        assert (list_row(charging.id).matched_count, list_row(matching.id).matched_count) == (0, 0), "nothing by halves"
        victim.kill()
        hold.release()  # type: ignore[attr-defined]
        gate.open()
        everyone = (queued, asking, asked, looking, fetching, matching, charging, second)
        heir = spawn(WORKER, **worker_settings(gate))
        wait_until(lambda: all(one.has_ended() for one in everyone), seconds=90, what="the end of every run")  # noqa: B023
        for one in everyone:
            one.assert_whole()
        assert_ledger_proved(one.tenant.workspace_id for one in everyone)
        assert sorted(gate.ordered) == sorted(set(gate.ordered)), "no chunk was bought twice"
        heir.kill()


def _second_file() -> Callable[[str], bool]:
    seen: set[str] = set()

    def fits(path: str) -> bool:
        if path.startswith("/files/"):
            seen.add(path)
        return path.startswith("/files/") and len(seen) == 2

    return fits


def test_a_worker_killed_at_random_moments(
    spawn: Spawn, gate: ListGate, begin: Callable[[], Trial], trials: Trials
) -> None:
    """Several runs, their worker killed again and again while they go on: after any of the requests that the newest run
    takes, and a moment of its own."""
    chance = random.Random(20260103)
    kills = met = 0
    for _ in range(trials(1, 8)):
        everyone = [begin() for _ in range(5)]
        for _ in range(trials(2, 6)):
            everyone.append(begin())  # on a quick machine the others may have ended
            began, last = now(), gate.asked + chance.randint(0, REQUESTS - 1)
            victim = spawn(WORKER, **worker_settings(gate))
            job_ids = [run_job_id(one.id) for one in everyone]
            wait_until(lambda: any(was_in_hand(job_id, since=began) for job_id in job_ids), seconds=45, what="work")  # noqa: B023
            wait_until(lambda: gate.asked >= last, seconds=45, what="the request after which it dies")  # noqa: B023
            time.sleep(chance.random() / 20)
            victim.kill()
            left = [one for one in everyone if was_left_by(run_job_id(one.id), since=began)]
            kills, met = kills + 1, met + any(not one.has_ended() for one in left)
        heir = spawn(WORKER, **worker_settings(gate))
        wait_until(lambda: all(one.has_ended() for one in everyone), seconds=90, what="the end of every run")  # noqa: B023
        for one in everyone:
            one.assert_whole()
        assert_ledger_proved(one.tenant.workspace_id for one in everyone)
        assert all(len(chunks_of(one.id)) == 3 for one in everyone)
        heir.kill()
    assert met * 2 >= kills, f"only {met} of {kills} kills met a run that was in hand"

"""F1, F18, P4 over real HTTP: one POST many times in parallel, and while the web worker gets kill -9. One effect."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from cursive_app.clock import now
from cursive_app.preflight import free_port
from cursive_app.services import accounts
from db.engine import Database
from db.models.credits import IdempotencyRecord
from db.models.segments import SegmentRun
from db.scope import Tenant
from db.system import system_scope
from tests.factories import make_cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.factories_segments import make_segment
from tests.faults.processes import Process, wait_until

pytestmark = pytest.mark.faults

Trials = Callable[[int, int], int]
MODULE = "tests.faults.trial_web"
TWINS = 50
LEADS = 10
HELD = 5
MIN_LIFE_SECONDS = 4.0  # a worker that dies sooner counts as a crash loop


@dataclass
class Web:
    """A web process whose worker can be killed."""

    process: Process
    port: int
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False))
    in_flight: set[str] = field(default_factory=set)

    def workers(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_worker(self) -> None:
        for pid in self.workers():
            if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)

    def answers(self) -> bool:
        """Whether it serves. Started again when it is gone, as the supervisor does: granian gives up when workers die
        in quick succession."""
        if not self.process.is_alive:
            self.process = Process.start(MODULE, str(self.port), log=self.process.log, environment={})
        try:
            return self.client.get(f"http://127.0.0.1:{self.port}/livez").status_code == 200
        except httpx.HTTPError:
            return False

    def post(self, buyer: Buyer, key: str | None) -> httpx.Response:
        headers = {"authorization": f"Bearer {buyer.key}", **({"idempotency-key": key} if key else {})}
        url = f"http://127.0.0.1:{self.port}/api/v1/segments/{buyer.segment}/run"
        self.in_flight.add(buyer.segment)
        try:
            return self.client.post(url, json={"mode": "pull", "max_leads": LEADS}, headers=headers)
        finally:
            self.in_flight.discard(buyer.segment)


@dataclass(frozen=True)
class Buyer:
    """A workspace with credits, a segment and an API key; each trial takes a fresh one (its rate is its own)."""

    tenant: Tenant
    segment: str
    key: str

    @classmethod
    def make(cls) -> Buyer:
        tenant = make_cast().alice
        fund(tenant.workspace_id, 100)
        with tenant.begin() as scope:
            scopes = ["segments:read", "segments:run", "credits:read"]
            key = accounts.create_api_key(scope, name="Machine", scopes=scopes).key
        return cls(tenant, str(make_segment(tenant).id), key)

    def runs(self) -> int:
        with self.tenant.begin() as scope:
            return scope.session.scalar(select(func.count()).where(scope.owned(SegmentRun))) or 0

    def assert_one_effect(self) -> None:
        assert self.runs() == 1
        assert balance_of(self.tenant) == sums_of(self.tenant.workspace_id) == (100 - HELD, HELD)


@pytest.fixture(scope="module")
def web(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    port, log = free_port(), tmp_path_factory.mktemp("web") / "web.log"
    value = Web(Process.start(MODULE, str(port), log=log, environment={}), port)
    wait_until(value.answers, seconds=30, what="the web process")
    yield value
    value.client.close()
    os.killpg(value.process.pid, signal.SIGKILL)
    value.process.popen.wait(15)


def test_fifty_twins_with_one_key_start_one_run(web: Web, trials: Trials) -> None:
    with ThreadPoolExecutor(TWINS) as pool:
        for _ in range(trials(1, 20)):
            buyer, key = Buyer.make(), str(uuid4())
            answers = list(pool.map(lambda _: web.post(buyer, key), range(TWINS)))  # noqa: B023
            assert {answer.status_code for answer in answers} <= {202, 409, 503}
            started = {answer.json()["run"]["id"] for answer in answers if answer.status_code == 202}
            assert len(started) == 1
            buyer.assert_one_effect()
            again = web.post(buyer, key)
            assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
            assert again.json()["run"]["id"] in started


def test_fifty_twins_without_a_key_start_one_run_too(web: Web, trials: Trials) -> None:
    with ThreadPoolExecutor(TWINS) as pool:
        for _ in range(trials(1, 10)):
            buyer = Buyer.make()
            statuses = Counter(pool.map(lambda _: web.post(buyer, None).status_code, range(TWINS)))  # noqa: B023
            assert set(statuses) <= {202, 409, 503}
            assert statuses[202] == 1
            buyer.assert_one_effect()


def test_a_web_worker_killed_mid_request_costs_nobody_twice(web: Web, trials: Trials) -> None:
    """Everybody repeats with the same key until there is an answer; the worker dies at random moments meanwhile."""
    chance = random.Random(20260101)
    bought: list[Buyer] = []
    interrupted: list[Buyer] = []
    over = threading.Event()

    def buy() -> None:
        while not over.is_set():
            buyer, key = Buyer.make(), str(uuid4())
            while not _accepted(web, buyer, key, interrupted):
                time.sleep(0.5)
            bought.append(buyer)

    threads = [threading.Thread(target=buy) for _ in range(12)]
    for thread in threads:
        thread.start()
    for _ in range(trials(1, 15)):
        time.sleep(MIN_LIFE_SECONDS)
        wait_until(lambda: len(web.in_flight) >= 2, seconds=30, what="requests to hit")
        time.sleep(chance.random() / 50)
        web.kill_worker()
        wait_until(web.answers, seconds=30, what="a new web worker")
    over.set()
    for thread in threads:
        thread.join(90)
        assert not thread.is_alive()
    assert interrupted, "no kill met a request"
    for buyer in bought:
        buyer.assert_one_effect()


def _accepted(web: Web, buyer: Buyer, key: str, interrupted: list[Buyer]) -> bool:
    try:
        answer = web.post(buyer, key)
    except httpx.ConnectError:
        return False  # nobody listens just now
    except httpx.HTTPError:
        interrupted.append(buyer)
        _expire_reservation(buyer)
        return False  # the outcome is unknown: ask again
    assert answer.status_code in (202, 409, 503), answer.text
    return answer.status_code == 202


def _expire_reservation(buyer: Buyer) -> None:
    """As if the minute were over for which the dead worker has reserved the key."""
    with system_scope() as scope:
        scope.session.execute(
            update(IdempotencyRecord)
            .where(IdempotencyRecord.workspace_id == buyer.tenant.workspace_id)
            .values(locked_until=now())
        )

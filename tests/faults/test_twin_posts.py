"""F1, F18, P4 over real HTTP: one POST many times in parallel, and while the web process gets kill -9. One effect."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select

from cursive_app.preflight import free_port
from cursive_app.services import accounts
from db.engine import Database
from db.models.jobs import Job
from db.roles import Role
from db.scope import Tenant
from tests.factories import make_member, make_user, make_workspace
from tests.factories_credits import assert_ledger_proved, balance_of, fund, sums_of
from tests.factories_enrichment import make_list, unknown_line
from tests.factories_segments import make_segment
from tests.faults.nursery import Nursery
from tests.faults.processes import Process, wait_until
from tests.faults.row_locks import HeldRows, waiting_for_rows

pytestmark = pytest.mark.faults

Trials = Callable[[int, int], int]
MODULE = "tests.faults.embedded_web"
TWINS = 50
REPLAYS = 15  # with the twins less than the workspace's rate
LEADS = 10
ROWS = 20
HELD = 5  # for so many leads at 0.50, and for so many rows at 0.25
SMALL_LISTS = {"ENRICHMENT_MINIMUM_ROWS": "1"}
_TURNS = count()
BUYERS = 8


@dataclass
class Web:
    """A web process that can be killed and is started again at once, as the supervisor does."""

    nursery: Nursery
    log: Path
    port: int = field(default_factory=free_port)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False))
    in_flight: set[str] = field(default_factory=set)
    process: Process | None = None

    def start(self) -> None:
        self.process = Process.fork(self.nursery, MODULE, str(self.port), log=self.log, environment=SMALL_LISTS)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def answers(self) -> bool:
        try:
            return self.client.get(f"http://127.0.0.1:{self.port}/livez").status_code == 200
        except httpx.HTTPError:
            return False

    def post(self, buyer: Buyer, key: str | None) -> httpx.Response:
        headers = {"authorization": f"Bearer {buyer.key}", **({"idempotency-key": key} if key else {})}
        self.in_flight.add(buyer.path)
        try:
            return self.client.post(f"http://127.0.0.1:{self.port}{buyer.path}", json=buyer.body, headers=headers)
        finally:
            self.in_flight.discard(buyer.path)


@dataclass(frozen=True)
class Buyer:
    """A workspace with credits, something to run and an API key; each trial takes a fresh one (its rate is its own).

    Every second one runs a list, the others a segment; both hold the same."""

    tenant: Tenant
    path: str
    body: dict[str, Any]
    key: str

    @classmethod
    def make(cls) -> Buyer:
        tenant = make_member(make_workspace(), make_user(), Role.OWNER)
        fund(tenant.workspace_id, 100)
        with tenant.begin() as scope:
            scopes = [one.value for one in accounts.KEY_SCOPES]
            key = accounts.create_api_key(scope, name="Machine", scopes=scopes).key
        if next(_TURNS) % 2:
            listed = make_list(tenant, [unknown_line(number) for number in range(ROWS)])
            return cls(tenant, f"/api/v1/enrichments/{listed}/start", {"revision": 1}, key)
        path = f"/api/v1/segments/{make_segment(tenant).id}/run"
        return cls(tenant, path, {"mode": "pull", "max_leads": LEADS}, key)

    def runs(self) -> int:
        """How many runs were started, of a segment or of a list; each has a job."""
        with self.tenant.begin() as scope:
            runs = select(func.count()).where(scope.owned(Job), Job.kind.in_(("segment_run", "enrichment")))
            return scope.session.scalar(runs) or 0

    def assert_one_effect(self) -> None:
        assert self.runs() == 1
        assert balance_of(self.tenant) == sums_of(self.tenant.workspace_id) == (100 - HELD, HELD)


@pytest.fixture(scope="module")
def web(database: Database, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    value = Web(nursery, tmp_path_factory.mktemp("web") / "web.log")
    value.start()
    wait_until(value.answers, seconds=30, what="the web process")
    yield value
    value.client.close()
    value.kill()


def told(answer: httpx.Response) -> tuple[int, bytes, str]:
    """What a repeated request must be told again, to the byte."""
    return answer.status_code, answer.content, answer.headers["content-type"]


def replay(web: Web, buyer: Buyer, key: str) -> httpx.Response:
    """The answer to a repeated request; a server that is too busy to look is asked again."""
    answer = web.post(buyer, key)
    for _ in range(5):
        if answer.status_code != 503:
            break
        time.sleep(0.5)
        answer = web.post(buyer, key)
    return answer


def test_fifty_twins_with_one_key_start_one_run(web: Web, trials: Trials) -> None:
    with ThreadPoolExecutor(TWINS) as pool:
        for _ in range(trials(70, 700)):
            buyer, key = Buyer.make(), str(uuid4())
            answers = list(pool.map(lambda _: web.post(buyer, key), range(TWINS)))  # noqa: B023
            assert {answer.status_code for answer in answers} <= {202, 409, 503}
            started = {told(answer) for answer in answers if answer.status_code == 202}
            if not started:  # a busy server has refused the one that held the key; then nothing has happened
                started = {told(wait_until(lambda: _accepted(web, buyer, key), seconds=30, what="a first answer"))}  # noqa: B023
            assert len(started) == 1
            for again in pool.map(lambda _: replay(web, buyer, key), range(REPLAYS)):  # noqa: B023
                assert again.headers["idempotent-replayed"] == "true"
                assert told(again) in started
            buyer.assert_one_effect()


def test_fifty_twins_without_a_key_start_one_run_too(web: Web, trials: Trials) -> None:
    with ThreadPoolExecutor(TWINS) as pool:
        for _ in range(trials(30, 300)):
            buyer = Buyer.make()
            statuses = Counter(pool.map(lambda _: web.post(buyer, None).status_code, range(TWINS)))  # noqa: B023
            assert set(statuses) <= {202, 409, 503}
            if not statuses[202]:  # a busy server has refused them all
                assert buyer.runs() == 0
                wait_until(lambda: _accepted(web, buyer, None), seconds=30, what="a first answer")  # noqa: B023
            assert statuses[202] <= 1
            buyer.assert_one_effect()


def test_the_key_of_a_dead_request_is_free_at_once_and_that_of_a_living_one_is_not(
    web: Web, rows: HeldRows, tmp_path: Path
) -> None:
    """The first request stands still in another process, which then dies."""
    other = Web(web.nursery, tmp_path / "other.log")
    other.start()
    wait_until(other.answers, seconds=30, what="another web process")
    buyer, key = Buyer.make(), str(uuid4())
    rows.hold("workspaces", buyer.tenant.workspace_id)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(other.post, buyer, key)
        wait_until(waiting_for_rows, seconds=20, what="the request to stand still inside its transaction")
        assert other.process is not None
        other.process.freeze()
        rows.release()
        refused = web.post(buyer, key)
        assert (refused.status_code, refused.json()["reason"]) == (409, "in_progress"), refused.text
        other.kill()
        assert isinstance(first.exception(20), httpx.HTTPError)
    again = wait_until(lambda: _accepted(web, buyer, key), seconds=5, what="the key to be free")
    assert "idempotent-replayed" not in again.headers
    assert told(replay(web, buyer, key)) == told(again)
    buyer.assert_one_effect()


def _accepted(web: Web, buyer: Buyer, key: str | None) -> httpx.Response | None:
    answer = web.post(buyer, key)
    return answer if answer.status_code == 202 else None


def test_a_web_process_killed_mid_request_costs_nobody_twice(
    web: Web, trials: Trials, tell: Callable[[str], None]
) -> None:
    """Everybody repeats with the same key until there is an answer; the process dies at random moments meanwhile."""
    chance = random.Random(20260101)
    bought: list[Buyer] = []
    waited: list[float] = []
    met: set[int] = set()  # kills that met a request
    over, kills = threading.Event(), 0

    def buy() -> None:
        while not over.is_set():
            buyer, key, interrupted_at = Buyer.make(), str(uuid4()), 0.0
            while (outcome := _outcome(web, buyer, key)) != "accepted":
                if outcome == "interrupted":
                    interrupted_at = time.monotonic()
                    met.add(kills)
                time.sleep(0.1)
            if interrupted_at:
                waited.append(time.monotonic() - interrupted_at)
            bought.append(buyer)

    threads = [threading.Thread(target=buy) for _ in range(BUYERS)]
    for thread in threads:
        thread.start()
    for _ in range(trials(20, 200)):
        wait_until(lambda: len(web.in_flight) >= 2, seconds=30, what="requests to hit")
        time.sleep(chance.random() / 50)
        kills += 1
        web.kill()
        web.start()
        wait_until(web.answers, seconds=30, what="a new web process")
    over.set()
    for thread in threads:
        thread.join(90)
        assert not thread.is_alive()
    assert len(met) * 2 >= kills, f"only {len(met)} of {kills} kills met a request"
    assert max(waited) < 30, "a dead request kept its key"
    for buyer in bought:
        buyer.assert_one_effect()
    assert_ledger_proved(buyer.tenant.workspace_id for buyer in bought)
    tell(f"{kills} kills of a web process, {len(met)} of them in the middle of a request, {len(bought)} purchases")


def _outcome(web: Web, buyer: Buyer, key: str) -> str:
    try:
        answer = web.post(buyer, key)
    except httpx.ConnectError:
        return "closed"  # nobody listens just now
    except httpx.HTTPError:
        return "interrupted"  # the outcome is unknown: ask again
    assert answer.status_code in (202, 409, 503), answer.text
    return "accepted" if answer.status_code == 202 else "refused"

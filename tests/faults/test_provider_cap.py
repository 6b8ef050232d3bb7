"""The cap on calls to the provider over web processes, workers and forked copies at once, counted where they arrive;
also while one of them is killed in the middle of its calls."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest

from cursive_app.preflight import free_port
from cursive_app.services import accounts
from tests.factories import make_cast
from tests.factories_segments import MANAGERS, make_segment
from tests.faults.counting import CountingServer
from tests.faults.processes import Process, wait_until
from tests.faults.test_provider_slots import (
    WORKER,
    Spawn,
    assert_whole,
    begin,
    has_ended,
    waiting_processes,
    worker_settings,
)
from tests.faults.trial_web import READY
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.faults

CAP = 3
PREVIEWERS, MOST_PREVIEWS = 8, 80
PATIENT = {"AUDIENCELAB_TIMEOUT_SECONDS": "120"}  # so long that no slot comes back by the frozen processes' rule


@pytest.fixture
def counted(sandbox: Sandbox) -> Iterator[CountingServer]:
    server = CountingServer(sandbox.url)
    yield server
    server.close()


class Previewers:
    """People who look at a sample of theirs through the web processes, each over a connection of its own."""

    def __init__(self, port: int, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._requests: list[tuple[str, str]] = []
        self._asked: list[Future[int]] = []
        self._next = 0.0
        for _ in range(PREVIEWERS):
            tenant = make_cast().alice
            segment = make_segment(tenant, MANAGERS).id
            with tenant.begin() as scope:
                key = accounts.create_api_key(scope, name="Cap", scopes=[one.value for one in accounts.KEY_SCOPES]).key
            self._requests.append((f"http://127.0.0.1:{port}/api/v1/segments/{segment}/run", key))

    def look(self) -> None:
        """One more looks now and then, until all do: which web process has it is the kernel's choice."""
        if len(self._asked) < MOST_PREVIEWS and time.monotonic() > self._next:
            self._asked.append(self._pool.submit(self._ask, len(self._asked)))
            self._next = time.monotonic() + 0.1

    def statuses(self) -> list[int]:
        """How all of them were answered, 0 for nothing at all, because the web process was killed."""
        return [one.result(180) for one in self._asked]

    def _ask(self, number: int) -> int:
        url, key = self._requests[number % len(self._requests)]
        headers = {"authorization": f"Bearer {key}"}
        try:
            with httpx.Client(timeout=180, trust_env=False, headers=headers) as client:
                return client.post(url, json={"mode": "preview"}).status_code
        except httpx.HTTPError:
            return 0


def holder(counted: CountingServer, kind: str) -> str | None:
    """Somebody of this kind who has calls under way now; calls are let through until there is one."""
    found = next((name for name in counted.inside() if name.startswith(kind)), None)
    if found is None:
        counted.let_through(1)
    return found


def full(counted: CountingServer) -> bool:
    return sum(counted.inside().values()) == CAP


def want_more(counted: CountingServer) -> int:
    """How many processes have more to ask than they may. One with all slots in its hands waits for itself alone."""
    return waiting_processes() + (CAP in counted.inside().values())


def test_web_processes_and_workers_together_keep_the_cap_also_when_one_is_killed(
    spawn: Spawn, counted: CountingServer
) -> None:
    runs = [begin() for _ in range(6)]
    port = free_port()
    common = {**worker_settings(counted.url, cap=CAP), **PATIENT}
    web = spawn("tests.faults.trial_web", str(port), "2", **common, COUNTED_AT=counted.url)
    wait_until(lambda: web.output().count(READY) == 2 and answers(port), seconds=90, what="two web processes")
    with ThreadPoolExecutor(MOST_PREVIEWS) as pool:
        people = Previewers(port, pool)
        wait_until(lambda: want_more(counted) == 2 or people.look(), seconds=90, what="two web processes to wait")
        workers: dict[str, Process] = {}
        for name in ("worker-0", "worker-1"):
            workers[name] = spawn(WORKER, **{**common, "AUDIENCELAB_BASE_URL": f"{counted.url}/{name}"})
        wait_until(lambda: want_more(counted) == 4, seconds=90, what="two web processes and two workers to wait")
        assert full(counted)

        for kind in ("web", "worker"):
            victim = wait_until(lambda: holder(counted, kind), seconds=60, what=f"a {kind} with a call")  # noqa: B023
            counted.bury(victim)
            if kind == "web":
                os.kill(int(victim.split("-")[1]), signal.SIGKILL)
            else:
                workers[victim].kill()
            wait_until(lambda: full(counted), seconds=20, what="the others to have the slots of the dead")

        counted.open()
        wait_until(lambda: all(map(has_ended, runs)), seconds=150, what="the end of every run")
        answered = people.statuses()
    assert set(answered) <= {200, 0}
    assert 200 in answered
    for run in runs:
        assert_whole(run)
    assert counted.most == CAP


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def copies_of(process: Process) -> set[int]:
    """The ids of its copies, which it has said."""
    return {int(line) for line in process.output().split() if line.isdigit()}


@pytest.fixture
def forking(spawn: Spawn, counted: CountingServer) -> Iterator[Process]:
    """A process that forks two copies when it is told; those are killed at the end."""
    program = "tests.faults.forking_caller"
    value = spawn(program, counted.url, "2", AUDIENCELAB_MAX_CONCURRENCY=str(CAP), **PATIENT)
    yield value
    for pid in copies_of(value):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_forked_copies_keep_the_cap_and_have_the_slots_of_the_process_they_came_from_when_it_dies(
    forking: Process, counted: CountingServer
) -> None:
    """The original forks with all slots in its hands: what they inherit must not keep its session alive."""
    name = str(forking.pid)
    wait_until(lambda: counted.inside() == {name: CAP}, seconds=60, what="the original to have all slots")
    os.kill(forking.pid, signal.SIGUSR1)
    wait_until(lambda: waiting_processes() == 2, seconds=30, what="two copies to wait")
    assert counted.inside() == {name: CAP}

    counted.bury(name)
    forking.kill()
    wait_until(lambda: full(counted), seconds=20, what="the copies to have the slots of the dead")
    before = counted.heard.total()
    counted.open()
    wait_until(lambda: counted.heard.total() > before + 100, seconds=60, what="a hundred more calls")
    assert set(counted.heard) - {name} == {str(pid) for pid in copies_of(forking)}, "each has a client of its own"
    assert counted.most == CAP

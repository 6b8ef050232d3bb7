"""Nothing of a test run outlives it: the nursery and what it has forked die with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cursive_app.settings import ROOT
from tests.faults.processes import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it on Linux")]

# Like a test run whose end of the nursery's orders somebody else holds as well: the pipe does not close with it.
OWNER = """
import os, subprocess, sys
from pathlib import Path
from tests.faults.nursery import Nursery

nursery = Nursery.start()
orders = nursery.popen.stdin.fileno()
keeper = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], pass_fds=[orders])
child = 0
if sys.argv[2] == "forked":
    child = nursery.fork("http.server", "0", log=Path(sys.argv[1]), environment=os.environ)
print(nursery.popen.pid, child, keeper.pid, flush=True)
keeper.wait()
"""


@pytest.fixture
def owner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, list[int]]]:
    """A process that has started a nursery: its id, and the ids of the nursery and, if `forked`, of a program of it."""
    command = [sys.executable, "-c", OWNER, str(tmp_path / "child.log"), request.param]
    popen = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert popen.stdout is not None
    nursery, child, keeper = map(int, popen.stdout.readline().split())
    yield popen.pid, [pid for pid in (nursery, child) if pid]
    for pid in (popen.pid, keeper, nursery, child):
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    popen.communicate(timeout=20)


def lives(pid: int) -> bool:
    """Whether a process runs; one that has died and that nobody has buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("owner", ["forked", "starting"], indirect=True)
def test_the_nursery_and_its_programs_die_with_whoever_started_it(owner: tuple[int, list[int]]) -> None:
    """Also a nursery that is killed for while it still imports the product."""
    pid, started = owner
    assert all(map(lives, started))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(lives, started)), seconds=20, what="the end of the nursery and its programs")


@pytest.mark.parametrize("owner", ["forked"], indirect=True)
def test_the_programs_die_with_their_nursery(owner: tuple[int, list[int]]) -> None:
    nursery, child = owner[1]
    os.kill(nursery, signal.SIGKILL)
    wait_until(lambda: not lives(child), seconds=20, what="the end of the program")

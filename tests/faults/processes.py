"""Our programs as child processes that can be killed, frozen and watched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cursive_app.settings import ROOT
from tests.faults.nursery import Nursery, exit_file

T = TypeVar("T")


@dataclass
class Process:
    """One of our programs: started by us (`popen`), or forked by the nursery (which buries it)."""

    pid: int
    log: Path
    popen: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, module: str, *arguments: str, log: Path, environment: Mapping[str, str]) -> Process:
        """A Python of its own, with all that it has to import."""
        with log.open("ab") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(popen.pid, log, popen)

    @classmethod
    def fork(cls, nursery: Nursery, module: str, *arguments: str, log: Path, environment: Mapping[str, str]) -> Process:
        """A copy of the nursery, in milliseconds."""
        log.touch()
        everything = {**os.environ, **environment}
        return cls(nursery.fork(module, *arguments, log=log, environment=everything), log)

    @property
    def is_alive(self) -> bool:
        if self.popen is not None:
            return self.popen.poll() is None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """kill -9, also of a frozen process."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait(10)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM, and the exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        """The exit code, as soon as it has ended; of a forked one that was killed it is -1."""
        if self.popen is not None:
            return self.popen.wait(seconds)
        wait_until(lambda: not self.is_alive, seconds=seconds, what=f"the end of process {self.pid}")
        told = exit_file(self.log, self.pid)
        return int(told.read_text()) if told.exists() else -1

    def output(self) -> str:
        return self.log.read_text(errors="replace")


def wait_until(condition: Callable[[], T | None], *, seconds: float, what: str) -> T:
    """The first true value of `condition`; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} seconds in vain for {what}")
        time.sleep(0.02)
    return value

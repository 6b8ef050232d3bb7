"""Our programs as child processes that can be killed, frozen and watched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cursive_app.settings import ROOT

T = TypeVar("T")


@dataclass
class Process:
    popen: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, module: str, *arguments: str, log: Path, environment: dict[str, str]) -> Process:
        with log.open("ab") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(popen=popen, log=log)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def kill(self) -> None:
        """kill -9, also of a frozen process."""
        if self.is_alive:
            self.popen.kill()
            self.popen.wait(10)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM, and the exit code."""
        self.popen.terminate()
        return self.popen.wait(seconds)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


def wait_until(condition: Callable[[], T], *, seconds: float, what: str) -> T:
    """The first true value of `condition`; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} seconds in vain for {what}")
        time.sleep(0.05)
    return value

"""Starting, watching and stopping the processes of `cursive up`.

Each part is a child in a process group of its own (Ctrl-C reaches only us), dies when we die (`lifeline`), writes to
a log file that is rotated here, and is started again when it dies. A part that keeps dying ends it all with a sentence.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

REFUSED = 78  # EX_CONFIG: a child that exits so will not get better by being started again
STOP_SECONDS = 6.0
READY_SECONDS = 120.0
QUICK_DEATH_SECONDS = 10.0
QUICK_DEATHS_ALLOWED = 4
BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0)
LOG_BYTES = 10_000_000
LOGS_KEPT = 3


class PartFailed(RuntimeError):
    """A part did not start or keeps dying; the message is one sentence for the operator."""


@dataclass
class Part:
    """One child process: how to start it, how to see that it is ready."""

    name: str
    arguments: tuple[str, ...]
    log: Path
    ready_url: str | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float | None = None
    quick_deaths: int = 0

    def start(self, environment: Mapping[str, str]) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "cursive_app", "--parent", str(os.getpid()), *self.arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(environment), process_group=0
            )
        self.started, self.restart_at = time.monotonic(), None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def is_ready(self) -> bool:
        """Whether the part answers; a part without an address is ready while it lives."""
        return self.running and (self.ready_url is None or answers(self.ready_url))

    def signal(self, number: signal.Signals) -> None:
        """Signal the part and everything it started."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except (ProcessLookupError, PermissionError):
                return

    def last_words(self) -> str:
        """The last line of its log, for a sentence about why it stopped."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
                lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        except OSError:
            lines = []
        return lines[-1][:300] if lines else "it wrote nothing"


@dataclass
class Supervisor:
    """The parts in the order they stop. `say` prints one line for the operator."""

    environment: Mapping[str, str]
    say: Callable[[str], None]
    parts: list[Part] = field(default_factory=list)
    rotated: float = 0.0

    def start(self, part: Part) -> None:
        self.parts.append(part)
        part.start(self.environment)

    def wait_ready(self, *, seconds: float = READY_SECONDS) -> None:
        """Wait until every part answers. Raises PartFailed when one refuses, keeps dying or stays silent."""
        deadline = time.monotonic() + seconds
        while waiting := [part for part in self.parts if not part.is_ready()]:
            self.tend()
            if time.monotonic() > deadline:
                part = waiting[0]
                raise PartFailed(f"The {part.name} did not answer within {seconds:.0f} seconds. Its log is {part.log}.")
            time.sleep(0.05)

    def tend(self) -> None:
        """One look at every part: start again what died, rotate what grew. Raises PartFailed."""
        for part in self.parts:
            if not part.running:
                self._revive(part)
        if time.monotonic() - self.rotated > 15:
            self.rotated = time.monotonic()
            for part in self.parts:
                rotate(part.log)

    def _revive(self, part: Part) -> None:
        now = time.monotonic()
        if part.restart_at is None:
            code = part.process.returncode if part.process else None
            part.signal(signal.SIGKILL)  # whatever it had started itself
            if code == REFUSED:
                raise PartFailed(part.last_words())
            part.quick_deaths = part.quick_deaths + 1 if now - part.started < QUICK_DEATH_SECONDS else 0
            if part.quick_deaths > QUICK_DEATHS_ALLOWED:
                reason = part.last_words().rstrip(".")
                raise PartFailed(
                    f"The {part.name} stopped {part.quick_deaths} times right after its start: {reason}. "
                    f"Its log is {part.log}."
                )
            part.restart_at = now + BACKOFF_SECONDS[min(part.quick_deaths, len(BACKOFF_SECONDS) - 1)]
            self.say(f"The {part.name} stopped unexpectedly ({describe_exit(code)}); starting it again.")
        elif now >= part.restart_at:
            part.start(self.environment)

    def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Ask all parts to finish, then kill what is left; returns when no child is left."""
        for part in self.parts:
            part.signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while any(part.running for part in self.parts) and time.monotonic() < deadline:
            time.sleep(0.05)
        for part in self.parts:
            part.signal(signal.SIGKILL)
            if part.process is not None:
                part.process.wait()


def describe_exit(code: int | None) -> str:
    """`exit code 1` or `killed by SIGKILL`."""
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def answers(url: str, *, seconds: float = 2.0) -> bool:
    """Whether something at a plain http address answers without a server error."""
    _, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    connection = http.client.HTTPConnection(host, timeout=seconds)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def rotate(log: Path, *, limit: int = LOG_BYTES, kept: int = LOGS_KEPT) -> None:
    """Move a log that grew past `limit` bytes aside. Its writer keeps the file open for appending, so it is emptied."""
    try:
        if log.stat().st_size <= limit:
            return
        for number in range(kept - 1, 0, -1):
            older = log.with_name(f"{log.name}.{number}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number + 1}"))
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)
    except OSError:
        return  # a full disk must not stop the product

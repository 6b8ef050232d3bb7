"""The whole product as a stranger starts it: `cursive up` on free ports and a data folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cursive_app.preflight import free_port
from cursive_app.settings import ROOT

START_SECONDS = 240.0  # a first start builds the pages on two busy cores
VENDOR_VARIABLES = (
    "DATABASE_URL", "DATABASE_APP_URL", "DATABASE_SYSTEM_URL", "REDIS_URL", "SMTP_URL", "AUDIENCELAB_API_KEY",
    "AUDIENCELAB_BASE_URL", "SECRET_KEY", "PUBLIC_URL", "HOST", "CURSIVE_ENV",
)  # fmt: skip


def wait_for(condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """The first true answer of a condition. Fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} seconds"
        time.sleep(0.05)
    return answer


@dataclass
class Product:
    """One running `cursive up`."""

    data_dir: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)
    lines: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in VENDOR_VARIABLES}
        return {
            **inherited,
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "SANDBOX_SMTP_PORT": str(self.smtp_port),
            "SANDBOX_PEOPLE": "20000",
            "DATA_DIR": str(self.data_dir),
            **self.variables,
        }

    def launch(self) -> None:
        """Start it and return at once."""
        self.lines.clear()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cursive_app", "up"],
            cwd=ROOT, env=self.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def start(self, *, seconds: float = START_SECONDS) -> None:
        """Start it and wait until it says that it runs."""
        self.launch()
        process = self._started()
        wait_for(
            lambda: "Cursive is running" in self.output or process.poll() is not None, seconds=seconds, what="start"
        )
        assert process.poll() is None, self.output

    def stop(self, *, seconds: float = 20) -> int:
        """Stop it as Ctrl-C does; the exit code."""
        process = self._started()
        process.send_signal(signal.SIGINT)
        return process.wait(seconds)

    def kill(self) -> None:
        """kill -9 of the supervisor."""
        self._started().kill()
        self._started().wait(10)

    def pids(self) -> list[int]:
        """Every process that belongs to this product's data folder, the supervisor included."""
        return processes_of(self.data_dir)

    def pids_running(self, command: str) -> list[int]:
        """The processes of one part (`web`, `worker`, `sandbox`)."""
        return [pid for pid in self.pids() if command in command_line(pid)]

    def get(self, path: str, *, base: str | None = None, seconds: float = 5) -> tuple[int, bytes]:
        """Status and body of a GET; status 0 when nothing answers."""
        try:
            with urllib.request.urlopen(f"{base or self.url}{path}", timeout=seconds) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def mails(self, to: str) -> list[dict[str, Any]]:
        """What the sandbox's mailbox holds for an address, newest first."""
        status, body = self.get(f"/mailbox/api/messages?to={to}", base=self.sandbox_url)
        assert status == 200, body
        found = json.loads(body)
        return found["messages"] if isinstance(found, dict) else found

    def mail(self, to: str, *, subject: str, seconds: float = 30) -> dict[str, Any]:
        """The newest mail to an address whose subject contains the words, waiting until it is there."""
        return wait_for(
            lambda: next((mail for mail in self.mails(to) if subject in mail["subject"]), None),
            seconds=seconds,
            what=f"mail '{subject}' to {to}",
        )

    def _started(self) -> subprocess.Popen[str]:
        assert self.process is not None
        return self.process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip("\n"))


def command_line(pid: int) -> list[str]:
    """The words of a process's command; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def processes_of(data_dir: Path) -> list[int]:
    """Processes that were started for a data folder: by their environment, or by their command (Postgres). Linux."""
    marks = (f"DATA_DIR={data_dir}".encode(), str(data_dir / "postgres").encode())
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            text = (entry / "environ").read_bytes() + b"\0" + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if state != "Z" and any(mark in text.split(b"\0") for mark in marks):
            found.append(int(entry.name))
    return found

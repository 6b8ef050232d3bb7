"""The running sandbox for tests of any area: `sandbox` starts one real server a session and cleans it between tests.

`pytest_plugins` or an import in a conftest makes the fixtures known. The population is small and the quirks are off
unless a test asks for `quirky_sandbox`, so that an unexpected 500 in a test is always that test's own doing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from cursive_app.integrations.audiencelab import AudienceLab, RecordCall
from cursive_app.integrations.audiencelab.breaker import CircuitBreaker
from cursive_app.preflight import free_port
from cursive_app.sandbox.population import Population
from cursive_app.sandbox.server import SandboxThread
from cursive_app.settings import Settings

PEOPLE = 5_000
SEED = 7
BUILD_SECONDS = 0.05


@dataclass(frozen=True)
class Sandbox:
    """One running sandbox: `url` of the provider, SMTP port, and what a test may do to it."""

    base: str
    smtp_port: int
    population: Population
    control: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60, trust_env=False))

    @property
    def url(self) -> str:
        """What AUDIENCELAB_BASE_URL must be."""
        return f"{self.base}/audiencelab"

    @property
    def smtp_url(self) -> str:
        return f"smtp://127.0.0.1:{self.smtp_port}"

    def faults(self, *faults: dict[str, Any]) -> None:
        """Switch these faults on instead of the former (see cursive_app/sandbox/audiencelab/faults.py)."""
        self.control.put(f"{self.url}/_faults", json=list(faults)).raise_for_status()

    def calls(self) -> list[dict[str, Any]]:
        """The calls received since the last reset: method, path, status, fault."""
        return self.control.get(f"{self.url}/_calls").json()["calls"]

    def most_in_flight(self) -> int:
        """How many calls were being answered at once, at most, since the last reset."""
        return self.control.get(f"{self.url}/_calls").json()["most_in_flight"]

    def mailbox(self, *, to: str | None = None) -> list[dict[str, Any]]:
        """Messages received, newest first: to, subject, text, html, links."""
        params = {"to": to} if to else None
        return self.control.get(f"{self.base}/mailbox/api/messages", params=params).json()

    def reset(self) -> None:
        """No faults, no calls, no audiences, no mail."""
        self.control.delete(f"{self.url}/_faults", params={"everything": "1"}).raise_for_status()
        self.control.delete(f"{self.base}/mailbox/api/messages").raise_for_status()

    def client(
        self, *, record_call: RecordCall | None = None, workspace_id: UUID | None = None, **options: Any
    ) -> AudienceLab:
        """A client of this sandbox with short waits and a circuit breaker of its own."""
        defaults: dict[str, Any] = {
            "timeout_seconds": 30.0,
            "page_pause_seconds": 0.0,
            "first_wait_seconds": 0.01,
            "breaker": CircuitBreaker(threshold=1_000_000),
        }
        client = AudienceLab(
            base_url=self.url, api_key="sandbox-key", record_call=record_call, **{**defaults, **options}
        )
        return client.for_workspace(workspace_id)


def start_sandbox(folder: Path, **overrides: Any) -> tuple[Sandbox, SandboxThread]:
    """Start a sandbox of its own; the caller stops the thread."""
    values: dict[str, Any] = {
        "CURSIVE_ENV": "test",
        "SANDBOX_PORT": free_port(),
        "SANDBOX_SMTP_PORT": free_port(),
        "SANDBOX_PEOPLE": PEOPLE,
        "SANDBOX_SEED": SEED,
        "SANDBOX_QUIRKS": False,
        "SANDBOX_BUILD_SECONDS": BUILD_SECONDS,
        "DATA_DIR": folder,
    }
    config = Settings(**{**values, **overrides})
    thread = SandboxThread(config).start()
    population = Population(seed=config.sandbox_seed, size=config.sandbox_people, quirks=config.sandbox_quirks)
    return Sandbox(f"http://127.0.0.1:{config.sandbox_port}", config.sandbox_smtp_port, population), thread


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    found, thread = start_sandbox(tmp_path_factory.mktemp("sandbox"))
    yield found
    thread.stop()


@pytest.fixture(scope="session")
def quirky_sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    found, thread = start_sandbox(tmp_path_factory.mktemp("quirky"), SANDBOX_QUIRKS=True)
    yield found
    thread.stop()


@pytest.fixture
def sandbox(sandbox_server: Sandbox) -> Iterator[Sandbox]:
    """A sandbox without faults, calls, audiences and mail; well-behaved."""
    sandbox_server.reset()
    yield sandbox_server
    sandbox_server.reset()


@pytest.fixture
def quirky_sandbox(quirky_sandbox_server: Sandbox) -> Iterator[Sandbox]:
    """The same with the vendor's quirks, as in development."""
    quirky_sandbox_server.reset()
    yield quirky_sandbox_server
    quirky_sandbox_server.reset()

"""Fault trials: real processes, real signals. A few in the test run, the full counts by `make faults`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cursive_app.settings import Settings
from db.engine import Database
from tests.faults.nursery import Nursery
from tests.faults.processes import Process
from tests.faults.row_locks import HeldRows
from tests.sandbox_fixtures import sandbox, sandbox_server

__all__ = ["sandbox", "sandbox_server"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--trials", default=None, help="how often each fault is injected; 'full' for the promised counts")


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """`trials(few, full)`: how many trials this run makes."""

    def count(few: int, full: int) -> int:
        asked = request.config.getoption("--trials", default=None)
        return few if asked is None else full if asked == "full" else int(asked)

    return count


COUNTED = "counted"


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say at the end of the run what a trial has counted; it travels with the report of the process that ran it."""

    def told(text: str) -> None:
        request.node.user_properties.append((COUNTED, text))

    return told


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, text in report.user_properties:
                    if name == COUNTED:
                        terminalreporter.write_line(f"Counted: {text}")


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """For the data of a server of the test's own. Not under pytest's folders: those are closed to other users again
    whenever another run begins, and as root the server runs as somebody else."""
    with tempfile.TemporaryDirectory(prefix="cursive-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def nursery(config: Settings) -> Iterator[Nursery]:
    """Where the programs of all trials come from."""
    value = Nursery.start()
    yield value
    value.stop()


@pytest.fixture
def spawn(database: Database, config: Settings, nursery: Nursery, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start one of our own programs against the test database; whatever still runs at the end is killed."""
    started: list[Process] = []

    def start(module: str, *arguments: str, **environment: str) -> Process:
        log = tmp_path / f"{module}-{len(started)}.log"
        process = Process.fork(nursery, module, *arguments, log=log, environment=environment)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def rows(database: Database) -> Iterator[HeldRows]:
    """Rows to hold; all are free again at the end."""
    value = HeldRows()
    yield value
    value.release()

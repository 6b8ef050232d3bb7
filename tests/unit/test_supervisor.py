"""The supervisor's own rules: restart, give up with a sentence, refuse for good, rotate logs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cursive_app import supervisor
from cursive_app.preflight import Instance, Refused
from cursive_app.settings import Settings
from cursive_app.supervisor import REFUSED, Part, PartFailed, Supervisor, describe_exit, rotate
from tests.product import wait_for


class Scripted(Part):
    """A part that runs a line of Python instead of the product."""

    def start(self, environment: object) -> None:
        import subprocess
        import time

        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", *self.arguments], stdout=log, stderr=log, process_group=0
            )
        self.started, self.restart_at = time.monotonic(), None


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setattr(supervisor, "BACKOFF_SECONDS", (0.0,))
    watch = Supervisor(dict(os.environ), say=lambda _text: None)
    yield watch
    watch.stop(seconds=0.1)


def tend_until(watch: Supervisor, condition) -> None:
    def once() -> bool:
        watch.tend()
        return condition()

    wait_for(once, seconds=20, what="what the supervisor should do")


def test_a_part_that_dies_is_started_again(watched: Supervisor, tmp_path: Path) -> None:
    said: list[str] = []
    watched.say = said.append
    part = Scripted("web", ("import time; time.sleep(60)",), tmp_path / "web.log")
    watched.start(part)
    assert part.process is not None
    first = part.process.pid
    os.kill(first, signal.SIGKILL)
    tend_until(watched, lambda: part.running and part.process is not None and part.process.pid != first)
    assert said == ["The web stopped unexpectedly (killed by SIGKILL); starting it again."]


def test_a_part_that_keeps_dying_ends_it_with_its_last_words(watched: Supervisor, tmp_path: Path) -> None:
    part = Scripted("worker", ("print('no coffee.'); raise SystemExit(3)",), tmp_path / "worker.log")
    watched.start(part)
    with pytest.raises(PartFailed) as failed:
        tend_until(watched, lambda: False)
    assert str(failed.value) == (
        f"The worker stopped 5 times right after its start: no coffee. Its log is {tmp_path / 'worker.log'}."
    )


def test_a_part_that_refuses_its_settings_is_not_tried_again(watched: Supervisor, tmp_path: Path) -> None:
    script = f"print('SECRET_KEY must be set.'); raise SystemExit({REFUSED})"
    watched.start(Scripted("web", (script,), tmp_path / "web.log"))
    with pytest.raises(PartFailed, match=r"^SECRET_KEY must be set\.$"):
        tend_until(watched, lambda: False)
    assert (tmp_path / "web.log").read_text().count("SECRET_KEY") == 1


def test_a_part_that_never_answers_is_named(watched: Supervisor, tmp_path: Path) -> None:
    watched.start(Scripted("web", ("import time; time.sleep(60)",), tmp_path / "web.log", "http://127.0.0.1:1/readyz"))
    with pytest.raises(PartFailed, match=r"The web did not answer within 0 seconds"):
        watched.wait_ready(seconds=0.2)


def test_stopping_kills_what_does_not_listen_and_what_it_started(watched: Supervisor, tmp_path: Path) -> None:
    script = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        "print(child.pid, flush=True); time.sleep(60)"
    )
    part = Scripted("web", (script,), tmp_path / "web.log")
    watched.start(part)
    child = int(wait_for(lambda: part.log.read_text().strip(), seconds=10, what="the child"))
    watched.stop(seconds=0.3)
    assert not part.running

    def gone() -> bool:
        try:
            return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    wait_for(gone, seconds=5, what="the end of the child")


def test_logs_are_rotated_and_only_some_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for number in range(6):
        with log.open("a") as writer:
            writer.write(str(number) * 20)
            writer.flush()
            rotate(log, limit=10, kept=3)
            writer.write("on")
        assert log.read_text() == "on"
        log.write_text("")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.log", "web.log.1", "web.log.2", "web.log.3"]
    assert (tmp_path / "web.log.1").read_text() == "5" * 20
    assert (tmp_path / "web.log.3").read_text() == "3" * 20


def test_exits_are_described_in_words() -> None:
    assert describe_exit(1) == "exit code 1"
    assert describe_exit(-9) == "killed by SIGKILL"


def test_one_instance_of_a_data_folder(tmp_path: Path) -> None:
    config = Settings(DATA_DIR=tmp_path, PORT=8123)
    first = Instance(config)
    assert not first.after_crash
    with pytest.raises(
        Refused, match=rf"already runs on this data folder: process {os.getpid()}, http://localhost:8123"
    ):
        Instance(config)
    first.file.close()  # what a crash does: the lock goes, the file stays
    second = Instance(config)
    assert second.after_crash
    second.close()
    assert not Instance(config).after_crash

"""A process that has imported the product and forks itself for every program that a trial starts.

A start costs milliseconds instead of seconds of imports, so that hundreds of kills are affordable. Each program is a
process of its own as ever: it runs as `python -m` runs it, and before the fork there was no thread and no connection.
Orders come as lines of JSON; the answer to each is a process id. The nursery dies with the process that started it,
also where the pipe of its orders stays open, and its programs die with the nursery.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cursive_app.lifeline import die_with_parent
from cursive_app.settings import ROOT


@dataclass
class Nursery:
    """The test's end of it."""

    popen: subprocess.Popen[str]
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def start(cls) -> Nursery:
        command = [sys.executable, "-m", "tests.faults.nursery", str(os.getpid())]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return cls(
            subprocess.Popen(
                command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )

    def fork(self, module: str, *arguments: str, log: Path, environment: Mapping[str, str]) -> int:
        """The process id of a copy that runs the module with this environment and writes into the log."""
        order = {"module": module, "arguments": arguments, "log": str(log), "environment": dict(environment)}
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        with self._turn:
            self.popen.stdin.write(json.dumps(order) + "\n")
            self.popen.stdin.flush()
            answer = self.popen.stdout.readline()
        assert answer, f"the nursery has ended: {self.popen.poll()}"
        return int(answer)

    def stop(self) -> None:
        """End it; whoever it has forked ends with it."""
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        self.popen.wait(20)


def serve(parent: int) -> None:
    """Fork for every order until there are no more, or until the process `parent` is gone."""
    if sys.platform == "linux":  # elsewhere that takes a thread, which must not be there before a fork
        die_with_parent(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    from tests.faults import prepared  # noqa: F401

    gc.collect()
    gc.freeze()
    nursery = os.getpid()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line), nursery)
        print(pid, flush=True)


def _become(order: dict[str, Any], nursery: int) -> None:
    """Run the ordered program and end with it."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        die_with_parent(nursery)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for descriptor, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(source, descriptor)
        os.environ.clear()
        os.environ.update(order["environment"])
        _forget_settings()
        sys.argv = [order["module"], *order["arguments"]]
        warnings.simplefilter("ignore", RuntimeWarning)  # runpy: the product's modules are there already
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  # the copy must never go on as a second nursery
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        exit_file(Path(order["log"]), os.getpid()).write_text(str(code))
        os._exit(code)


def exit_file(log: Path, pid: int) -> Path:
    """Where a copy that ends by itself leaves its exit code."""
    return log.with_suffix(f".{pid}.exit")


def _forget_settings() -> None:
    from cursive_app.settings import settings

    settings.cache_clear()


if __name__ == "__main__":
    serve(int(sys.argv[1]))

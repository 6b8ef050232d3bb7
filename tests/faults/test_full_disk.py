"""F8, F9: the disk is full. Writes are refused in words, reads go on, nothing acknowledged is lost, and all goes on as
soon as there is room."""

from __future__ import annotations

import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from cursive_app.errors import Unavailable
from cursive_app.jobs.disks import watch_disks
from cursive_app.preflight import free_port
from cursive_app.services import accounts, credits, health
from cursive_app.settings import Settings
from db import engine as db_engine
from db.embedded import SAFE, EmbeddedPostgres, EmbeddedPostgresError, _binary, socket_url
from db.engine import connect
from db.migrate import migrate
from db.models.accounts import AuditEntry
from db.models.credits import CreditLine
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.faults.processes import Process, wait_until
from tests.faults.small_disk import SmallDisk, mounted
from tests.faults.test_uploads import PATH, Server, answer_of, arriving

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
WAL = {"min_wal_size": "96MB", "max_wal_size": "128MB"}
WORDS = random.Random(20260101).randbytes(60_000).hex()  # nothing that could be compressed away


@pytest.fixture
def disk(data_folder: Path) -> Iterator[SmallDisk]:
    with mounted(data_folder / "disk", megabytes=320) as value:
        yield value


@pytest.fixture
def server(disk: SmallDisk, config: Settings) -> Iterator[EmbeddedPostgres]:
    """A durable server whose data folder is the small disk."""
    value = EmbeddedPostgres(disk.folder / "data", {**SAFE, "shared_buffers": "32MB"})
    value.start()
    set_log_sizes(value.url, **WAL)
    own = config.model_copy(update={"database_url": type(config.secret_key)(value.url)})
    migrate(own)
    database = connect(own)
    former = db_engine.use(database)
    yield value
    disk.free()
    db_engine.use(former)
    database.dispose()
    value.stop()


class Writer:
    """Writes until it is refused, and knows what was acknowledged."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.spends: set[str] = set()
        self.entries: set[str] = set()
        fund(cast.workspace_id, 1_000_000)

    def write(self) -> None:
        """One spend and one large entry. Raises Unavailable."""
        key = str(uuid4())
        with self.cast.alice.begin() as scope:
            credits.debit(scope, amount=Decimal(1), key=key, description="Spend")
        self.spends.add(key)
        with self.cast.alice.begin() as scope:
            details = {"text": WORDS[: random.randint(20_000, 120_000)]}
            scope.add(AuditEntry(actor_label="Alice", action="fill", object_type="x", object_id=key, details=details))
        self.entries.add(key)

    def write_until_refused(self) -> None:
        with pytest.raises(Unavailable):
            for _ in range(5_000):
                self.write()

    def assert_nothing_is_lost(self) -> None:
        with self.cast.alice.begin() as scope:
            debits = select(CreditLine.idempotency_key).where(scope.owned(CreditLine), CreditLine.kind == "debit")
            stored = set(scope.session.scalars(debits))
            entries = set(
                scope.session.scalars(
                    select(AuditEntry.object_id).where(scope.owned(AuditEntry), AuditEntry.action == "fill")
                )
            )
        assert self.spends <= stored
        assert self.entries <= entries
        available, held = balance_of(self.cast.alice)
        assert (available, held) == sums_of(self.cast.workspace_id)
        assert available == 1_000_000 - len(stored)

    def reads(self) -> bool:
        with self.cast.alice.begin() as scope:
            return bool(scope.session.scalar(select(func.count()).where(scope.owned(CreditLine))))


@dataclass
class Api:
    """The product's API on the small disk's server, as somebody with a key sees it."""

    url: str
    headers: dict[str, str]

    @classmethod
    def start(cls, spawn: Spawn, cast: Cast, server: EmbeddedPostgres) -> Api:
        with cast.alice.begin() as scope:
            key = accounts.create_api_key(scope, name="up", scopes=[one.value for one in accounts.KEY_SCOPES]).key
        port = free_port()
        spawn("tests.faults.embedded_web", str(port), DATABASE_URL=server.url)
        api = cls(f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {key}"})
        wait_until(api._answers, seconds=60, what="the API")
        return api

    def upload(self) -> httpx.Response:
        """A list of people; its file goes into the database."""
        people = "E-mail,Note\n" + "\n".join(f"a{start}@acme.example,{WORDS[start:][:500]}" for start in range(400))
        return httpx.post(f"{self.url}{PATH}", content=people, headers=self.headers, trust_env=False, timeout=60)

    def refusal(self) -> httpx.Response | None:
        """What a write is told that does not fit any more; None for one that found a little room."""
        answer = self.upload()
        return None if answer.status_code == 201 else answer

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/livez", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def make_room_in_the_log(url: str) -> None:
    """Segments of the write-ahead log for later use, so that the data runs out of space first."""
    with psycopg.connect(url, autocommit=True) as owner:
        for _ in range(6):
            owner.execute("SELECT pg_switch_wal()")
            owner.execute("SELECT pg_logical_emit_message(true, 'room', 'x')")
        owner.execute("CHECKPOINT")


def set_log_sizes(url: str, **sizes: str) -> None:
    """Not by the command of the server, which nothing that is set later could change."""
    with psycopg.connect(url, autocommit=True) as owner:
        for name, size in sizes.items():
            owner.execute(f"ALTER SYSTEM SET {name} = '{size}'")  # type: ignore[arg-type]
        owner.execute("SELECT pg_reload_conf()")


def leave_little_room_in_the_log(url: str) -> None:
    """The other way round: no segment is kept for later use, so that the next one needs room on the disk, and no
    checkpoint frees those that are written meanwhile."""
    set_log_sizes(url, min_wal_size="32MB", max_wal_size="32MB")
    with psycopg.connect(url, autocommit=True) as owner:
        for _ in range(3):
            owner.execute("SELECT pg_logical_emit_message(true, 'room', 'x')")
            owner.execute("SELECT pg_switch_wal()")
            owner.execute("CHECKPOINT")
    set_log_sizes(url, max_wal_size="4GB")


def write_the_log_full(writer: Writer, server: EmbeddedPostgres) -> None:
    """Somebody spends all the time, and messages that stand in the log alone use up its room."""
    with suppress(psycopg.OperationalError), psycopg.connect(server.url, autocommit=True) as owner:
        for _ in range(300):
            _writes(writer)
            owner.execute("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 1000000))")


def assert_sound(server: EmbeddedPostgres) -> None:
    """Every table and index is what it should be."""
    host = str(socket_url(server.data_dir).partition("host=")[2])
    command = [_binary("pg_amcheck"), "-h", host, "-U", "postgres", "-d", "cursive", "--install-missing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


def test_the_log_says_so_before_a_disk_is_full(disk: SmallDisk, config: Settings) -> None:
    """F8: the alert comes below 90%, once, and is taken back when there is room."""
    own = config.model_copy(update={"data_dir": disk.folder, "upload_dir": disk.folder / "uploads"})
    stop = threading.Event()
    watching = threading.Thread(target=watch_disks, args=[own, stop], kwargs={"look_seconds": 0.05})
    with capture_logs() as said:
        watching.start()
        try:
            disk.fill(leave=64_000_000)  # 80%
            assert health.disk_problem(own) is None
            disk.fill(leave=40_000_000)  # 87.5%
            wait_until(lambda: len(said) > 0, seconds=10, what="a word about the disk")
            assert "nothing can be written" in (health.disk_problem(own) or "")
            disk.free()
            wait_until(lambda: len(said) > 1, seconds=10, what="a word about the room")
        finally:
            stop.set()
            watching.join(10)
    assert [(one["event"], one["log_level"]) for one in said] == [
        ("disk.nearly_full", "error"), ("disk.has_room_again", "info"),
    ]  # fmt: skip


def test_a_full_data_disk_refuses_writes_and_goes_on_when_there_is_room(
    server: EmbeddedPostgres, disk: SmallDisk, spawn: Spawn, trials: Trials, tell: Callable[[str], None]
) -> None:
    """F8, first half: there is room left in the log. The server stays, and so do reads."""
    writer, count = Writer(make_cast()), trials(1, 10)
    pid, api = server.pid(), Api.start(spawn, writer.cast, server)
    assert api.upload().status_code == 201
    for _ in range(count):
        make_room_in_the_log(server.url)
        disk.fill()
        writer.write_until_refused()
        assert writer.reads()
        refused = wait_until(api.refusal, seconds=20, what="an answer over HTTP that refuses")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable"), refused.text
        assert "Nothing was changed" in refused.json()["detail"]
        assert refused.headers["retry-after"]
        with pytest.raises(Unavailable):
            for _ in range(20):
                writer.write()
        disk.free()
        writer.write()
        assert api.upload().status_code == 201
        writer.assert_nothing_is_lost()
        empty(server.url)
    assert server.pid() == pid
    assert_sound(server)
    tell(f"{count} full data disks: refused, read, went on")


def empty(url: str) -> None:
    """Give the large texts' room back; what they were is known to be whole by now."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("UPDATE audit_entries SET details = '{}' WHERE action = 'fill'")
        owner.execute("VACUUM (FULL, ANALYZE) audit_entries")


def test_a_full_disk_that_stops_the_server_loses_nothing_and_it_starts_when_there_is_room(
    server: EmbeddedPostgres, disk: SmallDisk, trials: Trials, tell: Callable[[str], None]
) -> None:
    """F8, second half: not even the log can be written, so Postgres must stop. What it acknowledged is there after."""
    writer, count = Writer(make_cast()), trials(1, 10)
    for _ in range(count):
        leave_little_room_in_the_log(server.url)
        disk.fill()
        wait_until(
            lambda: _is_stopped(writer, server), seconds=60, what="the end of a server that cannot write its log"
        )
        assert not _writes(writer)
        disk.free()
        if server.process is not None and server.process.poll() is not None:
            server.process = None
        wait_until(lambda: _starts(server), seconds=60, what="a start with room on the disk")
        wait_until(lambda: _writes(writer), seconds=20, what="writing to go on")
        writer.assert_nothing_is_lost()
        empty(server.url)
    assert_sound(server)
    tell(f"{count} servers stopped by a disk that is full to the log: nothing acknowledged lost")


def _is_stopped(writer: Writer, server: EmbeddedPostgres) -> bool:
    """Write on until it is: a server that died of its log may come back by itself, and die at the next write."""
    write_the_log_full(writer, server)
    return server.pid() is None


def _starts(server: EmbeddedPostgres) -> bool:
    try:
        server.start()
    except (EmbeddedPostgresError, psycopg.OperationalError):
        return False
    return True


def _writes(writer: Writer) -> bool:
    try:
        writer.write()
    except Unavailable:
        return False
    return True


def test_a_full_spool_refuses_uploads_and_keeps_nothing(
    cast: Cast, spawn: Callable[..., Process], tmp_path: Path, trials: Trials, tell: Callable[[str], None]
) -> None:
    """F9: the disk fills up while a list arrives."""
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="up", scopes=[one.value for one in accounts.KEY_SCOPES]).key
    with mounted(tmp_path / "spool", megabytes=80) as disk:
        port, spool = free_port(), disk.folder / "uploads"
        process = spawn("tests.faults.embedded_web", str(port), UPLOAD_DIR=str(spool))
        server = Server(process, port, spool, key)
        wait_until(lambda: _answers(server), seconds=60, what="the server")
        for number in range(trials(2, 20)):
            upload = server.begin("Transfer-Encoding: chunked")
            piece = f"a{number}@acme.example,Dana,Reyes\r\n".encode() * 30_000
            upload.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
            wait_until(lambda: arriving(server), seconds=20, what="the upload")
            disk.fill()
            with suppress(BrokenPipeError, ConnectionResetError):  # it may be refused before all of it is sent
                upload.sendall((b"%x\r\n" % len(piece) + piece + b"\r\n") * 3 + b"0\r\n\r\n")
            told = answer_of(upload)
            assert not told or b" 507 " in told.partition(b"\r\n")[0], told
            wait_until(lambda: not server.files(), seconds=20, what="the end of the refused upload")
            again = httpx.post(server.url, content=piece, headers=server.headers, trust_env=False, timeout=60)
            assert (again.status_code, again.json()["code"]) == (507, "storage_full")
            disk.free()
            sent = httpx.post(server.url, content=piece, headers=server.headers, trust_env=False, timeout=60)
            assert sent.status_code == 201, sent.text
            upload.close()
        tell(f"{trials(2, 20)} full spools: refused, nothing kept, taken when there was room")


def _answers(server: Server) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{server.port}{PATH}", trust_env=False).status_code == 401
    except httpx.HTTPError:
        return False

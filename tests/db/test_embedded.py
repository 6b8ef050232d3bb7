"""The embedded Postgres recovers from what happens on people's machines, and says one clear sentence when it cannot."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from cursive_app.settings import ROOT
from db.embedded import SAFE, EmbeddedPostgres, EmbeddedPostgresError, socket_directory


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    # Not pytest's folder: every other test run that starts takes the right to pass through that away again.
    value = EmbeddedPostgres(Path(tempfile.mkdtemp(prefix="cursive-pg-")), dict(SAFE))
    yield value
    value.stop()
    shutil.rmtree(value.data_dir, ignore_errors=True)


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def test_committed_rows_survive_kill_9_of_the_server(server: EmbeddedPostgres) -> None:
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    again = EmbeddedPostgres(server.data_dir, dict(SAFE))
    again.start()
    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
    again.stop()


def test_a_running_server_is_adopted_and_can_be_stopped(server: EmbeddedPostgres) -> None:
    server.start()
    second = EmbeddedPostgres(server.data_dir, dict(SAFE))
    second.start()
    assert second.process is None
    assert second.pid() == server.process.pid  # type: ignore[union-attr]
    second.stop()
    server.process.wait(10)  # type: ignore[union-attr]
    server.process = None
    assert server.pid() is None


def test_the_server_dies_with_its_starter_even_by_kill_9(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from db.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start(); print(server.pid(), flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.send_signal(signal.SIGKILL)
    starter.wait()

    def gone() -> bool:
        try:  # it may vanish between two looks
            os.kill(pid, 0)
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (ProcessLookupError, FileNotFoundError):
            return True

    wait_for(gone)


def initdb_of(data_dir: Path) -> int | None:
    """The process that makes the cluster of this data folder at the moment."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # not a process, or one that has just ended
            continue
        if words[0].endswith(b"/initdb") and any(word.startswith(os.fsencode(data_dir)) for word in words):
            return int(entry.name)
    return None


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds initdb through /proc")
def test_an_interrupted_first_start_is_begun_anew(server: EmbeddedPostgres) -> None:
    """kill -9 of initdb when PG_VERSION, the first file it writes, is there and most of the cluster is not."""

    def kill_in_the_middle() -> None:
        wait_for(lambda: list(server.data_dir.glob("postgres*/PG_VERSION")), seconds=60)
        pid = initdb_of(server.data_dir)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    with ThreadPoolExecutor(1) as executor:
        killing = executor.submit(kill_in_the_middle)
        with pytest.raises(EmbeddedPostgresError, match="could not create its data folder"):
            server.start()
        killing.result()
    assert not server.cluster.exists()
    server.start()
    assert server.pid()
    assert sorted(path.name for path in server.data_dir.glob("postgres*")) == ["postgres", "postgres.log"]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its path in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_cluster_that_lost_its_version_file_is_never_deleted(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (server.cluster / "PG_VERSION").unlink()
    before = contents(server.cluster)
    assert len(before) > 500
    with pytest.raises(EmbeddedPostgresError, match=r"PG_VERSION is missing.*nothing in it was touched.*move it away"):
        server.start()
    assert contents(server.cluster) == before


def test_a_folder_of_another_program_is_never_deleted(server: EmbeddedPostgres) -> None:
    """DATA_DIR names a folder that happens to have a `postgres` in it."""
    (server.cluster / "notes").mkdir(parents=True)
    (server.cluster / "notes" / "thesis.txt").write_text("ten years of work")
    with pytest.raises(EmbeddedPostgresError, match=r"another program's, set DATA_DIR"):
        server.start()
    assert contents(server.cluster) == {"notes/thesis.txt": b"ten years of work"}


def test_an_empty_folder_of_that_name_is_used(server: EmbeddedPostgres) -> None:
    server.cluster.mkdir(parents=True)
    server.start()
    assert server.pid()


def test_a_damaged_data_folder_is_one_clear_sentence(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (server.cluster / "global" / "pg_control").write_bytes(b"\0" * 64)
    with pytest.raises(EmbeddedPostgresError, match=r"did not start.*move .* away"):
        server.start()


def test_a_server_that_fails_before_its_first_fatal_line_is_quoted_all_the_same(server: EmbeddedPostgres) -> None:
    """Without pg_control it only says so in plain words; fatal lines of former starts are not the reason."""
    server.start()
    server.stop()
    with server.log.open("a") as log:
        log.write("2026-01-01 10:00:00.000 UTC [7] FATAL:  of another day\n")
    (server.cluster / "global" / "pg_control").unlink()
    with pytest.raises(
        EmbeddedPostgresError, match=r"did not start: .*pg_control.*No such file.*move .* away"
    ) as refused:
        server.start()
    assert "of another day" not in str(refused.value)
    assert "no reason" not in str(refused.value)


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="cannot be written"):
        EmbeddedPostgres(tmp_path / "file" / "data").start()


def test_a_path_too_long_for_a_socket_moves_the_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90) / "data"
    assert len(str(socket_directory(deep))) < 100
    server = EmbeddedPostgres(deep)
    server.start()
    server.stop()


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


def owners(*paths: Path) -> set[str]:
    """Whom these files and all below them belong to."""
    everything = [path for start in paths for path in (start, *start.rglob("*"))]
    return {pwd.getpwuid(path.lstat().st_uid).pw_name for path in everything if path.exists()}


@root_only
def test_a_start_by_root_takes_the_data_from_nobody(server: EmbeddedPostgres) -> None:
    """`sudo make run` in a person's checkout: the server runs as that person, in a new folder and in an old one."""
    shutil.chown(server.data_dir, "daemon", "daemon")
    for _ in range(2):
        server.start()
        assert Path(f"/proc/{server.pid()}").owner() == "daemon"
        server.stop()
        assert owners(server.cluster, server.log, socket_directory(server.data_dir)) == {"daemon"}
    shutil.chown(server.cluster, "nobody")  # what such a start did formerly
    server.start()
    server.stop()
    assert owners(server.cluster) == {"daemon"}


@root_only
def test_files_of_another_account_are_one_clear_sentence(server: EmbeddedPostgres) -> None:
    server.cluster.mkdir(parents=True)
    (server.cluster / "PG_VERSION").write_text("18\n")
    with pytest.raises(EmbeddedPostgresError, match=r"belongs to root .* run as nobody.* sudo chown -R nobody \S+"):
        server.start()
    assert owners(server.cluster) == {"root"}


def test_a_folder_of_another_person_is_one_clear_sentence(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.cluster.mkdir(parents=True)
    owner = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: 65_000)
    with pytest.raises(EmbeddedPostgresError, match=rf"belongs to {owner} and .* sudo chown -R 65000 \S+"):
        server.start()


@root_only
def test_a_right_that_is_added_for_the_server_is_said(server: EmbeddedPostgres) -> None:
    said: list[str] = []
    private = server.data_dir / "private"
    private.mkdir(mode=0o700)
    inside = EmbeddedPostgres(private / "data", dict(SAFE), say=said.append)
    for _ in range(2):  # the second time nothing is changed
        inside.start()
        inside.stop()
    (sentence,) = said
    assert f"runs as nobody, for whom the right to pass through {server.data_dir}, {private}" in sentence
    assert private.stat().st_mode & 0o777 == 0o701

"""`cursive up` as a stranger meets it: it starts, says where it is, survives the death of any part, and stops clean."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cursive_app.preflight import free_port
from cursive_app.sandbox.logins import LOGINS, PASSWORD, WORKSPACE_SLUG
from db.embedded import socket_url
from tests.product import Product, wait_for

PATIENCE = 120.0  # for what comes when it comes; what is promised in seconds says so where it is tested
linux_only = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")
pytestmark = [linux_only, pytest.mark.xdist_group("up")]  # one worker, one product


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="cursive-up-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def house(folder: Path) -> Iterator[Product]:
    """One product for the tests of this module."""
    running = Product(folder / "data")
    yield running
    if running.process is not None and running.process.poll() is None:
        running.kill()
    wait_for(lambda: not running.pids(), seconds=15, what="the end of all processes")


@pytest.fixture
def product(house: Product) -> Product:
    """The product, running and ready, whatever the test before did to it."""
    if house.process is None or house.process.poll() is not None:
        house.start()
    wait_for(lambda: ready(house), seconds=PATIENCE, what="readiness")
    return house


@pytest.fixture
def stopped(house: Product) -> Product:
    """The product, stopped, with its data."""
    if not (house.data_dir / "postgres").exists():
        house.start()
    if house.process is not None and house.process.poll() is None:
        house.stop()
    return house


def workspace_id(product: Product) -> str:
    with psycopg.connect(socket_url(product.data_dir)) as connection:
        row = connection.execute("SELECT id::text FROM workspaces WHERE slug = %s", (WORKSPACE_SLUG,)).fetchone()
    assert row is not None
    return str(row[0])


def ready(product: Product) -> bool:
    return product.get("/readyz")[0] == 200


def web_workers(product: Product) -> list[int]:
    """The web process and the granian worker it forked, oldest first."""
    return sorted(product.pids_running("web"))


def test_it_says_where_it_is_and_who_can_log_in(product: Product) -> None:
    assert f"Cursive is running at {product.url}" in product.output
    assert PASSWORD in product.output
    for login in LOGINS:
        assert login.email in product.output
    assert f":{product.sandbox_port}/mailbox" in product.output
    for part in ("embedded Postgres", "synthetic people", "mailbox page"):
        assert part in product.output
    assert "Traceback" not in product.output
    status, body = product.get("/login")
    assert status == 200
    assert b"Cursive" in body
    assert ready(product)


def test_a_second_start_in_the_same_folder_says_so(product: Product) -> None:
    second = Product(product.data_dir)
    second.launch()
    assert second.process is not None
    assert second.process.wait(30) == 1
    assert product.process is not None
    wait_for(lambda: second.lines, seconds=5, what="a sentence")
    assert f"already runs on this data folder: process {product.process.pid}, {product.url}" in second.output
    assert len(second.lines) == 1
    assert ready(product)


@pytest.mark.parametrize("part", ["web", "worker", "sandbox"])
def test_a_killed_part_is_started_again(product: Product, part: str) -> None:
    before = product.pids_running(part)
    assert before
    killed = time.monotonic()
    os.kill(min(before), signal.SIGKILL)
    wait_for(lambda: set(product.pids_running(part)) - set(before), seconds=PATIENCE, what=f"a new {part}")
    assert time.monotonic() - killed < 2.5
    wait_for(lambda: ready(product), seconds=PATIENCE, what="readiness")
    wait_for(lambda: product.get("/mailbox/", base=product.sandbox_url)[0] == 200, seconds=PATIENCE, what="the mailbox")
    assert not set(product.pids_running(part)) & {min(before)}


def test_a_killed_web_worker_is_replaced(product: Product) -> None:
    """F1: the process that answers requests dies; its parent keeps the port."""
    parent, *children = web_workers(product)
    assert children
    os.kill(children[0], signal.SIGKILL)
    wait_for(lambda: ready(product) and len(web_workers(product)) > 1, seconds=PATIENCE, what="a new web worker")
    assert web_workers(product)[0] == parent


def test_postgres_killed_under_it_comes_back_with_the_data(product: Product) -> None:
    """F4."""
    before = workspace_id(product)
    postmaster = int((product.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGKILL)
    wait_for(lambda: "Postgres stopped unexpectedly" in product.output, seconds=PATIENCE, what="a word about it")
    wait_for(lambda: ready(product), seconds=PATIENCE, what="readiness")
    assert workspace_id(product) == before


def test_what_people_typed_is_in_no_log(product: Product) -> None:
    """P15, on the real logs of every process: a login with a right and a wrong password, a query string."""
    for password in (PASSWORD, "wrong-canary-password-7"):
        body = f"email=demo%40example.com&password={password}".encode()
        with socket.create_connection(("127.0.0.1", product.port), timeout=10) as connection:
            connection.sendall(
                b"POST /auth/login HTTP/1.1\r\nHost: localhost:%d\r\nOrigin: %s\r\nConnection: close\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
                % (product.port, product.url.encode(), len(body), body)
            )
            assert connection.recv(64).split()[1] in (b"303", b"302", b"400", b"401", b"429")
    product.get("/verify?token=canary-in-a-query-string")
    logs = "".join(path.read_text(errors="replace") for path in (product.data_dir / "logs").iterdir())
    assert "/auth/login" in logs
    for canary in ("demo@example.com", "demo%40", PASSWORD, "wrong-canary", "canary-in-a-query-string"):
        assert canary not in logs


def test_kill_9_of_the_whole_leaves_nothing_behind_and_the_data_whole(product: Product) -> None:
    before = workspace_id(product)
    product.kill()
    wait_for(lambda: not product.pids(), seconds=10, what="the end of all processes")
    product.start()
    assert workspace_id(product) == before


def test_ctrl_c_stops_everything_within_ten_seconds(product: Product) -> None:
    started = time.monotonic()
    assert product.stop() == 0
    assert time.monotonic() - started < 10
    assert product.pids() == []
    assert (product.data_dir / "up.lock").read_text() == ""
    assert "Traceback" not in product.output


def test_a_second_start_is_quick_and_stops_on_sigterm(stopped: Product) -> None:
    product = stopped
    product.start()  # 15 s on two free cores; tests share theirs
    assert product.process is not None
    product.process.send_signal(signal.SIGTERM)
    assert product.process.wait(15) == 0
    assert product.pids() == []


def test_a_signal_during_the_start_leaves_nothing(stopped: Product) -> None:
    product = stopped
    for delay in (0.2, 1.0, 2.5):
        product.launch()
        assert product.process is not None
        time.sleep(delay)  # the moment of the signal is what varies here
        product.process.send_signal(signal.SIGINT)
        code = product.process.wait(20)  # before it could take the signal over, the interpreter's own way of ending
        assert code in (0, -signal.SIGINT) or "Aborted!" in product.output
        wait_for(lambda: not product.pids(), seconds=10, what="the end of all processes")


def refusal(product: Product) -> list[str]:
    """What a start that fails says; it must be short and leave nothing."""
    product.launch()
    assert product.process is not None
    assert product.process.wait(60) == 1
    wait_for(lambda: product.lines, seconds=5, what="a sentence")
    assert "Traceback" not in product.output
    wait_for(lambda: not product.pids(), seconds=10, what="the end of all processes")
    return product.lines


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        said = refusal(Product(tmp_path / "data", port=port))
    assert said == [f"Port {port} is in use by another program. Choose another one: PORT={port + 10} make run"]


def test_a_chosen_sandbox_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        said = refusal(Product(tmp_path / "data", sandbox_port=port))
    assert said == [f"SANDBOX_PORT={port} is in use by another program. Choose another port or leave it unset."]


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (said,) = refusal(Product(tmp_path / "file" / "data"))
    assert said.startswith(f"The data folder {tmp_path}/file/data cannot be written")
    assert "set DATA_DIR to another folder" in said


def test_a_broken_data_folder(tmp_path: Path) -> None:
    cluster = tmp_path / "data" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("18\n")
    if os.geteuid() == 0:  # root runs it as whoever its files belong to
        shutil.chown(cluster / "PG_VERSION", "nobody")
    *before, sentence = refusal(Product(tmp_path / "data"))
    assert all("Postgres does not run as root" in line for line in before)  # it may be root who tests
    assert "embedded Postgres did not start" in sentence
    assert "move" in sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=False, capture_output=True
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (said,) = refusal(Product(disk / "data"))
        assert "MB are free" in said
        (disk / "filler").write_bytes(b"x" * 7_000_000)
        (disk / "rest").touch()
        with pytest.raises(OSError, match="No space"), (disk / "rest").open("wb", buffering=0) as rest:
            while True:
                rest.write(b"x" * 65536)
        (said,) = refusal(Product(disk / "data"))
        assert "No space left" in said
        assert "Free some space" in said
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_a_setting_that_makes_no_sense(tmp_path: Path) -> None:
    product = Product(tmp_path / "data", variables={"PORT": "eighty"})
    product.launch()
    assert product.process is not None
    assert product.process.wait(30) != 0
    wait_for(lambda: product.lines, seconds=5, what="a sentence")
    assert product.lines == ["PORT is “eighty”; it must be a whole number from 1 to 65,535."]


def test_production_without_its_settings_is_refused_by_every_process(tmp_path: Path) -> None:
    product = Product(tmp_path / "data", variables={"CURSIVE_ENV": "production"})
    said = refusal(product)
    assert said[0] == "Not safe for production:"
    assert len(said) > 4
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "cursive_app", command],
            env=product.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for command in ("web", "worker", "sandbox")
    ]  # fmt: skip
    for process in started:
        _, said_there = process.communicate(timeout=60)
        assert process.returncode == 78
        assert "SECRET_KEY must be set" in said_there
        assert "Traceback" not in said_there


def test_defaults_that_are_taken_are_replaced(tmp_path: Path) -> None:
    """Two checkouts on one machine: the second finds other ports for its sandbox by itself."""
    from cursive_app.preflight import sandbox_ports
    from cursive_app.settings import Settings

    with socket.create_server(("127.0.0.1", free_port())) as holder:
        taken = holder.getsockname()[1]
        config = Settings.model_construct(
            _fields_set=set(), **{**Settings().model_dump(), "data_dir": tmp_path, "sandbox_port": taken}
        )
        ports = sandbox_ports(config)
    assert int(ports["SANDBOX_PORT"]) != taken

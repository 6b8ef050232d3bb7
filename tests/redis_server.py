"""A Redis of the tests' own: the system's server on a free port, nothing kept."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from cursive_app.preflight import free_port
from tests.product import wait_for


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The address of a new, empty server. Skips the test where there is none to start (`bin/redis` installs one)."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("no redis-server on this machine")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        address = f"redis://127.0.0.1:{port}/0"
        with redis.Redis.from_url(address) as client:
            wait_for(lambda: _answers(client), seconds=20, what="Redis")
        yield address
    finally:
        process.kill()
        process.wait(10)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False

"""F27: a list of any length is read, or refused at the limit, within 512 MB."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MOST_MEGABYTES = 512

# The kernel's own mark of this program: ru_maxrss would count what the test process held when it forked.
PEAK = """
def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
"""

READ = """
import sys
from cursive_app.services.enrichment.checking import check
from cursive_app.services.enrichment.csv_blocks import frames
from cursive_app.services.enrichment.csv_rows import Dialect

line = b'dana@acme.example,(512) 555-0101,"Acme, Inc.",' + b"x" * 200 + b"\\n"
piece = line * 2_000
width = 4

def pieces():
    for _ in range(int(sys.argv[1])):
        yield piece

rows = 0
for number, frame in enumerate(frames(pieces(), Dialect(",", '"', "\\n"), width=width)):
    rows += frame.height
    if number % 10 == 0:
        check(frame, {0: "email", 1: "phone"})
print(rows, peak())
"""

OPEN = """
import sys
from pathlib import Path
from uuid import uuid4
from cursive_app.services import enrichment
from db.roles import Role
from db.scope import Tenant

tenant = Tenant(workspace_id=uuid4(), user_id=None, role=Role.OWNER)
try:
    enrichment.open_upload(tenant, path=Path(sys.argv[1]), filename="large.csv")
except enrichment.Refused as error:
    print(error.reason, peak())
"""


def run(script: str, *arguments: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", PEAK + script, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.split()


@pytest.mark.faults
def test_any_length_passes_through_a_small_process(trials: Callable[[int, int], int]) -> None:
    pieces = trials(100, 2_000)  # of half a megabyte
    for _ in range(trials(1, 3)):
        rows, megabytes = run(READ, str(pieces))
        assert int(rows) == 2_000 * pieces
        assert int(megabytes) < MOST_MEGABYTES


@pytest.mark.faults
def test_a_gigabyte_is_refused_at_the_door(tmp_path: Path, trials: Callable[[int, int], int]) -> None:
    plain = tmp_path / "plain.csv"
    with plain.open("wb") as file:
        file.write(b"E-mail\n")
        file.truncate(1_000_000_000)
    for _ in range(trials(1, 13)):
        reason, megabytes = run(OPEN, str(plain))
        assert (reason, int(megabytes) < MOST_MEGABYTES) == ("too_large", True)


@pytest.mark.faults
def test_a_packed_file_is_refused_where_it_grows_too_large(tmp_path: Path, trials: Callable[[int, int], int]) -> None:
    packed = tmp_path / "packed.csv.gz"
    script = (
        "import gzip, os, sys\n"
        "with gzip.open(sys.argv[1], 'wb', compresslevel=1) as file:\n"
        "    for n in range(250):\n"
        "        file.write(os.urandom(14_000).hex().encode() + b',x\\n' + b'dana@acme.example,note\\n' * 42_000)\n"
    )
    run(script, str(packed))
    assert packed.stat().st_size < 25 * 1024 * 1024
    for _ in range(trials(1, 14)):
        reason, megabytes = run(OPEN, str(packed))
        assert (reason, int(megabytes) < MOST_MEGABYTES) == ("bomb", True)

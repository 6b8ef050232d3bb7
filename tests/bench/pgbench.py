"""Transactions per second of one pgbench script, prepared, over the socket."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from db.embedded import _binary


def rate(folder: Path, url: str, statements: str, *, clients: int, seconds: int) -> float:
    """Transactions per second for a few seconds. Raises RuntimeError when one of them failed."""
    script = folder / f"{abs(hash(statements))}.sql"
    script.write_text(statements)
    command = [
        _binary("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds),
        "-f", str(script), url,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None or (failed and int(failed[1])):
        raise RuntimeError(done.stdout + done.stderr)
    return float(found[1])

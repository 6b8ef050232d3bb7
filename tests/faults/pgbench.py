"""Clients written in C that count what was acknowledged to them, faster than Python could ask."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path
from uuid import UUID

from db.embedded import _binary
from db.engine import database, psycopg_address

SCRIPT = """
\\set number :number + 1
INSERT INTO audit_entries (id, workspace_id, actor_label, action, object_type, object_id)
VALUES (gen_random_uuid(), current_setting('app.workspace_id')::uuid, 'pgbench', 'trial.ack', '{round}',
        :client_id || '/' || :number);
"""


class Clients:
    """`clients` connections as the restricted role that write one audit entry after the other, each in its own
    transaction, until their server dies. Client `c` writes `c/1`, `c/2`… under the name of the round."""

    def __init__(self, folder: Path, *, workspace_id: UUID, name: str, clients: int) -> None:
        self._folder = folder / name
        self._folder.mkdir()
        script = self._folder / "script.sql"
        script.write_text(SCRIPT.format(round=name))
        command = [
            _binary("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", "600", "-D", "number=0",
            "-l", "-f", str(script), psycopg_address(database().app.url),
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command,
            cwd=self._folder,
            env={**os.environ, "PGOPTIONS": f"-c app.workspace_id={workspace_id}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def acknowledged(self) -> Counter[int]:
        """How many transactions each client was told to be committed, once all have lost their server."""
        told, _ = self._process.communicate(timeout=60)
        assert "aborted" in told, told
        counts: Counter[int] = Counter()
        for log in self._folder.glob("pgbench_log.*"):
            for line in log.read_text().splitlines():
                counts[int(line.split()[0])] += 1
        return counts

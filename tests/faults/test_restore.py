"""P10: a backup that was made while people spend starts as a server of its own, whole, with all that was acknowledged
before the backup began. What archiving makes of it (to any second) is Postgres' own and not tried here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from cursive_app.services import credits
from cursive_app.settings import Settings
from db import engine as db_engine
from db.embedded import SAFE, EmbeddedPostgres, _binary, socket_directory
from db.engine import connect
from db.migrate import migrate
from db.models.credits import CreditLine
from tests.factories import Cast
from tests.factories_credits import balance_of, sums_of
from tests.faults.processes import wait_until
from tests.faults.test_run_database import Spender
from tests.faults.test_worker_database import own_cast, own_postgres

__all__ = ["own_cast", "own_postgres"]

pytestmark = pytest.mark.faults


def back_up(server: EmbeddedPostgres, into: Path) -> None:
    """A base backup with the log that belongs to it, as the server's user, looked through file by file."""
    user = server._account()  # None: as we are
    into.mkdir()
    if user is not None:
        os.chown(into, user.uid, user.gid)
    host = str(socket_directory(server.data_dir))
    target = str(into / "postgres")
    for command in (
        [_binary("pg_basebackup"), "-h", host, "-U", "postgres", "-D", target, "-X", "stream", "-c", "fast"],
        [_binary("pg_verifybackup"), target],
    ):
        who: dict[str, Any] = {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **who)
        assert done.returncode == 0, done.stderr


def test_a_backup_made_under_spends_is_whole_when_it_is_started(
    own_postgres: EmbeddedPostgres,
    own_cast: Cast,
    config: Settings,
    data_folder: Path,
    trials: Callable[[int, int], int],
    tell: Callable[[str], None],
) -> None:
    """The restored server stands beside the one that goes on, and knows nothing of what came after."""
    for number in range(trials(1, 5)):
        spenders = [Spender() for _ in range(3)]
        folder = data_folder / f"restored-{number}"
        try:
            wait_until(lambda: all(len(one.acknowledged) > 20 for one in spenders), seconds=60, what="spends")  # noqa: B023
            before = {one.tenant: set(one.acknowledged) for one in spenders}
            back_up(own_postgres, folder)
            wait_until(lambda: all(one.acknowledged > before[one.tenant] for one in spenders), seconds=60, what="more")  # noqa: B023
        finally:
            for one in spenders:
                one.stop()
        for one in spenders:
            one.assert_every_spend_is_there_once()
        restored = EmbeddedPostgres(folder, dict(SAFE))
        restored.start()
        own = config.model_copy(update={"database_url": SecretStr(restored.url), "data_dir": folder})
        migrate(own)  # as operations.md says; the schema is at its head already
        there = connect(own)
        former = db_engine.use(there)
        try:
            proof = credits.prove()
            assert proof.holds, proof.differences
            for one in spenders:
                assert_is_of_the_moment(one, before[one.tenant])
        finally:
            db_engine.use(former)
            there.dispose()
            restored.stop()
        tell(f"a backup under spends restored: {proof.lines:,} lines of {proof.workspaces:,} workspaces prove")


def assert_is_of_the_moment(spender: Spender, before: set[str]) -> None:
    """All that was acknowledged before the backup, nothing that was never asked for, and the sum of it."""
    with spender.tenant.begin() as scope:
        lines = select(CreditLine.idempotency_key).where(scope.owned(CreditLine), CreditLine.kind == "debit")
        stored = scope.session.scalars(lines).all()
    assert len(stored) == len(set(stored))
    assert before <= set(stored) <= spender.acknowledged
    assert balance_of(spender.tenant) == sums_of(spender.tenant.workspace_id) == (100_000 - len(stored), 0)

"""F4 for what people pay for: Postgres is stopped or killed while runs are delivered and credits are spent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import select

from cursive_app.errors import Unavailable
from cursive_app.services import credits
from db.embedded import EmbeddedPostgres
from db.models.credits import CreditLine
from db.scope import Tenant
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.faults.processes import Process, wait_until
from tests.faults.test_run_killed import WORKER, Trial, assert_whole, begin
from tests.faults.test_worker_database import crash, own_cast, own_postgres
from tests.sandbox_fixtures import Sandbox

__all__ = ["own_cast", "own_postgres"]

pytestmark = pytest.mark.faults

Spawn = Callable[..., Process]
Trials = Callable[[int, int], int]
LEADS = 200


class Spender:
    """Somebody who spends one credit after the other and asks again with the same key when the answer is missing."""

    def __init__(self) -> None:
        self.tenant: Tenant = make_cast().alice
        fund(self.tenant.workspace_id, 100_000)
        self.acknowledged: set[str] = set()
        self.refused = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._spend)
        self._thread.start()

    def _spend(self) -> None:
        while not self._stop.is_set():
            key = f"spend:{len(self.acknowledged)}"
            try:
                with self.tenant.begin() as scope:
                    credits.debit(scope, amount=Decimal(1), key=key, description="Spend")
            except Unavailable:
                self.refused += 1
                self._stop.wait(0.02)
                continue
            self.acknowledged.add(key)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def assert_every_spend_is_there_once(self) -> None:
        with self.tenant.begin() as scope:
            keys = scope.session.scalars(
                select(CreditLine.idempotency_key).where(scope.owned(CreditLine), CreditLine.kind == "debit")
            ).all()
        assert len(keys) == len(set(keys))
        assert self.acknowledged <= set(keys)
        assert balance_of(self.tenant) == sums_of(self.tenant.workspace_id) == (100_000 - len(keys), 0)


def test_runs_and_spends_outlive_their_database(
    spawn: Spawn, own_postgres: EmbeddedPostgres, own_cast: Cast, sandbox: Sandbox, trials: Trials
) -> None:
    worker = spawn(
        WORKER,
        DATABASE_URL=own_postgres.url,
        AUDIENCELAB_BASE_URL=sandbox.url,
        AUDIENCELAB_PAGE_SIZE="20",
        AUDIENCELAB_PAGE_PAUSE_SECONDS="0.2",
    )
    for _ in range(trials(1, 4)):
        spenders = [Spender() for _ in range(3)]
        everyone = [begin(LEADS) for _ in range(3)]
        for page, fault in ((2, EmbeddedPostgres.stop), (5, crash)):
            wait_until(lambda: any(_page(one) > page for one in everyone), seconds=60, what=f"page {page}")  # noqa: B023
            fault(own_postgres)
            refused = {id(one): one.refused for one in spenders}
            wait_until(
                lambda: all(one.refused > refused[id(one)] + 1 for one in spenders),  # noqa: B023
                seconds=30,
                what="everybody to meet a closed door",
            )
            own_postgres.start()
        wait_until(lambda: all(map(_has_ended, everyone)), seconds=90, what="the end of every run")  # noqa: B023
        for spender in spenders:
            before = len(spender.acknowledged)
            wait_until(lambda: len(spender.acknowledged) > before, seconds=10, what="spending to go on")  # noqa: B023
            spender.stop()
            spender.assert_every_spend_is_there_once()
        for one in everyone:
            assert_whole(one, LEADS)
        assert credits.prove().holds
        assert worker.is_alive


def _page(trial: Trial) -> int:
    """The page the run is at; past all pages once it has ended. 0 while the database is away."""
    try:
        return 1_000 if trial.has_ended() else trial.page()
    except Unavailable:
        return 0


def _has_ended(trial: Trial) -> bool:
    try:
        return trial.has_ended()
    except Unavailable:
        return False

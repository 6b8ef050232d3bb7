"""People and money while the database misbehaves: a clean refusal, never half an effect (F5, F11, F12, F13, F17)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import func, select, text

from cursive_app.errors import InsufficientCredits, Unavailable
from cursive_app.services import credits
from cursive_app.settings import Settings, settings
from db import engine as db_engine
from db.embedded import socket_directory, socket_url
from db.engine import Database, connect
from db.models.accounts import AuditEntry
from db.models.credits import CreditLine
from db.system import system_scope
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.faults.socket_proxy import SocketProxy

pytestmark = pytest.mark.faults

Trials = Callable[[int, int], int]


@pytest.fixture
def proxy(config: Settings, database: Database, tmp_path: Path) -> Iterator[SocketProxy]:
    """This process's database, reached through a proxy; the direct one stays in the fixture `database`."""
    value = SocketProxy(upstream=socket_directory(config.data_dir), directory=tmp_path / "p")
    value.start()
    url = f"postgresql://postgres@/cursive?host={value.directory}"
    proxied = connect(config.model_copy(update={"database_url": type(config.secret_key)(url)}))
    former = db_engine.use(proxied)
    yield value
    db_engine.use(former)
    value.stop()
    proxied.dispose()


def lines_of(cast: Cast) -> list[CreditLine]:
    with cast.alice.begin() as scope:
        return list(scope.session.scalars(scope.select(CreditLine).order_by(CreditLine.seq)))


def grant(cast: Cast, amount: int) -> None:
    with system_scope() as scope:
        credits.grant(
            scope,
            workspace_id=cast.workspace_id,
            amount=Decimal(amount),
            key=f"grant:{uuid4()}",
            description="Test credits",
        )


def assert_ledger_is_whole(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        standing = credits.balance(scope)
        total = scope.session.scalar(
            select(func.coalesce(func.sum(CreditLine.change), 0)).where(scope.owned(CreditLine))
        )
    assert standing.available == total


@pytest.mark.parametrize("mode", ["cut_after_commit", "cut_before_commit"])
def test_a_reset_at_commit_is_settled_by_the_same_key(
    cast: Cast, proxy: SocketProxy, mode: str, trials: Trials
) -> None:
    """F12: the client cannot know whether the debit happened; asking again with its key makes it happen once."""
    count = trials(25, 250)
    grant(cast, count)
    for number in range(count):
        key = f"spend:{number}"
        proxy.mode = mode  # type: ignore[assignment]
        with pytest.raises(Unavailable), cast.alice.begin() as scope:
            credits.debit(scope, amount=Decimal(1), key=key, description="Spend")
        proxy.mode = "pass"
        with cast.alice.begin() as scope:
            credits.debit(scope, amount=Decimal(1), key=key, description="Spend")
    assert proxy.cuts >= count
    assert len([line for line in lines_of(cast) if line.kind == "debit"]) == count
    with cast.alice.begin() as scope:
        assert credits.balance(scope).available == 0
    assert_ledger_is_whole(cast)


def test_a_terminated_backend_is_a_clean_refusal_and_the_next_try_works(
    cast: Cast, database: Database, trials: Trials
) -> None:
    """F5."""
    count = trials(20, 200)
    grant(cast, count)
    for number in range(count):
        with pytest.raises(Unavailable), cast.alice.begin() as scope:
            credits.debit(scope, amount=Decimal(1), key=f"spend:{number}", description="Spend")
            pid = scope.session.scalar(text("SELECT pg_backend_pid()"))
            _terminate(pid)
            scope.session.execute(text("SELECT 1"))
        with cast.alice.begin() as scope:
            credits.debit(scope, amount=Decimal(1), key=f"spend:{number}", description="Spend")
    assert_ledger_is_whole(cast)
    with cast.alice.begin() as scope:
        assert credits.balance(scope).available == 0


def _terminate(pid: int | None) -> None:
    with psycopg.connect(socket_url(settings().data_dir), autocommit=True) as owner:
        owner.execute("SELECT pg_terminate_backend(%s)", (pid,))


def test_a_stalled_network_ends_in_a_refusal_and_recovers_when_it_clears(
    cast: Cast, proxy: SocketProxy, trials: Trials
) -> None:
    """F11: slow is only slow; after a stall that ends in a cut nothing is half-written, and the next request works."""
    chance = random.Random(20260101)
    kept: list[str] = []
    for number in range(trials(5, 50)):
        proxy.mode, proxy.delay_seconds = "delay", chance.uniform(0.01, 0.2)
        kept.append(_write(cast, f"slow but fine {number}"))
        proxy.mode = "pass"
        _write_into_a_black_hole(cast, proxy)
        began = time.monotonic()
        kept.append(_write(cast, f"after the stall {number}"))
        assert time.monotonic() - began < 15
    with cast.alice.begin() as scope:
        actions = scope.session.scalars(scope.select(AuditEntry).with_only_columns(AuditEntry.action)).all()
    assert sorted(actions) == sorted(kept)


def _write(cast: Cast, action: str) -> str:
    with cast.alice.begin() as scope:
        return scope.add(AuditEntry(actor_label="Alice", action=action, object_type="demo")).action


def _write_into_a_black_hole(cast: Cast, proxy: SocketProxy) -> None:
    """The network swallows a request inside its transaction, and is cut in the end."""
    outcome: list[object] = []

    def write() -> None:
        try:
            with cast.alice.begin() as scope:
                proxy.mode = "blackhole"
                scope.add(AuditEntry(actor_label="Alice", action="swallowed", object_type="demo"))
        except Unavailable as refused:
            outcome.append(refused)

    thread = threading.Thread(target=write)
    thread.start()
    while proxy.mode != "blackhole":
        time.sleep(0.01)
    proxy.drop_all()
    proxy.mode = "pass"
    thread.join(20)
    assert not thread.is_alive()
    assert outcome, "a conversation that was cut must be refused"


def test_a_full_pool_refuses_within_a_second_or_so(
    cast: Cast, config: Settings, database: Database, trials: Trials
) -> None:
    """F13: the eleventh request is told to come back; it does not hang."""
    small = connect(config.model_copy(update={"database_pool_size": 2}))
    former = db_engine.use(small)
    try:
        for _ in range(trials(3, 30)):
            _fill_the_pool_and_ask(cast)
    finally:
        db_engine.use(former)
        small.dispose()


def _fill_the_pool_and_ask(cast: Cast) -> None:
    release = threading.Event()
    holding = threading.Barrier(3)

    def hold() -> None:
        with cast.alice.begin() as scope:
            scope.session.execute(text("SELECT 1"))
            holding.wait(10)
            release.wait(10)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        holding.wait(10)
        began = time.monotonic()
        with pytest.raises(Unavailable), cast.alice.begin():
            pass
        assert time.monotonic() - began < 3
    finally:
        release.set()
        for thread in threads:
            thread.join(10)
    with cast.alice.begin() as scope:
        assert scope.session.scalar(text("SELECT 1")) == 1


def test_a_hot_workspace_never_overdraws_and_does_not_hold_up_others(database: Database, trials: Trials) -> None:
    """F17: a hundred at once on one balance are served one by one; another workspace is served meanwhile."""
    for _ in range(trials(5, 50)):
        _crowd_on_one_balance(make_cast())


def _crowd_on_one_balance(cast: Cast) -> None:
    grant(cast, 50)
    fund(cast.charlie.workspace_id, 10)
    refused: list[int] = []
    served: list[int] = []

    def spend(number: int) -> None:
        while True:
            try:
                with cast.alice.begin() as scope:
                    credits.debit(scope, amount=Decimal(1), key=f"hot:{number}", description="Spend")
                served.append(number)
                return
            except InsufficientCredits:
                refused.append(number)
                return
            except Unavailable:
                continue

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    others = 0
    while others < 10:
        try:
            with cast.charlie.begin() as scope:
                credits.debit(scope, amount=Decimal(1), key=f"other:{others}", description="Spend")
        except Unavailable:
            continue
        others += 1
    for thread in threads:
        thread.join(60)
    assert (len(served), len(refused)) == (50, 50)
    with cast.alice.begin() as scope:
        assert credits.balance(scope).available == 0
    assert_ledger_is_whole(cast)
    assert balance_of(cast.charlie) == sums_of(cast.charlie.workspace_id) == (0, 0)

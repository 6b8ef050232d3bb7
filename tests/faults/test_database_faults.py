"""People and money while the database misbehaves: a clean refusal, never half an effect (F5, F11, F12, F13, F17)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
from db.scope import Scope, Tenant
from db.system import system_scope
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.faults.processes import wait_until
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


def debits_of(cast: Cast) -> list[CreditLine]:
    return [line for line in lines_of(cast) if line.kind == "debit"]


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
    assert len(debits_of(cast)) == count
    with cast.alice.begin() as scope:
        assert credits.balance(scope).available == 0
    assert_ledger_is_whole(cast)


MOMENTS = ("before it spends", "while a statement runs", "after it has spent", "at commit")


def test_a_terminated_backend_is_a_clean_refusal_and_the_next_try_works(
    cast: Cast, database: Database, trials: Trials
) -> None:
    """F5, at any moment of a transaction."""
    count, chance = trials(20, 200), random.Random(20260105)
    grant(cast, count)
    for number in range(count):
        key, moment = f"spend:{number}", chance.choice(MOMENTS)
        with pytest.raises(Unavailable), cast.alice.begin() as scope:
            _spend_and_lose_the_connection(scope, key, moment)
        assert len(debits_of(cast)) == number, f"half an effect of a connection that ended {moment}"
        with cast.alice.begin() as scope:
            credits.debit(scope, amount=Decimal(1), key=key, description="Spend")
    assert_ledger_is_whole(cast)
    with cast.alice.begin() as scope:
        assert credits.balance(scope).available == 0


def _spend_and_lose_the_connection(scope: Scope, key: str, moment: str) -> None:
    pid = scope.session.scalar(text("SELECT pg_backend_pid()"))
    if moment == "before it spends":
        _terminate(pid)
    credits.debit(scope, amount=Decimal(1), key=key, description="Spend")
    if moment == "while a statement runs":
        with ThreadPoolExecutor(1) as beside:
            ended = beside.submit(_terminate_at_work, pid)
            try:
                scope.session.execute(text("SELECT pg_sleep(4)"))
            finally:
                ended.result(20)
    _terminate(pid)
    if moment == "after it has spent":
        scope.session.execute(text("SELECT 1"))


def _terminate_at_work(pid: int | None) -> None:
    with psycopg.connect(socket_url(settings().data_dir), autocommit=True) as owner:
        asleep = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
        wait_until(lambda: owner.execute(asleep, (pid,)).fetchone(), seconds=10, what="a statement at work")
        owner.execute("SELECT pg_terminate_backend(%s)", (pid,))


def _terminate(pid: int | None) -> None:
    with psycopg.connect(socket_url(settings().data_dir), autocommit=True) as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


LONGEST_STALL = 6.0  # seconds, beyond the five that a statement of a page may take


def test_a_stalled_network_ends_in_a_refusal_and_recovers_when_it_clears(
    cast: Cast, proxy: SocketProxy, trials: Trials
) -> None:
    """F11: slow is only slow; after a stall nothing is half-written, and the next request works."""
    chance, kept = random.Random(20260101), list[str]()
    for number in range(trials(5, 50)):
        proxy.mode, proxy.delay_seconds = "delay", chance.uniform(0.1, 0.5)
        kept.append(_write(cast, f"slow but fine {number}"))
        proxy.mode = "pass"
        seconds = LONGEST_STALL if number % 10 == 0 else chance.uniform(0.1, 2)
        kept += _write_into_a_black_hole(cast, proxy, f"swallowed {number}", seconds, ends_in_a_cut=number % 2 == 0)
        began = time.monotonic()
        kept.append(_write(cast, f"after the stall {number}"))
        assert time.monotonic() - began < 15
    assert sorted(_written(cast)) == sorted(kept)


def test_a_network_slower_than_any_deadline_is_refused_and_leaves_nothing_by_halves(
    cast: Cast, proxy: SocketProxy, trials: Trials
) -> None:
    """F11: ten seconds for each message; the server ends a transaction that says nothing for fifteen."""
    for number in range(trials(1, 5)):
        _write(cast, f"before {number}")
        proxy.mode, proxy.delay_seconds = "delay", 10.0
        began = time.monotonic()
        with pytest.raises(Unavailable):
            _write(cast, f"too slow {number}")
        assert time.monotonic() - began < 60
        proxy.mode = "pass"
        _write(cast, f"after {number}")
    assert not [action for action in _written(cast) if action.startswith("too slow")]


def _written(cast: Cast) -> list[str]:
    with cast.alice.begin() as scope:
        return list(scope.session.scalars(scope.select(AuditEntry).with_only_columns(AuditEntry.action)))


def _write(cast: Cast, action: str) -> str:
    with cast.alice.begin() as scope:
        return scope.add(AuditEntry(actor_label="Alice", action=action, object_type="demo")).action


def _write_into_a_black_hole(
    cast: Cast, proxy: SocketProxy, action: str, seconds: float, *, ends_in_a_cut: bool
) -> list[str]:
    """The network swallows a request inside its transaction and holds it for so long; then it is cut, or it clears and
    what was under way arrives. Returns what must be there."""
    outcome: list[Unavailable | None] = []
    before = proxy.swallowed

    def write() -> None:
        try:
            with cast.alice.begin() as scope:
                proxy.mode = "blackhole"
                scope.add(AuditEntry(actor_label="Alice", action=action, object_type="demo"))
            outcome.append(None)
        except Unavailable as refused:
            outcome.append(refused)

    thread = threading.Thread(target=write)
    thread.start()
    wait_until(lambda: proxy.swallowed > before, seconds=10, what="a message in the black hole")
    thread.join(seconds)
    assert thread.is_alive(), "nothing can be known while the network is silent"
    if ends_in_a_cut:
        proxy.drop_all()
    proxy.mode = "pass"
    thread.join(20)
    assert not thread.is_alive()
    (refused,) = outcome
    assert (refused is not None) is ends_in_a_cut, "a cut is refused, and a stall that clears was only slow"
    return [] if ends_in_a_cut else [action]


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
    """F17: many at once on one balance are served one by one; another workspace is served meanwhile."""
    for _ in range(trials(5, 50)):
        _crowd_on_one_balance(make_cast())


CLIENTS, SPENDS_EACH = 16, 25


def _crowd_on_one_balance(cast: Cast) -> None:
    """Sixteen clients spend on half as much as they ask for. The tenth spend of somebody else ends before theirs do:
    nothing is measured by the clock, only who was served before whom."""
    asked = CLIENTS * SPENDS_EACH
    grant(cast, asked // 2)
    fund(cast.charlie.workspace_id, 10)
    began, served, refused = threading.Barrier(CLIENTS + 1), list[str](), list[str]()

    def spend(client: int) -> None:
        began.wait(20)
        for number in range(SPENDS_EACH):
            key = f"hot:{client}:{number}"
            try:
                _spend_however_often(cast.alice, key)
                served.append(key)
            except InsufficientCredits:
                refused.append(key)

    threads = [threading.Thread(target=spend, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    began.wait(20)
    for number in range(10):
        _spend_however_often(cast.charlie, f"other:{number}")
    meanwhile = len(served) + len(refused)
    for thread in threads:
        thread.join(60)
    assert meanwhile <= asked // 5, f"somebody else's ten spends waited for {meanwhile} of the crowd's {asked}"
    assert (len(served), len(refused)) == (asked // 2, asked // 2)
    assert len(debits_of(cast)) == asked // 2
    with cast.alice.begin() as scope:
        assert credits.balance(scope).available == 0
    assert_ledger_is_whole(cast)
    assert balance_of(cast.charlie) == sums_of(cast.charlie.workspace_id) == (0, 0)


def _spend_however_often(tenant: Tenant, key: str) -> None:
    """One credit, asked for again while the server is busy. Raises InsufficientCredits."""
    while True:
        try:
            with tenant.begin() as scope:
                credits.debit(scope, amount=Decimal(1), key=key, description="Spend")
        except Unavailable:
            continue
        return

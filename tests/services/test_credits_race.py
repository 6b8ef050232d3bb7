"""Many at once: nothing is overdrawn and nothing counts twice (P1). Broken connections are in `tests/faults`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest

from cursive_app.errors import Conflict, InsufficientCredits
from cursive_app.services import credits
from cursive_app.settings import Settings
from db import engine as db_engine
from db.engine import WEB_DEADLINES, Database, make_engine, role_url
from db.roles import APP_ROLE
from db.scope import Tenant
from tests.factories import Cast
from tests.factories_credits import balance_of, fund, sums_of


@pytest.fixture
def wide(database: Database, config: Settings) -> Iterator[None]:
    """Pools that let a whole crowd in at once and wait for a turn."""
    app = make_engine(role_url(config, APP_ROLE), pool_size=32, deadlines={**WEB_DEADLINES, "lock_timeout": "30s"})
    app.pool._timeout = 30  # type: ignore[attr-defined]  # the crowd waits for a connection, not for the ledger
    former = db_engine.use(Database(app=app, system=database.system))
    yield
    db_engine.use(former)
    app.dispose()


def debit(tenant: Tenant, amount: str | int, key: str) -> str:
    try:
        with tenant.begin() as scope:
            credits.debit(scope, amount=amount, key=key, description="Race")
    except InsufficientCredits:
        return "insufficient"
    except Conflict as refused:
        return refused.reason
    return "spent"


def crowd(size: int, act: Callable[[int], str]) -> Counter[str]:
    """All at the same moment, each on a thread of its own."""
    ready = Barrier(size)

    def one(number: int) -> str:
        ready.wait(60)
        return act(number)

    with ThreadPoolExecutor(size) as pool:
        return Counter(pool.map(one, range(size)))


def test_a_hundred_debits_on_a_balance_of_fifty(cast: Cast, wide: None) -> None:
    fund(cast.workspace_id, 50)
    outcome = crowd(100, lambda number: debit(cast.alice, 1, f"spend:{number}"))
    assert outcome == {"spent": 50, "insufficient": 50}
    assert balance_of(cast.alice) == (Decimal("0.00"), Decimal("0.00")) == sums_of(cast.workspace_id)
    with cast.alice.begin() as scope:
        lines = credits.list_lines(scope, limit=200).lines
    assert [line.seq for line in lines] == list(range(51, 0, -1))
    assert [line.balance_after for line in lines] == [Decimal(number) for number in range(51)]


def test_twins_with_one_key_spend_once(cast: Cast, wide: None) -> None:
    fund(cast.workspace_id, 50)
    assert crowd(50, lambda _: debit(cast.alice, 1, "twin")) == {"spent": 50}
    assert balance_of(cast.alice)[0] == Decimal("49.00")


def test_twins_with_one_key_spend_once_when_it_is_the_last_credit(cast: Cast, wide: None) -> None:
    fund(cast.workspace_id, 1)
    assert crowd(30, lambda _: debit(cast.alice, 1, "twin")) == {"spent": 30}
    assert balance_of(cast.alice)[0] == Decimal("0.00")


def test_parallel_refunds_never_exceed_the_debit(cast: Cast, wide: None) -> None:
    fund(cast.workspace_id, 100)
    with cast.alice.begin() as scope:
        spent = credits.debit(scope, amount=10, key="spend", description="Spend")

    def refund(number: int) -> str:
        try:
            with cast.alice.begin() as scope:
                credits.refund(scope, line_id=spent.id, amount=3, key=f"refund:{number}", description="Back")
        except Conflict as refused:
            return refused.reason
        return "refunded"

    assert crowd(20, refund) == {"refunded": 3, "exceeds": 17}
    assert balance_of(cast.alice)[0] == Decimal("99.00")


def test_captures_and_a_release_race_for_one_hold(cast: Cast, wide: None) -> None:
    fund(cast.workspace_id, 100)
    with cast.alice.begin() as scope:
        held = credits.hold(scope, amount=20, key="hold", description="Hold")

    def settle(number: int) -> str:
        try:
            with cast.alice.begin() as scope:
                if number == 7:
                    credits.release(scope, hold_id=held.id, key="release", description="Rest")
                    return "released"
                credits.capture(scope, hold_id=held.id, amount=1, key=f"c:{number}", description="Page")
                return "captured"
        except Conflict as refused:
            return refused.reason

    outcome = crowd(30, settle)
    available, still = balance_of(cast.alice)
    assert still == Decimal("0.00")
    assert (available, still) == sums_of(cast.workspace_id)
    assert outcome["captured"] <= 20  # none at all where the release came first
    assert available == 100 - outcome["captured"]


def test_a_hot_workspace_does_not_stop_another(cast: Cast, wide: None) -> None:
    """F17: sixteen clients on one row; somebody else's debits all succeed meanwhile."""
    fund(cast.workspace_id, 400)
    fund(cast.charlie.workspace_id, 20)
    others: list[str] = []

    def act(number: int) -> str:
        if number == 16:
            others.extend(debit(cast.charlie, 1, f"o:{turn}") for turn in range(20))
            return "other"
        return ",".join({debit(cast.alice, 1, f"h:{number}:{turn}") for turn in range(25)})

    assert crowd(17, act) == {"spent": 16, "other": 1}
    assert others == ["spent"] * 20
    assert balance_of(cast.alice)[0] == Decimal("0.00")

"""The ledger against a pure model: any sequence of operations leaves both with the same balances (hypothesis)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cursive_app.errors import Conflict, InsufficientCredits
from cursive_app.services import credits
from cursive_app.services.credits import LedgerLine
from db.system import system_scope
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of, sums_of

amounts = st.integers(1, 5000).map(lambda cents: Decimal(cents) / 100)


class LedgerMachine(RuleBasedStateMachine):
    """The model is two numbers, and for every line what is left of it to settle."""

    holds = Bundle("holds")
    debits = Bundle("debits")
    purchases = Bundle("purchases")

    @initialize()
    def start(self) -> None:
        self.cast: Cast = make_cast()
        self.available = self.held = Decimal(0)
        self.left: dict[Any, Decimal] = {}
        self.lines = 0

    def _key(self) -> str:
        return f"step:{self.lines}"

    def _posted(self, line: LedgerLine) -> None:
        self.lines += 1
        assert line.seq == self.lines
        assert (line.balance_after, line.held_after) == (self.available, self.held)

    @rule(target=purchases, amount=amounts)
    def buy(self, amount: Decimal) -> LedgerLine:
        with system_scope() as scope:
            line = credits.purchase(
                scope,
                workspace_id=self.cast.workspace_id,
                amount=amount,
                key=self._key(),
                description="Buy",
                reference="payment",
            )
        self.available += amount
        self.left[line.id] = amount
        self._posted(line)
        return line

    @rule(line=purchases, amount=amounts)
    def reverse(self, line: LedgerLine, amount: Decimal) -> None:
        def act() -> LedgerLine:
            with system_scope() as scope:
                return credits.reverse(
                    scope,
                    workspace_id=self.cast.workspace_id,
                    line_id=line.id,
                    amount=amount,
                    key=self._key(),
                    description="Reverse",
                )

        self._settle(line, amount, act, available=-amount)

    @rule(target=debits, amount=amounts)
    def debit(self, amount: Decimal) -> Any:
        def act() -> LedgerLine:
            with self.cast.bob.begin() as scope:
                return credits.debit(scope, amount=amount, key=self._key(), description="Debit")

        return self._spend(amount, act, held=Decimal(0))

    @rule(target=holds, amount=amounts)
    def hold(self, amount: Decimal) -> Any:
        def act() -> LedgerLine:
            with self.cast.bob.begin() as scope:
                return credits.hold(scope, amount=amount, key=self._key(), description="Hold")

        return self._spend(amount, act, held=amount)

    @rule(line=debits, amount=amounts)
    def refund(self, line: LedgerLine | None, amount: Decimal) -> None:
        if line is None:
            return

        def act() -> LedgerLine:
            with self.cast.alice.begin() as scope:
                return credits.refund(scope, line_id=line.id, amount=amount, key=self._key(), description="Refund")

        self._settle(line, amount, act, available=amount)

    @rule(line=holds, amount=amounts)
    def capture(self, line: LedgerLine | None, amount: Decimal) -> None:
        if line is None:
            return

        def act() -> LedgerLine:
            with self.cast.alice.begin() as scope:
                return credits.capture(scope, hold_id=line.id, amount=amount, key=self._key(), description="Capture")

        self._settle(line, amount, act, held=-amount)

    @rule(line=consumes(holds))
    def release(self, line: LedgerLine | None) -> None:
        if line is None:
            return
        rest = self.left[line.id]
        with self.cast.alice.begin() as scope:
            done = credits.release(scope, hold_id=line.id, key=self._key(), description="Release")
        if rest == 0:
            assert done is None
            return
        assert done is not None
        self.left[line.id] = Decimal(0)
        self.available += rest
        self.held -= rest
        self._posted(done)

    @rule(amount=st.integers(-3000, 3000).filter(bool).map(lambda cents: Decimal(cents) / 100))
    def adjust(self, amount: Decimal) -> None:
        def act() -> LedgerLine:
            with system_scope() as scope:
                return credits.adjust(
                    scope,
                    workspace_id=self.cast.workspace_id,
                    amount=amount,
                    key=self._key(),
                    description="Adjust",
                    actor="Staff",
                )

        if amount < 0 and self.available + amount < 0:
            with pytest.raises(InsufficientCredits):
                act()
            return
        line = act()
        self.available += amount
        self._posted(line)

    @invariant()
    def both_agree(self) -> None:
        if hasattr(self, "cast"):
            assert balance_of(self.cast.alice) == (self.available, self.held) == sums_of(self.cast.workspace_id)
            assert self.held >= 0

    def teardown(self) -> None:
        if hasattr(self, "cast"):
            ours = [one for one in credits.prove().differences if one.workspace_id == self.cast.workspace_id]
            assert ours == []

    def _spend(self, amount: Decimal, act: Any, *, held: Decimal) -> LedgerLine | None:
        if self.available < amount:
            with pytest.raises(InsufficientCredits) as refused:
                act()
            assert refused.value.missing == amount - self.available
            return None
        line = act()
        self.available -= amount
        self.held += held
        self.left[line.id] = amount
        self._posted(line)
        return line

    def _settle(
        self,
        line: LedgerLine,
        amount: Decimal,
        act: Any,
        *,
        available: Decimal = Decimal(0),
        held: Decimal = Decimal(0),
    ) -> None:
        if amount > self.left[line.id]:
            with pytest.raises(Conflict) as refused:
                act()
            assert refused.value.reason == "exceeds"
            return
        done = act()
        self.left[line.id] -= amount
        self.available += available
        self.held += held
        self._posted(done)


def test_the_ledger_is_its_model(database: object) -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

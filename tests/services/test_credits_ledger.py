"""The ledger: every way a credit moves, what is refused, and that asking twice acts once."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cursive_app.clock import now
from cursive_app.errors import Conflict, InsufficientCredits, Invalid, NotFound
from cursive_app.services import credits
from cursive_app.services.credits import LedgerLine
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_credits import balance_of, fund, make_job, sums_of


def spend(tenant: Tenant, amount: object, key: str = "spend") -> LedgerLine:
    with tenant.begin() as scope:
        return credits.debit(scope, amount=amount, key=key, description="Spend")  # type: ignore[arg-type]


def hold(tenant: Tenant, amount: str, key: str = "hold", **more: object) -> LedgerLine:
    with tenant.begin() as scope:
        return credits.hold(scope, amount=amount, key=key, description="Hold", **more)  # type: ignore[arg-type]


def capture(tenant: Tenant, held: LedgerLine, amount: str, key: str = "capture") -> LedgerLine:
    with tenant.begin() as scope:
        return credits.capture(scope, hold_id=held.id, amount=amount, key=key, description="Capture")


def release(tenant: Tenant, held: LedgerLine, key: str = "release", amount: str | None = None) -> LedgerLine | None:
    with tenant.begin() as scope:
        return credits.release(scope, hold_id=held.id, amount=amount, key=key, description="Release")


def test_a_hold_is_captured_in_parts_and_the_rest_goes_back(cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    held = hold(cast.alice, "12.50")
    assert (held.balance_after, held.held_after) == (Decimal("87.50"), Decimal("12.50"))
    assert balance_of(cast.bob) == (Decimal("87.50"), Decimal("12.50"))
    capture(cast.alice, held, "4.50", "one")
    line = capture(cast.alice, held, "3", "two")
    assert (line.change, line.held_change) == (Decimal(0), Decimal("-3.00"))
    rest = release(cast.alice, held)
    assert rest is not None
    assert (rest.amount, rest.answers_id) == (Decimal("5.00"), held.id)
    assert balance_of(cast.alice) == (Decimal("92.50"), Decimal("0.00")) == sums_of(cast.workspace_id)


def test_nothing_left_to_release_is_no_line(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    held = hold(cast.alice, "10")
    capture(cast.alice, held, "10")
    assert release(cast.alice, held) is None


def test_a_hold_settles_at_most_its_amount(cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    held = hold(cast.alice, "10")
    capture(cast.alice, held, "8")
    for attempt in (lambda: capture(cast.alice, held, "2.01", "more"), lambda: release(cast.alice, held, "r", "3")):
        with pytest.raises(Conflict, match=r"Only 2\.00 credits are left") as refused:
            attempt()
        assert refused.value.reason == "exceeds"
    assert balance_of(cast.alice) == (Decimal("90.00"), Decimal("2.00"))


def test_a_refund_never_exceeds_its_debit(cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    spent = spend(cast.alice, "5")

    def refund(amount: str, key: str) -> LedgerLine:
        with cast.alice.begin() as scope:
            return credits.refund(scope, line_id=spent.id, amount=amount, key=key, description="Bad address")

    assert refund("3", "first").answers_id == spent.id
    assert refund("3", "first").seq == refund("3", "first").seq
    with pytest.raises(Conflict):
        refund("2.01", "second")
    assert refund("2", "third").balance_after == Decimal("100.00")
    with pytest.raises(Conflict):
        refund("0.01", "fourth")


def test_a_line_of_the_wrong_kind_cannot_be_answered(cast: Cast) -> None:
    granted = fund(cast.workspace_id, 100)
    for call in (
        lambda scope: credits.refund(scope, line_id=granted.id, amount=1, key="a", description="x"),
        lambda scope: credits.capture(scope, hold_id=granted.id, amount=1, key="b", description="x"),
        lambda scope: credits.release(scope, hold_id=uuid4(), key="c", description="x"),
    ):
        with pytest.raises(NotFound), cast.alice.begin() as scope:
            call(scope)


def test_what_is_missing_is_said(cast: Cast) -> None:
    fund(cast.workspace_id, "3.50")
    with pytest.raises(InsufficientCredits) as refused:
        spend(cast.alice, "12")
    assert (refused.value.needed, refused.value.available, refused.value.missing) == (
        Decimal("12.00"),
        Decimal("3.50"),
        Decimal("8.50"),
    )
    assert balance_of(cast.alice)[0] == Decimal("3.50")


def test_a_refused_spend_leaves_the_transaction_usable(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        with pytest.raises(InsufficientCredits):
            credits.debit(scope, amount=1, key="x", description="x")
        assert credits.balance(scope).available == 0


@pytest.mark.parametrize(
    "amount",
    [0, -5, "-0.01", "1e-9", "0.001", "1e30", "NaN", "Infinity", "-Infinity", True, 1.5, "five", "", None, "1,5"],
)
def test_an_amount_that_is_none_is_refused(cast: Cast, amount: object) -> None:
    fund(cast.workspace_id, 100)
    with pytest.raises(Invalid) as refused:
        spend(cast.alice, amount)
    assert "amount" in refused.value.fields
    assert balance_of(cast.alice)[0] == Decimal("100.00")


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "'NaN'", "'Infinity'", "'-Infinity'", "1e30", "NULL"])
def test_the_database_refuses_such_an_amount_itself(cast: Cast, amount: str) -> None:
    fund(cast.workspace_id, 100)
    with pytest.raises(DBAPIError, match="the amount must be"), cast.alice.begin() as scope:
        scope.session.execute(
            text(f"SELECT credit_spend(:w, 'debit', {amount}, 'k', 'x')"), {"w": cast.alice.workspace_id}
        )
    assert balance_of(cast.alice)[0] == Decimal("100.00")


@pytest.mark.parametrize("key", ["", "with space", "x" * 201, "é", "line\nbreak"])
def test_a_key_is_printable_and_not_endless(cast: Cast, key: str) -> None:
    with pytest.raises(Invalid):
        spend(cast.alice, 1, key)


@pytest.mark.parametrize("words", ["", "   ", "x" * 501, "nul \x00 byte"])
def test_a_description_is_words(cast: Cast, words: str) -> None:
    with pytest.raises(Invalid), cast.alice.begin() as scope:
        credits.debit(scope, amount=1, key="k", description=words)


def test_the_same_key_returns_the_first_line(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    first = spend(cast.alice, "4")
    assert spend(cast.bob, "4") == first
    assert balance_of(cast.alice) == (Decimal("6.00"), Decimal("0.00"))


def test_the_same_key_is_answered_when_nothing_is_left(cast: Cast) -> None:
    fund(cast.workspace_id, 4)
    assert spend(cast.alice, "4") == spend(cast.alice, "4")


def test_the_same_key_for_something_else_is_a_conflict(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    spend(cast.alice, "4")
    for attempt in (lambda: spend(cast.alice, "5"), lambda: hold(cast.alice, "4", "spend")):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.reason == "key_reused"
    assert balance_of(cast.alice) == (Decimal("6.00"), Decimal("0.00"))


def test_a_key_of_another_workspace_is_another_key(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    fund(cast.charlie.workspace_id, 10)
    assert spend(cast.alice, 1).id != spend(cast.charlie, 1).id


def test_a_settled_key_is_replayed_for_captures_and_releases(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    held = hold(cast.alice, "5")
    assert capture(cast.alice, held, "2") == capture(cast.alice, held, "2")
    assert release(cast.alice, held) == release(cast.alice, held)
    with pytest.raises(Conflict):
        capture(cast.alice, held, "1")
    assert balance_of(cast.alice) == (Decimal("8.00"), Decimal("0.00"))


def test_lines_are_numbered_without_a_gap_also_after_refusals(cast: Cast) -> None:
    fund(cast.workspace_id, 3)
    spend(cast.alice, 1, "a")
    spend(cast.alice, 1, "a")
    with pytest.raises(InsufficientCredits):
        spend(cast.alice, 50, "b")
    assert spend(cast.alice, 1, "c").seq == 3


def test_a_line_names_the_person_the_job_and_the_thing(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    with cast.bob.begin() as scope:
        job = make_job(scope)
        held = credits.hold(scope, amount=2, key="h", description="Run", job_id=job.id, reference="run:1")
    assert (held.actor_label, held.actor_user_id, held.job_id, held.reference) == (
        "Bob",
        cast.bob.user_id,
        job.id,
        "run:1",
    )
    worker = Tenant(workspace_id=cast.workspace_id, user_id=None, role=cast.bob.role)
    settled = capture(worker, held, "1")
    assert (settled.actor_label, settled.job_id, settled.reference) == ("Bob", job.id, "run:1")


def test_a_job_of_another_workspace_cannot_be_named(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    with cast.charlie.begin() as scope:
        foreign = make_job(scope)
    with pytest.raises(DBAPIError):
        hold(cast.alice, "1", job_id=foreign.id)
    assert balance_of(cast.alice) == (Decimal("10.00"), Decimal("0.00"))


def test_a_rolled_back_spend_is_no_spend(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    with pytest.raises(ZeroDivisionError), cast.alice.begin() as scope:
        credits.debit(scope, amount=4, key="k", description="x")
        raise ZeroDivisionError
    assert balance_of(cast.alice)[0] == Decimal("10.00") == sums_of(cast.workspace_id)[0]


def test_corrections_and_reversals(cast: Cast) -> None:
    with system_scope() as scope:
        bought = credits.purchase(
            scope, workspace_id=cast.workspace_id, amount=100, key="p", description="Pack", reference="payment:1"
        )
        lowered = credits.adjust(
            scope, workspace_id=cast.workspace_id, amount="-30", key="a", description="Counted twice", actor="Staff"
        )
    assert (lowered.amount, lowered.change, lowered.actor_label) == (Decimal("30.00"), Decimal("-30.00"), "Staff")
    with pytest.raises(InsufficientCredits), system_scope() as scope:
        credits.adjust(scope, workspace_id=cast.workspace_id, amount=-71, key="b", description="x", actor="Staff")
    spend(cast.alice, 60)
    with system_scope() as scope:
        taken = credits.reverse(
            scope, workspace_id=cast.workspace_id, line_id=bought.id, amount=100, key="r", description="Card refunded"
        )
    assert taken.balance_after == Decimal("-90.00")
    with pytest.raises(InsufficientCredits):
        spend(cast.alice, "0.01", "later")
    with pytest.raises(Conflict), system_scope() as scope:
        credits.reverse(scope, workspace_id=cast.workspace_id, line_id=bought.id, amount=1, key="q", description="x")


def test_staff_grants_by_slug_once_per_key(cast: Cast) -> None:
    with system_scope() as scope:
        slug = scope.session.scalar(text("SELECT slug FROM workspaces WHERE id = :w"), {"w": cast.workspace_id})
    for _ in range(2):
        given = credits.grant_credits(slug, "250", "Welcome", key="welcome")
    assert (given.workspace_id, given.line.balance_after) == (cast.workspace_id, Decimal("250.00"))
    with pytest.raises(NotFound, match="no-such"):
        credits.grant_credits("no-such", 1, "x", key="k")


def test_an_expired_hold_goes_back_only_when_its_job_is_over(cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    with cast.alice.begin() as scope:
        over = make_job(scope, status="failed")
        alive = make_job(scope)
        past = now().replace(year=2020)
        dead = credits.hold(scope, amount=10, key="a", description="x", job_id=over.id, expires_at=past)
        credits.hold(scope, amount=20, key="b", description="x", job_id=alive.id, expires_at=past)
        credits.hold(scope, amount=5, key="c", description="x", expires_at=past)
        credits.hold(scope, amount=1, key="d", description="x")
    capture(cast.alice, dead, "4")
    credits.expire_holds()
    assert balance_of(cast.alice) == (Decimal("75.00"), Decimal("21.00"))
    with cast.alice.begin() as scope:
        assert [one.remaining for one in credits.open_holds(scope)] == [Decimal("1.00"), Decimal("20.00")]
    credits.expire_holds()
    assert balance_of(cast.alice) == (Decimal("75.00"), Decimal("21.00"))

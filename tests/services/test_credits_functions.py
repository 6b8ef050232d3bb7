"""The database's own door: the roadmap's two functions, and what no role may do to the ledger."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.scope import Scope
from db.system import SystemScope, system_scope
from tests.factories import Cast, make_workspace
from tests.factories_credits import balance_of, fund
from tests.product import wait_for

DEDUCT = text(
    "SELECT success, new_balance, error_message FROM deduct_credits(:w, :amount, :action, CAST(:meta AS jsonb))"
)
REFUND = text("SELECT refund_credits(:w, :amount, :reason)")


def deduct(
    scope: Scope | SystemScope, workspace: UUID, amount: object, key: str | None = "k", action: str = "pull"
) -> Any:
    meta = json.dumps({"idempotency_key": key, "lead_count": 3} if key is not None else {"lead_count": 3})
    values = {"w": workspace, "amount": amount, "action": action, "meta": meta}
    return tuple(scope.session.execute(DEDUCT, values).one())


def refund(scope: Scope | SystemScope, workspace: UUID, amount: object, reason: str) -> Decimal:
    return scope.session.execute(REFUND, {"w": workspace, "amount": amount, "reason": reason}).scalar_one()


def test_deduct_credits_keeps_the_roadmaps_shape(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    with cast.alice.begin() as scope:
        assert deduct(scope, cast.workspace_id, "4") == (True, Decimal("6.00"), None)
        assert deduct(scope, cast.workspace_id, "4") == (True, Decimal("6.00"), None)
        assert deduct(scope, cast.workspace_id, "7", "other") == (False, None, "Insufficient credits")
        success, balance, why = deduct(scope, cast.workspace_id, "5")
        assert (success, balance) == (False, None)
        assert "idempotency key" in why
    assert balance_of(cast.alice)[0] == Decimal("6.00")


def test_every_printable_character_may_stand_in_a_key_of_up_to_200(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    printable = "".join(map(chr, range(0x21, 0x7F)))
    with cast.alice.begin() as scope:
        for key in (*printable, printable, "!" * 200, "~" * 200):
            assert deduct(scope, cast.workspace_id, "0.01", key)[0] is True


@pytest.mark.parametrize(
    ("amount", "key", "action", "why"),
    [
        ("0", "k", "pull", "the amount must be"),
        ("-5", "k", "pull", "the amount must be"),
        ("0.005", "k", "pull", "the amount must be"),
        ("NaN", "k", "pull", "the amount must be"),
        ("Infinity", "k", "pull", "the amount must be"),
        (None, "k", "pull", "the amount must be"),
        ("1", None, "pull", "idempotency key"),
        ("1", "", "pull", "idempotency key"),
        ("1", "with space", "pull", "idempotency key"),
        ("1", "line\n", "pull", "idempotency key"),
        ("1", "tab\tbed", "pull", "idempotency key"),
        ("1", "del\x7f", "pull", "idempotency key"),
        ("1", "señor", "pull", "idempotency key"),
        ("1", "!" * 201, "pull", "idempotency key"),
        ("1", "k", "", "p_action_type"),
        ("1", "k", None, "p_action_type"),
    ],
)
def test_deduct_credits_refuses_what_would_mint_or_repeat(
    cast: Cast, amount: object, key: str | None, action: str, why: str
) -> None:
    fund(cast.workspace_id, 10)
    with pytest.raises(DBAPIError, match=why), cast.alice.begin() as scope:
        deduct(scope, cast.workspace_id, amount, key, action)
    assert balance_of(cast.alice)[0] == Decimal("10.00")


def test_the_default_metadata_is_an_error_not_an_unrepeatable_spend(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    with pytest.raises(DBAPIError, match="idempotency key"), cast.alice.begin() as scope:
        scope.session.execute(text("SELECT * FROM deduct_credits(:w, 1, 'pull')"), {"w": cast.workspace_id})


def test_an_unknown_workspace_is_an_error_not_insufficient(cast: Cast) -> None:
    with pytest.raises(DBAPIError, match="no such workspace"), system_scope() as scope:
        deduct(scope, uuid4(), "1")


@pytest.mark.parametrize("call", ["deduct", "refund", "spend"])
def test_the_restricted_role_reaches_its_own_workspace_only(cast: Cast, call: str) -> None:
    theirs = cast.charlie.workspace_id
    fund(theirs, 10)
    with pytest.raises(DBAPIError, match="not the one of the transaction"), cast.alice.begin() as scope:
        if call == "deduct":
            deduct(scope, theirs, "1")
        elif call == "refund":
            refund(scope, theirs, "1", "debit:k because")
        else:
            scope.session.execute(text("SELECT credit_spend(:w, 'debit', 1, 'k', 'x')"), {"w": theirs})
    assert balance_of(cast.charlie)[0] == Decimal("10.00")


def test_without_a_workspace_the_restricted_role_reaches_nothing(cast: Cast, database: Any) -> None:
    fund(cast.workspace_id, 10)
    with pytest.raises(DBAPIError, match="not the one of the transaction"), database.app.begin() as connection:
        connection.execute(text("SELECT credit_spend(:w, 'debit', 1, 'k', 'x')"), {"w": cast.workspace_id})


def test_refund_credits_gives_back_one_debit_and_never_more(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    with cast.alice.begin() as scope:
        deduct(scope, cast.workspace_id, "4", "pull-1")
        assert refund(scope, cast.workspace_id, "3", "debit:pull-1 two addresses bounced") == Decimal("9.00")
        assert refund(scope, cast.workspace_id, "3", "debit:pull-1 two addresses bounced") == Decimal("9.00")
    for amount, reason, why in (
        ("1.01", "debit:pull-1 another", "more than the 1.00 credits left"),
        ("2", "debit:pull-1 two addresses bounced", "another amount"),
        ("1", "debit:never because", "no debit never"),
        ("1", "because", "p_reason must read"),
        ("1", "debit:pull-1", "p_reason must read"),
        ("-1", "debit:pull-1 minus", "the amount must be"),
        ("0", "debit:pull-1 zero", "the amount must be"),
    ):
        with pytest.raises(DBAPIError, match=why), cast.alice.begin() as scope:
            refund(scope, cast.workspace_id, amount, reason)
    assert balance_of(cast.alice)[0] == Decimal("9.00")


@pytest.mark.parametrize("role", ["app", "system"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE credit_ledger SET amount = 1",
        "DELETE FROM credit_ledger",
        "TRUNCATE credit_ledger",
        "INSERT INTO credit_ledger SELECT * FROM credit_ledger",
        "SELECT credit_post(:w, 'grant', 1, 'k', 'x', NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    ],
)
def test_no_role_writes_the_ledger_by_hand(cast: Cast, role: str, statement: str) -> None:
    fund(cast.workspace_id, 10)
    with pytest.raises(DBAPIError, match="permission denied"):
        _run_as(cast, role, statement)
    assert balance_of(cast.alice)[0] == Decimal("10.00")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT credit_fund(:w, 'grant', 1000, 'k', 'x')",
        "UPDATE workspaces SET credits_balance = 1000",
        "UPDATE workspaces SET credits_held = 0, credits_seq = 0",
        "INSERT INTO ledger_findings (workspace_id, check_name, message) VALUES (:w, 'x', 'x')",
    ],
)
def test_the_restricted_role_cannot_make_credits(cast: Cast, statement: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        _run_as(cast, "app", statement)


@pytest.mark.parametrize("kind", ["grant", "purchase", "adjustment", "reversal", "", "x"])
def test_the_spending_function_does_not_fund(cast: Cast, kind: str) -> None:
    with pytest.raises(DBAPIError, match="not a way to spend"):
        _run_as(cast, "app", f"SELECT credit_spend(:w, '{kind}', 1000, 'k', 'x')")


def test_the_owner_cannot_change_a_line_either(cast: Cast, postgres: Any) -> None:
    import psycopg

    fund(cast.workspace_id, 10)
    with psycopg.connect(postgres.url) as connection:
        for statement in (
            "UPDATE credit_ledger SET amount = 1",
            "DELETE FROM credit_ledger",
            "TRUNCATE credit_ledger CASCADE",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                connection.execute(statement)
            connection.rollback()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "statement", ["DELETE FROM workspaces WHERE id = %s", "UPDATE workspaces SET id = gen_random_uuid() WHERE id = %s"]
)
def test_a_workspace_with_lines_stays(postgres: Any, statement: str) -> None:
    """Lines have no foreign key to the row every spend locks; the workspace's own trigger keeps it."""
    import psycopg

    with psycopg.connect(postgres.url) as connection:
        alone, lined = (make_workspace(name) for name in ("Alone", "Lined"))
        fund(lined, 10)
        with pytest.raises(psycopg.errors.RestrictViolation, match="ledger lines cannot be deleted or renumbered"):
            connection.execute(statement, [lined])
        connection.rollback()
        assert connection.execute(statement, [alone]).rowcount == 1


@pytest.mark.usefixtures("database")
def test_a_deletion_waits_for_the_line_that_is_being_made_and_then_sees_it(postgres: Any) -> None:
    import psycopg

    lined = make_workspace("Lined")
    with psycopg.connect(postgres.url) as one, psycopg.connect(postgres.url) as other, ThreadPoolExecutor(1) as threads:
        one.execute("SELECT credit_fund(%s, 'grant', 10, 'k', 'x')", [lined])
        deletion = threads.submit(other.execute, "DELETE FROM workspaces WHERE id = %s", [lined])
        wait_for(lambda: _waits_for_a_lock(postgres, other.info.backend_pid), seconds=10, what="the deletion to wait")
        one.commit()
        with pytest.raises(psycopg.errors.RestrictViolation):
            deletion.result(10)


def _waits_for_a_lock(postgres: Any, pid: int) -> bool:
    import psycopg

    with psycopg.connect(postgres.url) as owner:
        return bool(owner.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid]).fetchone()[0])  # type: ignore[index]


def test_charlie_sees_no_line_of_alice(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    with cast.charlie.begin() as scope:
        assert scope.session.scalar(text("SELECT count(*) FROM credit_ledger")) == 0


def _run_as(cast: Cast, role: str, statement: str) -> None:
    if role == "app":
        with cast.alice.begin() as scope:
            scope.session.execute(text(statement), {"w": cast.workspace_id})
    else:
        with system_scope() as scope:
            scope.session.execute(text(statement), {"w": cast.workspace_id})

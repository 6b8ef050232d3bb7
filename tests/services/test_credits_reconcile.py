"""The nightly proof finds every way a sum can be off, says it loudly and keeps it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from cursive_app.services import credits
from db.models.credits import LedgerFinding
from db.system import system_scope
from tests.factories import Cast
from tests.factories_credits import fund


@pytest.fixture
def ledger(cast: Cast) -> Cast:
    """A workspace with every kind of spend."""
    fund(cast.workspace_id, 100)
    with cast.alice.begin() as scope:
        held = credits.hold(scope, amount=10, key="h", description="Hold")
        credits.capture(scope, hold_id=held.id, amount=4, key="c", description="Capture")
        credits.debit(scope, amount=5, key="d", description="Debit")
    return cast


def damage(postgres: Any, cast: Cast, *statements: str) -> None:
    """As a careless superuser would, with the triggers off."""
    with psycopg.connect(postgres.url) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement, {"w": cast.workspace_id})


def found(cast: Cast) -> set[str]:
    return {one.check for one in credits.prove().differences if one.workspace_id == cast.workspace_id}


def test_a_sound_ledger_is_proved(ledger: Cast) -> None:
    assert found(ledger) == set()
    assert credits.prove().lines >= 4


@pytest.mark.parametrize(
    ("statement", "checks"),
    [
        ("UPDATE workspaces SET credits_balance = credits_balance + 0.01 WHERE id = %(w)s", {"balance"}),
        ("UPDATE workspaces SET credits_held = credits_held + 1 WHERE id = %(w)s", {"held", "open_holds"}),
        (
            "DELETE FROM credit_ledger WHERE workspace_id = %(w)s AND kind = 'debit'",
            {"balance", "lines"},
        ),
        (
            "UPDATE credit_ledger SET balance_after = 1 WHERE workspace_id = %(w)s AND kind = 'hold'",
            {"running_balance"},
        ),
        (
            "UPDATE credit_ledger SET held_after = 1 WHERE workspace_id = %(w)s AND kind = 'capture'",
            {"running_held"},
        ),
        ("UPDATE credit_ledger SET kind = 'gift' WHERE workspace_id = %(w)s AND kind = 'grant'", {"shape"}),
        ("UPDATE credit_ledger SET amount = 6 WHERE workspace_id = %(w)s AND kind = 'debit'", {"shape"}),
        (
            "UPDATE credit_ledger SET amount = 0, change = 0, held_change = 0 WHERE workspace_id = %(w)s "
            "AND kind = 'debit'",
            {"shape", "balance", "running_balance"},
        ),
        (
            "UPDATE credit_ledger SET amount = 12, held_change = -12 WHERE workspace_id = %(w)s AND kind = 'capture'",
            {"answers", "held", "running_held", "open_holds"},
        ),
    ],
)
def test_every_kind_of_difference_is_found(ledger: Cast, postgres: Any, statement: str, checks: set[str]) -> None:
    damage(postgres, ledger, statement)
    assert found(ledger) == checks
    _heal(postgres, ledger)


def test_a_difference_is_shouted_and_kept_once_until_it_is_gone(ledger: Cast, postgres: Any) -> None:
    damage(postgres, ledger, "UPDATE workspaces SET credits_balance = credits_balance + 7 WHERE id = %(w)s")
    with capture_logs() as logs:
        credits.reconcile()
        credits.reconcile()
    shouted = [one for one in logs if one.get("workspace_id") == str(ledger.workspace_id)]
    assert [(one["log_level"], one["check"]) for one in shouted] == [("error", "balance")] * 2
    kept = _findings(ledger)
    assert [(one.check, one.actual - one.expected, one.resolved_at) for one in kept] == [("balance", 7, None)]
    damage(postgres, ledger, "UPDATE workspaces SET credits_balance = credits_balance - 7 WHERE id = %(w)s")
    credits.reconcile()
    assert [one.resolved_at is not None for one in _findings(ledger)] == [True]


def _findings(cast: Cast) -> list[LedgerFinding]:
    with system_scope() as scope:
        rows = scope.session.query(LedgerFinding).filter(LedgerFinding.workspace_id == cast.workspace_id)
        return list(rows.order_by(LedgerFinding.id))


def _heal(postgres: Any, cast: Cast) -> None:
    """The other tests of this process prove the whole ledger; leave nothing broken behind."""
    damage(
        postgres,
        cast,
        "DELETE FROM credit_ledger WHERE workspace_id = %(w)s",
        "UPDATE workspaces SET credits_balance = 0, credits_held = 0, credits_seq = 0 WHERE id = %(w)s",
    )

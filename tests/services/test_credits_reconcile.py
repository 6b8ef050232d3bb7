"""The nightly proof finds every way a sum can be off, says it loudly and keeps it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psycopg
import pytest
from procrastinate.jobs import Job
from structlog.testing import capture_logs

from cursive_app.errors import Unavailable
from cursive_app.jobs import credits as credits_tasks
from cursive_app.jobs.queue import register_tasks
from cursive_app.services import credits
from cursive_app.services.jobs import admin
from cursive_app.settings import ROOT
from db.models.credits import LedgerFinding
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import staff
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


def test_the_nightly_task_fails_without_another_try_when_a_sum_is_off(ledger: Cast, postgres: Any) -> None:
    """Its schedule must not read “Succeeded” over a ledger that is off."""
    credits_tasks.reconcile()
    damage(postgres, ledger, "UPDATE workspaces SET credits_balance = credits_balance + 7 WHERE id = %(w)s")
    with pytest.raises(credits_tasks.LedgerIsOff) as off:
        credits_tasks.reconcile()
    task = register_tasks().tasks["credits.reconcile"]
    job = Job(id=1, status="doing", queue="default", lock=None, queueing_lock=None, task_name=task.name, attempts=0)
    assert task.retry_strategy is not None
    assert task.retry_strategy.get_retry_decision(exception=off.value, job=job) is None
    assert task.retry_strategy.get_retry_decision(exception=Unavailable(), job=job) is not None
    _heal(postgres, ledger)
    credits_tasks.reconcile()


def test_staff_see_what_is_off_until_it_fits_again(ledger: Cast, postgres: Any) -> None:
    reader = staff("read_only")
    damage(postgres, ledger, "UPDATE workspaces SET credits_balance = credits_balance + 7 WHERE id = %(w)s")
    credits.reconcile()
    (mine,) = [one for one in admin.ledger_alarm(reader).findings if one.workspace_id == ledger.workspace_id]
    assert mine.workspace_name == "Acme"
    assert mine.words == (
        "The available credits are not the sum of the ledger's lines. Expected 85.00, found 92.00: off by +7.00."
    )
    assert len(credits.open_findings(limit=0)[0]) == 0
    _heal(postgres, ledger)
    credits.reconcile()
    assert ledger.workspace_id not in [one.workspace_id for one in admin.ledger_alarm(reader).findings]


def run_command() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cursive_app", "prove-ledger"],
        cwd=ROOT, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_the_command_says_whose_sum_is_off_and_by_how_much(ledger: Cast, postgres: Any) -> None:
    sound = run_command()
    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout.startswith("The ledger is sound: ")
    damage(postgres, ledger, "UPDATE workspaces SET credits_held = credits_held + 1 WHERE id = %(w)s")
    off = run_command()
    first, *lines = off.stdout.splitlines()
    assert (off.returncode, off.stderr) == (1, "")
    assert first.startswith("The ledger is off in 2 places; looked at ")
    assert lines[0] == (
        f"  Acme ({ledger.workspace_id}): The held credits are not the sum of the ledger's lines. "
        "Expected 6.00, found 7.00: off by +1.00."
    )
    assert len(lines) == 2
    assert credits.proof_in_words(credits.prove(), most=1) == (lines[0].strip(),)
    assert _findings(ledger) == []  # it changes nothing
    _heal(postgres, ledger)


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

"""Makers of credits for tests."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID, uuid4

from sqlalchemy import text

from cursive_app.services import credits
from db.models.jobs import Job
from db.scope import Scope, Tenant
from db.system import system_scope


def fund(workspace_id: UUID, amount: str | int, *, key: str | None = None) -> credits.LedgerLine:
    """Give a workspace credits through the real door."""
    with system_scope() as scope:
        return credits.grant(
            scope, workspace_id=workspace_id, amount=amount, key=key or f"test:{uuid4()}", description="For the test"
        )


def balance_of(tenant: Tenant) -> tuple[Decimal, Decimal]:
    """(available, held)"""
    with tenant.begin() as scope:
        now = credits.balance(scope)
    return now.available, now.held


def sums_of(workspace_id: UUID) -> tuple[Decimal, Decimal]:
    """What the ledger's lines say the two balances are."""
    with system_scope() as scope:
        row = scope.session.execute(
            text(
                "SELECT coalesce(sum(change), 0), coalesce(sum(held_change), 0) FROM credit_ledger "
                "WHERE workspace_id = :w"
            ),
            {"w": workspace_id},
        ).one()
    return row[0], row[1]


def assert_ledger_proved(workspaces: Iterable[UUID]) -> None:
    """The nightly proof finds nothing in these workspaces: others of the same database may be wrong on purpose."""
    asked = set(workspaces)
    assert asked
    assert [one for one in credits.prove().differences if one.workspace_id in asked] == []


def assert_settled(tenant: Tenant) -> None:
    """The ledger adds up and nothing is held any more."""
    assert balance_of(tenant) == sums_of(tenant.workspace_id)
    assert balance_of(tenant)[1] == 0


def make_job(scope: Scope, *, status: str = "processing") -> Job:
    """A job's row, without a task that would move it."""
    return scope.add(Job(kind="demo", title="Demo", task="demo.task", queue="runs", status=status))

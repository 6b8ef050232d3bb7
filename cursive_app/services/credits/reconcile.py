"""The nightly proof: every balance is the sum of its lines, every hold is covered, no line is missing (P1, CRE-01).

A difference is a defect, never something to repair silently: it is logged as an error, kept in `ledger_findings` for
the platform's staff, and the balance is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import structlog
from sqlalchemy import select, text

from cursive_app.clock import now
from db.models.credits import LedgerFinding
from db.system import SystemScope, system_scope

log = structlog.get_logger(__name__)

# One snapshot for all checks: a spend that commits between two statements must not look like a difference.
_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_PATIENCE = text("SET LOCAL statement_timeout = '10min'")  # every line is read, whoever's connection asks
_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "balance",
        "SELECT w.id, coalesce(sum(l.change), 0), w.credits_balance FROM workspaces w "
        "LEFT JOIN credit_ledger l ON l.workspace_id = w.id GROUP BY w.id "
        "HAVING coalesce(sum(l.change), 0) <> w.credits_balance",
    ),
    (
        "held",
        "SELECT w.id, coalesce(sum(l.held_change), 0), w.credits_held FROM workspaces w "
        "LEFT JOIN credit_ledger l ON l.workspace_id = w.id GROUP BY w.id "
        "HAVING coalesce(sum(l.held_change), 0) <> w.credits_held",
    ),
    (
        "lines",
        "SELECT w.id, w.credits_seq::numeric, count(l.seq)::numeric FROM workspaces w "
        "LEFT JOIN credit_ledger l ON l.workspace_id = w.id GROUP BY w.id "
        "HAVING count(l.seq) <> w.credits_seq OR coalesce(max(l.seq), 0) <> w.credits_seq",
    ),
    (
        "running_balance",
        "SELECT workspace_id, expected, balance_after FROM (SELECT workspace_id, seq, balance_after, "
        "sum(change) OVER (PARTITION BY workspace_id ORDER BY seq) AS expected FROM credit_ledger) AS running "
        "WHERE balance_after <> expected",
    ),
    (
        "running_held",
        "SELECT workspace_id, expected, held_after FROM (SELECT workspace_id, seq, held_after, "
        "sum(held_change) OVER (PARTITION BY workspace_id ORDER BY seq) AS expected FROM credit_ledger) AS running "
        "WHERE held_after <> expected",
    ),
    (
        "answers",
        "SELECT t.workspace_id, t.amount, sum(a.amount) FROM credit_ledger t JOIN credit_ledger a "
        "ON a.workspace_id = t.workspace_id AND a.answers_id = t.id GROUP BY t.workspace_id, t.id, t.amount "
        "HAVING sum(a.amount) > t.amount",
    ),
    (
        "shape",
        "SELECT workspace_id, amount, change FROM credit_ledger "
        "WHERE amount <= 0 OR idempotency_key !~ '^[!-~]{1,200}$' "
        "OR (kind IN ('capture', 'release', 'refund', 'reversal')) <> (answers_id IS NOT NULL) "
        "OR (change, held_change) IS DISTINCT FROM (CASE kind "
        "WHEN 'purchase' THEN amount WHEN 'grant' THEN amount WHEN 'refund' THEN amount WHEN 'release' THEN amount "
        "WHEN 'hold' THEN -amount WHEN 'debit' THEN -amount WHEN 'reversal' THEN -amount WHEN 'capture' THEN 0 "
        "WHEN 'adjustment' THEN sign(change) * amount END, "
        "CASE kind WHEN 'hold' THEN amount WHEN 'capture' THEN -amount WHEN 'release' THEN -amount ELSE 0 END)",
    ),
    (
        "open_holds",
        "SELECT w.id, coalesce(sum(h.amount - h.answered), 0), w.credits_held FROM workspaces w LEFT JOIN ("
        "SELECT l.workspace_id, l.amount, coalesce((SELECT sum(a.amount) FROM credit_ledger a "
        "WHERE a.workspace_id = l.workspace_id AND a.answers_id = l.id), 0) AS answered "
        "FROM credit_ledger l WHERE l.kind = 'hold') AS h ON h.workspace_id = w.id GROUP BY w.id "
        "HAVING coalesce(sum(h.amount - h.answered), 0) <> w.credits_held",
    ),
)
MEANING = {
    "balance": "The available credits are not the sum of the ledger's lines.",
    "held": "The held credits are not the sum of the ledger's lines.",
    "lines": "The ledger does not have as many lines as were counted.",
    "running_balance": "A line's running balance is not the sum up to it.",
    "running_held": "A line's running held amount is not the sum up to it.",
    "answers": "A line was answered by more than its amount.",
    "shape": "A line's kind, amounts and answered line do not fit together.",
    "open_holds": "The held credits are not what the open holds still hold.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One sum that is off. `expected` follows from the ledger's lines, `actual` is what is stored."""

    workspace_id: UUID
    check: str
    expected: Decimal
    actual: Decimal


@dataclass(frozen=True, slots=True)
class Proof:
    """What the proof covered and what it found."""

    workspaces: int
    lines: int
    differences: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        return not self.differences


def prove() -> Proof:
    """Compare every sum in one snapshot of the database. Reads only."""
    with system_scope() as scope:
        scope.session.execute(_SNAPSHOT)
        scope.session.execute(_PATIENCE)
        differences: dict[tuple[UUID, str], Difference] = {}
        for check, statement in _CHECKS:
            for workspace_id, expected, actual in scope.session.execute(text(statement)):
                found = Difference(workspace_id=workspace_id, check=check, expected=expected, actual=actual)
                differences.setdefault((workspace_id, check), found)  # one finding per workspace and check
        counts = scope.session.execute(
            text("SELECT (SELECT count(*) FROM workspaces), (SELECT count(*) FROM credit_ledger)")
        ).one()
    return Proof(workspaces=counts[0], lines=counts[1], differences=tuple(differences.values()))


def reconcile() -> Proof:
    """Prove the ledger, store what is off and say it loudly; findings that no longer hold are marked resolved.

    Run every night by the clock (`credits.reconcile`).
    """
    proof = prove()
    with system_scope() as scope:
        _store(scope, proof)
    for found in proof.differences:
        log.error(
            "credits.ledger_is_off",
            workspace_id=str(found.workspace_id),
            check=found.check,
            expected=str(found.expected),
            actual=str(found.actual),
        )
    if proof.holds:
        log.info("credits.ledger_proved", workspaces=proof.workspaces, lines=proof.lines)
    return proof


def _store(scope: SystemScope, proof: Proof) -> None:
    """One open finding per workspace and check: a night later the same difference is not a second finding."""
    open_rows = {
        (row.workspace_id, row.check): row
        for row in scope.session.scalars(select(LedgerFinding).where(LedgerFinding.resolved_at.is_(None)))
    }
    found = {(one.workspace_id, one.check): one for one in proof.differences}
    for place, row in open_rows.items():
        if place not in found:
            row.resolved_at = now()
    for place, one in found.items():
        if place not in open_rows:
            scope.session.add(
                LedgerFinding(
                    workspace_id=one.workspace_id,
                    check=one.check,
                    expected=one.expected,
                    actual=one.actual,
                    message=MEANING[one.check],
                )
            )

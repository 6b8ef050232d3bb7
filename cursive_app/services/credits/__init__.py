"""Credits: one append-only ledger per workspace and the two balances that follow from it.

Owns `credit_ledger`, `ledger_findings` and the columns `workspaces.credits_*`. Promise P1: no credit is overdrawn,
doubled or lost; at every commit both balances are the sums of the lines. Only the database functions of migration 0002
write a line; the same key never counts twice.
"""

from __future__ import annotations

from cursive_app.services.credits.amounts import exact
from cursive_app.services.credits.findings import OpenFinding, open_findings, proof_in_words
from cursive_app.services.credits.funding import Granted, adjust, grant, grant_credits, purchase, reverse
from cursive_app.services.credits.holds import OpenHold, expire_holds, open_holds
from cursive_app.services.credits.ledger import (
    Balance,
    balance,
    capture,
    debit,
    find_line,
    get_line,
    hold,
    refund,
    release,
)
from cursive_app.services.credits.posting import LedgerLine
from cursive_app.services.credits.reconcile import Difference, Proof, prove, reconcile
from cursive_app.services.credits.refunds import refunded
from cursive_app.services.credits.statement import (
    KINDS,
    Actor,
    MonthSummary,
    StatementFilter,
    StatementPage,
    count_lines,
    list_actors,
    list_lines,
    make_filter,
    month_lines,
    month_summary,
)
from cursive_app.services.credits.statement_csv import export_csv

__all__ = [
    "KINDS",
    "Actor",
    "Balance",
    "Difference",
    "Granted",
    "LedgerLine",
    "MonthSummary",
    "OpenFinding",
    "OpenHold",
    "Proof",
    "StatementFilter",
    "StatementPage",
    "adjust",
    "balance",
    "capture",
    "count_lines",
    "debit",
    "exact",
    "expire_holds",
    "export_csv",
    "find_line",
    "get_line",
    "grant",
    "grant_credits",
    "hold",
    "list_actors",
    "list_lines",
    "make_filter",
    "month_lines",
    "month_summary",
    "open_findings",
    "open_holds",
    "proof_in_words",
    "prove",
    "purchase",
    "reconcile",
    "refund",
    "refunded",
    "release",
    "reverse",
]

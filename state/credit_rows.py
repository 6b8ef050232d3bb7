"""The statement as the page shows it: words and numbers made once, on the server."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cursive_app.services.credits import LedgerLine, OpenHold
from state.session import credits_text
from state.times import ago, exact

KIND_WORDS: dict[str, str] = {
    "purchase": "Purchase",
    "grant": "Grant",
    "hold": "Hold",
    "capture": "Charge",
    "release": "Release",
    "debit": "Spend",
    "refund": "Refund",
    "adjustment": "Correction",
    "reversal": "Reversal",
}


@dataclass(frozen=True)
class CreditRow:
    """One line of the statement. `change` and `held_change` are empty when the line left that balance alone."""

    id: str = ""
    number: str = ""
    kind: str = ""
    word: str = ""
    description: str = ""
    change: str = ""
    held_change: str = ""
    balance: str = ""
    held: str = ""
    adds: bool = False
    by: str = ""
    at: str = ""
    at_exact: str = ""
    job_href: str = ""
    leads_href: str = ""


@dataclass(frozen=True)
class HoldRow:
    """Credits that are set aside now, and for what."""

    id: str = ""
    description: str = ""
    remaining: str = ""
    of: str = ""
    at: str = ""
    at_exact: str = ""
    job_href: str = ""


def signed(amount: Decimal) -> str:
    """`+10.00`, `−0.50`; empty for nothing."""
    if not amount:
        return ""
    return f"{'−' if amount < 0 else '+'}{abs(amount):,.2f}"


def credit_row(line: LedgerLine, *, timezone: str) -> CreditRow:
    """A line in words. `timezone` is the reader's."""
    return CreditRow(
        id=str(line.id),
        number=f"{line.seq:,}",
        kind=line.kind,
        word=KIND_WORDS[line.kind],
        description=line.description,
        change=signed(line.change),
        held_change=signed(line.held_change),
        balance=credits_text(line.balance_after),
        held=credits_text(line.held_after) if line.held_after else "",
        adds=line.change > 0,
        by=line.actor_label,
        at=ago(line.created_at),
        at_exact=exact(line.created_at, timezone),
        job_href=_job(line.job_id),
        leads_href=_leads(line),
    )


def hold_row(hold: OpenHold, *, timezone: str) -> HoldRow:
    return HoldRow(
        id=str(hold.id),
        description=hold.description,
        remaining=credits_text(hold.remaining),
        of=credits_text(hold.amount) if hold.amount != hold.remaining else "",
        at=ago(hold.created_at),
        at_exact=exact(hold.created_at, timezone),
        job_href=_job(hold.job_id),
    )


def _job(job_id: object) -> str:
    return f"/jobs?job={job_id}" if job_id else ""


def _leads(line: LedgerLine) -> str:
    """A charge of a run leads to what it bought: `reference` is `segment_run:<id>`."""
    room, found, run = (line.reference or "").partition(":")
    return f"/leads?run={run}" if line.kind == "capture" and found and room == "segment_run" else ""

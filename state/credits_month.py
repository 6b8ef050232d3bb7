"""One month of the statement, to print or keep as a PDF."""

from __future__ import annotations

from datetime import date, timedelta

import reflex as rx

from cursive_app.clock import now
from cursive_app.errors import CursiveError, Invalid
from cursive_app.services import credits
from cursive_app.services.accounts import Permission
from db.scope import Scope
from state.base import allow, person, transact
from state.credit_rows import CreditRow, credit_row, signed
from state.session import credits_text
from state.times import exact

MOST_LINES = 1000
"""Printing more is no use to anybody; the page says so and offers the CSV, which has them all."""


class CreditsMonthState(rx.State):
    """A month: sums on top, then every line, oldest first."""

    status: str = "loading"
    error: str = ""
    title: str = ""
    workspace: str = ""
    made: str = ""
    opening: str = ""
    closing: str = ""
    added: str = ""
    spent: str = ""
    returned: str = ""
    held: str = ""
    count: str = ""
    rows: list[CreditRow] = []
    cut: str = ""
    previous_url: str = ""
    next_url: str = ""
    export_url: str = ""

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_CREDITS)
    async def load(self):
        """Show the month of the address, this month without one."""
        asked = self.router.url.query_parameters.get("month", "")
        self.status = "loading"
        yield
        try:
            year, month = _parts(asked or now().date().isoformat()[:7])
            summary, lines = await transact(_month, year=year, month=month)
        except CursiveError as error:
            self.status, self.error = "error", error.message
            return
        self._show(summary, lines)

    def _show(self, summary: credits.MonthSummary, lines: list[credits.LedgerLine]) -> None:
        who = person()
        first, last = summary.first_day, summary.last_day
        self.title = f"{first:%B %Y}"
        self.workspace = who.workspace_name
        self.made = exact(now(), who.timezone)
        self.opening, self.closing = credits_text(summary.opening), credits_text(summary.closing)
        self.added, self.spent = signed(summary.added) or "0.00", credits_text(summary.spent)
        self.returned, self.held = signed(summary.returned) or "0.00", credits_text(summary.held_at_end)
        self.count = f"{summary.lines:,} {'line' if summary.lines == 1 else 'lines'}"
        self.rows = [credit_row(line, timezone=who.timezone) for line in lines]
        self.cut = (
            f"The first {len(lines):,} of {summary.lines:,} lines are shown. The CSV has all of them."
            if summary.lines > len(lines)
            else ""
        )
        self.previous_url = _url(first - timedelta(days=1))
        self.next_url = _url(last + timedelta(days=1)) if last < now().date() else ""
        self.export_url = f"/api/v1/credits/ledger.csv?since={first}&until={last}"
        self.status = "ready" if lines else "empty"


def _url(day: date) -> str:
    return f"/credits/month?month={day:%Y-%m}"


def _parts(text: str) -> tuple[int, int]:
    year, _, month = text.partition("-")
    if not (text.isascii() and len(year) == 4 and len(month) == 2 and year.isdigit() and month.isdigit()):
        raise Invalid("Write the month as YYYY-MM, for example 2026-11.")
    return int(year), int(month)


def _month(scope: Scope, *, year: int, month: int) -> tuple[credits.MonthSummary, list[credits.LedgerLine]]:
    summary = credits.month_summary(scope, year=year, month=month)
    lines = credits.month_lines(scope, first=summary.first_day, last=summary.last_day, limit=MOST_LINES)
    return summary, lines

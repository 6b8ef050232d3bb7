"""The limits of a run as people type them, and the price they make."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import reflex as rx

from cursive_app.errors import Invalid
from cursive_app.services import segments
from cursive_app.services.accounts import Permission
from state.base import allow, transact
from state.segment_lines import QuoteCard, quote_card

USUAL_LEADS = "100"


class LimitsPart(rx.State, mixin=True):
    """How many leads at most, how many credits at most, and what that costs before anything runs."""

    max_leads: str = USUAL_LEADS
    ceiling: str = ""
    quote: QuoteCard = QuoteCard()
    quote_error: str = ""

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def set_max_leads(self, text: str):
        self.max_leads = text[:12]
        await self._price()

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def set_ceiling(self, text: str):
        self.ceiling = text[:14]
        await self._price()

    def _begin_limits(self, max_leads: str, ceiling: str) -> None:
        """Begin with a segment's own limits, not with those of the one before; a ceiling alone is a limit too."""
        self.ceiling = ceiling
        self.max_leads = max_leads or ("" if ceiling else USUAL_LEADS)
        self.quote_error = ""

    async def _price(self) -> None:
        try:
            view = await transact(segments.quote, max_leads=whole(self.max_leads), ceiling=amount(self.ceiling))
        except Invalid as error:
            self.quote_error = error.message
            return
        self.quote, self.quote_error = quote_card(view), ""


def amount(text: str) -> Decimal | None:
    """Typed credits; None for nothing typed. Raises Invalid."""
    cleaned = text.replace(",", "").strip()
    if not cleaned:
        return None
    try:
        return Decimal(cleaned)
    except InvalidOperation:
        raise Invalid(fields={"ceiling": "Enter an amount of credits such as 50 or 12.50."}) from None


def whole(text: str) -> int | None:
    """A typed number of leads; None for nothing typed. Raises Invalid."""
    cleaned = text.replace(",", "").strip()
    if not cleaned:
        return None
    if not cleaned.isdigit() or len(cleaned) > 9:
        raise Invalid(fields={"max_leads": "Enter a whole number of leads."})
    return int(cleaned)

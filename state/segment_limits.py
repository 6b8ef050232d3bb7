"""The limits of a run as people type them, and the price they make."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import reflex as rx

from cursive_app.errors import InsufficientCredits, Invalid
from cursive_app.services import segments
from cursive_app.services.accounts import Permission
from db.scope import Scope
from state.base import allow, transact
from state.segment_lines import QuoteCard, quote_card

USUAL_LEADS = "100"
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")  # 1,250 and 1,250.50
_DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]{1,2}")  # 20,5


class LimitsPart(rx.State, mixin=True):
    """How many leads at most, how many credits at most, and what that costs before anything runs.

    `priced`: whether the limits on the screen make a price; without one nothing can be run. `limits_key` grows when the
    limits were not changed by typing: the boxes are then made anew.
    """

    max_leads: str = USUAL_LEADS
    ceiling: str = ""
    limits_key: int = 0
    limits_changed: bool = False
    quote: QuoteCard = QuoteCard()
    priced: bool = True
    leads_error: str = ""
    ceiling_error: str = ""
    quote_error: str = ""

    _own_limits: tuple[str, str] = ("", "")

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def set_max_leads(self, text: str):
        self.max_leads = text.strip()[:12]
        await self._price()
        return self._after_typing()

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def set_ceiling(self, text: str):
        self.ceiling = text.strip()[:14]
        await self._price()
        return self._after_typing()

    def _after_typing(self) -> list[Any]:
        """What else typed limits set in motion."""
        return []

    def _begin_limits(self, max_leads: str, ceiling: str) -> None:
        """Begin with a segment's own limits, not with those of the one before; a ceiling alone is a limit too."""
        self._own_limits = (max_leads, ceiling)
        self.max_leads, self.ceiling = self._first_limits()
        self.limits_key += 1
        self.limits_changed = False
        self.leads_error = self.ceiling_error = self.quote_error = ""

    def _first_limits(self) -> tuple[str, str]:
        """What the boxes show before anybody types: the usual number stands where the segment sets no limit at all."""
        leads, ceiling = self._own_limits
        return leads or ("" if ceiling else USUAL_LEADS), ceiling

    def _limits(self) -> dict[str, Any]:
        """The limits a segment is saved with: what was typed, or its own where nothing was. Raises Invalid."""
        untouched = (self.max_leads, self.ceiling) == self._first_limits()
        leads, ceiling = self._own_limits if untouched else (self.max_leads, self.ceiling)
        return {"max_leads": whole(leads), "ceiling": amount(ceiling)}

    async def _price(self) -> None:
        """What the limits on the screen cost at most; a limit that makes no price is said at its box."""
        self.limits_changed = (self.max_leads, self.ceiling) != self._first_limits()
        self.leads_error = self.ceiling_error = self.quote_error = ""
        try:
            view = await transact(segments.quote, max_leads=whole(self.max_leads), ceiling=amount(self.ceiling))
        except Invalid as error:
            self.priced = False
            self.leads_error, self.ceiling_error = error.fields.get("max_leads", ""), error.fields.get("ceiling", "")
            if not (self.leads_error or self.ceiling_error):
                self.quote_error = error.message
            return
        self._show_quote(view)

    def _show_quote(self, view: segments.Quote) -> None:
        self.quote, self.priced = quote_card(view), True

    async def _refused(self, error: Exception, message: str) -> None:
        """Say why a run was refused; what is missing stands beside the price already, and is not said twice."""
        if isinstance(error, InsufficientCredits | Invalid):
            await self._price()
            if not self.priced or not self.quote.enough:
                return
        self.quote_error = message


def run_as_priced(
    scope: Scope, segment_id: str, *, max_leads: int | None, ceiling: Decimal | None, version: int | None
) -> segments.RunView:
    """Start the run whose price is on the screen: a limit that was cleared is the usual one, not the segment's own.

    Raises what `segments.start_run` raises.
    """
    priced = segments.quote(scope, max_leads=max_leads, ceiling=ceiling)
    return segments.start_run(scope, segment_id, max_leads=priced.max_leads, ceiling=priced.ceiling, version=version)


def amount(text: str) -> Decimal | None:
    """Typed credits; None for nothing typed. Commas group thousands ("1,250") or, before one or two last digits, are
    a decimal mark ("20,5" is 20.50, never 205); any other comma is refused. Raises Invalid."""
    cleaned = text.strip()
    if not cleaned:
        return None
    if _GROUPED.fullmatch(cleaned):
        cleaned = cleaned.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(cleaned):
        cleaned = cleaned.replace(",", ".")
    try:
        return Decimal(cleaned)
    except InvalidOperation:
        raise Invalid(fields={"ceiling": "Enter an amount of credits such as 50 or 12.50."}) from None


def whole(text: str) -> int | None:
    """A typed number of leads, its thousands grouped by commas or not; None for nothing typed. Raises Invalid."""
    cleaned = text.strip()
    if not cleaned:
        return None
    if _GROUPED.fullmatch(cleaned):
        cleaned = cleaned.replace(",", "")
    if not (cleaned.isascii() and cleaned.isdigit()) or len(cleaned) > 9:
        raise Invalid(fields={"max_leads": "Enter a whole number of leads."})
    return int(cleaned)

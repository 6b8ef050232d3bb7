"""The free dry run, the price before, and the start."""

from __future__ import annotations

from typing import Any, Literal, cast
from uuid import uuid4

import reflex as rx

from cursive_app.errors import Conflict, CursiveError, InsufficientCredits, Invalid, Unauthenticated
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment.views import Quote
from db.scope import Scope
from state.base import allow, transact
from state.enrichment_figures import QuoteCard, quote_card
from state.enrichment_open import OpenPart
from state.segment_limits import amount

Matching = Literal["balanced", "strict"]


class PricePart(OpenPart, mixin=True):
    """The step “price”."""

    quote: QuoteCard = QuoteCard()
    quote_error: str = ""
    ceiling: str = ""
    matching: str = "balanced"
    includes_owned: bool = False
    spends_available: bool = False
    sampling: bool = False
    sample_kept_back: str = ""
    confirming_start: bool = False
    starting: bool = False
    start_error: str = ""

    _start_key: str = ""
    _start_revision: int = 0  # the list as it was when its price was shown once more

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def set_ceiling(self, text: str):
        """Never spend more than this; enforced by the run, batch by batch."""
        self.ceiling, self.spends_available = text[:14], False
        await self._price()

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def set_includes_owned(self, included: bool):
        self.includes_owned = included
        await self._price()

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def set_matching(self, matching: str):
        if matching in ("balanced", "strict"):
            self.matching = matching
            await self._price()

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    def set_spends_available(self, chosen: bool):
        """Start with what there is; the run pauses when that is used up."""
        self.spends_available = chosen

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def dry_run(self):
        """Look 50 random rows up for free, matched as it is chosen now."""
        self.sampling = True
        yield
        try:
            await transact(enrichment.start_sample, self.enrichment_id, matching=self.matching)
            self._show_list(await transact(enrichment.get_enrichment, self.enrichment_id))
        finally:
            self.sampling = False

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def ask_start(self):
        """Show rows and worst case once more before anything is held."""
        revision = await self._price()
        if revision is None:
            return
        if revision != self.card.revision:  # what else stands on the page is what the list was
            yield self._reload()
        if self.quote.why_not:
            return
        self._start_key, self._start_revision = uuid4().hex, revision
        self.start_error, self.confirming_start = "", True

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    def set_confirming_start(self, is_open: bool):
        self.confirming_start = is_open

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def start(self):
        """Hold the worst case and start; a second press finds the first one's run. A list that is not the one whose
        price was shown is not started."""
        self.starting = True
        yield
        try:
            view = await transact(
                enrichment.start,
                self.enrichment_id,
                revision=self._start_revision or self.card.revision,
                matching=cast("Matching", self.matching),
                includes_owned=self.includes_owned,
                ceiling=amount(self.ceiling),
                spend_available=self.spends_available,
                idempotency_key=self._start_key or uuid4().hex,
            )
        except Unauthenticated:
            raise
        except (Invalid, InsufficientCredits, Conflict) as error:
            self.start_error = error.message
            yield rx.toast.error(error.message)
            if isinstance(error, Conflict):
                yield self._reload()  # with the price
            else:
                await self._price()
            return
        finally:
            self.starting = self.confirming_start = False
            self._start_revision = 0
        self._show_list(view)
        yield self._address()

    async def _price(self) -> int | None:
        """Show the price as the boxes stand. The revision of the list that it is of; None when the boxes are wrong, or
        there is no price."""
        try:
            revision, quote = await transact(
                _priced,
                self.enrichment_id,
                includes_owned=self.includes_owned,
                ceiling=amount(self.ceiling),
                matching=self.matching,
            )
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.quote_error = error.message
            return None
        self._show_quote(quote)
        return None if self.quote_error else revision

    def _show_quote(self, quote: Quote) -> None:
        try:
            limit = amount(self.ceiling)
        except Invalid as error:
            self.quote_error = error.message
            return
        self.quote, self.quote_error = quote_card(quote, ceiling=limit), ""
        if self.quote.affordable_rows == "0":  # nothing is held for nothing
            self.spends_available = False


def _priced(scope: Scope, id: str, **choice: Any) -> tuple[int, Quote]:
    """The revision of a list, and its price."""
    return enrichment.get_enrichment(scope, id).revision, enrichment.quote(scope, id, **choice)

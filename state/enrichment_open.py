"""The open list: what the address asks for, and the list as it is now. The other parts of the page stand on this."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

import reflex as rx

from cursive_app.errors import Conflict, NotFound
from cursive_app.services.enrichment.views import EnrichmentView
from state.base import person, refusal
from state.enrichment_figures import SampleCard, sample_card
from state.enrichment_grid import LayoutCard, layout_card
from state.enrichment_lines import ListCard, list_card

STEPS = ("file", "columns", "rows", "price")


class OpenPart(rx.State, mixin=True):
    """Address and list. `status`: loading, ready, forbidden, error."""

    status: str = "loading"
    error: str = ""
    enrichment_id: str = ""
    step: str = ""
    card: ListCard = ListCard()
    layout: LayoutCard = LayoutCard()
    sample: SampleCard = SampleCard()

    _view: EnrichmentView | None = None

    def _opened(self) -> EnrichmentView:
        if self._view is None:  # an event sent by hand, or of a page whose list could not be shown
            raise NotFound
        return self._view

    def _show_list(self, view: EnrichmentView) -> None:
        """Bring the head of the page in line with the list; only what changed is sent."""
        timezone = person().timezone
        self._view = view
        shown: tuple[tuple[str, Any], ...] = (
            ("card", list_card(view, timezone)),
            ("layout", layout_card(view.layout)),
            ("sample", sample_card(view.sample, timezone)),
        )
        for name, value in shown:
            if getattr(self, name) != value:
                setattr(self, name, value)

    def _overtaken(self, error: Conflict) -> list[Any]:
        """The list is not what the page shows any more: say so, and show what it is now."""
        return [refusal(error), self._reload()]

    def _reload(self):
        """The page's own `load`, which stands above the parts."""
        return cast("Any", type(self)).load

    def _address(self, **parts: str):
        kept = urlencode({key: value for key, value in parts.items() if value})
        return rx.redirect(f"/enrichments/{self.enrichment_id}{'?' + kept if kept else ''}")

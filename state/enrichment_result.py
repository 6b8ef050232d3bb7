"""The run as it moves, and what can be done once it has ended."""

from __future__ import annotations

from typing import Literal

import reflex as rx

from cursive_app.plurals import plural
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment import LeadsView
from state.base import allow, transact
from state.enrichment_download import DownloadPart
from state.enrichment_progress import RunCard


def leads_words(leads: LeadsView | None) -> str:
    """What became of “Add matched rows to my leads”, in a sentence; empty when nobody asked for it."""
    if leads is None:
        return ""
    told = f"{plural(leads.new, 'new lead')}, {leads.owned:,} yours already"
    if leads.is_moving:
        return f"Adding to your leads: {leads.seen:,} of {plural(leads.total, 'row')}"
    if leads.is_done:
        return f"Added to your leads: {told}."
    return f"Among your leads so far: {plural(leads.seen, 'matched row')} ({told}). Add the others when you like."


class ResultPart(DownloadPart, mixin=True):
    """Stop, pause and resume, delete, add to leads, run the rest again."""

    run: RunCard = RunCard()
    has_run: bool = False
    confirming_stop: bool = False
    stopping: bool = False
    resuming: bool = False
    asking_pause: bool = False
    confirming_delete: bool = False
    deleting: bool = False
    adding: bool = False
    leads_words: str = ""  # how far the matched rows have come on their way into the leads; empty before
    leads_moving: bool = False
    leads_done: bool = False
    rerunning: bool = False

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    def set_confirming_stop(self, is_open: bool):
        self.confirming_stop = is_open

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def stop(self):
        """Stop what works on the list: its reading, its dry run or its run."""
        self.stopping = True
        yield
        try:
            await transact(enrichment.cancel, self.enrichment_id)
            held = "Matched rows stay yours; what is still held comes back." if self.card.phase == "working" else ""
            yield rx.toast.success(f"Stopping. {held}".strip())
        finally:
            self.stopping = self.confirming_stop = False
        yield self._reload()

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def pause(self):
        """Send nothing more, wait for what is at the provider, and rest."""
        self.asking_pause = True
        yield
        try:
            await transact(enrichment.pause, self.enrichment_id)
        finally:
            self.asking_pause = False
        yield self._reload()

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def resume(self, spend_available: bool):
        """Hold credits for the rows that remain, or as many as there are, and go on."""
        self.resuming = True
        yield
        try:
            await transact(enrichment.resume, self.enrichment_id, spend_available=spend_available)
        finally:
            self.resuming = False
        yield self._reload()

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    def set_confirming_delete(self, is_open: bool):
        self.confirming_delete = is_open

    @rx.event
    @allow(Permission.EDIT_ENRICHMENTS)
    async def delete_files(self):
        """Delete file, rows and results now; the receipt stays. Of a list that never ran only the line stays."""
        self.deleting = True
        yield
        try:
            await transact(enrichment.delete_files, self.enrichment_id)
            ran = self.card.phase == "ended"
            yield rx.toast.success(
                "File, rows and results were deleted. The receipt stays." if ran else "The list was deleted."
            )
        finally:
            self.deleting = self.confirming_delete = False
        yield self._reload()

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def add_to_leads(self):
        """Put the matched rows among the workspace's leads; who is there already stays one lead."""
        self.adding = True
        yield
        try:
            await transact(enrichment.add_to_leads, self.enrichment_id)
        finally:
            self.adding = False
        yield self._reload()

    def _show_leads(self, leads: LeadsView | None) -> None:
        shown = (leads_words(leads), leads is not None and leads.is_moving, leads is not None and leads.is_done)
        if shown != (self.leads_words, self.leads_moving, self.leads_done):
            self.leads_words, self.leads_moving, self.leads_done = shown

    @rx.event
    @allow(Permission.RUN_ENRICHMENTS)
    async def rerun(self, outcome: Literal["error", "no_match", "skipped"]):
        """Make a new list of the rows that ended so; of skipped ones those that can be looked up."""
        self.rerunning = True
        yield
        try:
            made = await transact(enrichment.rerun, self.enrichment_id, outcomes=(outcome,))
        finally:
            self.rerunning = False
        yield rx.redirect(f"/enrichments/{made.id}")

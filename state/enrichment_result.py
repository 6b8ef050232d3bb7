"""The run as it moves, and what can be done once it has ended."""

from __future__ import annotations

from typing import Literal, cast
from uuid import UUID

import reflex as rx

from cursive_app.api.links import Download, make_link
from cursive_app.errors import CursiveError, Unauthenticated
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment.columns import OUTPUT_COLUMNS
from state.base import allow, ask, tenant, transact
from state.enrichment_open import OpenPart
from state.enrichment_progress import RunCard

Kind = Literal["csv", "xlsx"]
Only = Literal["all", "matched", "problems"]
ALL_FIELDS = tuple(column.name for column in OUTPUT_COLUMNS)


class ResultPart(OpenPart, mixin=True):
    """Stop and resume, download, delete, add to leads, run the rest again."""

    run: RunCard = RunCard()
    has_run: bool = False
    confirming_stop: bool = False
    stopping: bool = False
    resuming: bool = False
    choosing_download: bool = False
    download_kind: str = "csv"
    download_only: str = "all"
    download_fields: list[str] = list(ALL_FIELDS)
    preparing_download: bool = False
    download_error: str = ""
    confirming_delete: bool = False
    deleting: bool = False
    adding: bool = False
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
    async def resume(self, spend_available: bool):
        """Hold credits for the rows that remain, or as many as there are, and go on."""
        self.resuming = True
        yield
        try:
            await transact(enrichment.resume, self.enrichment_id, spend_available=spend_available)
        finally:
            self.resuming = False
        yield self._reload()

    # The download

    @rx.event
    @allow(Permission.DOWNLOAD_ENRICHMENTS)
    def set_choosing_download(self, is_open: bool):
        self.choosing_download, self.download_error = is_open, ""

    @rx.event
    @allow(Permission.DOWNLOAD_ENRICHMENTS)
    def set_download_kind(self, kind: Kind):
        self.download_kind = kind

    @rx.event
    @allow(Permission.DOWNLOAD_ENRICHMENTS)
    def set_download_only(self, only: Only):
        self.download_only = only

    @rx.event
    @allow(Permission.DOWNLOAD_ENRICHMENTS)
    def toggle_field(self, name: str):
        """Take an added column into the file, or leave it out."""
        chosen = {*self.download_fields} ^ {name}
        self.download_fields = [field for field in ALL_FIELDS if field in chosen]

    @rx.event
    @allow(Permission.DOWNLOAD_ENRICHMENTS)
    def choose_fields(self, every: bool):
        self.download_fields = list(ALL_FIELDS) if every else []

    @rx.event
    @allow(Permission.DOWNLOAD_ENRICHMENTS)
    async def download(self):
        """Make a private link that soon expires, and let the browser fetch the file behind it."""
        self.preparing_download, self.download_error = True, ""
        yield
        names = None if len(self.download_fields) == len(ALL_FIELDS) else tuple(self.download_fields)
        kind, only = cast("Kind", self.download_kind), cast("Only", self.download_only)
        try:
            await ask(enrichment.check_output, tenant(), self.enrichment_id, kind=kind, only=only, fields=names)
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.download_error = error.message
            return
        finally:
            self.preparing_download = False
        url, _expires_at = make_link(tenant(), Download(UUID(self.enrichment_id), kind, only, names))
        self.choosing_download = False
        yield rx.download(url=url)

    # After it

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
            yield rx.toast.success("The matched rows are being added to your leads.")
        finally:
            self.adding = False
        yield self._reload()

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

"""The dialog “Download the result”: which file, rows and columns, and what is filled into the customer's own ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast

import reflex as rx

from cursive_app.api.links import Download, make_link
from cursive_app.errors import CursiveError, Unauthenticated
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment.columns import OUTPUT_COLUMNS
from cursive_app.services.enrichment.filling import SOURCES
from cursive_app.services.enrichment.views import EnrichmentView
from db.scope import parse_id
from state.base import allow, ask, tenant
from state.enrichment_grid import FIELD_WORDS
from state.enrichment_open import OpenPart

Kind = Literal["csv", "xlsx"]
Only = Literal["all", "matched", "problems"]
Policy = Literal["keep", "fill", "overwrite"]
ALL_FIELDS = tuple(column.name for column in OUTPUT_COLUMNS)


@dataclass(frozen=True)
class FillLine:
    """An original column that can take what was found: its name, what it is mapped to, and what is to become of it."""

    field: str = ""
    name: str = ""
    label: str = ""
    policy: str = "keep"


class DownloadPart(OpenPart, mixin=True):
    """Choices of the download; they are kept until another list is opened."""

    choosing_download: bool = False
    download_kind: str = "csv"
    download_only: str = "all"
    download_fields: list[str] = list(ALL_FIELDS)
    fill_lines: list[FillLine] = []
    fills_told: str = ""
    preparing_download: bool = False
    download_error: str = ""

    @rx.event
    @allow(Permission.DOWNLOAD_ENRICHMENTS)
    def set_choosing_download(self, is_open: bool):
        self.choosing_download, self.download_error = is_open, ""
        if is_open:
            self._offer_fills(self._opened())

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
    def set_policy(self, field: str, policy: Policy):
        """Keep an original column, fill its blanks, or overwrite it with what was found."""
        self._set_lines([replace(line, policy=policy) if line.field == field else line for line in self.fill_lines])

    @rx.event
    @allow(Permission.DOWNLOAD_ENRICHMENTS)
    def set_every_policy(self, policy: Literal["keep", "fill"]):
        self._set_lines([replace(line, policy=policy) for line in self.fill_lines])

    @rx.event
    @allow(Permission.DOWNLOAD_ENRICHMENTS)
    async def download(self):
        """Make a private link that soon expires, and let the browser fetch the file behind it."""
        self.preparing_download, self.download_error = True, ""
        yield
        try:
            wanted = self._wanted_download()
            await ask(
                enrichment.check_output,
                tenant(),
                self.enrichment_id,
                kind=wanted.kind,
                only=wanted.only,
                fields=wanted.fields,
                fill=wanted.fill,
                overwrite=wanted.overwrite,
            )
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.download_error = error.message
            return
        finally:
            self.preparing_download = False
        url, _expires_at = make_link(tenant(), wanted)
        self.choosing_download = False
        yield rx.download(url=url)

    def _wanted_download(self) -> Download:
        fill, overwrite = (
            tuple(line.field for line in self.fill_lines if line.policy == policy) for policy in ("fill", "overwrite")
        )
        return Download(
            enrichment_id=parse_id(self.enrichment_id),
            kind=cast("Kind", self.download_kind),
            only=cast("Only", self.download_only),
            fields=None if len(self.download_fields) == len(ALL_FIELDS) else tuple(self.download_fields),
            fill=fill,
            overwrite=overwrite,
        )

    def _offer_fills(self, view: EnrichmentView) -> None:
        """The original columns that something can be found for, in file order, as they were chosen before."""
        chosen = {line.field: line.policy for line in self.fill_lines}
        self._set_lines(
            [
                FillLine(column.field, column.name, FIELD_WORDS[column.field], chosen.get(column.field, "keep"))
                for column in view.columns
                if column.field in SOURCES
            ]
        )

    def _set_lines(self, lines: list[FillLine]) -> None:
        self.fill_lines = lines
        filled = sum(line.policy != "keep" for line in lines)
        self.fills_told = f"{filled:,} of {len(lines):,} take what was found" if filled else "as they are"

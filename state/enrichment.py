"""One list, from the drop to the download. The address holds the step, the tab of the grid and its page.

The parts are mixins, each knowing only the open list: mapping, rows, price, result. Here is what brings them together:
loading what the address asks for, and looking again while the list is read, sampled or run.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import reflex as rx

from cursive_app.errors import CursiveError, Invalid, NotFound, Unauthenticated
from cursive_app.services import enrichment, jobs
from cursive_app.services.accounts import Permission, allows
from cursive_app.services.enrichment import LeadsView
from cursive_app.services.enrichment.views import ChangeView, EnrichmentView, Quote, RowPage
from cursive_app.services.jobs import JobView
from db.scope import Scope
from state.base import allow, current_path, person, transact
from state.enrichment_grid import RawRow
from state.enrichment_lines import PHASES
from state.enrichment_mapping import MappingPart
from state.enrichment_open import STEPS
from state.enrichment_price import PricePart
from state.enrichment_progress import RunCard, run_card
from state.enrichment_result import ResultPart
from state.enrichment_rows import AFTER, BEFORE, ROW_PAGE, RowsPart
from state.job_rows import kept_back_words
from state.segment_limits import amount

FOLLOW_SECONDS = 1.0
OTHERS_SECONDS = 4.0
"""How often a list that rests is looked at: somebody else may change, start or delete it."""


@dataclass(frozen=True, slots=True)
class _Moving:
    """What moves while one looks: the list, the job of its reading or run, of its dry run, of adding to the leads."""

    view: EnrichmentView
    job: JobView | None
    sample_job: JobView | None
    leads: LeadsView | None


@dataclass(frozen=True, slots=True)
class _Loaded(_Moving):
    """What one load needs, read in one transaction."""

    step: str
    tab: str
    raw: Any
    page: RowPage | None
    change: ChangeView | None
    quote: Quote | None


class EnrichmentState(MappingPart, RowsPart, PricePart, ResultPart, rx.State):
    """The page of one list."""

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_ENRICHMENTS)
    async def load(self):
        """Show what the address asks for."""
        parts = urlsplit(current_path())
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        enrichment_id = parts.path.rstrip("/").rsplit("/", 1)[-1]
        if enrichment_id != self.enrichment_id:
            self._forget()
            self.enrichment_id = enrichment_id
        yield
        try:
            found = await transact(
                _load,
                enrichment_id,
                step=query.get("step", ""),
                tab=query.get("view", ""),
                cursor=query.get("cursor", ""),
                includes_owned=self.includes_owned,
                ceiling=self.ceiling,
                matching=self.matching if self.status == "ready" else None,
            )
        except Unauthenticated:
            raise
        except NotFound:
            self.status = "error"
            self.error = "This list does not exist here. It may belong to another workspace."
            return
        except CursiveError as error:
            self.status, self.error = "error", error.message
            return
        self._show(found)

    @rx.event(background=True)
    @allow(Permission.VIEW_ENRICHMENTS)
    async def follow(self):
        """Look again every second while the list is read, sampled or run, now and then while it rests; ends with the
        page."""
        waited = 0.0
        while True:
            await _pause()
            waited += FOLLOW_SECONDS
            async with self:
                moving = (
                    self.card.phase in ("reading", "working") or self.sample.status == "running" or self.leads_moving
                )
                is_due = self.status == "ready" and (moving or waited >= OTHERS_SECONDS)
                watched = self.enrichment_id
            if not is_due:
                continue
            waited = 0.0
            try:
                found = await transact(_again, watched)
            except Unauthenticated:
                return
            except CursiveError:
                continue  # the reconnect banner, or the end of the session, is told elsewhere
            events: list[Any] = []
            async with self:
                if watched == self.enrichment_id and self.status == "ready":
                    events = self._show_again(found)
            for event in events:
                yield event

    @rx.event
    @allow(Permission.VIEW_ENRICHMENTS)
    def go_to(self, step: str):
        return self._address(step=step) if step in STEPS else None

    def _forget(self) -> None:
        """Nothing of the list that was open before may be seen under another one's name."""
        self.reset()

    def _show(self, found: _Loaded) -> None:
        before = self._view
        self._show_list(found.view)
        self._show_mapping(before)
        if found.view.revision != self._start_revision or PHASES[found.view.status] != "preparing":
            self.confirming_start = False  # what would be started is not what its price was shown of
        if self.status != "ready":
            self.matching, self.includes_owned = found.view.matching, found.view.includes_owned
        self.step, self.tab = found.step, found.tab
        if found.raw is not None:
            self._show_raw(found.raw)
        if found.page is not None:
            self._show_rows(found.page)
        self._show_change(found.change)
        if found.quote is not None:
            self._show_quote(found.quote)
        self._show_moving(found)
        self.status = "ready"

    def _show_again(self, found: _Moving) -> list[Any]:
        """Renew what moves. Events for what follows: the page is loaded anew when the list has come to another place,
        and told why when somebody else has brought it there."""
        before, was_adding, view = self._opened(), self.leads_moving, found.view
        if view.revision < before.revision:  # asked before what this page has just done
            return []
        if told := _told(before, view):
            return [rx.toast.info(told), EnrichmentState.load]
        self._show_list(view)
        self._show_moving(found)
        sampled = (view.sample.status if view.sample else "") != (before.sample.status if before.sample else "")
        added = was_adding and not self.leads_moving  # each row now leads to its lead
        again = sampled or added or (view.status, view.purged_at) != (before.status, before.purged_at)
        return [EnrichmentState.load] if again else []

    def _show_moving(self, found: _Moving) -> None:
        self._show_run(found.view, found.job)
        self._show_leads(found.leads)
        kept_back = kept_back_words(found.sample_job, person().timezone) if found.sample_job is not None else ""
        if kept_back != self.sample_kept_back:
            self.sample_kept_back = kept_back

    def _show_run(self, view: EnrichmentView, job: JobView | None) -> None:
        done = view.matched + view.no_match + view.skipped + view.errors
        card = RunCard()
        if job is not None:
            card = run_card(job, timezone=person().timezone, counts_done=done, progress=view.progress)
        if card != self.run:
            self.run = card
        if (job is not None) != self.has_run:
            self.has_run = job is not None


def _told(before: EnrichmentView, now: EnrichmentView) -> str:
    """What somebody else, or another tab, has done with a list that rested here; "" for nothing."""
    if now.revision != before.revision:
        return "This list was changed elsewhere. You see it as it is now."
    if PHASES[before.status] == "preparing" and PHASES[now.status] == "working":
        return "This list was started elsewhere."
    return ""


async def _pause() -> None:
    await asyncio.sleep(FOLLOW_SECONDS)


def _load(
    scope: Scope,
    id: str,
    *,
    step: str,
    tab: str,
    cursor: str,
    includes_owned: bool,
    ceiling: str,
    matching: str | None,
) -> _Loaded:
    """`ceiling` as it stands in its box; `matching` as it was chosen on the page, None for the list's own."""
    view = enrichment.get_enrichment(scope, id)
    phase = PHASES[view.status]
    step = _step(phase, step)
    tabs = BEFORE if step == "rows" else AFTER
    tab = tab if tab in tabs else "all"
    shows_rows = view.purged_at is None and (step == "rows" or phase == "ended") and phase != "reading"
    moving = _moving(scope, view)
    return _Loaded(
        view=view,
        job=moving.job,
        sample_job=moving.sample_job,
        leads=moving.leads,
        step=step,
        tab=tab,
        raw=enrichment.head_rows(scope, id) if step == "file" and view.purged_at is None else None,
        page=enrichment.list_rows(scope, id, view=tab, cursor=cursor or None, limit=ROW_PAGE) if shows_rows else None,
        change=enrichment.last_change(scope, id) if step == "rows" else None,
        quote=_quote(scope, id, includes_owned, ceiling, matching or view.matching)
        if step == "price" and phase == "preparing"
        else None,
    )


def _step(phase: str, wanted: str) -> str:
    """The step to show: a list that runs or ran has one place, a list in preparation begins with its columns."""
    if phase in ("working", "ended", "deleted"):
        return "result"
    if phase == "refused":
        return "file"
    return wanted if wanted in STEPS else "columns"


def _quote(scope: Scope, id: str, includes_owned: bool, ceiling: str, matching: str) -> Quote | None:
    """The price as the boxes stand; None without the right to it, and for a ceiling that is none: its box says so."""
    if not allows(scope.tenant, Permission.RUN_ENRICHMENTS):
        return None
    try:
        return enrichment.quote(scope, id, includes_owned=includes_owned, ceiling=amount(ceiling), matching=matching)
    except Invalid:
        return None


def _moving(scope: Scope, view: EnrichmentView) -> _Moving:
    sampling = view.sample is not None and view.sample.status == "running"
    return _Moving(
        view=view,
        job=_job(scope, view.read_job_id if PHASES[view.status] == "reading" else view.run_job_id),
        sample_job=_job(scope, view.sample_job_id) if sampling else None,
        leads=enrichment.leads_of(scope, view.id) if view.finished_at is not None else None,
    )


def _job(scope: Scope, id: UUID | None) -> JobView | None:
    """A job, when there is one and the person may see jobs."""
    if id is None or not allows(scope.tenant, Permission.VIEW_JOBS):
        return None
    return jobs.get_job(scope, id).job


def _again(scope: Scope, id: str) -> _Moving:
    return _moving(scope, enrichment.get_enrichment(scope, id))


__all__ = ["EnrichmentState", "RawRow"]

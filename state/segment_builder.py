"""The segment builder: one filter, read from the address, edited row by row, counted or sampled, saved, run.

The address is the truth: `/segments/<id or "new">?f=<filter>&run=<run>`. Every edit makes a new address, so that Back
undoes it and a pasted link opens the same filter. 400 ms after the last edit the draft is kept and, over own leads, the
exact count is taken; an answer that a newer edit has overtaken is thrown away (SEG-05, SEG-10, SEG-11).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import reflex as rx

from cursive_app.errors import Conflict, CursiveError, Invalid, NotFound, Unauthenticated
from cursive_app.integrations.audiencelab import provider
from cursive_app.services import jobs, segments
from cursive_app.services.accounts import Permission, allows
from db.scope import Scope
from state import filter_rows as edit
from state.base import allow, ask, current_path, person, tenant, transact
from state.filter_rows import FilterItem
from state.segment_lines import (
    QuoteCard,
    RunLine,
    SampleCard,
    SampleLine,
    lead_sample,
    plural,
    quote_card,
    run_line,
    sample_card,
)
from state.segments import amount, whole

SETTLE_SECONDS = 0.4
FOLLOW_SECONDS = 1.0
NEW = "new"


@dataclass(frozen=True, slots=True)
class _Opened:
    """What one load needs, read in one transaction."""

    view: segments.SegmentView | None
    filters: segments.Filters
    base_version: int | None
    from_draft: bool
    runs: segments.RunPage | None
    quote: segments.Quote


def _open(scope: Scope, segment_id: str, packed: str, wanted_scope: str) -> _Opened:
    segments.learn_words(scope)
    saved = None if segment_id == NEW else segments.get_segment(scope, segment_id)
    draft = None if packed else segments.get_draft(scope, segment_id=saved.id if saved else None)
    if packed:
        filters = segments.decode(packed)
    elif draft is not None:
        filters = draft[0]
    elif saved is not None:
        if saved.filters is None:
            raise Invalid(f"This segment's filter can no longer be read. {saved.problem}")
        filters = saved.filters
    else:
        filters = segments.empty("leads" if wanted_scope == "leads" else "provider")
    based_on = draft[1] if draft is not None and draft[1] else saved.version if saved else None
    return _Opened(
        view=saved,
        filters=filters,
        base_version=based_on,
        from_draft=draft is not None,
        runs=segments.list_runs(scope, saved.id) if saved else None,
        quote=segments.quote(
            scope, max_leads=saved.max_leads if saved else None, ceiling=saved.ceiling if saved else None
        ),
    )


def _run_now(scope: Scope, run_id: str) -> tuple[segments.RunView, str, bool]:
    """A run with the stage its job is in and whether it was asked to stop."""
    run = segments.get_run(scope, run_id)
    if run.job_id is None or not allows(scope.tenant, Permission.VIEW_JOBS):
        return run, "", False
    job = jobs.get_job(scope, run.job_id).job
    return run, job.stage, job.cancel_requested


class SegmentBuilderState(rx.State):
    """One segment on the workbench."""

    status: str = "loading"
    error: str = ""
    segment_id: str = NEW
    name: str = ""
    is_new: bool = True
    may_edit: bool = True
    segment_status: str = "active"
    author: str = ""
    is_shared: bool = True
    dirty: bool = False
    from_draft: bool = False

    scope: str = "provider"
    root_op: str = "all"
    items: list[FilterItem] = []
    sentence: str = ""
    is_empty: bool = True
    problem: str = ""
    row_errors: dict[str, str] = {}
    vocabulary: dict[str, list[dict[str, str]]] = {}
    options: list[dict[str, str]] = []
    typing: str = ""
    link_too_long: bool = False

    counting: bool = False
    count: str = ""
    total: str = ""
    glimpses: list[SampleLine] = []
    count_error: str = ""
    who: str = ""
    why_error: str = ""
    why_name: str = ""
    why_verdict: str = ""
    why_url: str = ""
    why_rows: list[dict[str, str]] = []

    sampling: bool = False
    sample: SampleCard = SampleCard()
    has_sample: bool = False
    sample_stale: bool = False
    sample_error: str = ""

    max_leads: str = "100"
    ceiling: str = ""
    quote: QuoteCard = QuoteCard()
    quote_error: str = ""
    starting: bool = False
    run: RunLine = RunLine()
    has_run: bool = False
    stopping: bool = False
    runs: list[RunLine] = []

    naming: bool = False
    naming_title: str = "Save segment"
    new_name: str = ""
    name_error: str = ""
    saving: bool = False
    conflict: str = ""

    _filters: segments.Filters | None = None
    _saved: str = ""
    _base_version: int | None = None
    _packed: str = ""
    _edits: int = 0
    _then_run: bool = False
    _as_new: bool = False
    _notes: dict[str, str] = {}
    _run_id: str = ""

    # Opening

    @rx.event(supersedes=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def load(self):
        """Bring the workbench in line with the address."""
        parts = urlsplit(current_path())
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        segment_id = parts.path.rstrip("/").rsplit("/", 1)[-1]
        packed = query.get("f", "")
        self._run_id = query.get("run", "")
        same = self.status == "ready" and segment_id == self.segment_id and packed == self._packed
        if same and not (segment_id == NEW and query.get("scope", self.scope) != self.scope and not packed):
            await self._refresh_run()
            return
        another = segment_id != self.segment_id or self.status != "ready"
        if another:
            self.status, self.segment_id = "loading", segment_id
            self.has_sample, self.has_run, self.runs, self.why_name = False, False, [], ""
        yield
        try:
            opened = await transact(_open, segment_id, packed, query.get("scope", "provider"))
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.status = "missing" if isinstance(error, NotFound) else "error"
            self.error = error.message
            return
        self._show_opened(opened, packed)
        await self._refresh_run()
        yield SegmentBuilderState.settle
        if opened.from_draft and self.dirty:
            yield self._address(replace=True)

    @rx.event(background=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def follow(self):
        """Follow the run that works; ends with the page."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            async with self:
                watched = self.run.id if self.has_run and self.run.is_active else ""
            if not watched:
                continue
            try:
                found = await transact(_run_now, watched)
            except Unauthenticated:
                return
            except CursiveError:
                continue  # the reconnect banner, or the end of the session, is told elsewhere
            async with self:
                if self.run.id == watched:
                    self._show_run(found)
            if not found[0].is_active:
                async with self:
                    yield SegmentBuilderState.reload_runs

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def reload_runs(self):
        """The history, after a run has ended."""
        if self.segment_id != NEW:
            page = await transact(segments.list_runs, self.segment_id)
            self._show_runs(page)

    # Editing

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def set_scope(self, scope: str):
        """The people database, or one's own leads."""
        filters, gone = edit.to_scope(self._now(), scope)
        self.has_sample = False
        told = [rx.toast.info(f"{plural(gone, 'row')} could not come along: the field is not there.")] if gone else []
        return [*told, *self._edited(filters)]

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def set_op(self, path: str, op: str):
        return self._try(path, edit.set_op, path, op)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def add_row(self, group: str, field: str):
        return self._try(group, edit.add_condition, group, field)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def add_group(self):
        return self._try("", edit.add_group)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def remove_row(self, path: str):
        self.row_errors = {}
        return self._try(path, edit.remove, path)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def add_value(self, path: str, value: str):
        self.options, self.typing = [], ""
        return self._try(path, edit.add_value, path, value)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def remove_value(self, path: str, value: str):
        return self._try(path, edit.remove_value, path, value)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def toggle_value(self, path: str, value: str):
        return self._try(path, edit.toggle_value, path, value)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def set_bound(self, path: str, end: str, text: str):
        return self._try(path, edit.set_bound, path, end, text)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def set_flag(self, path: str, answer: str):
        return self._try(path, edit.set_flag, path, answer)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def suggest(self, path: str, field: str, text: str):
        """Values for what is being typed; what was typed itself comes first where free text is allowed."""
        self.typing = path
        typed = " ".join(text.split())[:100]
        found = await transact(segments.suggest, field, typed)
        known = [{"value": one.value, "label": one.label, "note": ""} for one in found]
        if typed and all(one["label"].lower() != typed.lower() for one in known):
            known.insert(0, {"value": typed, "label": typed, "note": "as typed"})
        self.options = known

    @rx.event(background=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def settle(self):
        """When the hands rest: keep the draft, count own leads. A newer edit makes this one leave."""
        async with self:
            edit_number, counts = self._edits, self.scope == "leads"
        await asyncio.sleep(SETTLE_SECONDS)
        async with self:
            if self._edits != edit_number or self._filters is None:
                return
            filters, dirty, may_edit = self._filters, self.dirty, allows(tenant(), Permission.EDIT_SEGMENTS)
            segment_id = None if self.segment_id == NEW else self.segment_id
            base, self.counting, self.count_error = self._base_version, counts, ""
        if dirty and may_edit:
            await transact(segments.save_draft, segment_id=segment_id, filters=filters, base_version=base)
        if not counts:
            return
        try:
            found = await transact(segments.count_leads, filters)
        except CursiveError as error:
            async with self:
                if self._edits == edit_number:
                    self.counting, self.count_error = False, error.message
            return
        async with self:
            if self._edits == edit_number:
                self._show_count(found)

    # Looking

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def take_sample(self):
        """Ask the provider for a free, masked sample."""
        self.sampling, self.sample_error = True, ""
        filters = self._now()
        yield
        try:
            found = await ask(segments.preview_segment, tenant(), filters, provider=provider())
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.sample_error = error.message
            return
        finally:
            self.sampling = False
        self.sample, self.has_sample = sample_card(found), True
        self.sample_stale = filters != self._filters

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def explain(self, form: dict[str, Any]):
        """Why a lead is in or out: each row, green or red."""
        self.who, self.why_error = str(form.get("who", ""))[:320], ""
        try:
            found = await transact(segments.explain_lead, self._now(), self.who)
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.why_name, self.why_rows, self.why_error = "", [], error.message
            return
        self.why_name, self.why_url = found.name, f"/leads?lead={found.lead_id}"
        self.why_verdict = {True: "in", False: "out", None: "unknown"}[found.verdict]
        self.why_rows = [
            {
                "id": ".".join(map(str, row.path)),
                "text": row.text,
                "actual": row.actual,
                "holds": {True: "yes", False: "no", None: "unknown"}[row.holds],
            }
            for row in found.conditions
        ]

    # Saving

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def ask_save_as(self):
        """Ask for a name; the segment on the workbench stays as it was saved."""
        self._ask_name("Save as a new segment", as_new=True, then_run=False)
        self.new_name = f"{self.name} copy" if self.name else ""

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def set_naming(self, is_open: bool):
        self.naming = is_open
        if not is_open:
            self._then_run = False

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    def set_conflict(self, is_open: bool):
        if not is_open:
            self.conflict = ""

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def save(self):
        """Save under the version the edit began from, or ask for a name."""
        if self.is_new or not self.may_edit:
            self._ask_name("Save segment", as_new=True, then_run=False)
            return
        self.saving = True
        yield
        try:
            view = await transact(
                segments.update_segment,
                self.segment_id,
                version=self._base_version or 0,
                filters=self._now().complete(),
            )
        except Conflict as error:
            self.conflict = error.message
            return
        finally:
            self.saving = False
        self._show_saved(view)
        yield rx.toast.success("Saved.")
        yield self._address(replace=True)

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def save_as(self, form: dict[str, Any]):
        """Save under a new name, then go on with the new segment."""
        self.saving, self.name_error = True, ""
        yield
        try:
            view = await transact(
                segments.create_segment,
                name=str(form.get("name", "")),
                description=str(form.get("description", "")),
                filters=self._now().complete(),
                is_shared=form.get("private") not in ("on", True),
            )
        except Unauthenticated:
            raise
        except CursiveError as error:
            self.name_error = error.message
            return
        finally:
            self.saving = False
        if self.segment_id != NEW:
            await transact(segments.drop_draft, segment_id=self.segment_id)
        self.naming, self.segment_id, self.conflict = False, str(view.id), ""
        self._show_saved(view)
        yield rx.toast.success(f"Saved as “{view.name}”.")
        then_run, self._then_run = self._then_run, False
        yield SegmentBuilderState.start if then_run else self._address(replace=True)

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    async def discard(self):
        """Forget the unsaved edit."""
        segment_id = None if self.segment_id == NEW else self.segment_id
        await transact(segments.drop_draft, segment_id=segment_id)
        self.status, self._packed, self.conflict = "loading", "", ""
        self._edits += 1
        yield rx.redirect(f"/segments/{self.segment_id}")
        yield SegmentBuilderState.load

    # Running

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

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def start(self):
        """Save what is unsaved, then run it within the limits on the screen."""
        if self.is_new or (self.dirty and not self.may_edit):
            self._ask_name("Name it, then it runs", as_new=True, then_run=True)
            return
        self.starting, self.quote_error = True, ""
        yield
        try:
            if self.dirty:
                view = await transact(
                    segments.update_segment,
                    self.segment_id,
                    version=self._base_version or 0,
                    filters=self._now().complete(),
                )
                self._show_saved(view)
            run = await transact(
                segments.start_run,
                self.segment_id,
                max_leads=whole(self.max_leads),
                ceiling=amount(self.ceiling),
                version=self._base_version,
            )
        except Unauthenticated:
            raise
        except Conflict as error:
            if error.reason == "stale_version":
                self.conflict = error.message
            else:
                self.quote_error = error.message
            return
        except CursiveError as error:
            self.quote_error = error.message
            return
        finally:
            self.starting = False
        self._run_id = str(run.id)
        self._show_run((run, "queued", False))
        yield self._address()

    @rx.event
    @allow(Permission.RUN_SEGMENTS)
    async def cancel(self):
        """Stop after the page the run works on."""
        self.stopping = True
        yield
        try:
            await transact(segments.cancel_run, self.run.id)
            yield rx.toast.success("Stopping after this page. What is still held comes back.")
        finally:
            self.stopping = False
        await self._refresh_run()

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def open_run(self, run_id: str):
        """Show another run of the history in the panel."""
        self._run_id = run_id
        return self._address()

    @rx.event
    @allow(Permission.EDIT_SEGMENTS)
    async def resume(self):
        """Make a paused or archived segment active again."""
        await transact(segments.set_status, self.segment_id, status="active")
        self.status = "loading"
        yield SegmentBuilderState.load

    # Inside

    def _now(self) -> segments.Filters:
        return self._filters or segments.empty("leads" if self.scope == "leads" else "provider")

    def _try(self, path: str, change: Any, *arguments: str):
        """Apply an edit; what it refuses is said beside its row and changes nothing."""
        try:
            filters = change(self._now(), *arguments)
        except Invalid as error:
            said = next(iter(error.fields.values()), error.message)
            self.row_errors = {**self.row_errors, path: said}
            return []
        self.row_errors = {key: text for key, text in self.row_errors.items() if key != path}
        return self._edited(filters)

    def _edited(self, filters: segments.Filters):
        self._edits += 1
        self._notes = {}
        self._show_filters(filters)
        self.sample_stale = self.has_sample
        self._run_id = ""
        return [self._address(), SegmentBuilderState.settle]

    def _address(self, *, replace: bool = False):
        packed = segments.encode(self._now()) if self.dirty or self.is_new else ""
        self.link_too_long = packed is None
        self._packed = packed or ""
        query = {key: value for key, value in (("f", self._packed), ("run", self._run_id)) if value}
        url = f"/segments/{self.segment_id}" + (f"?{urlencode(query)}" if query else "")
        return rx.redirect(url, replace=replace)

    def _show_filters(self, filters: segments.Filters) -> None:
        self._filters = filters
        self.scope, self.root_op = filters.scope, filters.where.op
        self.items = edit.lines(filters, self._notes)
        self.sentence, self.is_empty = segments.sentence(filters), filters.is_empty
        self.dirty = not filters.is_empty if self.is_new else _packed_json(filters) != self._saved
        self.problem = _run_problem(filters)

    def _show_opened(self, opened: _Opened, packed: str) -> None:
        self.vocabulary = edit.vocabulary()
        self._packed, self.from_draft, self.row_errors = packed, opened.from_draft, {}
        self._base_version = opened.base_version
        self.is_new = opened.view is None
        self._show_view(opened.view)
        self._edits += 1
        self._notes = {}
        self._show_filters(opened.filters)
        self.quote = quote_card(opened.quote)
        if opened.runs is not None:
            self._show_runs(opened.runs)
        if not self._run_id and opened.view is not None and opened.view.active_run_id:
            self._run_id = str(opened.view.active_run_id)
        self.status = "ready"

    def _show_view(self, view: segments.SegmentView | None) -> None:
        if view is None:
            self.name, self.may_edit, self.segment_status, self.author, self._saved = "", True, "active", "", ""
            return
        self.name, self.may_edit, self.segment_status = view.name, view.may_edit, view.status
        self.author, self.is_shared = view.author, view.is_shared
        self._saved = _packed_json(view.filters) if view.filters else ""
        if view.max_leads is not None:
            self.max_leads = str(view.max_leads)
        if view.ceiling is not None:
            self.ceiling = str(view.ceiling)

    def _show_saved(self, view: segments.SegmentView) -> None:
        self.is_new, self.from_draft = False, False
        self._base_version = view.version
        self._show_view(view)
        self._show_filters(view.filters or self._now())

    def _show_count(self, found: segments.LeadCount) -> None:
        self.counting, self.count_error = False, ""
        self.count, self.total = f"{found.count:,}", plural(found.total, "lead")
        self.glimpses = [lead_sample(row) for row in found.first]
        telling = [path for path, row in self._now().conditions() if not row.says_nothing]
        self._notes = {
            ".".join(map(str, path)): _marginal(one) for path, one in zip(telling, found.marginals, strict=False)
        }
        self.items = edit.lines(self._now(), self._notes)

    def _show_runs(self, page: segments.RunPage) -> None:
        self.runs = [run_line(run, person().timezone) for run in page.runs]

    def _show_run(self, found: tuple[segments.RunView, str, bool]) -> None:
        run, stage, cancelling = found
        self.run, self.has_run = run_line(run, person().timezone, stage=stage, cancelling=cancelling), True

    async def _refresh_run(self) -> None:
        if not self._run_id:
            self.has_run = False
            return
        try:
            self._show_run(await transact(_run_now, self._run_id))
        except NotFound:
            self.has_run = False

    async def _price(self) -> None:
        try:
            view = await transact(segments.quote, max_leads=whole(self.max_leads), ceiling=amount(self.ceiling))
        except Invalid as error:
            self.quote_error = error.message
            return
        self.quote, self.quote_error = quote_card(view), ""

    def _ask_name(self, title: str, *, as_new: bool, then_run: bool) -> None:
        self.naming_title, self.name_error, self.naming = title, "", True
        self.new_name = ""
        self._as_new, self._then_run = as_new, then_run


def _packed_json(filters: segments.Filters) -> str:
    return json.dumps(filters.complete().to_json(), sort_keys=True)


def _run_problem(filters: segments.Filters) -> str:
    """Why this filter cannot be run yet; empty when it can."""
    if filters.scope != "provider":
        return ""
    try:
        segments.require_runnable(filters)
        segments.narrowing(filters.complete())
    except Invalid as error:
        return next(iter(error.fields.values()), error.message)
    return ""


def _marginal(one: segments.Marginal) -> str:
    if one.removes:
        return f"removes {one.removes:,}"
    return f"adds {one.adds:,}" if one.adds else "changes nothing"

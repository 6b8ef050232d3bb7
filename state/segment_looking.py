"""What the filter finds: the exact count over own leads, a sample of the people database, why somebody is in or out.

400 ms after the last edit the draft is kept and own leads are counted; an answer that a newer edit has overtaken is
thrown away (SEG-05, SEG-10).
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import reflex as rx

from cursive_app.errors import CursiveError, Unauthenticated
from cursive_app.integrations.audiencelab import provider
from cursive_app.plurals import plural
from cursive_app.services import segments
from cursive_app.services.accounts import Permission, allows
from db.scope import Scope
from state import filter_rows as edit
from state.base import allow, ask, tenant, transact
from state.segment_filter import NEW, FilterPart, meaning, packed_json
from state.segment_lines import SampleCard, SampleLine, lead_sample, sample_card

SETTLE_SECONDS = 0.4


class LookPart(FilterPart, mixin=True):
    """Count, sample, explanation; and the draft, which is kept at the same moment."""

    from_draft: bool = False
    counting: bool = False
    count: str = ""
    total: str = ""
    glimpses: list[SampleLine] = []
    uncounted: str = ""  # that some rows do not say what they remove, and why
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
    sample_age: str = ""  # why the sample is not of now: "filter" changed since, a "run" has delivered since; or ""
    sample_error: str = ""

    _explained: segments.Filters | None = None
    _base_version: int | None = None
    # Which parts of an unsaved edit this page shows, or showed, and keeps; the other part may be another tab's.
    _keeps_filter: bool = False
    _keeps_limits: bool = False
    _samples: int = 0  # asked for or dropped so far; an answer to an earlier number comes too late
    _asked: segments.Filters | None = None
    _sampled: segments.Filters | None = None
    _sampled_at: datetime | None = None
    _delivered_since: bool = False

    @rx.event
    @allow(Permission.VIEW_SEGMENTS)
    def set_scope(self, scope: str):
        """The people database, or one's own leads."""
        filters, gone = edit.to_scope(self._now(), scope)
        self._drop_sample()
        self._drop_count()
        told = [rx.toast.info(f"{plural(gone, 'row')} could not come along: the field is not there.")] if gone else []
        return [*told, *self._edited(filters)]

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
            filters, self.counting, self.count_error = self._filters, counts, ""
            await self._keep_draft()
            if not counts:
                self._settled = edit_number
                return
        try:
            found = await transact(segments.count_leads, filters)
        except CursiveError as error:
            async with self:
                if self._edits == edit_number:
                    self._drop_count()
                    self.count_error, self._settled = error.message, edit_number
            return
        async with self:
            if self._edits == edit_number:
                self._show_count(found)
                self._settled = edit_number

    @rx.event(background=True)
    @allow(Permission.VIEW_SEGMENTS)
    async def take_sample(self):
        """Ask the provider for a free, masked sample; the page goes on meanwhile. The newest question is answered."""
        async with self:
            filters = self._now()
            if self.sampling and self._asked == filters:
                return  # this very question is on its way
            self._samples += 1
            number, self._asked = self._samples, filters
            self.sampling, self.sample_error = True, ""
        found, refused = None, ""
        try:
            found = await ask(segments.preview_segment, tenant(), filters, provider=provider())
        except Unauthenticated:
            raise
        except CursiveError as error:
            refused = error.message
        finally:  # also when the page is left in the middle: nothing keeps waiting for an answer that is not coming
            async with self:
                if self._samples == number:
                    self._show_sample(filters, found, refused)

    @rx.event
    @allow(Permission.VIEW_LEADS)
    async def explain(self, form: dict[str, Any]):
        """Why a lead is in or out: each row, green or red."""
        self.who, self.why_error, self._explained = str(form.get("who", ""))[:320], "", self._now()
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

    async def _keep_draft(self) -> None:
        """Keep the unsaved edit; when it was taken back, by hand or with Back, what was kept of it goes too."""
        limits = self._typed_limits()
        is_edit = self.dirty and packed_json(self._now()) != self._left
        edits_filter, edits_limits = is_edit or self._keeps_filter, limits is not None or self._keeps_limits
        if not (edits_filter or edits_limits) or not allows(tenant(), Permission.EDIT_SEGMENTS):
            return
        segment_id = None if self.segment_id == NEW else self.segment_id
        filters = (self._now() if is_edit else None, self._base_version) if edits_filter else None
        await transact(_keep, segment_id, filters=filters, limits=(limits,) if edits_limits else None)
        self._keeps_filter, self._keeps_limits = is_edit, limits is not None

    def _typed_limits(self) -> tuple[str, str] | None:
        """The limits of a run that were typed and not saved."""
        return None

    def _show_count(self, found: segments.LeadCount) -> None:
        self.counting, self.count_error = False, ""
        self.count, self.total = f"{found.count:,}", plural(found.total, "lead")
        self.glimpses = [lead_sample(row) for row in found.first]
        self.uncounted = _uncounted(found)
        telling = [path for path, row in self._now().conditions() if not row.says_nothing]
        self._notes = {
            ".".join(map(str, path)): _marginal(one) for path, one in zip(telling, found.marginals, strict=False)
        }
        self.items = edit.lines(self._now(), self._notes)

    def _drop_count(self) -> None:
        """No number at all rather than one of another filter."""
        self.counting, self.count, self.total, self.glimpses, self.count_error = False, "", "", [], ""
        self.uncounted = ""

    def _after_edit(self) -> list[Any]:
        return [type(self).settle]

    def _show_filters(self, filters: segments.Filters) -> None:
        super()._show_filters(filters)
        self._judge_sample()
        if self._explained is not None and meaning(self._explained) != meaning(filters):
            self._drop_explanation()  # it spoke of another filter

    def _drop_explanation(self) -> None:
        self._explained, self.why_name, self.why_verdict, self.why_url = None, "", "", ""
        self.why_rows, self.why_error = [], ""

    def _show_sample(self, filters: segments.Filters, found: segments.PreviewView | None, refused: str) -> None:
        self.sampling, self._asked, self.sample_error = False, None, refused
        if found is None:
            return
        self.sample, self.has_sample = sample_card(found), True
        self._sampled, self._sampled_at, self._delivered_since = filters, found.at, False
        self._judge_sample()

    def _drop_sample(self) -> None:
        """Forget the sample, and the one that is on its way."""
        self._samples += 1
        self.sampling, self._asked = False, None
        self.has_sample, self._sampled, self._sampled_at, self._delivered_since = False, None, None, False
        self.sample_age, self.sample_error = "", ""

    def _judge_sample(self) -> None:
        """Compare the sampled filter with the one on the workbench: an edit that was undone changes nothing."""
        other = self._sampled is None or meaning(self._sampled) != meaning(self._now())
        self.sample_age = "" if not self.has_sample else "filter" if other else "run" if self._delivered_since else ""


def _keep(
    scope: Scope,
    segment_id: str | None,
    *,
    filters: tuple[segments.Filters | None, int | None] | None,
    limits: tuple[tuple[str, str] | None] | None,
) -> None:
    """Keep the parts of an edit that are given, a filter with the version it began from; None inside forgets one."""
    if filters is not None:
        segments.save_draft(scope, segment_id=segment_id, filters=filters[0], base_version=filters[1])
    if limits is not None:
        segments.save_draft_limits(scope, segment_id=segment_id, limits=limits[0])


def _uncounted(found: segments.LeadCount) -> str:
    if not found.uncounted:
        return ""
    last = "The last row does" if found.uncounted == 1 else f"The last {found.uncounted:,} rows do"
    return f"What a row removes is counted for the first {len(found.marginals)}. {last} not say it."


def _marginal(one: segments.Marginal) -> str:
    if one.removes:
        return f"removes {one.removes:,}"
    return f"adds {one.adds:,}" if one.adds else "changes nothing"

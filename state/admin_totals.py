"""What all jobs came to: rows, success, durations, by kind and hour; what people make of the product; how long things
are kept; who did what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from cursive_app.errors import Invalid
from cursive_app.plurals import plural
from cursive_app.printable import shortened
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import StaffActionView, StaffActor, TotalsView
from cursive_app.services.jobs.admin.views import HourTotals, KindTotals, Retention, UsageWeek
from state.admin_base import DaysPart, Question, day_start, pruned_words, seconds_text
from state.admin_usage import UsageLine, usage_lines, usage_words
from state.base import allow, person
from state.job_rows import kind_words
from state.times import ago, exact

ACTIONS_SHOWN = 25
ACTIONS_CSV = "/api/v1/admin/actions.csv"
Found = tuple[TotalsView, tuple[StaffActionView, ...], tuple[UsageWeek, ...]]
BAR_TOP, HOUR_WIDTH = 64, 10  # height of the highest bar and room of one hour, in the chart's own units


@dataclass(frozen=True)
class KindLine:
    """The jobs of one kind."""

    kind: str = ""
    href: str = ""
    jobs: str = ""
    completed: str = ""
    failed: str = ""
    refused: str = ""
    cancelled: str = ""
    rows: str = ""
    failure_rate: str = ""
    p50: str = ""
    p95: str = ""


@dataclass(frozen=True)
class HourBar:
    """Jobs that ended in one hour: failed ones on top of the others, places and heights in the chart's units."""

    key: str = ""
    words: str = ""
    left: str = ""
    good_top: str = ""
    good: str = ""
    bad_top: str = ""
    bad: str = ""


@dataclass(frozen=True)
class KeptLine:
    """How long something is kept, and how its newest pruning went."""

    what: str = ""
    rule: str = ""
    count: str = ""
    oldest: str = ""
    pruned: str = ""


@dataclass(frozen=True)
class ActionLine:
    """What a member of staff did or was refused."""

    key: str = ""
    at: str = ""
    at_exact: str = ""
    by: str = ""
    action: str = ""
    refused: bool = False
    subject: str = ""
    href: str = ""
    details: str = ""


class AdminTotalsState(DaysPart, rx.State):
    """Totals of the jobs created in the dates of the address."""

    jobs: str = ""
    imported: str = ""
    success: str = ""
    success_note: str = ""
    average: str = ""
    p95: str = ""
    kinds: list[KindLine] = []
    hours: list[HourBar] = []
    hours_text: str = ""
    hours_of: str = ""  # the kind of work that the chart shows; all kinds when empty
    kinds_to_choose: list[dict[str, str]] = []
    weeks: list[UsageLine] = []
    weeks_text: str = ""
    kept: list[KeptLine] = []
    actions: list[ActionLine] = []
    has_older: bool = False
    is_older: bool = False  # not the newest are shown

    _before: str = ""
    _last: str = ""

    def _here(self) -> str:
        return "/admin/jobs/totals"

    @rx.event
    @allow("staff")
    def choose_hours_of(self, value: str):
        """Show the hours of one kind of work, or of all."""
        return self._go(kind=value)

    @rx.event
    @allow("staff")
    def older_actions(self):
        return self._go(before=self._last) if self.has_older else None

    @rx.event
    @allow("staff")
    def newest_actions(self):
        return self._go()

    def _read_address(self, query: Any) -> None:
        super()._read_address(query)
        self.hours_of, self._before = query.get("kind", ""), query.get("before", "")

    def _kept_in_address(self) -> dict[str, str]:
        return {**super()._kept_in_address(), "kind": self.hours_of}

    def _question(self) -> Question:
        days, kind, before = (self.since, self.until), self.hours_of or None, self._before

        def look(actor: StaffActor) -> Found:
            dates = {"since": day_start(days[0]), "until": day_start(days[1], later=1)}
            found = admin.totals(actor, **dates, hours_of=kind)
            actions = admin.actions(actor, before=_action_id(before), limit=ACTIONS_SHOWN + 1)
            return found, actions, admin.usage(actor)

        return look

    def _show(self, found: Found) -> None:
        totals, actions, weeks = found
        timezone = person().timezone
        ended = totals.completed + totals.failed
        self.jobs, self.imported = f"{totals.jobs:,}", f"{totals.imported:,}"
        self.success = f"{totals.success_rate:.1%}" if totals.success_rate is not None else "–"
        refused = f"; {plural(totals.refused, 'file')} refused not counted" if totals.refused else ""
        self.success_note = (
            f"{totals.completed:,} completed, {totals.failed:,} failed{refused}"
            if ended
            else "No job has completed or failed"
        )
        self.average, self.p95 = seconds_text(totals.average_seconds), seconds_text(totals.p95_seconds)
        self.kinds = [_kind(one) for one in totals.by_kind]
        offered = {one.kind: kind_words(one.kind) for one in totals.by_kind}
        if self.hours_of:
            offered.setdefault(self.hours_of, kind_words(self.hours_of))
        self.kinds_to_choose = [{"value": kind, "label": words} for kind, words in {"": "All kinds", **offered}.items()]
        self.hours = _bars(totals.hours, timezone)
        ended_lately = sum(hour.completed + hour.failed + hour.refused + hour.cancelled for hour in totals.hours)
        failed_lately = sum(hour.failed for hour in totals.hours)
        of = f" of the kind {kind_words(self.hours_of)}" if self.hours_of else ""
        ended_words = f"{plural(ended_lately, 'job')}{of} ended in the last 72 hours"
        self.hours_text = f"{ended_words}, {failed_lately:,} of them failed."
        self.weeks, self.weeks_text = usage_lines(weeks), usage_words(weeks[0])
        self.kept = [_kept(one, timezone) for one in totals.retention]
        shown = actions[:ACTIONS_SHOWN]
        self.actions = [_action(one, timezone) for one in shown]
        self.has_older, self.is_older = len(actions) > len(shown), bool(self._before)
        self._last = str(shown[-1].id) if shown else ""
        self.status = "ready"


def _kind(one: KindTotals) -> KindLine:
    return KindLine(
        kind=kind_words(one.kind),
        href=f"/admin/jobs?{urlencode({'q': f'kind:{one.kind}'})}",
        jobs=f"{one.jobs:,}",
        completed=f"{one.completed:,}",
        failed=f"{one.failed:,}",
        refused=f"{one.refused:,}",
        cancelled=f"{one.cancelled:,}",
        rows=f"{one.processed:,}",
        failure_rate=f"{one.failure_rate:.1%}" if one.failure_rate is not None else "–",
        p50=seconds_text(one.p50_seconds),
        p95=seconds_text(one.p95_seconds),
    )


def _bars(hours: tuple[HourTotals, ...], timezone: str) -> list[HourBar]:
    top = max((hour.completed + hour.cancelled + hour.refused + hour.failed for hour in hours), default=0) or 1
    return [_bar(place, hour, BAR_TOP / top, timezone) for place, hour in enumerate(hours)]


def _bar(place: int, hour: HourTotals, scale: float, timezone: str) -> HourBar:
    good, bad = (hour.completed + hour.cancelled + hour.refused) * scale, hour.failed * scale
    return HourBar(
        key=hour.at.isoformat(),
        words=f"{exact(hour.at, timezone)}: {hour.completed:,} completed, {hour.failed:,} failed, "
        f"{hour.refused:,} refused, {hour.cancelled:,} stopped",
        left=str(place * HOUR_WIDTH + 1),
        good_top=f"{BAR_TOP - good:.1f}",
        good=f"{good:.1f}",
        bad_top=f"{BAR_TOP - good - bad:.1f}",
        bad=f"{bad:.1f}",
    )


def _kept(one: Retention, timezone: str) -> KeptLine:
    return KeptLine(
        what=one.what,
        rule=plural(one.days, "day") if one.days is not None else "Until deleted by hand",
        count=f"{one.count:,}",
        oldest=exact(one.oldest, timezone) if one.oldest else "–",
        pruned=pruned_words(one.pruned).capitalize() if one.days is not None else "–",
    )


def _action_id(text: str) -> int | None:
    """The action after which a page of older ones begins. Raises Invalid."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid(fields={"before": "This is not the beginning of a page of actions; start with the newest."})
    return int(text)


def _action(one: StaffActionView, timezone: str) -> ActionLine:
    refused = one.action.startswith("refused.")
    rest = {
        name: value
        for name, value in one.details.items()
        if name not in ("role", "title") and value not in (None, "", {})
    }
    is_job = one.object_type == "job" and one.object_id is not None
    return ActionLine(
        key=str(one.id),
        at=ago(one.at),
        at_exact=exact(one.at, timezone),
        by=one.by,
        action=one.action.removeprefix("refused."),
        refused=refused,
        subject=str(one.details.get("title") or one.object_id or one.object_type.replace("_", " ")),
        href=f"/admin/jobs?job={one.object_id}" if is_job else "",
        details=", ".join(f"{name}: {_short(value)}" for name, value in rest.items()),
    )


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shortened(text, 80)

"""Failures grouped by what went wrong, with how far each one reaches."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import reflex as rx

from cursive_app.clock import now
from cursive_app.plurals import plural
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import FailurePage, StaffActor
from cursive_app.services.jobs.admin.views import FailureGroup
from state.admin_base import DaysPart, Question, day_start
from state.base import person
from state.job_rows import kind_words
from state.session import credits_text
from state.times import ago, exact


@dataclass(frozen=True)
class FailureLine:
    """One group."""

    fingerprint: str = ""
    code: str = ""
    message: str = ""
    kinds: str = ""
    attempts: str = ""
    jobs: str = ""
    first: str = ""
    first_exact: str = ""
    last: str = ""
    last_exact: str = ""
    workspaces: list[dict[str, str]] = field(default_factory=list)
    workspace_count: str = ""
    more_workspaces: str = ""
    held: str = ""
    captured: str = ""
    released: str = ""
    query: str = ""
    href: str = ""
    retryable: bool = False
    retry_word: str = ""
    why_no_retry: str = ""


class AdminFailuresState(DaysPart, rx.State):
    """The groups of the dates in the address (the last 30 days without any)."""

    groups: list[FailureLine] = []
    shown: str = ""

    _looked_at: tuple[datetime | None, datetime | None] = (None, None)

    def _here(self) -> str:
        return "/admin/jobs/failures"

    def _question(self) -> Question:
        days = (self.since, self.until) if self.since or self.until else (_usual_since(), "")

        def look(actor: StaffActor) -> FailurePage:
            return admin.failures(actor, since=day_start(days[0]), until=day_start(days[1], later=1))

        return look

    def _show(self, found: FailurePage) -> None:
        timezone = person().timezone
        days = _days_of(found, timezone)
        groups = [_line(group, timezone, days) for group in found.groups]
        if groups != self.groups:
            self.groups = groups
        cut = "; older ones are not shown" if found.is_cut else ""
        self._looked_at = (found.since, found.until)
        self.shown = f"{plural(len(groups), 'group')}{cut}"
        self.status = "ready" if groups else "no_match" if self.since or self.until else "empty"


def _usual_since() -> str:
    """The first of the days that are looked at when the address names none."""
    return (now().astimezone(ZoneInfo(person().timezone)).date() - admin.LOOK_BACK).isoformat()


def _days_of(found: FailurePage, timezone: str) -> dict[str, str]:
    """The days in which these groups were counted, as the list of jobs takes them."""
    zone = ZoneInfo(timezone)
    days: dict[str, str] = {}
    if found.since is not None:
        days["failed_since"] = found.since.astimezone(zone).date().isoformat()
    if found.until is not None:
        days["failed_until"] = (found.until.astimezone(zone).date() - timedelta(days=1)).isoformat()
    return days


def _line(group: FailureGroup, timezone: str, days: dict[str, str]) -> FailureLine:
    hidden = group.workspace_count - len(group.workspaces)
    return FailureLine(
        fingerprint=group.fingerprint,
        code=group.error_code,
        message=group.message or "It left no message.",
        kinds=", ".join(kind_words(kind) for kind in group.kinds) or "–",
        attempts=plural(group.attempts, "failed try", "failed tries"),
        jobs=f"{plural(group.jobs, 'job')}, {group.failed_jobs:,} ended failed",
        first=ago(group.first_seen),
        first_exact=exact(group.first_seen, timezone),
        last=ago(group.last_seen),
        last_exact=exact(group.last_seen, timezone),
        workspaces=[
            {
                "id": str(hit.id),
                "name": hit.name,
                "jobs": f"{hit.jobs:,}",
                "href": _list(f"{group.met} workspace:{hit.id}", days),
            }
            for hit in group.workspaces
        ],
        workspace_count=plural(group.workspace_count, "workspace"),
        more_workspaces=f"and {hidden:,} more" if hidden else "",
        held=credits_text(group.credits_held),
        captured=credits_text(group.credits_captured),
        released=credits_text(group.credits_released),
        query=group.query,
        href=_list(group.met, days),
        retryable=group.retryable > 0,
        retry_word=f"Retry {plural(group.retryable, 'job')}",
        why_no_retry=(group.why_no_retry or "") if group.failed_jobs and not group.retryable else "",
    )


def _list(query: str, days: dict[str, str]) -> str:
    return f"/admin/jobs?{urlencode({'q': query, **days})}"

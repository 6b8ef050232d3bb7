"""One job with everything staff may know of it, as the drawer shows it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from cursive_app.plurals import plural
from cursive_app.services.jobs.admin import AdminJobDetail
from cursive_app.services.jobs.admin.views import Argument, AttemptView, Edit, TimelineLine
from cursive_app.settings import settings
from state.admin_rows import AdminRow, admin_row
from state.job_batches import BatchCard, batch_card
from state.job_rows import NO_TIMELINE, RelatedLine, related_line, related_words
from state.times import ago, clock_span, exact

_ITS_CLAIM = timedelta(seconds=1)  # the line that says it started bears the time at which its claim began
ATTEMPTS_GONE = "Its tries are no longer kept: the job ended long ago."
OUTCOMES = {
    "finished": "Finished",
    "postponed": "Postponed",
    "retried": "Failed, tried again",
    "failed": "Failed for good",
    "paused": "Paused",
    "cancelled": "Stopped",
    "interrupted": "Interrupted",
    "lost": "Lost its worker",
}


@dataclass(frozen=True)
class AdminEvent:
    """One line of the timeline; `wait` is the time since the line before."""

    key: str = ""
    at: str = ""
    at_exact: str = ""
    level: str = "info"
    stage: str = ""
    message: str = ""
    wait: str = ""
    internal: str = ""


@dataclass(frozen=True)
class AdminAttempt:
    """One try by one worker; `log` are the timeline's lines from its time."""

    number: str = ""
    outcome: str = ""
    tone: str = "neutral"
    worker: str = ""
    stage: str = ""
    started: str = ""
    started_exact: str = ""
    took: str = ""
    error: str = ""
    error_code: str = ""
    internal: str = ""
    folded: str = ""
    log: list[AdminEvent] = field(default_factory=list)
    log_word: str = ""


@dataclass(frozen=True)
class AdminArgument:
    """One argument; `value` is JSON text, exact to the last digit, and `nested` when it has a structure of its own.
    `control` says how it is changed for a retry, empty when it is not; `typed` is what that control shows first."""

    name: str = ""
    value: str = ""
    has_value: bool = False
    nested: bool = False
    masked: bool = False
    kept: bool = False
    control: str = ""
    label: str = ""
    hint: str = ""
    typed: str = ""
    options: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class AdminDrawer:
    """What the drawer shows; `found` is False while nothing is loaded."""

    found: bool = False
    row: AdminRow = field(default_factory=AdminRow)
    events: list[AdminEvent] = field(default_factory=list)
    earlier_events: str = ""
    attempts: list[AdminAttempt] = field(default_factory=list)
    no_attempts: str = ""
    earlier_attempts: str = ""
    arguments: list[AdminArgument] = field(default_factory=list)
    arguments_json: str = ""
    can_edit: bool = False
    why_no_edit: str = ""
    stuck: str = ""
    queue_paused: bool = False
    links: list[dict[str, str]] = field(default_factory=list)
    customer_href: str = ""
    customer_url: str = ""
    related: list[RelatedLine] = field(default_factory=list)
    related_sum: str = ""
    batches: BatchCard = field(default_factory=BatchCard)
    idempotency_key: str = ""


def admin_drawer(detail: AdminJobDetail, *, timezone: str) -> AdminDrawer:
    """The detail in words, in the reader's time zone."""
    row = admin_row(detail.job, timezone=timezone)
    return AdminDrawer(
        found=True,
        row=row,
        events=[_event(place, line, timezone) for place, line in enumerate(detail.timeline)],
        earlier_events=_earlier(detail.earlier_events, "line") if detail.timeline else NO_TIMELINE,
        attempts=[_attempt(one, detail.timeline, timezone) for one in detail.attempts],
        earlier_attempts=_earlier(detail.earlier_attempts, "try", "tries"),
        arguments=[_argument(one) for one in detail.arguments],
        arguments_json=detail.arguments_json,
        can_edit=any(one.edit is not None for one in detail.arguments) and not row.why_no_retry,
        why_no_edit=detail.why_no_edit or "",
        stuck=detail.stuck or "",
        queue_paused=detail.queue_paused,
        links=[{"label": link.label, "href": link.href} for link in detail.links],
        customer_href=detail.customer_href,
        customer_url=f"{settings().public_url.rstrip('/')}{detail.customer_href}",
        no_attempts="No worker has taken it yet." if detail.job.tries == 0 else ATTEMPTS_GONE,
        related=[related_line(one.job, one.relation, timezone=timezone) for one in detail.related],
        related_sum=related_words(detail.related_sum, shown=len(detail.related)),
        batches=batch_card(detail.batches, timezone=timezone, traces=detail.batch_traces),
        idempotency_key=detail.idempotency_key or "",
    )


def _event(place: int, line: TimelineLine, timezone: str) -> AdminEvent:
    return AdminEvent(
        key=f"{place}-{line.at.timestamp()}",
        at=ago(line.at),
        at_exact=exact(line.at, timezone),
        level=line.level,
        stage=line.stage.replace("_", " ").capitalize(),
        message=line.message,
        wait=f"{clock_span(line.after_seconds)} later" if line.after_seconds else "",
        internal=line.internal or "",
    )


def _attempt(one: AttemptView, timeline: tuple[TimelineLine, ...], timezone: str) -> AdminAttempt:
    begins = one.started_at - _ITS_CLAIM
    log = [line for line in timeline if begins <= line.at and (one.ended_at is None or line.at <= one.ended_at)]
    bad = one.outcome in ("failed", "lost")
    tone = "bad" if bad else "warn" if one.outcome in ("retried", "interrupted") else "neutral"
    return AdminAttempt(
        number=f"Try {one.number:,}",
        outcome=OUTCOMES.get(one.outcome, one.outcome.capitalize()) if one.outcome else "Running",
        tone=tone if one.outcome else "info",
        worker=one.worker,
        stage=one.stage.replace("_", " ").capitalize(),
        started=ago(one.started_at),
        started_exact=exact(one.started_at, timezone),
        took=clock_span(one.seconds) if one.seconds is not None else "not ended",
        error=one.error_message or "",
        error_code=one.error_code or "",
        internal=one.internal or "",
        folded=f"{plural(one.folded, 'try', 'tries')} before this one only waited" if one.folded else "",
        log=[_event(place, line, timezone) for place, line in enumerate(log)],
        log_word=f"Log, {plural(len(log), 'line')}" if log else "",
    )


def _argument(one: Argument) -> AdminArgument:
    edit = one.edit
    shown = AdminArgument(
        name=one.name,
        value=one.value,
        has_value=one.value != "",
        nested=one.value[:1] in ("{", "["),
        masked=one.is_masked,
        kept=one.is_kept,
    )
    if edit is None:
        return shown
    limits = f"{edit.minimum:,} to {edit.maximum:,}. " if edit.minimum is not None and edit.maximum is not None else ""
    return replace(
        shown,
        control=edit.control,
        label=edit.label,
        hint=f"{f'Now {one.value}. ' if one.value else ''}{limits}{edit.hint}".strip(),
        typed=_typed(one.value, edit),
        options=[{"value": value, "label": words} for value, words in edit.options],
    )


def _typed(value: str, edit: Edit) -> str:
    """What a control shows first: a text without its quotation marks, of a choice only what it offers."""
    text = str(json.loads(value)) if value.startswith('"') else value
    if edit.control == "choice" and text not in dict(edit.options):
        return edit.options[0][0] if edit.options else ""
    return text


def typed_arguments(arguments: list[AdminArgument], form: dict[str, Any]) -> dict[str, Any]:
    """What was typed into the controls, as JSON values, where it differs from what the job has. A text that is no
    number stays a text: the service says what is wrong with it."""
    found: dict[str, Any] = {}
    for one in arguments:
        if not one.control:
            continue
        typed = str(form.get(one.name, "")).strip()
        if one.control == "switch":
            value: Any = bool(form.get(one.name))
        elif one.control == "number" and re.fullmatch(r"-?\d{1,30}", typed):
            value = int(typed)
        else:
            value = typed
        if json.dumps(value, ensure_ascii=False) != one.value and (typed or one.control == "switch"):
            found[one.name] = value
    return found


def _earlier(count: int, one: str, many: str = "") -> str:
    return f"{plural(count, one, many)} before these are not shown" if count else ""

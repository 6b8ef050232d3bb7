"""The batches of a job as its page shows them: a sentence about all of them, and a line for each (JOB-15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cursive_app.plurals import plural
from cursive_app.services.jobs import Batch, Batches, BatchStatus, BatchTrace
from state.session import credits_text
from state.times import ago, exact

COUNTED: dict[BatchStatus, str] = {
    "failed": "failed",
    "at_provider": "at the provider",
    "not_sent": "not sent",
    "not_awaited": "no longer waited for",
}
"""How the sentence counts them; the answered ones are the rest."""


@dataclass(frozen=True)
class BatchLine:
    """One batch. `course` says how it went so far; `code`, `provider_job` and, while that is not known,
    `ordered_as` are for staff."""

    key: str = ""
    name: str = ""
    status: str = ""
    rows: str = ""
    came_to: str = ""
    when: str = ""
    when_exact: str = ""
    course: str = ""
    problem: str = ""
    code: str = ""
    provider_job: str = ""
    ordered_as: str = ""


@dataclass(frozen=True)
class BatchCard:
    """All batches of a job; `all_of_it` is empty for a job without any. The answered ones stand apart."""

    all_of_it: str = ""
    lines: list[BatchLine] = field(default_factory=list)
    answered: list[BatchLine] = field(default_factory=list)
    answered_word: str = ""
    left_out: str = ""


def batch_card(found: Batches | None, *, timezone: str, traces: Sequence[BatchTrace] = ()) -> BatchCard:
    """The batches in words. `timezone` is the reader's; `traces` are given for staff alone."""
    if found is None:
        return BatchCard()
    known = {trace.number: trace for trace in traces}
    lines = [_line(one, known.get(one.number), timezone) for one in found.shown]
    answered = [line for line in lines if line.status == "answered"]
    counted = found.by_status.get("answered", 0)
    begun = sum(count for status, count in found.by_status.items() if status != "not_sent")
    left_out = begun - sum(one.status != "not_sent" for one in found.shown)
    return BatchCard(
        all_of_it=_all_of_it(found),
        lines=[line for line in lines if line.status != "answered"],
        answered=answered,
        answered_word=f"{plural(counted, 'answered batch', 'answered batches')}",
        left_out=f"{plural(left_out, 'more batch', 'more batches')}, not listed here." if left_out else "",
    )


def _all_of_it(found: Batches) -> str:
    """“12 of 20 batches done, 1 failed, 3 at the provider, 5 not sent.”"""
    states = [f"{found.by_status[status]:,} {word}" for status, word in COUNTED.items() if status in found.by_status]
    done = f"{found.done:,} of {plural(found.total, 'batch', 'batches')} done"
    return f"{', '.join([done, *states])}."


def _line(one: Batch, trace: BatchTrace | None, timezone: str) -> BatchLine:
    when, said = _moment(one)
    tries = f"asked about {plural(one.tries, 'time')} so far" if one.tries and one.status == "at_provider" else ""
    errors = f"{plural(one.failures, 'error')} in a row" if one.failures and one.status != "answered" else ""
    matched = f"{one.matched:,} matched" if one.status == "answered" else ""
    credits = f"{credits_text(one.credits_captured)} credits" if one.credits_captured else ""
    return BatchLine(
        key=str(one.number),
        name=f"Batch {one.number:,}",
        status=one.status,
        rows=f"{plural(one.rows, 'row')}, {one.first_row:,} to {one.last_row:,}",
        came_to=", ".join(part for part in (matched, credits) if part),
        when=f"{said} {ago(when)}" if when is not None else "",
        when_exact=exact(when, timezone) if when is not None else "",
        course=" · ".join(part for part in (tries, errors) if part),
        problem=one.problem or "",
        code=(trace.error_code or "") if trace is not None else "",
        provider_job=(trace.provider_job_id or "") if trace is not None else "",
        ordered_as=trace.provider_name if trace is not None and trace.provider_job_id is None else "",
    )


def _moment(one: Batch) -> tuple[datetime | None, str]:
    if one.ended_at is not None:
        return one.ended_at, "Given up" if one.status == "failed" else "Answered"
    return one.sent_at, "Sent"

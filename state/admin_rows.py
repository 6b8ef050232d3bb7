"""Jobs of all workspaces as the staff's pages show them: words and numbers made once, on the server."""

from __future__ import annotations

from dataclasses import dataclass, field

from cursive_app.plurals import plural
from cursive_app.services.jobs.admin import TAGS, AdminJobRow
from state.job_rows import LEFT_OUT, failed_words, kind_words, still_held
from state.session import credits_text
from state.times import ago, clock_span, exact


@dataclass(frozen=True)
class AdminRow:
    """One line of the list, and the head of the drawer. `held` is what is held now; `started_exact` its
    first start, `again_exact` that of the newest retry; `why_no_*` is empty when the action
    is possible."""

    id: str = ""
    short_id: str = ""
    title: str = ""
    kind: str = ""
    kind_word: str = ""
    workspace: str = ""
    workspace_id: str = ""
    queue: str = ""
    status: str = ""
    stage: str = ""
    stopping: bool = False
    moving: bool = False
    open_ended: bool = False
    percent: int = 0
    done: str = ""
    failed: str = ""
    failed_is_bad: bool = False
    pace: str = ""
    tries: str = ""
    tries_exact: str = ""
    queued: str = ""
    waits_again: str = ""
    took: str = ""
    credits: str = ""
    credits_more: str = ""
    held: str = ""
    captured: str = ""
    released: str = ""
    refunded: str = ""
    by: str = ""
    error: str = ""
    error_code: str = ""
    fingerprint: str = ""
    heartbeat: str = ""
    created: str = ""
    created_exact: str = ""
    started_exact: str = ""
    again_exact: str = ""
    finished_exact: str = ""
    resumes: str = ""
    tags: list[dict[str, str]] = field(default_factory=list)
    why_no_retry: str = ""
    why_no_cancel: str = ""
    why_no_delete: str = ""


def admin_row(job: AdminJobRow, *, timezone: str) -> AdminRow:
    """A job in words. `timezone` is the reader's."""
    moving = job.status == "processing"
    return AdminRow(
        id=str(job.id),
        short_id=f"job_{job.id.hex[-8:]}",
        title=job.title,
        kind=job.kind,
        kind_word=kind_words(job.kind),
        workspace=job.workspace_name,
        workspace_id=str(job.workspace_id),
        queue=job.queue,
        status=job.status,
        stage=job.stage.replace("_", " ").capitalize(),
        stopping=job.cancel_requested and job.finished_at is None,
        moving=moving,
        open_ended=moving and not job.total,
        percent=_percent(job),
        done=_done(job),
        failed=failed_words(job.kind, job.failed),
        pace=_pace(job),
        tries=f"{job.attempts} of {job.most_attempts}",
        tries_exact=_tries(job),
        queued=clock_span(job.waited_seconds),
        waits_again=f"waits again for {clock_span(job.waits_again_seconds)}"
        if job.waits_again_seconds is not None
        else "",
        took=clock_span(job.duration_seconds) if job.duration_seconds is not None else "–",
        credits=f"{credits_text(job.credits_captured)} charged" if job.credits_held or job.credits_captured else "–",
        credits_more=_credits_more(job),
        failed_is_bad=job.kind not in LEFT_OUT,
        held=credits_text(still_held(job)),
        captured=credits_text(job.credits_captured),
        released=credits_text(job.credits_released),
        refunded=credits_text(job.credits_refunded) if job.credits_refunded else "",
        by=job.actor_label or "Cursive",
        error=job.error_message or "",
        error_code=job.error_code or "",
        fingerprint=job.fingerprint or "",
        heartbeat=f"{clock_span(job.heartbeat_seconds)} ago" if job.heartbeat_seconds is not None else "",
        created=ago(job.created_at),
        created_exact=exact(job.created_at, timezone),
        started_exact=exact(job.first_started_at, timezone) if job.first_started_at else "",
        again_exact=exact(job.started_at, timezone)
        if job.started_at is not None and job.started_at != job.first_started_at
        else "",
        finished_exact=exact(job.finished_at, timezone) if job.finished_at else "",
        resumes=f"Goes on {ago(job.resumes_at)}" if job.resumes_at and moving else "",
        tags=[{"name": tag, "words": TAGS.get(tag, ""), "href": f"/admin/jobs?q=tag%3A{tag}"} for tag in job.tags],
        why_no_retry=job.why_no_retry or "",
        why_no_cancel=job.why_no_cancel or "",
        why_no_delete=job.why_no_delete or "",
    )


def _tries(job: AdminJobRow) -> str:
    in_all = f"{plural(job.tries, 'try', 'tries')} in all" if job.tries is not None else "Tries in all no longer kept"
    return f"{in_all}; {job.attempts} of {job.most_attempts} since it last moved forward"


def _percent(job: AdminJobRow) -> int:
    if job.status == "completed":
        return 100
    return min(100, job.processed * 100 // job.total) if job.total else 0


def _done(job: AdminJobRow) -> str:
    if job.total is not None and not (job.status == "completed" and job.processed == job.total):
        return f"{job.processed:,} of {job.total:,}"
    return f"{job.processed:,}" if job.processed else "–"


def _pace(job: AdminJobRow) -> str:
    if job.status != "processing" or job.per_second is None:
        return ""
    left = f" · about {clock_span(job.seconds_left)} left" if job.seconds_left is not None else ""
    return f"{job.per_second:,} per second{left}"


def _credits_more(job: AdminJobRow) -> str:
    """Where the rest of the credits is now, as far as there was any."""
    parts = [
        f"{credits_text(amount)} {word}"
        for amount, word in ((still_held(job), "held"), (job.credits_released, "released"))
        if amount
    ]
    return ", ".join(parts)

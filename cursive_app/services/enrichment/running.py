"""The run of a list: queued → sending → waiting → matching → done, chunk by chunk (ENR-10 to ENR-13).

Up to three chunks are at the provider at once. Each step is one claim-call-settle: decide by what is stored, call the
provider outside any transaction (`watching`: a call that hangs does not keep Stop waiting), commit what came of it
under the job's token. A chunk's name is stored before it is
sent, so one whose answer was lost is found again and not bought twice. An error is tried again with growing pauses;
after the last one only that chunk's rows end with an error, and the other chunks go on. A provider that asks for time
is given it (`throttling`).
"""

from __future__ import annotations

import time

import structlog

from cursive_app.clock import now
from cursive_app.integrations.audiencelab import (
    AudienceLab,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
)
from cursive_app.integrations.audiencelab.results import Enrichment as ProviderJob
from cursive_app.plurals import plural
from cursive_app.services import jobs, notices
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment.chunks import MOST_FAILURES, ChunkPlan, Next, next_act, read_records
from cursive_app.services.enrichment.ending import defer_mail, end, finish_job, release_rest
from cursive_app.services.enrichment.pausing import rest
from cursive_app.services.enrichment.pricing import rows_to_send, rows_unanswered
from cursive_app.services.enrichment.results import Record, Stopped, joined, ordered
from cursive_app.services.enrichment.settling import advance, lock, settle, settle_failed
from cursive_app.services.enrichment.throttling import forget_waits, wait_out
from cursive_app.services.enrichment.troubles import (
    GIVEN_UP,
    LONGEST_UNREPORTED,
    OVERDUE,
    OVERDUE_WORDS,
    error_trouble,
    failed_trouble,
)
from cursive_app.services.enrichment.watching import watched
from cursive_app.services.jobs import ClaimedJob
from cursive_app.services.jobs.causes import Cause
from db.models.enrichment import Enrichment
from db.models.jobs import Job
from db.scope import Scope

log = structlog.get_logger(__name__)

TURN_SECONDS = 20.0  # how long a run keeps a worker while others may wait for one


def run_enrichment(claimed: ClaimedJob, *, provider: AudienceLab) -> None:
    """One attempt of a run, from wherever it stands. Raises what `jobs.work` translates, and LostClaim."""
    lab = provider.for_workspace(claimed.tenant.workspace_id)
    turn_ends = time.monotonic() + TURN_SECONDS
    while not _stopped(claimed):
        step = _decide(claimed)
        if step is None:
            return
        assert step.chunk is not None
        try:
            ACTS[step.act](claimed, step.chunk, lab)
        except Stopped:
            continue
        except (ProviderRateLimited, ProviderUnavailable) as error:
            if wait_out(claimed, error, error_trouble(step.chunk, error)):
                return
            _failed(claimed, step.chunk, error)
        except ProviderError as error:
            _failed(claimed, step.chunk, error)
        else:
            forget_waits(claimed)
        jobs.heartbeat(claimed)
        if time.monotonic() > turn_ends:
            with claimed.tenant.begin() as scope:
                jobs.postpone(scope, claimed, until=now())
            return


def bury_enrichment(scope: Scope, claimed: ClaimedJob) -> None:
    """Called in the transaction that fails the job for good: every row gets its outcome, the hold's rest returns."""
    jobs.advance(scope, claimed)
    row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
    if row.finished_at is None:
        message = "The run could not be completed. What was matched stays yours; the other credits held went back."
        end(scope, claimed, row, status="failed", outcome="failed", message=message, skipped="The run broke off")


def _decide(claimed: ClaimedJob) -> Next | None:
    """What to do next; None when this attempt is over: the job then waits, is paused or has ended."""
    with claimed.tenant.begin() as scope:
        jobs.advance(scope, claimed)
        row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
        if row.finished_at is not None:
            finish_job(scope, claimed, row)
            return None
        row.status, row.started_at = "running", row.started_at or now()
        step = next_act(scope, row)
        if step.act in ACTS:
            stage = "sending" if step.act == "send" else "waiting"
            jobs.advance(scope, claimed, stage=stage, total=rows_to_send(row, includes_owned=row.includes_owned))
            return step
        if step.act == "wait":
            assert step.until is not None
            jobs.postpone(scope, claimed, until=step.until, stage="waiting")
        elif step.act == "pause":
            _pause(scope, claimed, row)
        elif step.act == "rest":
            rest(scope, claimed, row)
        else:
            _complete(scope, claimed, row, at_ceiling=step.act == "ceiling")
        return None


def _stopped(claimed: ClaimedJob) -> bool:
    """Whether the run ends here because somebody stopped it or its actor may no longer act (T15)."""
    lost = claimed.access_lost or jobs.access_lost(claimed, need=Permission.RUN_ENRICHMENTS)
    with claimed.tenant.begin() as scope:
        if not lost and not jobs.cancel_requested(scope, claimed):
            return False
        jobs.advance(scope, claimed)
        row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
        if row.finished_at is None:
            kept = f"{plural(row.matched_count, 'matched row')} kept; the rest of the credits held went back."
            if lost:
                message, skipped = f"Stopped: {lost} {kept}", "The run was stopped"
                end(scope, claimed, row, status="failed", outcome="access_lost", message=message, skipped=skipped)
            else:
                message, skipped = f"Stopped. {kept}", "The run was stopped"
                end(scope, claimed, row, status="cancelled", outcome="cancelled", message=message, skipped=skipped)
        finish_job(scope, claimed, row)
        return True


# At the provider


def _send(claimed: ClaimedJob, chunk: ChunkPlan, lab: AudienceLab) -> None:
    """Send a chunk, unless the provider has it already under its name."""
    records, strict = _records(claimed, chunk)
    job = None if chunk.is_fresh else watched(claimed, lab, lambda lab: lab.find_enrichment(name=chunk.name))
    if job is None:
        try:
            job = watched(claimed, lab, lambda lab: ordered(lab, chunk.name, records, strict=strict))
        except ProviderRefused as error:
            _give_up(claimed, chunk, error_trouble(chunk, error))
            return
    _is_out(claimed, chunk, job)


def _find(claimed: ClaimedJob, chunk: ChunkPlan, lab: AudienceLab) -> None:
    """Before a rest: whether the provider has a chunk whose answer was lost. If not, it waits until the run goes on."""
    job = watched(claimed, lab, lambda lab: lab.find_enrichment(name=chunk.name))
    if job is not None:
        _is_out(claimed, chunk, job)
        return
    with claimed.tenant.begin() as scope:
        _, stored = lock(scope, claimed, number=chunk.number)
        if stored.status == "pending":
            stored.sent_at = stored.looked_at = None
            stored.tries = stored.failures = 0


def _is_out(claimed: ClaimedJob, chunk: ChunkPlan, job: ProviderJob) -> None:
    with claimed.tenant.begin() as scope:
        _, stored = lock(scope, claimed, number=chunk.number)
        if stored.status == "pending":
            stored.status, stored.provider_job_id = "sent", job.id
            stored.sent_at = stored.looked_at = now()
            stored.tries = stored.failures = 0
            jobs.advance(scope, claimed, message=f"Batch {chunk.number:,}: {plural(stored.row_count, 'row')} sent")


def _look(claimed: ClaimedJob, chunk: ChunkPlan, lab: AudienceLab) -> None:
    """Ask how a sent chunk is doing, and settle it when it is done."""
    job_id = chunk.job_id
    assert job_id is not None
    job = watched(claimed, lab, lambda lab: lab.enrichment(job_id))
    if job.status == "failed":
        _give_up(claimed, chunk, failed_trouble(chunk, job))
    elif job.status != "completed":
        _look_again(claimed, chunk, job)
    else:
        records, strict = _records(claimed, chunk)
        joiner = watched(claimed, lab, lambda lab: joined(claimed, lab, job, records, strict=strict))
        with claimed.tenant.begin() as scope:
            jobs.advance(scope, claimed, stage="matching")
            settle(
                scope,
                claimed,
                number=chunk.number,
                matches=joiner.matches(),
                refused=joiner.refused - joiner.matches().keys(),
                strangers=joiner.strangers,
            )


def _look_again(claimed: ClaimedJob, chunk: ChunkPlan, job: ProviderJob) -> None:
    with claimed.tenant.begin() as scope:
        _, stored = lock(scope, claimed, number=chunk.number)
        stored.looked_at = now()
        stored.tries, stored.failures = stored.tries + 1, 0
        overdue = stored.sent_at is not None and now() - stored.sent_at > LONGEST_UNREPORTED
        if overdue and stored.error_code != OVERDUE:
            stored.error_code = OVERDUE
            log.error("enrichment.provider_job_overdue", chunk=chunk.name, status=job.status)
            jobs.advance(scope, claimed, message=f"Batch {chunk.number:,} has been {OVERDUE_WORDS}")


def _failed(claimed: ClaimedJob, chunk: ChunkPlan, error: ProviderError) -> None:
    """Count an error of one chunk; the next try waits longer, and the last error gives the chunk up."""
    cause = error_trouble(chunk, error)
    with claimed.tenant.begin() as scope:
        _, stored = lock(scope, claimed, number=chunk.number)
        stored.failures += 1
        stored.looked_at = now()
        stored.error_code, stored.error_message = cause.code, cause.message
        if stored.failures < MOST_FAILURES:
            text = f"Batch {chunk.number:,}: the provider did not answer well; trying again shortly"
            jobs.advance(scope, claimed, message=text, cause=cause)
            return
        settle_failed(scope, claimed, number=chunk.number, cause=cause, why=GIVEN_UP)


def _give_up(claimed: ClaimedJob, chunk: ChunkPlan, cause: Cause) -> None:
    with claimed.tenant.begin() as scope:
        settle_failed(scope, claimed, number=chunk.number, cause=cause, why=GIVEN_UP)


ACTS = {"send": _send, "find": _find, "look": _look}


def _records(claimed: ClaimedJob, chunk: ChunkPlan) -> tuple[list[Record], bool]:
    """The rows of a chunk, and whether matching is strict."""
    with claimed.tenant.begin() as scope:
        row = scope.get(Enrichment, claimed.links["enrichment_id"])
        return read_records(scope, row, chunk), row.matching == "strict"


# The end


def _pause(scope: Scope, claimed: ClaimedJob, row: Enrichment) -> None:
    """The hold is used up and the balance was smaller than the list: wait for a person (ENR-13)."""
    left = rows_unanswered(row)
    key = f"enrichment:{row.id}:release:{row.hold_id}"  # a run has a hold for each time it is resumed
    released = release_rest(scope, row, key=key, why="Given back while the enrichment is paused")
    row.status = "paused"
    message = f"Out of credits: top up and resume the remaining {plural(left, 'row')}."
    if released >= row.price:
        message += f" {released:,.2f} credits were too few for another batch and went back."
    row.message = message
    advance(scope, claimed, row)
    notices.notify(
        scope,
        user_id=scope.get(Job, claimed.job_id).actor_user_id,
        level="warning",
        title=f"“{row.filename}” is paused",
        body=message,
        link=f"/enrichments/{row.id}",
        dedupe_key=f"enrichment:{row.id}:paused:{row.credits_held}",
    )
    defer_mail(scope, claimed, row)
    jobs.pause(scope, claimed, code="insufficient_credits", message=message)


def _complete(scope: Scope, claimed: ClaimedJob, row: Enrichment, *, at_ceiling: bool) -> None:
    matched, sent = row.matched_count, row.matched_count + row.no_match_count + row.error_count
    parts = [f"{matched:,} of {plural(sent, 'row')} matched for {row.credits_captured:,.2f} credits."]
    if row.error_count:
        parts.append(
            f"{plural(row.error_count, 'row')} could not be looked up and cost nothing; you can run them again."
        )
    if at_ceiling:
        parts.append("The ceiling was reached; the other rows were not looked up.")
        rest = row.credits_held - row.credits_captured - row.credits_released
        if rest >= row.price:
            parts.append(f"{rest:,.2f} credits of it were too few for another batch and went back.")
    outcome = "ceiling" if at_ceiling else "errors" if row.error_count else "matched" if matched else "no_match"
    failed = bool(row.error_count) and row.error_count == sent
    end(
        scope,
        claimed,
        row,
        status="failed" if failed else "completed",
        outcome=outcome,
        message=" ".join(parts),
        skipped="The ceiling of the run was reached" if at_ceiling else "Not looked up",
    )
    finish_job(scope, claimed, row)

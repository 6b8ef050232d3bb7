"""The run of a segment: queued → building → fetching → checking → charging → done.

Each step is one claim-call-settle: read where we are, call the provider outside any transaction, then commit the page's
leads, their price, the counters and the cursor together, under the job's token. A worker that dies resumes at the last
page and charges nothing twice; one that was given up for dead changes nothing (P5, F2, F3). The provider is never
believed: each record is checked against the filter before it is delivered (contract §2.2), and when it visibly ignored
what we sent, nothing is billed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import update

from cursive_app.clock import now
from cursive_app.errors import Invalid, NotFound
from cursive_app.integrations.audiencelab import AudienceLab, AudiencePage, ProviderError, ProviderRefused, normalize
from cursive_app.integrations.audiencelab.vocabulary import DAYS_BACK_RANGE
from cursive_app.plurals import plural
from cursive_app.services import credits, jobs
from cursive_app.services.accounts import Permission
from cursive_app.services.jobs import ClaimedJob
from cursive_app.services.segments.audiences import drop_audience, request_audience
from cursive_app.services.segments.compile_provider import Narrowing, narrowing
from cursive_app.services.segments.delivery import deliver, why_ignored
from cursive_app.services.segments.fields import FIELDS
from cursive_app.services.segments.filters import Filters, parse
from cursive_app.services.segments.match import matches, person_values
from cursive_app.services.segments.refusals import refused_field
from cursive_app.services.segments.views import ACTIVE, TO_MEND, what_is_gone
from cursive_app.settings import settings
from db.models.segments import SavedSegment, SegmentRun
from db.scope import Scope

LOOKS_BEFORE_PREVIEW = 3  # a minute on the provider's schedule; an audience that has people has shown them by then
TURN_SECONDS = 20.0  # how long a run keeps a worker while others may wait for one
WITNESSES = 25  # people asked of that preview
LOOKED_AT_ALL = ("exhausted", "no_match", "nobody")  # a run that is full or stopped leaves people it never looked at


@dataclass(frozen=True, slots=True)
class _Run:
    """What a step needs to know of the run, read in one short transaction."""

    id: UUID
    segment_id: UUID
    filters: Filters
    sent: Narrowing
    audience_id: str | None
    requested_seconds_ago: float
    next_page: int


def run_segment(claimed: ClaimedJob, *, provider: AudienceLab) -> None:
    """One attempt of a run, from wherever it stands. Raises what `jobs.work` translates: provider errors, LostClaim."""
    lab = provider.for_workspace(claimed.tenant.workspace_id)
    run = _load(claimed)
    if run is None:
        return
    if _stopped(claimed):
        drop_audience(claimed.tenant, run.id, lab)
        return
    if run.audience_id is None:
        _build(claimed, run, lab)
        return
    turn_ends = time.monotonic() + TURN_SECONDS
    while True:
        page = lab.audience_page(run.audience_id, page=run.next_page)
        jobs.heartbeat(claimed)
        if not page.ready and run.next_page == 1 and not _nobody(run, lab) and _wait_longer(claimed, run):
            return
        if _settle(claimed, run, page):
            drop_audience(claimed.tenant, run.id, lab)
            return
        run = _load(claimed)
        if run is None or run.audience_id is None:
            return
        if _stopped(claimed):
            drop_audience(claimed.tenant, run.id, lab)
            return
        if time.monotonic() > turn_ends:
            _let_others(claimed)
            return


def bury_run(scope: Scope, claimed: ClaimedJob) -> None:
    """Called in the transaction that fails the job for good: everything still held goes back."""
    try:
        run = scope.get(SegmentRun, claimed.links["run_id"], lock=True)
    except NotFound:  # the job leads to no run of its workspace (T9): it must end all the same, and touches nothing
        return
    message = "The run could not be completed. What was delivered stays yours; the other credits held went back."
    try:
        parse(run.filters)
    except Invalid as error:  # a field was removed while the run waited (bad input 46)
        message = f"{message} {what_is_gone(error)} {TO_MEND}"
    _end(scope, claimed, run, status="failed", outcome="failed", message=message)


def _load(claimed: ClaimedJob) -> _Run | None:
    """The run as it stands; ends the job when the run has ended already (an answer lost between two commits)."""
    with claimed.tenant.begin() as scope:
        row = scope.get(SegmentRun, claimed.links["run_id"])
        if row.status not in ACTIVE:
            jobs.finish(scope, claimed, message=row.message or "Done")
            return None
        filters = parse(row.filters)
        requested = row.audience_requested_at
        return _Run(
            id=row.id,
            segment_id=row.segment_id,
            filters=filters,
            sent=narrowing(filters, without=row.dropped_members),
            audience_id=row.audience_id,
            requested_seconds_ago=(now() - requested).total_seconds() if requested else 0.0,
            next_page=row.next_page,
        )


def _stopped(claimed: ClaimedJob) -> bool:
    """Whether the run ends here because somebody canceled it or its actor may no longer act (T15)."""
    lost = claimed.access_lost or jobs.access_lost(claimed, need=Permission.RUN_SEGMENTS)
    with claimed.tenant.begin() as scope:
        if not lost and not jobs.cancel_requested(scope, claimed):
            return False
        run = scope.get(SegmentRun, claimed.links["run_id"], lock=True)
        stay = "stays" if run.new_leads == 1 else "stay"
        delivered = f"{plural(run.new_leads, 'new lead')} delivered so far {stay} yours."
        if lost:
            message = f"Stopped: {lost} {delivered}"
            _end(scope, claimed, run, status="failed", outcome="access_lost", message=message)
            jobs.fail(scope, claimed, code="access_lost", message=message)
        else:
            message = f"Stopped. {delivered}"
            _end(scope, claimed, run, status="cancelled", outcome="cancelled", message=message)
            jobs.cancelled(scope, claimed, message=message)
        return True


# Building


def _build(claimed: ClaimedJob, run: _Run, lab: AudienceLab) -> None:
    """Ask for the audience under a name stored before, then give the worker back until it may be ready."""
    with claimed.tenant.begin() as scope:
        row = scope.get(SegmentRun, run.id, lock=True)
        asked_before = row.audience_name is not None
        row.status = "running"
        row.audience_name = name = f"cursive-{scope.workspace_id.hex[:8]}-{run.id}"
        text = f"Asking the provider for {_by(run.sent)}"
        jobs.advance(scope, claimed, stage="building", held=row.credits_held, message=text)
    try:
        audience_id = request_audience(lab, name=name, filters=run.sent.filters, asked_before=asked_before)
    except ProviderRefused as error:
        _narrow_less(claimed, run, error)
        return
    with claimed.tenant.begin() as scope:
        row = scope.get(SegmentRun, run.id, lock=True)
        row.audience_id, row.audience_requested_at = audience_id, now()
        row.provider_filters = run.sent.filters
        first = timedelta(seconds=settings().provider_ready_schedule[0])
        jobs.postpone(scope, claimed, until=now() + first, stage="building")


def _by(sent: Narrowing) -> str:
    return f"people by {', '.join(sent.narrowed)}"


def _narrow_less(claimed: ClaimedJob, run: _Run, error: ProviderRefused) -> None:
    """Drop a filter the provider refuses and try again without it; Cursive checks it instead and says so (§2.2)."""
    refused = refused_field(run.sent, error)
    if refused is None:
        raise error
    field = FIELDS[refused]
    with claimed.tenant.begin() as scope:
        row = scope.get(SegmentRun, run.id, lock=True)
        row.dropped_members = {**row.dropped_members, field.member or "": field.noun}
        narrowing(run.filters, without=row.dropped_members)  # raises Invalid when nothing is left to narrow by
        text = f"The provider cannot narrow by {field.noun}; Cursive checks it on every record instead"
        jobs.postpone(scope, claimed, until=now(), stage="building", message=text)


def _nobody(run: _Run, lab: AudienceLab) -> bool:
    """Whether an audience that shows no records is finished and empty rather than unfinished.

    Its own answer is the same in both cases (contract §2.2), so a second witness is heard after the first looks: the
    preview of the same filters. It errs towards people who were not asked for (§2.3), so a preview of the longest
    look-back that finds nobody says that there is nobody. One that finds somebody, or fails, says nothing.
    """
    looks = sum(at <= run.requested_seconds_ago + 0.05 for at in settings().provider_ready_schedule)
    if looks < LOOKS_BEFORE_PREVIEW:
        return False
    try:
        return not lab.preview(filters=run.sent.filters, days_back=DAYS_BACK_RANGE[1], limit=WITNESSES).people
    except ProviderError:
        return False


def _wait_longer(claimed: ClaimedJob, run: _Run) -> bool:
    """Look again at the next moment of the schedule; False when the audience had all the time there is: it is empty."""
    waits = settings().provider_ready_schedule
    following = next((at for at in waits if at > run.requested_seconds_ago + 0.05), None)
    if following is None:
        return False
    until = now() + timedelta(seconds=following - run.requested_seconds_ago)
    with claimed.tenant.begin() as scope:
        jobs.postpone(scope, claimed, until=until, stage="building")
    return True


# Pages


def _settle(claimed: ClaimedJob, run: _Run, page: AudiencePage) -> bool:
    """Commit one page: check, deliver, charge, move on. True when the run ended with it.

    With the first page the run enters its stages one by one, each committed, so that somebody who watches sees them;
    the pages after it are lines of the timeline.
    """
    first = run.next_page == 1
    if first:
        _enter(
            claimed,
            "fetching",
            f"The provider's list is ready: {plural(len(page.records), 'person', 'people')} to begin with",
        )
        _enter(claimed, "checking", "Each of them is checked against every condition")
    people = [normalize(record) for record in page.records]
    values = [person_values(person) for person in people]
    ignored = why_ignored(run.sent.sent, values) if first else None
    wanted = [person for person, one in zip(people, values, strict=True) if matches(run.filters, one) is True]
    if first and wanted and ignored is None:
        _enter(claimed, "charging", "Those who match are delivered, and the new ones charged")
    with claimed.tenant.begin() as scope:
        row = scope.get(SegmentRun, run.id, lock=True)
        row.audience_total = page.total if page.total is not None else row.audience_total
        row.audience_capped = row.audience_capped or page.capped
        row.fetched += len(people)
        if ignored is not None:
            _end(scope, claimed, row, status="failed", outcome="filters_ignored", message=ignored)
            jobs.fail(scope, claimed, code="filters_ignored", message=ignored)
            return True
        row.matched += len(wanted)
        left_over = deliver(scope, row, wanted, page=run.next_page)
        row.next_page = run.next_page + 1
        jobs.advance(
            scope,
            claimed,
            stage="charging" if wanted else None,
            total=row.audience_total,
            processed=row.fetched,
            held=row.credits_held,
            captured=row.credits_captured,
            message=f"Page {run.next_page:,}: {plural(len(people), 'person', 'people')}, {len(wanted):,} "
            f"{'matches' if len(wanted) == 1 else 'match'}, {plural(row.new_leads, 'new lead')} so far",
        )
        full = row.new_leads >= row.max_leads
        if not full and not left_over and not _is_end(page):
            return False
        _complete(scope, claimed, row, full=full)
        return True


def _enter(claimed: ClaimedJob, stage: str, message: str) -> None:
    """Commit a stage by itself, so that somebody who watches sees it. Raises LostClaim."""
    with claimed.tenant.begin() as scope:
        jobs.advance(scope, claimed, stage=stage, message=message)


def _is_end(page: AudiencePage) -> bool:
    return page.is_last or not page.records


def _let_others(claimed: ClaimedJob) -> None:
    """Go to the back of the queue; the run goes on at once when nobody is in front of it there."""
    with claimed.tenant.begin() as scope:
        jobs.postpone(scope, claimed, until=now())


# The end


def _complete(scope: Scope, claimed: ClaimedJob, run: SegmentRun, *, full: bool) -> None:
    if full:
        outcome, message = "full", f"{plural(run.new_leads, 'new lead')}, as many as asked for."
    elif not run.fetched:
        outcome, message = "nobody", "The provider found nobody. Nothing was charged; the credits held went back."
    elif not run.matched:
        outcome = "no_match"
        nobody = f"None of {run.fetched:,} people match" if run.fetched > 1 else "The one person found does not match"
        message = f"{nobody} every condition. Nothing was charged."
    else:
        new = plural(run.new_leads, "new lead")
        outcome, message = "exhausted", f"{new}; there are no more people in this segment."
    _end(scope, claimed, run, status="completed", outcome=outcome, message=message)
    jobs.advance(scope, claimed, total=run.fetched)
    jobs.finish(scope, claimed, message=message)


def _end(scope: Scope, claimed: ClaimedJob, run: SegmentRun, *, status: str, outcome: str, message: str) -> None:
    """Give back what is still held and write how the run ended. The caller ends the job in the same transaction."""
    if run.hold_id is not None:
        credits.release(
            scope,
            hold_id=run.hold_id,
            key=f"run:{run.id}:release:{run.hold_id}",  # a run that is taken up again has a second hold
            description="Not needed by the run",
        )
    released = max(run.credits_held - run.credits_captured, Decimal(0))
    if run.status != "queued":
        _remember_run(scope, run, outcome)
    run.status, run.outcome, run.message, run.finished_at = status, outcome, message, now()
    jobs.advance(scope, claimed, released=released)
    scope.session.flush()


def _remember_run(scope: Scope, run: SegmentRun, outcome: str) -> None:
    """Note on the segment that it ran, however the run ended, and how many matched: all there are only where everybody
    was looked at."""
    count = run.matched if outcome in LOOKED_AT_ALL else None
    scope.session.execute(
        update(SavedSegment)
        .where(scope.owned(SavedSegment), SavedSegment.id == run.segment_id)
        .values(
            last_run_at=now(),
            last_count=count,
            last_matched=run.matched,
            updated_at=SavedSegment.updated_at,  # a run is no edit
        )
    )

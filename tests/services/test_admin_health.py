"""What went wrong, what is stuck, what it all came to (JOB-10, 11, 14)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid
from cursive_app.services import credits, jobs
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import JobSearch, Selection
from db.models.jobs import Job, JobAttempt
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import (
    actions_of,
    attempts_of,
    done_job,
    failing_job,
    kind_with_refusals,
    retryable_kind,
    staff,
)
from tests.factories_credits import fund
from tests.factories_jobs import forget_tasks, grow_stale, hang, make_job, waiting_tasks
from tests.factories_leads import make_leads


@pytest.fixture
def kind() -> str:
    return retryable_kind()


def test_failures_are_grouped_with_their_reach(cast: Cast, kind: str) -> None:
    code = f"Broken {uuid4().hex[:6].translate(str.maketrans('0123456789', 'ghijklmnop'))}: row "
    for number, tenant in enumerate((cast.alice, cast.alice, cast.charlie)):
        job = make_job(tenant, kind=kind)
        claimed = jobs.claim(job.id)
        assert claimed is not None
        with tenant.begin() as scope:
            jobs.fail(scope, claimed, code="bad_rows", message=f"{code}{number}")
    actor = staff("operate")
    (group,) = [one for one in admin.failures(actor).groups if one.message.startswith(code)]
    assert (group.attempts, group.jobs, group.failed_jobs, group.retryable, group.workspace_count) == (3, 3, 3, 3, 2)
    assert [(hit.name, hit.jobs) for hit in group.workspaces] == [("Acme", 2), ("Other", 1)]
    assert group.kinds == (kind,)
    assert group.first_seen <= group.last_seen
    dry = admin.plan(actor, "retry", Selection(query=group.query))
    assert (dry.possible, dry.workspaces) == (3, 2)
    assert admin.apply(actor, dry).done == 3


def test_a_group_leads_to_every_job_it_counts(cast: Cast, kind: str) -> None:
    """Those that went on after it, too: what a group counts is what its links show, in the dates it was counted in."""
    code, days_ago = f"odd_{kind}", now() - timedelta(days=3)

    def struck(tenant: Tenant, *, at: datetime | None = None) -> UUID:
        claimed = jobs.claim(make_job(tenant, kind=kind).id)
        assert claimed is not None
        with tenant.begin() as scope:
            jobs.fail(scope, claimed, code=code, message="It is odd.")
        if at is not None:
            with system_scope() as scope:
                scope.session.execute(update(JobAttempt).where(JobAttempt.job_id == claimed.job_id).values(ended_at=at))
        return claimed.job_id

    failed, went_on, long_ago = struck(cast.alice), struck(cast.alice), struck(cast.charlie, at=days_ago)
    actor, since = staff("operate"), now() - timedelta(days=1)
    admin.act(actor, "retry", went_on)
    assert jobs.claim(went_on) is not None
    (group,) = [one for one in admin.failures(actor, since=since).groups if one.error_code == code]
    assert (group.jobs, group.failed_jobs) == (2, 1)

    def found(query: str, **times: datetime) -> set[UUID]:
        page = admin.list_jobs(actor, JobSearch(query=query, **times))
        again = admin.refresh(actor, [], JobSearch(query=query, **times))
        assert page.matching == len(page.jobs) == again.matching == again.newer
        return {row.id for row in page.jobs}

    assert found(group.met) == {failed, went_on, long_ago}
    assert found(group.met, failed_since=since) == {failed, went_on}
    assert found(group.met, failed_until=since) == {long_ago}
    assert found(f"{group.met} workspace:{cast.workspace_id}", failed_since=since) == {failed, went_on}
    assert found(group.query, failed_since=since) == {failed}
    assert found(f"met:{code.upper()} -state:failed") == {went_on}
    assert found(f"kind:{kind} -met:{code}") == set()
    text = b"".join(admin.history_csv(actor, JobSearch(query=group.met, failed_since=since))).decode()
    assert (str(went_on) in text, str(long_ago) in text) == (True, False)
    with pytest.raises(Invalid):
        admin.list_jobs(actor, JobSearch(failed_since=since, failed_until=days_ago))


def test_a_file_that_cannot_be_used_is_no_failure_of_ours(cast: Cast) -> None:
    """It is the customer's to mend: shown, but not counted as a failure and not offered for a retry."""
    kind, actor, before = kind_with_refusals("bad_file"), staff("operate"), now()
    done_job(cast.alice, kind=kind)
    job = make_job(cast.alice, kind=kind)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.fail(scope, claimed, code="bad_file", message=f"The file {kind} is a picture.")
    (mine,) = [one for one in admin.totals(actor, since=before).by_kind if one.kind == kind]
    assert (mine.completed, mine.failed, mine.refused, mine.success_rate) == (1, 0, 1, 1.0)
    hour = admin.totals(actor).hours[-1]
    assert hour.refused >= 1
    (group,) = [one for one in admin.failures(actor).groups if one.kinds == (kind,)]
    assert (group.failed_jobs, group.retryable, group.why_no_retry) == (1, 0, "Their file cannot be used.")
    dry = admin.plan(actor, "retry", Selection(query=group.query))
    assert (dry.possible, [one.reason for one in dry.refused]) == (0, ["Their file cannot be used."])
    with pytest.raises(Conflict, match="cannot be used"):
        admin.act(actor, "retry", job.id)


def test_a_stuck_job_is_seen_and_rescued(cast: Cast) -> None:
    actor = staff("operate")
    job = make_job(cast.alice)
    old = jobs.claim(job.id)
    assert old is not None
    grow_stale(job.id, seconds=600)
    found = next(one for one in admin.stuck(actor).jobs if one.job.id == job.id)
    assert found.still_seconds >= 600
    assert "silent" in found.why
    forget_tasks(job.id)
    assert admin.rescue(actor, job.id).heartbeat_seconds is None
    assert waiting_tasks(job.id) == [f"job:{job.id}:rescue"]
    assert attempts_of(job.id)[0].outcome == "lost"
    with pytest.raises(jobs.LostClaim), cast.alice.begin() as scope:
        jobs.advance(scope, old, processed=1)  # the old holder can change nothing
    assert jobs.claim(job.id) is not None
    with pytest.raises(Conflict):
        admin.rescue(actor, done_job(cast.alice).id)


def test_a_job_that_is_not_stuck_is_not_taken_from_its_worker(cast: Cast) -> None:
    actor = staff("operate")
    job = make_job(cast.alice)
    with pytest.raises(Conflict, match="waits for its time or its turn"):
        admin.rescue(actor, job.id)
    held = jobs.claim(job.id)
    assert held is not None
    for from_living in (False, True):
        with pytest.raises(Conflict, match="its worker answers"):
            admin.rescue(actor, job.id, from_living=from_living)
    assert admin.get_job(actor, job.id).stuck is None
    with cast.alice.begin() as scope:
        jobs.finish(scope, held)  # its worker holds it still
    assert [one.outcome for one in attempts_of(job.id)] == ["finished"]


def test_a_job_in_a_paused_queue_is_not_rescued(cast: Cast) -> None:
    queue, actor = f"spare-{uuid4().hex[:8]}", staff("operate")
    job = make_job(cast.alice, queue=queue)
    admin.pause_queue(actor, queue, reason="The provider is down")
    with pytest.raises(Conflict, match="queue is paused"):
        admin.rescue(actor, job.id)


def test_a_job_that_hangs_is_taken_once_somebody_says_so(cast: Cast) -> None:
    """Its worker answers, so nobody writes that it had stopped answering."""
    actor = staff("operate")
    job = make_job(cast.alice)
    held = jobs.claim(job.id)
    assert held is not None
    hang(job.id)
    jobs.heartbeat(held)
    found = next(one for one in admin.stuck(actor).jobs if one.job.id == job.id)
    assert (found.how, admin.get_job(actor, job.id).stuck) == ("hanging", "hanging")
    with pytest.raises(Conflict, match="confirm"):
        admin.rescue(actor, job.id)
    admin.rescue(actor, job.id, from_living=True)
    (lost,) = attempts_of(job.id)
    assert (lost.outcome, lost.error_code) == ("lost", "taken_by_staff")
    assert lost.error_message == "Taken by staff: its worker answered, but it did not move while queued."
    assert actions_of(actor)[-1].details["found"] == "hanging"
    with pytest.raises(jobs.LostClaim), cast.alice.begin() as scope:
        jobs.advance(scope, held, processed=1)


def how(job_id: UUID) -> str | None:
    """How the job is stuck, which the list and the job itself must tell alike."""
    actor = staff("read_only")
    listed = {one.job.id: one.how for one in admin.stuck(actor).jobs}.get(job_id)
    assert admin.get_job(actor, job_id).stuck == listed
    return listed


def test_a_job_that_hangs_after_its_first_progress_is_stuck(cast: Cast) -> None:
    job = make_job(cast.alice, total=10)
    held = jobs.claim(job.id)
    assert held is not None
    hang(job.id)
    assert how(job.id) == "hanging"
    with cast.alice.begin() as scope:
        jobs.advance(scope, held, processed=3)
    assert how(job.id) is None
    hang(job.id, minutes=14)
    assert how(job.id) is None
    hang(job.id, minutes=20)
    jobs.heartbeat(held)  # answering is not getting on
    assert how(job.id) == "hanging"
    (line,) = [one for one in admin.stuck(staff()).jobs if one.job.id == job.id]
    assert line.still_seconds == 20 * 60


def test_a_job_that_waited_long_at_the_provider_has_only_begun_its_newest_look(cast: Cast) -> None:
    job = make_job(cast.alice)
    held = jobs.claim(job.id)
    assert held is not None
    with cast.alice.begin() as scope:
        jobs.postpone(scope, held, until=now(), stage="building")
    with system_scope() as scope:
        row = scope.get(Job, job.id)
        row.started_at = row.first_started_at = row.moved_at = now() - timedelta(minutes=20)
    assert jobs.claim(job.id) is not None
    assert how(job.id) is None


def test_a_job_that_nobody_wakes_is_forgotten(cast: Cast) -> None:
    waiting, forgotten = make_job(cast.alice), make_job(cast.alice)
    forget_tasks(forgotten.id)
    with system_scope() as scope:
        long_ago = update(Job).where(Job.id.in_([waiting.id, forgotten.id]))
        scope.session.execute(long_ago.values(updated_at=now() - timedelta(minutes=2)))
    assert (how(waiting.id), how(forgotten.id)) == (None, "forgotten")
    admin.rescue(staff("operate"), forgotten.id)
    assert waiting_tasks(forgotten.id) == [f"job:{forgotten.id}:rescue"]
    assert attempts_of(forgotten.id) == []  # nobody held it, so nobody lost it


def test_jobs_that_something_refers_to_are_not_counted_among_those_that_go(cast: Cast) -> None:
    def counted() -> int:
        (line,) = [one for one in admin.totals(staff()).retention if one.what == "Jobs that nothing refers to"]
        return line.count

    before = counted()
    paid = done_job(cast.alice)
    assert counted() == before + 1
    fund(cast.workspace_id, 10)
    with cast.alice.begin() as scope:
        credits.hold(scope, amount=1, key="h", description="Held", job_id=paid.id)
    assert counted() == before
    done_job(cast.alice)
    assert counted() == before + 1


def test_durations_of_a_kind_are_what_they_were(cast: Cast) -> None:
    """Median and 95 of 100 as Postgres interpolates them: of 1, 2, 3, 4 and 100 seconds."""
    kind, ended = f"kind_{uuid4().hex[:8]}", now() - timedelta(hours=2)
    for seconds in (4, 100, 1, 3, 2):
        job = done_job(cast.alice, kind=kind)
        with system_scope() as scope:
            row = scope.get(Job, job.id)
            row.created_at = row.started_at = ended - timedelta(seconds=seconds)
            row.finished_at = ended
    make_job(cast.alice, kind=kind)  # it has not ended: no duration
    view = admin.totals(staff("read_only"), since=ended - timedelta(minutes=5))
    (mine,) = [one for one in view.by_kind if one.kind == kind]
    assert (mine.p50_seconds, mine.average_seconds) == (pytest.approx(3), pytest.approx(22))
    assert mine.p95_seconds == pytest.approx(4 + 0.8 * 96)
    assert (mine.success_rate, mine.failure_rate) == (1.0, 0.0)


def test_the_hours_of_one_kind(cast: Cast) -> None:
    kind = f"kind_{uuid4().hex[:8]}"
    done_job(cast.alice, kind=kind)
    done_job(cast.alice)
    ended = [hour.completed for hour in admin.totals(staff(), hours_of=kind).hours]
    assert (sum(ended), ended[-1]) == (1, 1)
    assert sum(hour.completed for hour in admin.totals(staff()).hours) >= 2


def test_totals(cast: Cast) -> None:
    kind = f"kind_{uuid4().hex[:8]}"
    before = now()
    for processed in (10, 20):
        done_job(cast.alice, kind=kind, processed=processed)
    failing_job(cast.charlie, kind=kind)
    make_job(cast.alice, kind=kind)
    view = admin.totals(staff("read_only"), since=before)
    (mine,) = [one for one in view.by_kind if one.kind == kind]
    assert (mine.jobs, mine.completed, mine.failed, mine.processed) == (4, 2, 1, 30)
    assert mine.success_rate == pytest.approx(2 / 3)
    assert mine.failure_rate == pytest.approx(1 / 3)
    assert len(view.hours) == 72
    assert view.hours[-1].completed >= 2
    assert [one.days for one in view.retention] == [400, 400, 30, None, 1, 14]
    assert view.imported == 0
    make_leads(cast.alice, 3)
    assert admin.totals(staff("read_only"), since=before).imported == 3
    empty = admin.totals(staff("read_only"), since=now() + timedelta(days=1))
    assert (empty.jobs, empty.success_rate, empty.average_seconds) == (0, None, None)

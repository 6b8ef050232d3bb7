"""What is forgotten of jobs that ended long ago, and what stays (JOB-14)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from cursive_app.clock import now
from cursive_app.errors import NotFound
from cursive_app.jobs import jobs as tasks
from cursive_app.services import credits, enrichment, jobs, segments
from cursive_app.services.jobs import admin, claims, pruning
from cursive_app.services.jobs.claims import Interrupted
from cursive_app.services.jobs.pruning import prune_history
from cursive_app.settings import Settings, settings
from db.models.enrichment import Enrichment
from db.models.jobs import Job, JobAttempt, JobEvent, Pruning
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import attempts_of, done_job, failing_job, staff
from tests.factories_credits import fund
from tests.factories_enrichment import known_line, list_row, make_list, start_run
from tests.factories_jobs import job_row, make_job, messages
from tests.factories_segments import make_segment, start

DAYS = 400
PERSON = {"BUSINESS_EMAIL": "ann@example.com", "FIRST_NAME": "Ann", "LAST_NAME": "Lee"}


@pytest.fixture(autouse=True)
def no_others(database: object) -> Iterator[None]:
    """What other tests have left of old jobs is gone, and the record of prunings begins anew."""
    prune_history(days=DAYS)
    with system_scope() as scope:
        scope.session.execute(delete(Pruning))
    yield


def aged(job: UUID, *, days: int = DAYS + 1, status: str | None = None) -> UUID:
    """As if the job had ended so many days ago."""
    with system_scope() as scope:
        row = scope.get(Job, job)
        row.finished_at = now() - timedelta(days=days)
        row.status = status or row.status
    return job


def exists(job: UUID) -> bool:
    with system_scope() as scope:
        return scope.session.get(Job, job) is not None


def leftovers(job: UUID) -> int:
    """Lines of timeline and attempts of a job that is gone."""
    with system_scope() as scope:
        return sum(
            len(scope.session.scalars(select(table.id).where(table.job_id == job)).all())
            for table in (JobEvent, JobAttempt)
        )


def recorded(what: str) -> tuple[int, datetime | None]:
    with system_scope() as scope:
        row = scope.session.get(Pruning, what)
        assert row is not None
        return row.gone, row.ended_at


def test_what_ended_long_ago_goes_with_all_of_it(cast: Cast) -> None:
    old = [aged(done_job(tenant).id) for tenant in (cast.alice, cast.charlie)]
    failed = aged(failing_job(cast.alice).id)
    young, fresh = aged(done_job(cast.alice).id, days=DAYS - 1), done_job(cast.alice).id
    assert prune_history(days=DAYS) == (3, 0)
    assert not any(map(exists, [*old, failed]))
    assert [leftovers(one) for one in (*old, failed)] == [0, 0, 0]
    assert exists(young)
    assert exists(fresh)
    assert len(attempts_of(young)) == 1
    assert recorded("jobs")[0] == 3
    assert prune_history(days=DAYS) == (0, 0)


@pytest.mark.parametrize("status", ["pending", "processing", "paused"])
def test_a_job_that_has_not_ended_stays_however_old(cast: Cast, status: str) -> None:
    job = aged(make_job(cast.alice).id, days=5_000, status=status)
    assert prune_history(days=DAYS) == (0, 0)
    assert exists(job)
    assert messages(job) == ["Queued"]


def test_nothing_goes_when_jobs_are_kept_for_ever(cast: Cast) -> None:
    job = aged(done_job(cast.alice).id, days=5_000)
    assert prune_history(days=None) == (0, 0)
    assert exists(job)
    assert recorded("jobs")[1] is not None


def ended(tenant: Tenant, job: UUID) -> UUID:
    """As if a run's job had ended long ago."""
    claimed = claims.claim(job)
    assert claimed is not None
    with tenant.begin() as scope:
        jobs.finish(scope, claimed)
    return aged(job)


def test_what_a_statement_a_run_or_a_list_links_to_keeps_its_record_and_loses_its_log(cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    run = start(cast.alice, make_segment(cast.alice).id, max_leads=4)
    made = make_list(cast.alice, [known_line({**PERSON, "BUSINESS_EMAIL": f"p{n}@example.com"}) for n in range(100)])
    list_job = start_run(cast.alice, made).run_job_id
    paid = make_job(cast.alice).id
    with cast.alice.begin() as scope:
        credits.hold(scope, amount=1, key=f"trial:{paid}", description="Paid", job_id=paid)
    assert run.job_id is not None
    assert list_job is not None
    kept = [ended(cast.alice, job) for job in (run.job_id, list_job, paid)]
    before = {job: (job_row(job).title, job_row(job).credits_held, job_row(job).links) for job in kept}
    assert prune_history(days=DAYS) == (0, 3)
    assert {job: (job_row(job).title, job_row(job).credits_held, job_row(job).links) for job in kept} == before
    assert [leftovers(job) for job in kept] == [0, 0, 0]
    with cast.alice.begin() as scope:
        for job in kept:
            detail = jobs.get_job(scope, job)
            assert (detail.job.status, detail.events) == ("completed", ())
        assert enrichment.get_enrichment(scope, made).run_job_id == list_job
        assert segments.get_run(scope, run.id).job_id == run.job_id
        lines = credits.list_lines(scope).lines
        assert {line.job_id for line in lines if line.job_id} == set(kept)
    seen = admin.get_job(staff(), kept[0])
    assert (seen.job.tries, seen.attempts, seen.timeline) == (None, (), ())
    assert "so its record stays" in (seen.job.why_no_delete or "")
    assert recorded("job_logs")[0] == 3
    assert prune_history(days=DAYS) == (0, 0)


def test_a_list_outlives_its_reading_and_its_dry_run(cast: Cast) -> None:
    made = make_list(cast.alice, [known_line(PERSON)])
    with cast.alice.begin() as scope:
        sample = enrichment.start_sample(scope, made).sample_job_id
        reading = jobs.open_job(scope, kind="csv_upload", title="Read people.csv", task="enrichment.read").id
        scope.get(Enrichment, made).read_job_id = reading
    assert sample is not None
    for job in (sample, reading):
        aged(job, status="completed")
    assert prune_history(days=DAYS) == (2, 0)
    row = list_row(made)
    assert (row.read_job_id, row.sample_job_id, row.status) == (None, None, "ready")
    with cast.alice.begin() as scope:
        with pytest.raises(NotFound):
            jobs.get_job(scope, sample)
        assert enrichment.get_enrichment(scope, made).id == made


def test_a_pruning_that_is_killed_between_batches_goes_on(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is committed with its count: what is left is whole, and the next try finishes and goes on counting."""
    old = [aged(done_job(cast.alice).id, days=DAYS + 9 - place) for place in range(5)]
    genuine, calls = pruning._ended, []

    def killed(*arguments, **options):
        calls.append(options)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return genuine(*arguments, **options)

    monkeypatch.setattr(pruning, "_ended", killed)
    with pytest.raises(KeyboardInterrupt):
        prune_history(days=DAYS, batch=2)
    assert [exists(job) for job in old] == [False] * 4 + [True]
    assert [leftovers(job) for job in old[:4]] == [0] * 4
    assert recorded("jobs") == (4, None)
    monkeypatch.undo()
    assert prune_history(days=DAYS, batch=2) == (1, 0)
    assert not exists(old[4])
    gone, at = recorded("jobs")
    assert gone == 5
    assert at is not None


def test_a_worker_that_stops_leaves_the_rest_to_another(cast: Cast) -> None:
    job = aged(done_job(cast.alice).id)
    claims.stopping.set()
    try:
        with pytest.raises(Interrupted):
            prune_history(days=DAYS)
    finally:
        claims.stopping.clear()
    assert exists(job)


def test_a_job_that_staff_have_in_hand_is_left_for_the_next_night(cast: Cast) -> None:
    mine, other = aged(failing_job(cast.alice).id), aged(failing_job(cast.charlie).id)
    with system_scope() as scope:
        scope.get(Job, mine, lock=True)
        assert prune_history(days=DAYS) == (1, 0)
    assert (exists(mine), exists(other)) == (True, False)


def test_the_scheduled_task_keeps_to_the_setting_and_staff_see_how_it_went(
    cast: Cast, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = aged(done_job(cast.alice).id)
    reader = staff("read_only")
    assert admin.history_term(reader).jobs is None
    monkeypatch.setattr(tasks, "settings", lambda: config.model_copy(update={"jobs_keep_days": 0}))
    tasks.prune_old_jobs()
    assert exists(job)
    monkeypatch.undo()
    tasks.prune_old_jobs()
    assert not exists(job)
    term = admin.history_term(reader)
    assert term.jobs is not None
    assert (term.days, term.jobs.gone) == (settings().jobs_keep_days, 1)
    tasks.prune()
    prunings = {one.what: one.pruned for one in admin.totals(reader).retention}
    assert prunings.pop("Staff actions") is None
    assert all(one is not None and one.ended_at is not None for one in prunings.values())


def test_the_jobs_of_a_list_do_not_go_before_its_files(config: Settings) -> None:
    def term(**values: int) -> int | None:
        return config.model_copy(update=values).job_history_days

    assert term() == 400
    assert term(jobs_keep_days=10, enrichment_keep_days=30) == 30
    assert term(jobs_keep_days=0, enrichment_keep_days=30) is None

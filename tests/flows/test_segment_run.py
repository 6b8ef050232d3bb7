"""A run from the button to the leads, against the sandbox provider: what is delivered, charged and given back."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

import pytest
from sqlalchemy import update

from cursive_app.integrations.audiencelab import AudiencePage
from cursive_app.services import accounts, jobs, segments
from db.models.accounts import Membership
from db.models.jobs import Job
from db.models.segments import SegmentRun
from db.system import system_scope
from tests.factories import Cast
from tests.factories_credits import assert_settled, balance_of, fund
from tests.factories_segments import (
    captured,
    lead_count,
    look,
    make_segment,
    run_row,
    start,
    step,
    where,
    work_off,
)
from tests.sandbox_fixtures import Sandbox

HALF = Decimal("0.50")


def test_a_run_delivers_and_charges_new_matching_leads_up_to_what_was_asked(alice, sandbox: Sandbox) -> None:
    segment = make_segment(alice)
    run = start(alice, segment.id, max_leads=120)
    assert balance_of(alice) == (940, 60)
    ended = work_off(alice, run, sandbox.client(page_size=50))
    assert (ended.status, ended.outcome, ended.new_leads) == ("completed", "full", 120)
    assert ended.matched == 120 + ended.owned_leads + ended.duplicates + ended.not_taken
    assert ended.not_taken > 0, "the last page had more who match than were asked for"
    assert ended.credits_captured == 60 == captured(alice)
    assert lead_count(alice) == 120
    assert balance_of(alice) == (940, 0)
    assert_settled(alice)
    with alice.begin() as scope:
        seen = segments.get_segment(scope, segment.id)
    assert seen.last_run_at is not None
    assert seen.last_count is None, "it stopped when it had what was asked for: nobody knows how many match"
    assert seen.last_matched == ended.matched, "but at least these do"
    assert seen.version == 1


def test_every_delivered_lead_satisfies_the_filter_although_the_provider_adds_strays(
    alice, quirky_sandbox: Sandbox
) -> None:
    segment = make_segment(
        alice, where({"field": "seniority", "include": ["vp", "cxo"]}, {"field": "has_email", "is": True})
    )
    ended = work_off(alice, start(alice, segment.id, max_leads=150), quirky_sandbox.client(page_size=100))
    assert ended.new_leads > 20
    assert ended.matched < ended.fetched
    with alice.begin() as scope:
        own = segments.count_leads(
            scope,
            where({"field": "seniority", "include": ["vp", "cxo"]}, {"field": "has_email", "is": True}, scope="leads"),
        )
    assert own.count == own.total == ended.new_leads
    assert_settled(alice)


def test_a_run_that_ended_leaves_no_audience_with_the_provider(alice, sandbox: Sandbox) -> None:
    lab = sandbox.client()
    run = start(alice, make_segment(alice).id, max_leads=5)
    ended = work_off(alice, run, lab)
    assert ended.status == "completed"
    name = run_row(run).audience_name
    assert name
    assert lab.find_audience(name=name) is None
    assert run_row(run).audience_deleted_at is not None


def test_owned_leads_cost_nothing_the_second_time(alice, sandbox: Sandbox) -> None:
    segment = make_segment(
        alice, where({"field": "city", "include": ["Austin"]}, {"field": "state", "include": ["TX"]})
    )
    lab = sandbox.client()
    first = work_off(alice, start(alice, segment.id, max_leads=500), lab)
    assert first.outcome == "exhausted"
    paid = captured(alice)
    with alice.begin() as scope:
        seen = segments.get_segment(scope, segment.id)
    assert seen.last_count == seen.last_matched == first.matched > 0
    second = work_off(alice, start(alice, segment.id, max_leads=500), lab)
    assert (second.new_leads, second.owned_leads) == (0, first.new_leads)
    assert second.delta == -first.new_leads
    for run in (first, second):
        assert run.matched == run.new_leads + run.owned_leads + run.duplicates
        assert run.not_taken == 0
    assert captured(alice) == paid
    assert_settled(alice)


@pytest.mark.parametrize(
    ("found", "matching", "limit", "said"),
    [
        (1, 1, 1, "1 new lead, as many as asked for."),
        (2, 2, 2, "2 new leads, as many as asked for."),
        (1, 1, 9, "1 new lead; there are no more people in this segment."),
        (1, 0, 9, "The one person found does not match every condition. Nothing was charged."),
        (3, 0, 9, "None of 3 people match every condition. Nothing was charged."),
    ],
)
def test_a_run_counts_in_whole_sentences(alice, found: int, matching: int, limit: int, said: str) -> None:
    records = [
        {"FIRST_NAME": f"P{n}", "PERSONAL_STATE": "TX" if n < matching else "", "PERSONAL_EMAILS": f"p{n}@acme.example"}
        for n in range(found)
    ]

    class Few:
        """A provider with these few people."""

        def for_workspace(self, _: object) -> Few:
            return self

        def create_audience(self, **_options: object) -> str:
            return "00000000-0000-4000-8000-0000000000a1"

        def delete_audience(self, _: str) -> None: ...

        def audience_page(self, *_arguments: object, **_options: object) -> AudiencePage:
            return AudiencePage(records=tuple(records), total=found, page=1, is_last=True, ready=True, capped=False)

    run = start(alice, make_segment(alice).id, max_leads=limit)
    ended = work_off(alice, run, Few())  # type: ignore[arg-type]
    assert ended.message == said
    with alice.begin() as scope:
        told = [event.message for event in jobs.get_job(scope, run.job_id or "").events]
    assert not any(re.search(r"(?<![\d,])1 (new leads|people|match\b)", line) for line in told), told


def test_or_groups_are_checked_record_by_record(alice, sandbox: Sandbox) -> None:
    either = {
        "any": [
            {"all": [{"field": "state", "include": ["TX"]}, {"field": "seniority", "include": ["vp"]}]},
            {"all": [{"field": "state", "include": ["NY"]}, {"field": "seniority", "include": ["cxo"]}]},
        ]
    }
    segment = make_segment(alice, {"version": 1, "scope": "provider", "where": {"all": [either]}})
    ended = work_off(alice, start(alice, segment.id, max_leads=400), sandbox.client())
    assert 0 < ended.new_leads == ended.matched - ended.duplicates < ended.fetched
    with alice.begin() as scope:
        assert segments.count_leads(scope, {"version": 1, "scope": "leads", "where": {"all": [either]}}).count == (
            ended.new_leads
        )


def test_the_ceiling_is_never_passed(alice, sandbox: Sandbox) -> None:
    ended = work_off(
        alice, start(alice, make_segment(alice).id, max_leads=1_000, ceiling=Decimal("7.30")), sandbox.client()
    )
    assert ended.new_leads == 14
    assert ended.credits_captured == 7
    assert_settled(alice)


def test_a_worker_that_dies_between_pages_resumes_without_charging_twice(alice, sandbox: Sandbox) -> None:
    run = start(alice, make_segment(alice).id, max_leads=100)
    lab = sandbox.client(page_size=20)
    step(run, lab)

    class Killed(BaseException):
        pass

    class Dying:
        """Serves two pages and dies in the third call."""

        def __init__(self) -> None:
            self.pages = 0

        def for_workspace(self, _: object) -> Dying:
            return self

        def audience_page(self, *args, **options):
            self.pages += 1
            if self.pages == 3:
                raise Killed
            return lab.audience_page(*args, **options)

    with pytest.raises(Killed):
        for _ in range(20):
            step(run, Dying())  # type: ignore[arg-type]
    halfway = look(alice, run)
    assert 0 < halfway.new_leads < 100
    with system_scope() as scope:
        scope.session.execute(update(Job).where(Job.id == run.job_id).values(attempt_token=None))
    ended = work_off(alice, run, lab)
    assert ended.new_leads == 100 == lead_count(alice)
    assert captured(alice) == 50
    assert_settled(alice)


def test_a_zombie_changes_nothing_after_another_worker_took_over(alice, sandbox: Sandbox) -> None:
    run = start(alice, make_segment(alice).id, max_leads=60)
    lab = sandbox.client(page_size=20)
    step(run, lab)

    class Slow:
        """While this worker waits for its page, another one finishes the whole run."""

        def for_workspace(self, _: object) -> Slow:
            return self

        def audience_page(self, *args, **options):
            page = lab.audience_page(*args, **options)
            with system_scope() as scope:
                scope.session.execute(update(Job).where(Job.id == run.job_id).values(attempt_token=None))
            work_off(alice, run, lab)
            return page

    step(run, Slow())  # type: ignore[arg-type]
    assert look(alice, run).new_leads == 60 == lead_count(alice)
    assert captured(alice) == 30
    assert_settled(alice)


def test_cancel_stops_at_the_next_page_and_releases_the_rest(alice, sandbox: Sandbox) -> None:
    run = start(alice, make_segment(alice).id, max_leads=200)
    lab = sandbox.client(page_size=20)

    class Canceling:
        def for_workspace(self, _: object) -> Canceling:
            return self

        def create_audience(self, **options):
            return lab.create_audience(**options)

        def find_audience(self, **options):
            return lab.find_audience(**options)

        def delete_audience(self, audience_id):
            lab.delete_audience(audience_id)

        def audience_page(self, *args, **options):
            page = lab.audience_page(*args, **options)
            if page.ready:
                with alice.begin() as scope:
                    segments.cancel_run(scope, run.id)
            return page

    ended = work_off(alice, run, Canceling())  # type: ignore[arg-type]
    assert ended.status == "cancelled"
    assert 0 < ended.new_leads <= 20
    with alice.begin() as scope:
        seen = segments.get_segment(scope, ended.segment_id)
    assert (seen.last_run_at is not None, seen.last_count) == (True, None)
    assert captured(alice) == ended.new_leads * HALF
    assert_settled(alice)
    assert lab.find_audience(name=run_row(run).audience_name or "") is None


def test_losing_access_mid_run_stops_it_and_gives_the_rest_back(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    run = start(cast.bob, make_segment(cast.bob).id, max_leads=100)
    lab = sandbox.client(page_size=20)
    step(run, lab)
    with system_scope() as scope:
        scope.session.delete(scope.session.get(Membership, (cast.workspace_id, cast.bob.user_id)))
    ended = work_off(cast.alice, run, lab)
    assert (ended.status, ended.outcome, ended.new_leads) == ("failed", "access_lost", 0)
    assert balance_of(cast.alice) == (100, 0)
    with cast.alice.begin() as scope:
        assert segments.get_segment(scope, ended.segment_id).last_run_at is not None


def test_a_run_that_was_stopped_in_the_queue_is_no_run(alice, sandbox: Sandbox) -> None:
    run = start(alice, make_segment(alice).id, max_leads=10)
    with alice.begin() as scope:
        segments.cancel_run(scope, run.id)
    assert work_off(alice, run, sandbox.client()).status == "cancelled"
    with alice.begin() as scope:
        assert segments.get_segment(scope, run.segment_id).last_run_at is None


def test_revoking_the_key_mid_run_stops_it(alice, sandbox: Sandbox) -> None:
    segment = make_segment(alice)
    scopes = ["segments:read", "segments:run", "credits:read"]
    with alice.begin() as scope:
        key = accounts.create_api_key(scope, name="Nightly", scopes=scopes)
    machine = accounts.authenticate_key(key.key)
    run = start(machine, segment.id, max_leads=60)
    lab = sandbox.client(page_size=20)
    step(run, lab)
    with alice.begin() as scope:
        accounts.revoke_api_key(scope, key_id=key.id)
    ended = work_off(alice, run, lab)
    assert (ended.status, ended.outcome, ended.actor) == ("failed", "access_lost", "API key “Nightly”")
    assert "revoked" in (ended.message or "")
    assert balance_of(alice) == (1000, 0)


def test_a_role_that_was_taken_away_mid_run_stops_it(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    run = start(cast.bob, make_segment(cast.bob).id, max_leads=100)
    lab = sandbox.client(page_size=20)
    step(run, lab)
    with system_scope() as scope:
        member = scope.session.get(Membership, (cast.workspace_id, cast.bob.user_id))
        assert member is not None
        member.role = "read_only"
    ended = work_off(cast.alice, run, lab)
    assert (ended.status, ended.outcome) == ("failed", "access_lost")
    assert balance_of(cast.alice) == (100, 0)


def test_leftover_audiences_are_deleted_by_the_clock(alice, sandbox: Sandbox) -> None:
    run = start(alice, make_segment(alice).id, max_leads=10)
    lab = sandbox.client()
    step(run, lab)
    with system_scope() as scope:
        row = scope.get(SegmentRun, run.id)
        row.status, row.finished_at = "failed", row.created_at.replace(year=2025)
    assert segments.cleanup_audiences(lab) >= 1
    assert lab.find_audience(name=run_row(run).audience_name or "") is None
    assert segments.cleanup_audiences(lab) == 0


def test_jobs_show_the_run(alice, sandbox: Sandbox) -> None:
    run = start(alice, make_segment(alice, name="Texans").id, max_leads=10)
    work_off(alice, run, sandbox.client())
    with alice.begin() as scope:
        job = jobs.get_job(scope, run.job_id or "")
    assert (job.job.title, job.job.status, job.job.credits_captured) == ("Texans", "completed", 5)
    assert job.job.credits_released == 0


def test_somebody_who_watches_sees_every_stage(alice, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stage is committed by itself: another connection reads it while the next one is being entered."""
    run = start(alice, make_segment(alice).id, max_leads=30)
    assert run.job_id is not None
    seen = [_stage(run)]
    advance = jobs.advance

    def watched(scope, claimed, **values):  # type: ignore[no-untyped-def]
        if (stage := _stage(run)) != seen[-1]:
            seen.append(stage)
        advance(scope, claimed, **values)

    monkeypatch.setattr(jobs, "advance", watched)
    work_off(alice, run, sandbox.client(page_size=20))
    seen.append(_stage(run))
    assert seen == ["queued", "building", "fetching", "checking", "charging", "done"]
    with alice.begin() as scope:
        told = [line.message for line in jobs.get_job(scope, run.job_id).events]
    assert all(first != second for first, second in pairwise(told))


def _stage(run: segments.RunView) -> str:
    with system_scope() as scope:
        return scope.get(Job, run.job_id).stage

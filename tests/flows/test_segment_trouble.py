"""A run of a segment at a provider that finds nobody or misbehaves: it is waited for, and nothing wrong is paid."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services import jobs, segments
from db.models.segments import SegmentRun
from db.system import system_scope
from tests.factories_credits import assert_settled, balance_of
from tests.factories_segments import (
    TEXANS,
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


def _asked_ago(run: segments.RunView, seconds: float) -> None:
    """As if the audience had been asked for this long ago."""
    with system_scope() as scope:
        scope.get(SegmentRun, run.id).audience_requested_at = now() - timedelta(seconds=seconds)


NOBODY = where({"field": "job_title", "include": ["zzz no such title"]})


def test_a_segment_nobody_fits_ends_after_three_looks_and_gives_everything_back(alice, sandbox: Sandbox) -> None:
    run, lab = start(alice, make_segment(alice, NOBODY).id, max_leads=10), sandbox.client()
    step(run, lab)
    step(run, lab)
    assert look(alice, run).is_active  # an audience that is being built looks just like one that found nobody
    assert not any(call["path"] == "/audiences/preview" for call in sandbox.calls())
    _asked_ago(run, 2)  # the third look; the schedule goes on until a minute has passed
    step(run, lab)
    ended = look(alice, run)
    assert (ended.status, ended.outcome, ended.new_leads) == ("completed", "nobody", 0)
    assert ended.message and "Nothing was charged" in ended.message
    assert balance_of(alice) == (1000, 0)
    assert lab.find_audience(name=run_row(run).audience_name or "") is None


@pytest.mark.parametrize("witness", ["finds people", "fails"])
def test_an_audience_that_may_still_have_people_is_waited_for(alice, sandbox: Sandbox, witness: str) -> None:
    run, lab = start(alice, make_segment(alice).id, max_leads=10), sandbox.client()
    faults: list[dict[str, object]] = [{"mode": "never_ready"}]
    if witness == "fails":
        faults.append({"mode": "500", "endpoints": ["/audiences/preview"]})
    sandbox.faults(*faults)
    step(run, lab)
    _asked_ago(run, 4)
    step(run, lab)
    assert any(call["path"] == "/audiences/preview" for call in sandbox.calls())
    assert look(alice, run).is_active
    sandbox.faults()
    assert work_off(alice, run, lab).new_leads == 10


def test_an_audience_that_never_shows_anybody_ends_with_the_schedule(alice, sandbox: Sandbox) -> None:
    run, lab = start(alice, make_segment(alice).id, max_leads=10), sandbox.client()
    sandbox.faults({"mode": "never_ready"})
    step(run, lab)
    _asked_ago(run, 3600)
    ended = work_off(alice, run, lab)
    assert (ended.status, ended.outcome) == ("completed", "nobody")
    assert balance_of(alice) == (1000, 0)


def test_a_provider_that_ignores_the_filters_is_not_paid_for(alice, sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "ignore_filters"})
    ended = work_off(alice, start(alice, make_segment(alice).id, max_leads=10), sandbox.client())
    assert (ended.status, ended.outcome) == ("failed", "filters_ignored")
    assert lead_count(alice) == 0
    assert balance_of(alice) == (1000, 0)


def test_a_creation_whose_answer_was_lost_is_found_again_by_name(alice, sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "reset", "endpoints": ["POST /audiences"], "after": True, "times": 1})
    run = start(alice, make_segment(alice).id, max_leads=10)
    ended = work_off(alice, run, sandbox.client())
    assert ended.new_leads == 10
    assert sum(call["method"] == "POST" for call in sandbox.calls()) == 1


@pytest.mark.parametrize("mode", ["down", "garbage", "schema"])
def test_a_provider_in_trouble_is_tried_again_and_then_costs_nothing(alice, sandbox: Sandbox, mode: str) -> None:
    run = start(alice, make_segment(alice).id, max_leads=10)
    sandbox.faults({"mode": mode})
    ended = work_off(alice, run, sandbox.client(timeout_seconds=1.0))
    assert ended.status == "failed"
    assert run_row(run).credits_captured == 0
    assert balance_of(alice) == (1000, 0)


def test_a_passing_trouble_only_delays(alice, sandbox: Sandbox) -> None:
    run = start(alice, make_segment(alice).id, max_leads=10)
    sandbox.faults({"mode": "500", "times": 4})
    assert work_off(alice, run, sandbox.client()).new_leads == 10
    assert_settled(alice)


IN_MARKETING = where(
    {"field": "seniority", "include": ["vp", "cxo"]}, {"field": "department", "include": ["marketing"]}
)
NO_DEPARTMENTS = {"mode": "refuse_member", "member": "businessProfile.department"}


def test_a_filter_the_provider_refuses_is_checked_by_cursive_alone_and_said_in_words(alice, sandbox: Sandbox) -> None:
    sandbox.faults(NO_DEPARTMENTS)
    run = start(alice, make_segment(alice, IN_MARKETING).id, max_leads=5)
    ended = work_off(alice, run, sandbox.client())
    assert (ended.status, ended.dropped_members) == ("completed", ("department",))
    assert run_row(run).provider_filters == {"businessProfile": {"seniority": ["vp", "cxo"]}}
    assert 0 < ended.new_leads < ended.fetched
    with alice.begin() as scope:
        own = segments.count_leads(scope, IN_MARKETING | {"scope": "leads"})
        lines = jobs.get_job(scope, run.job_id or "").events
    assert own.count == own.total == ended.new_leads
    assert any("cannot narrow by department" in line.message for line in lines), [line.message for line in lines]
    assert_settled(alice)


def test_a_preview_does_without_a_filter_the_provider_refuses_and_says_so(alice, sandbox: Sandbox) -> None:
    sandbox.faults(NO_DEPARTMENTS)
    view = segments.preview_segment(alice, IN_MARKETING, provider=sandbox.client())
    assert (view.dropped, view.narrowed) == (("department",), ("seniority",))
    assert any("marketing" in text.lower() for text in view.checked)
    assert view.fails > 0, "the sample has people of other departments now"
    assert [call["path"] for call in sandbox.calls()] == ["/audiences/preview"] * 2


def test_a_refusal_of_the_only_filter_ends_the_run_and_costs_nothing(alice, sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "refuse_member", "member": "state"})
    ended = work_off(alice, start(alice, make_segment(alice).id, max_leads=5), sandbox.client())
    assert (ended.status, ended.new_leads) == ("failed", 0)
    assert balance_of(alice) == (1000, 0)
    with pytest.raises(Invalid):
        segments.preview_segment(alice, TEXANS, provider=sandbox.client())

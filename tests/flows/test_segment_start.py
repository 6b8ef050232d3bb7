"""Starting a run of a segment: no click counts twice, what cannot be run says why, and a preview is free."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from cursive_app.errors import Conflict, CursiveError, InsufficientCredits, Invalid, UpstreamFailed
from cursive_app.services import segments
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_segments import (
    TEXANS,
    lead_count,
    make_segment,
    start,
    where,
)
from tests.sandbox_fixtures import Sandbox


def test_two_starts_at_once_make_one_run(alice) -> None:
    segment = make_segment(alice)

    def go(_: int) -> str:
        try:
            start(alice, segment.id, max_leads=10)
        except CursiveError as error:
            return error.code
        return "started"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(go, range(16)))
    assert answers.count("started") == 1
    assert set(answers) <= {"started", "conflict", "unavailable"}
    assert balance_of(alice) == (995, 5)


def test_the_same_key_starts_the_same_run(alice) -> None:
    segment = make_segment(alice)
    first = start(alice, segment.id, max_leads=10, idempotency_key="k")
    assert start(alice, segment.id, max_leads=10, idempotency_key="k").id == first.id
    with pytest.raises(Conflict):
        start(alice, make_segment(alice).id, max_leads=10, idempotency_key="k")


def test_what_cannot_be_run_says_why_and_changes_nothing(cast: Cast) -> None:
    fund(cast.workspace_id, 1)
    alice = cast.alice
    segment = make_segment(alice)
    with pytest.raises(InsufficientCredits) as refused:
        start(alice, segment.id, max_leads=10)
    assert refused.value.missing == 4
    for bad in ({"ceiling": Decimal(0)}, {"ceiling": Decimal("-1")}, {"max_leads": 0}, {"ceiling": Decimal("NaN")}):
        with pytest.raises(Invalid):
            start(alice, segment.id, **bad)
    only_excludes = make_segment(alice, where({"field": "state", "exclude": ["TX"]}))
    with pytest.raises(Invalid, match="at least one value to include"):
        start(alice, only_excludes.id, max_leads=1)
    with pytest.raises(Invalid, match="needs no run"):
        start(alice, make_segment(alice, where({"field": "state", "include": ["TX"]}, scope="leads")).id, max_leads=1)
    with pytest.raises(Conflict) as stale:
        start(alice, segment.id, max_leads=1, version=2)
    assert stale.value.reason == "stale_version"
    for status in ("archived", "paused"):
        with alice.begin() as scope:
            segments.set_status(scope, segment.id, status=status)
        with pytest.raises(Conflict) as archived:
            start(alice, segment.id, max_leads=1)
        assert archived.value.reason == "not_active"
    assert balance_of(alice) == (1, 0)


def test_another_workspace_knows_nothing_of_the_run(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    segment = make_segment(cast.alice, TEXANS)
    run = start(cast.alice, segment.id, max_leads=5)
    for ask in (
        lambda scope: segments.get_run(scope, run.id),
        lambda scope: segments.list_runs(scope, segment.id),
        lambda scope: segments.start_run(scope, segment.id),
        lambda scope: segments.cancel_run(scope, run.id),
    ):
        with pytest.raises(CursiveError) as refused, cast.charlie.begin() as scope:
            ask(scope)
        assert refused.value.status == 404


def test_a_preview_is_free_masked_and_says_what_it_is(alice, sandbox: Sandbox) -> None:
    view = segments.preview_segment(alice, TEXANS, provider=sandbox.client())
    assert view.sample_size == view.fits + view.fails + view.unknown == 100
    assert len(view.rows) == 25
    assert all(len(row.name) <= 6 for row in view.rows)
    assert (view.new, view.owned) == (view.fits, 0)
    assert view.narrowed == ("state",)
    assert balance_of(alice) == (1000, 0)
    assert lead_count(alice) == 0
    with pytest.raises(UpstreamFailed):
        sandbox.faults({"mode": "down"})
        segments.preview_segment(alice, TEXANS, provider=sandbox.client())

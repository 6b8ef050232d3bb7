"""The runs of a segment on its page: all of them can be reached, a page at a time (SEG-14)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from cursive_app.clock import now
from db.models.segments import SegmentRun
from db.scope import Tenant
from state.segment_builder import SegmentBuilderState as Builder
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_segments import TEXANS, make_segment, start
from tests.state.driver import Tab
from tests.state.test_segments_pages import address, on_page, opened

Driver = Callable[..., Tab]


def ended_runs(tenant: Tenant, segment_id: UUID, *, count: int) -> None:
    """Runs of the last hours, one an hour, each with one new lead more than the one before."""
    with tenant.begin() as scope:
        for number in range(count):
            at = now() - timedelta(hours=count - number)
            scope.add(
                SegmentRun(
                    segment_id=segment_id, segment_version=1, filters=TEXANS, provider_filters={}, status="completed",
                    outcome="exhausted", max_leads=100, ceiling=Decimal(50), price=Decimal("0.50"),
                    new_leads=number, matched=number, actor_label="Alice", created_at=at, finished_at=at,
                )
            )  # fmt: skip


def shown(tab: Tab) -> list[str]:
    return [run["new"] for run in tab.var(Builder, "runs")]


async def test_every_run_can_be_reached(driver: Driver, cast: Cast) -> None:
    segment = make_segment(cast.alice)
    ended_runs(cast.alice, segment.id, count=45)
    tab, path = await on_page(driver, cast.alice, segment)
    newest = [str(number) for number in range(44, 24, -1)]
    assert shown(tab) == newest
    assert (tab.var(Builder, "has_newer_runs"), tab.var(Builder, "has_older_runs")) == (False, True)
    found = shown(tab)
    for _ in range(2):
        await tab.send(Builder.older_runs, path=path)
        found += shown(tab)
    assert found == [str(number) for number in range(44, -1, -1)], "each once, the newest first"
    assert tab.var(Builder, "runs")[-1]["delta"] == "", "the first run has none before it"
    assert (tab.var(Builder, "has_newer_runs"), tab.var(Builder, "has_older_runs")) == (True, False)
    await tab.send(Builder.older_runs, path=path)
    assert shown(tab) == found[40:], "there is nothing behind the last page"
    for _ in range(2):
        await tab.send(Builder.newer_runs, path=path)
    assert shown(tab) == newest
    assert tab.var(Builder, "has_newer_runs") is False


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_run_that_is_started_and_another_segment_begin_with_the_newest(
    driver: Driver, cast: Cast, leaves: bool
) -> None:
    fund(cast.workspace_id, 100)
    segment, other = make_segment(cast.alice), make_segment(cast.alice)
    for one in (segment, other):
        ended_runs(cast.alice, one.id, count=25)
    tab, path = await on_page(driver, cast.alice, segment)
    await tab.send(Builder.older_runs, path=path)
    assert len(shown(tab)) == 5
    if leaves:
        await opened(tab, f"/segments/{other.id}")
        assert len(shown(tab)) == 20
    else:
        await tab.send(Builder.start, path=path)
        assert (len(shown(tab)), tab.var(Builder, "runs")[0]["is_active"]) == (20, True)


async def test_the_page_of_older_runs_stays_while_another_run_ends(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    segment = make_segment(cast.alice)
    ended_runs(cast.alice, segment.id, count=25)
    tab, path = await on_page(driver, cast.alice, segment)
    await tab.send(Builder.older_runs, path=path)
    before = shown(tab)
    run = start(cast.alice, segment.id)  # a colleague's
    await tab.send(Builder.load, path=f"{path}?run={run.id}")
    assert shown(tab) == before


async def test_a_segment_saved_as_new_has_no_runs_of_the_one_it_came_from(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    segment = make_segment(cast.alice)
    ended_runs(cast.alice, segment.id, count=21)
    tab, path = await on_page(driver, cast.alice, segment)
    run = tab.var(Builder, "runs")[0]["id"]
    await tab.send(Builder.load, path=f"{path}?run={run}")
    assert tab.var(Builder, "has_run") is True
    tab.forget()
    await tab.send(Builder.save_as, path=path, form={"name": "Another"})
    await tab.send(Builder.load, path=address(tab))
    assert tab.var(Builder, "segment_id") != str(segment.id)
    assert (tab.var(Builder, "has_run"), shown(tab), tab.var(Builder, "has_older_runs")) == (False, [], False)
    assert "run=" not in address(tab)
    await opened(tab, f"{path}?run={run}")
    assert (tab.var(Builder, "has_run"), len(shown(tab))) == (True, 20)
    await tab.send(Builder.load, path=f"/segments/{make_segment(cast.alice).id}?run={run}")
    assert tab.var(Builder, "has_run") is False, "an address made by hand shows no run of another segment"

"""What a segment keeps beside its filter: limits, description; and what a price that cannot be paid or read says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from cursive_app.clock import now
from cursive_app.integrations.audiencelab import AudienceLab, Person, Preview
from cursive_app.services import segments
from db.models.segments import SegmentRun
from db.roles import Role
from db.system import system_scope
from state import segment_looking
from state.segment_builder import SegmentBuilderState as Builder
from state.segments import SegmentsState
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import balance_of, fund
from tests.factories_segments import make_segment, where
from tests.state.driver import Tab, sign_in
from tests.state.test_segments_pages import address, on_page, opened

Driver = Callable[..., Tab]


def limits_of(cast: Cast, segment_id: str) -> tuple[int | None, Decimal | None]:
    with cast.alice.begin() as scope:
        view = segments.get_segment(scope, segment_id)
    return view.max_leads, view.ceiling


async def type_limits(tab: Tab, path: str, leads: str, ceiling: str) -> None:
    await tab.send(Builder.set_max_leads, path=path, text=leads)
    await tab.send(Builder.set_ceiling, path=path, text=ceiling)


async def test_limits_typed_in_the_builder_are_saved_with_the_segment(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice, name="Limited")
    tab, path = await on_page(driver, cast.alice, made)
    assert tab.var(Builder, "limits_changed") is False
    await type_limits(tab, path, "20", "10")
    assert tab.var(Builder, "limits_changed") is True
    await tab.send(Builder.save, path=path)
    assert limits_of(cast, str(made.id)) == (20, Decimal("10.00"))
    assert tab.var(Builder, "limits_changed") is False
    await tab.send(Builder.save_as, path=path, form={"name": "Limited copy"})
    copy = tab.var(Builder, "segment_id")
    assert copy != str(made.id)
    assert limits_of(cast, copy) == (20, Decimal("10.00"))
    await tab.send(SegmentsState.load, path="/segments")
    await tab.send(SegmentsState.duplicate, path="/segments", segment_id=copy)
    with cast.alice.begin() as scope:
        third = segments.list_segments(scope, query="copy 2").segments[0]
    assert (third.max_leads, third.ceiling) == (20, Decimal("10.00"))
    await type_limits(tab, f"/segments/{copy}", "", "")
    await tab.send(Builder.save, path=f"/segments/{copy}")
    assert limits_of(cast, copy) == (None, None)


async def named_and_run(driver: Driver, cast: Cast) -> Tab:
    """A new segment with limits that was named because it is to run."""
    tab = await opened(driver(sign_in(cast.alice)))
    await tab.post(Builder.add_row, "/segments/new", {"group": "", "field": "state"})
    await tab.post(Builder.add_value, "/segments/new", {"path": "0", "value": "TX"})
    await type_limits(tab, "/segments/new", "20", "10")
    await tab.send(Builder.start, path="/segments/new")
    await tab.send(Builder.save_as, path="/segments/new", form={"name": "Twenty"})
    return tab


async def test_a_run_of_a_new_segment_saves_its_limits_too(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    tab = await named_and_run(driver, cast)
    assert tab.var(Builder, "has_run") is True
    assert limits_of(cast, tab.var(Builder, "segment_id")) == (20, Decimal("10.00"))
    assert balance_of(cast.alice) == (90, 10)


async def test_a_new_segment_whose_run_is_refused_is_on_its_own_page(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 1)
    tab = await named_and_run(driver, cast)
    assert tab.var(Builder, "has_run") is False
    assert f"/segments/{tab.var(Builder, 'segment_id')}" in tab.text()
    assert tab.var(Builder, "loaded_id") == "new"  # the page stays until the address follows
    assert tab.var(Builder, "status") == "ready"


async def test_running_with_other_limits_keeps_them_unless_the_segment_is_somebody_elses(
    driver: Driver, cast: Cast
) -> None:
    fund(cast.workspace_id, 100)
    made = make_segment(cast.alice, max_leads=50)
    path = f"/segments/{made.id}"
    colleague = make_member(cast.workspace_id, make_user("Mia"), Role.MEMBER)
    tab = await opened(driver(sign_in(colleague)), path)
    await type_limits(tab, path, "4", "")
    await tab.send(Builder.start, path=path)
    assert tab.var(Builder, "has_run") is True
    assert balance_of(cast.alice) == (98, 2)
    assert limits_of(cast, str(made.id)) == (50, None)


async def test_a_refused_limit_has_no_price_and_stands_at_its_box(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    await tab.send(Builder.set_ceiling, path=path, text="0")
    assert (tab.var(Builder, "priced"), tab.var(Builder, "leads_error")) == (False, "")
    assert "from 0.50" in tab.var(Builder, "ceiling_error")
    await tab.send(Builder.save, path=path)
    await tab.send(Builder.start, path=path)
    assert tab.var(Builder, "quote_error") in (None, "")  # said once, at the box
    assert (limits_of(cast, str(made.id)), balance_of(cast.alice)) == ((None, None), (100, 0))
    await tab.send(Builder.set_ceiling, path=path, text="5")
    assert (tab.var(Builder, "priced"), tab.var(Builder, "ceiling_error")) == (True, "")
    await tab.send(Builder.set_max_leads, path=path, text="many")
    assert "whole number" in tab.var(Builder, "leads_error")
    await tab.send(SegmentsState.load, path="/segments")
    await tab.send(SegmentsState.ask_run, path="/segments", segment_id=str(made.id))
    await tab.send(SegmentsState.set_ceiling, path="/segments", text="0")
    assert tab.var(SegmentsState, "priced") is False
    await tab.send(SegmentsState.run, path="/segments")
    assert (tab.var(SegmentsState, "running"), balance_of(cast.alice)) == (True, (100, 0))


async def test_too_few_credits_are_said_once(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 5)
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    assert (tab.var(Builder, "quote")["enough"], tab.var(Builder, "quote")["missing"]) == (False, "45.00 credits")
    await tab.send(Builder.start, path=path)
    assert tab.var(Builder, "quote_error") in (None, "")
    fund(cast.workspace_id, 100)
    await tab.send(Builder.load, path=path)  # back from the credits page
    assert tab.var(Builder, "quote")["enough"] is True


async def test_the_description_is_shown_changed_and_carried_along(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice, name="Texans", description="For the spring campaign")
    tab, path = await on_page(driver, cast.alice, made)
    assert tab.var(Builder, "line")["description"] == "For the spring campaign"
    await tab.send(Builder.ask_save_as, path=path)
    assert tab.var(Builder, "new_description") == "For the spring campaign"
    await tab.send(Builder.ask_rename, path=path, segment_id=str(made.id))
    await tab.send(Builder.rename, path=path, form={"name": "Texans", "description": "x" * 501})
    assert "500" in tab.var(Builder, "description_refused")
    assert tab.var(Builder, "renaming") is True
    await tab.send(Builder.rename, path=path, form={"name": "Texan people", "description": "For autumn"})
    assert (tab.var(Builder, "name"), tab.var(Builder, "line")["description"]) == ("Texan people", "For autumn")
    assert "document.title" in tab.text()
    await tab.send(SegmentsState.load, path="/segments")
    assert [row["description"] for row in tab.var(SegmentsState, "rows")] == ["For autumn"]


async def test_saving_as_new_never_alters_the_segment_it_came_from(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice, name="Texans", max_leads=7)
    tab, path = await on_page(driver, cast.alice, made)
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    await type_limits(tab, path, "9", "")
    await tab.send(Builder.save_as, path=path, form={"name": "Another", "description": "Mine"})
    with cast.alice.begin() as scope:
        source = segments.get_segment(scope, made.id)
        copy = segments.get_segment(scope, tab.var(Builder, "segment_id"))
    assert source == made
    assert (copy.name, copy.description, copy.max_leads) == ("Another", "Mine", 9)
    assert copy.filters == segments.parse(where({"field": "state", "include": ["TX", "NY"]}))
    again = await opened(driver(sign_in(cast.alice)), path)
    assert (again.var(Builder, "dirty"), again.var(Builder, "limits_changed")) == (False, False)


async def test_the_workbench_has_the_menu_of_the_list(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice, name="Texans")
    tab, path = await on_page(driver, cast.alice, made)
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    await tab.send(Builder.set_status, path=path, segment_id=str(made.id), status="paused")
    assert (tab.var(Builder, "segment_status"), tab.var(Builder, "dirty")) == ("paused", True)
    await tab.send(Builder.share, path=path, segment_id=str(made.id), shared=False)
    assert tab.var(Builder, "line")["is_shared"] is False
    await tab.send(Builder.save, path=path)  # the edit goes on from what the menu changed: no conflict with oneself
    assert tab.var(Builder, "conflict") in (None, "")
    tab.forget()
    await tab.send(Builder.duplicate, path=path, segment_id=str(made.id))
    with cast.alice.begin() as scope:
        copy = segments.list_segments(scope, query="Texans copy").segments[0]
    assert f"/segments/{copy.id}" in tab.text()
    await tab.send(Builder.ask_delete, path=path, segment_id=str(made.id))
    await tab.send(Builder.delete, path=path)
    await tab.send(Builder.load, path=path)
    assert tab.var(Builder, "status") == "missing"
    tab.forget()
    await tab.send(Builder.restore, path="/segments", segment_id=str(made.id))
    assert path in tab.text()


async def test_what_was_typed_is_kept_with_the_unsaved_edit(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice, name="Limited")
    path, cookie = f"/segments/{made.id}", sign_in(cast.alice)
    tab = await opened(driver(cookie), path)
    await type_limits(tab, path, "20", "many")
    other = await opened(driver(cookie), path)
    assert [other.var(Builder, name) for name in ("max_leads", "ceiling", "limits_changed", "from_draft")] == [
        "20", "many", True, True,
    ]  # fmt: skip
    assert other.var(Builder, "ceiling_error")
    await type_limits(other, path, "20", "7")
    await other.send(Builder.save, path=path)
    assert limits_of(cast, str(made.id)) == (20, Decimal("7.00"))
    third = await opened(driver(cookie), path)
    assert (third.var(Builder, "limits_changed"), third.var(Builder, "from_draft")) == (False, False)
    new = await opened(driver(cookie))
    await type_limits(new, "/segments/new", "30", "")
    again = await opened(driver(cookie))
    assert (again.var(Builder, "max_leads"), again.var(Builder, "from_draft")) == ("30", True)
    stranger = await opened(driver(sign_in(cast.bob)))
    assert (stranger.var(Builder, "max_leads"), stranger.var(Builder, "from_draft")) == ("100", False)


@pytest.mark.parametrize("by_hand", [True, False])
async def test_an_edit_that_was_taken_back_does_not_return(driver: Driver, cast: Cast, by_hand: bool) -> None:
    made = make_segment(cast.alice)
    path, cookie = f"/segments/{made.id}", sign_in(cast.alice)
    tab = await opened(driver(cookie), path)
    tab.forget()
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    before, edited = re.findall(rf"spellOut\('{path}', '([\w-]+)'\)", tab.text()), address(tab)
    await tab.send(Builder.load, path=edited)
    assert (await opened(driver(cookie), path)).var(Builder, "dirty") is True
    if by_hand:
        await tab.post(Builder.remove_value, edited, {"path": "0", "value": "NY"})
    else:
        await tab.send(Builder.load, path=f"{path}?f={before[0]}")  # Back
    assert (tab.var(Builder, "dirty"), tab.var(Builder, "sentence")) == (False, made.sentence)
    another = await opened(driver(cookie), path)
    assert (another.var(Builder, "dirty"), another.var(Builder, "from_draft")) == (False, False)
    await tab.send(Builder.load, path=edited)  # Forward
    assert (await opened(driver(cookie), path)).var(Builder, "dirty") is True


async def test_somebody_of_the_same_name_is_somebody_else(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice)
    path, namesake = f"/segments/{made.id}", make_member(cast.workspace_id, make_user("Alice"), Role.ADMIN)
    tab = await opened(driver(sign_in(cast.alice)), path)
    with namesake.begin() as scope:
        segments.update_segment(scope, made.id, version=1, filters=where({"field": "state", "include": ["FL"]}))
    await tab.post(Builder.add_value, path, {"path": "0", "value": "CA"})
    await tab.send(Builder.save, path=path)
    assert tab.var(Builder, "conflict").startswith("Alice changed this segment")


async def test_ones_own_change_in_another_tab_is_called_that(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice)
    path = f"/segments/{made.id}"
    first, second = [await opened(driver(sign_in(cast.alice)), path) for _ in range(2)]
    await first.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    await first.send(Builder.save, path=path)
    await second.post(Builder.add_value, path, {"path": "0", "value": "CA"})
    await second.send(Builder.save, path=path)
    assert second.var(Builder, "conflict") == "You changed this segment in another tab in the meantime."


async def test_a_sample_is_old_only_while_its_filter_is_another_or_a_run_has_delivered_since(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(cast.workspace_id, 100)
    person = Person(first_name="Dana", state="TX", primary_email="dana@acme.example")
    answer = Preview(people=(person,), sample_size=1, field_coverage={})
    monkeypatch.setattr(AudienceLab, "preview", lambda *_args, **_options: answer)
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    await tab.send(Builder.take_sample, path=path)
    assert (tab.var(Builder, "has_sample"), tab.var(Builder, "sample_age")) == (True, "")
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    assert tab.var(Builder, "sample_age") == "filter"
    await tab.post(Builder.add_value, path, {"path": "0", "value": "CA"})
    await tab.post(Builder.remove_value, path, {"path": "0", "value": "NY"})
    await tab.post(Builder.remove_value, path, {"path": "0", "value": "CA"})
    assert tab.var(Builder, "sample_age") == ""
    await tab.post(Builder.add_row, path, {"group": "", "field": "seniority"})  # an empty row says nothing yet
    assert tab.var(Builder, "sample_age") == ""
    with cast.alice.begin() as scope:
        run = segments.start_run(scope, made.id)
    with system_scope() as scope:
        row = scope.get(SegmentRun, run.id)
        row.status, row.outcome, row.new_leads, row.finished_at = "completed", "full", 1, now()
    for _ in range(8):  # the addresses of the edits come back from the browser first
        await tab.send(Builder.load, path=f"{path}?run={run.id}")
    assert tab.var(Builder, "sample_age") == "run"
    await tab.send(Builder.take_sample, path=path)
    assert tab.var(Builder, "sample_age") == ""


async def test_values_are_excluded_by_a_switch_that_is_seen(driver: Driver, cast: Cast) -> None:
    path = "/segments/new"
    tab = await opened(driver(sign_in(cast.alice)))
    await tab.post(Builder.add_row, path, {"group": "", "field": "state"})
    await tab.post(Builder.add_value, path, {"path": "0", "value": "TX"})
    await tab.post(Builder.set_side, path, {"path": "0", "side": "exclude"})
    assert tab.var(Builder, "excluding") == ["0"]
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    await tab.post(Builder.add_value, path, {"path": "0", "value": "TX"})  # changes over
    assert [(chip["value"], chip["mode"]) for chip in tab.var(Builder, "items")[0]["row"]["chips"]] == [
        ("NY", "exclude"),
        ("TX", "exclude"),
    ]
    await tab.post(Builder.set_side, path, {"path": "0", "side": "include"})
    await tab.post(Builder.add_value, path, {"path": "0", "value": "CA"})
    assert (
        tab.var(Builder, "sentence") == "People in the database whose state is California but is not New York or Texas."
    )
    await tab.post(Builder.set_side, path, {"path": "0", "side": "exclude"})
    await tab.post(Builder.remove_row, path, {"path": "0"})
    assert tab.var(Builder, "excluding") == []  # another row may have this place now


@pytest.mark.parametrize("path", ["/segments/new?f=garbage", "/segments/{id}?f=garbage"])
async def test_a_damaged_link_has_a_way_out(driver: Driver, cast: Cast, path: str) -> None:
    made = make_segment(cast.alice)
    tab = driver(sign_in(cast.alice))
    await tab.send(Builder.load, path=path.format(id=made.id))
    assert (tab.var(Builder, "status"), tab.var(Builder, "bad_link")) == ("error", True)
    await opened(tab, path.format(id=made.id).split("?")[0])


async def test_a_cleared_limit_runs_as_it_was_priced(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    made = make_segment(cast.alice, max_leads=20, ceiling=Decimal("7.50"))
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentsState.load, path="/segments")
    await tab.send(SegmentsState.ask_run, path="/segments", segment_id=str(made.id))
    assert tab.var(SegmentsState, "quote")["most"] == "7.50 credits"
    await tab.send(SegmentsState.set_ceiling, path="/segments", text="")
    assert tab.var(SegmentsState, "quote")["most"] == "10.00 credits"
    await tab.send(SegmentsState.run, path="/segments")
    assert balance_of(cast.alice) == (90, 10)


async def test_what_back_takes_back_is_forgotten_at_once(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    order: list[str] = []
    real_sleep, real_save = asyncio.sleep, segments.save_draft

    async def sleep(seconds: float) -> None:
        order.append("rest") if seconds == segment_looking.SETTLE_SECONDS else None
        await real_sleep(seconds)

    def save(*arguments: Any, **options: Any) -> None:
        order.append("keep" if options["filters"] else "drop")
        real_save(*arguments, **options)

    monkeypatch.setattr(segment_looking, "SETTLE_SECONDS", 0.123)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(segments, "save_draft", save)
    assert made.filters is not None
    await tab.send(Builder.load, path=f"{path}?f={segments.encode(made.filters)}")
    assert order == ["drop", "rest"]

"""A segment that is open twice: what is a conflict and what is not, and that nothing typed is lost by either tab."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cursive_app.services import segments
from db.roles import Role
from state.segment_builder import SegmentBuilderState as Builder
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import balance_of, fund
from tests.factories_segments import TEXANS, make_segment, where
from tests.state.driver import Tab, sign_in
from tests.state.test_segments_pages import address, on_page, opened

Driver = Callable[..., Tab]

FLORIDA = where({"field": "state", "include": ["FL"]})


def now_of(cast: Cast, segment_id: Any) -> tuple[segments.Filters | None, int | None, Decimal | None]:
    with cast.alice.begin() as scope:
        view = segments.get_segment(scope, segment_id)
    return view.filters, view.max_leads, view.ceiling


def elsewhere(cast: Cast, segment_id: Any, **changes: Any) -> None:
    """Somebody else of the workspace saves a change."""
    colleague = make_member(cast.workspace_id, make_user("Ada"), Role.ADMIN)
    with colleague.begin() as scope:
        version = segments.get_segment(scope, segment_id).version
        segments.update_segment(scope, segment_id, version=version, **changes)


async def type_limits(tab: Tab, path: str, leads: str, ceiling: str) -> None:
    await tab.send(Builder.set_max_leads, path=path, text=leads)
    await tab.send(Builder.set_ceiling, path=path, text=ceiling)


async def test_typed_limits_are_no_conflict_with_a_new_filter(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    await type_limits(tab, path, "20", "7")
    elsewhere(cast, made.id, filters=FLORIDA)
    tab.forget()
    await tab.send(Builder.save, path=path)
    assert now_of(cast, made.id) == (segments.parse(FLORIDA), 20, Decimal("7.00"))
    assert tab.var(Builder, "conflict") in (None, "")
    assert "changed in the meantime" in tab.text(), "the newer filter is shown, and that is said"
    assert tab.var(Builder, "sentence") == "People in the database whose state is Florida."
    assert (tab.var(Builder, "dirty"), tab.var(Builder, "limits_changed")) == (False, False)


async def test_an_edited_filter_is_no_conflict_with_new_limits_or_another_name(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    elsewhere(cast, made.id, max_leads=50, name="Another name")
    await tab.send(Builder.save, path=path)
    filters, leads, _ = now_of(cast, made.id)
    assert (filters, leads) == (segments.parse(where({"field": "state", "include": ["TX", "NY"]})), 50)
    assert (tab.var(Builder, "max_leads"), tab.var(Builder, "name")) == ("50", "Another name")


async def test_limits_that_both_typed_are_a_conflict_and_stay_in_their_boxes(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    await type_limits(tab, path, "20", "7")
    elsewhere(cast, made.id, max_leads=50)
    await tab.send(Builder.save, path=path)
    assert tab.var(Builder, "conflict").startswith("Ada changed this segment")
    assert now_of(cast, made.id)[1:] == (50, None)
    await tab.send(Builder.take_newest, path=path)
    await tab.send(Builder.load, path=path)
    assert tab.var(Builder, "conflict") == ""
    assert [tab.var(Builder, name) for name in ("max_leads", "ceiling", "limits_changed")] == ["20", "7", True]
    await tab.send(Builder.save, path=path)
    assert now_of(cast, made.id)[1:] == (20, Decimal("7.00"))


async def test_the_newest_drops_the_edited_filter_and_keeps_typed_limits(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice)
    path, cookie = f"/segments/{made.id}", sign_in(cast.alice)
    tab = await opened(driver(cookie), path)
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    edited = address(tab)
    await type_limits(tab, edited, "20", "")
    elsewhere(cast, made.id, filters=FLORIDA)
    await tab.send(Builder.save, path=edited)
    assert tab.var(Builder, "conflict").startswith("Ada changed this segment")
    await tab.send(Builder.take_newest, path=edited)
    await tab.send(Builder.load, path=path)
    assert [tab.var(Builder, name) for name in ("dirty", "max_leads", "limits_changed")] == [False, "20", True]
    assert tab.var(Builder, "sentence") == "People in the database whose state is Florida."
    other = await opened(driver(cookie), path)
    assert (other.var(Builder, "dirty"), other.var(Builder, "max_leads")) == (False, "20")


async def test_a_filter_nobody_has_seen_here_is_not_run(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    await type_limits(tab, path, "20", "")
    elsewhere(cast, made.id, filters=FLORIDA)
    await tab.send(Builder.start, path=path)
    assert tab.var(Builder, "conflict").startswith("Ada changed this segment")
    assert balance_of(cast.alice) == (100, 0)
    await tab.send(Builder.take_newest, path=path)
    await tab.send(Builder.load, path=path)
    elsewhere(cast, made.id, description="Only its words")
    await tab.send(Builder.start, path=path)
    assert balance_of(cast.alice) == (90, 10)


async def test_what_one_tab_saves_or_takes_back_leaves_what_was_typed_in_the_other(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice)
    path, cookie = f"/segments/{made.id}", sign_in(cast.alice)
    first, second = [await opened(driver(cookie), path) for _ in range(2)]
    await type_limits(second, path, "20", "7")
    await first.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    await first.post(Builder.remove_value, path, {"path": "0", "value": "NY"})
    await first.post(Builder.add_value, path, {"path": "0", "value": "FL"})
    await first.send(Builder.save, path=path)
    again = await opened(driver(cookie), path)  # the second tab, reloaded
    assert [again.var(Builder, name) for name in ("max_leads", "ceiling", "dirty")] == ["20", "7", False]
    await again.send(Builder.save, path=path)
    filters, leads, ceiling = now_of(cast, made.id)
    assert (filters, leads) == (segments.parse(where({"field": "state", "include": ["TX", "FL"]})), 20)
    assert ceiling == Decimal("7.00")


async def test_a_reload_of_an_edited_filter_keeps_typed_limits_and_where_the_edit_began(
    driver: Driver, cast: Cast
) -> None:
    made = make_segment(cast.alice)
    path, cookie = f"/segments/{made.id}", sign_in(cast.alice)
    tab = await opened(driver(cookie), path)
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    edited = address(tab)
    await type_limits(tab, edited, "20", "")
    elsewhere(cast, made.id, filters=FLORIDA)
    again = await opened(driver(cookie), edited)
    assert (again.var(Builder, "max_leads"), again.var(Builder, "dirty")) == ("20", True)
    await again.send(Builder.save, path=edited)
    assert again.var(Builder, "conflict").startswith("Ada changed this segment"), "theirs is not written over unseen"
    assert now_of(cast, made.id)[0] == segments.parse(FLORIDA)


async def test_back_and_forward_do_not_make_an_old_edit_a_new_one(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    one = address(tab)
    await tab.post(Builder.add_value, one, {"path": "0", "value": "CA"})
    two = address(tab)
    for reached in (one, two):
        await tab.send(Builder.load, path=reached)
    elsewhere(cast, made.id, filters=FLORIDA)
    await tab.send(Builder.load, path=one)  # Back
    await tab.send(Builder.save, path=one)
    assert tab.var(Builder, "conflict").startswith("Ada changed this segment")
    assert now_of(cast, made.id)[0] == segments.parse(FLORIDA) != segments.parse(TEXANS)


async def test_a_copy_takes_along_what_its_tab_changed_and_leaves_the_other_tab_its_limits(
    driver: Driver, cast: Cast
) -> None:
    made = make_segment(cast.alice)
    path, cookie = f"/segments/{made.id}", sign_in(cast.alice)
    one, other = await opened(driver(cookie), path), await opened(driver(cookie), path)
    await type_limits(other, path, "20", "7")
    await one.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    await one.send(Builder.save_as, path=address(one), form={"name": "A copy"})
    later = await opened(driver(cookie), path)
    assert [later.var(Builder, name) for name in ("dirty", "max_leads", "ceiling")] == [False, "20", "7"]


async def test_who_comes_back_to_a_segment_sees_what_others_have_made_of_it(driver: Driver, cast: Cast) -> None:
    """In the same tab, by a link or by loading the page anew: its state on the server is as old as the first look."""
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    elsewhere(cast, made.id, filters=FLORIDA, name="Another name", max_leads=50)
    await opened(tab, path)
    assert tab.var(Builder, "sentence") == "People in the database whose state is Florida."
    assert (tab.var(Builder, "name"), tab.var(Builder, "max_leads")) == ("Another name", "50")
    assert tab.var(Builder, "dirty") is False
    await type_limits(tab, path, "20", "7")
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    own = address(tab)
    elsewhere(cast, made.id, filters=where({"field": "state", "include": ["OH"]}), name="Third name", max_leads=60)
    await opened(tab, own)
    await opened(tab, own)
    assert "Florida or New York" in tab.var(Builder, "sentence"), "what is unsaved stays"
    assert (tab.var(Builder, "max_leads"), tab.var(Builder, "ceiling")) == ("20", "7")
    assert tab.var(Builder, "name") == "Third name"
    await tab.send(Builder.save, path=own)
    assert "changed this segment" in tab.var(Builder, "conflict")

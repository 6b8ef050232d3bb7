"""The segment list and the builder through the real event pipeline: the address is the truth, strangers see nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest

from cursive_app.clock import now
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.services import leads, segments
from db.models.segments import SavedSegment
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from state.segment_builder import SegmentBuilderState as Builder
from state.segments import SegmentsState
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import balance_of, fund
from tests.factories_leads import make_person
from tests.factories_segments import make_segment, step, where
from tests.state.driver import Tab, sign_in

Driver = Callable[..., Tab]


def address(tab: Tab) -> str:
    """Where the last redirect led."""
    found = re.findall(r"/segments/[^\"\\]+", unquote(tab.text()))
    assert found, tab.text()
    return found[-1]


async def opened(tab: Tab, path: str = "/segments/new") -> Tab:
    await tab.send(Builder.load, path=path)
    assert tab.var(Builder, "status") == "ready", tab.var(Builder, "error")
    return tab


async def on_page(driver: Driver, who: Tenant, segment: segments.SegmentView) -> tuple[Tab, str]:
    """A new tab of this person at the page of a segment, and its path."""
    path = f"/segments/{segment.id}"
    return await opened(driver(sign_in(who)), path), path


async def test_every_edit_makes_an_address_that_opens_the_same_filter(driver: Driver, cast: Cast) -> None:
    tab = await opened(driver(sign_in(cast.alice)))
    for handler, payload in (
        (Builder.add_row, {"group": "", "field": "state"}),
        (Builder.add_value, {"path": "0", "value": "TX"}),
        (Builder.add_group, {}),
        (Builder.add_row, {"group": "1", "field": "seniority"}),
        (Builder.add_value, {"path": "1.0", "value": "vp"}),
        (Builder.add_value, {"path": "1.0", "value": "staff"}),
        (Builder.toggle_value, {"path": "1.0", "value": "staff"}),
        (Builder.add_row, {"group": "", "field": "years_experience"}),
        (Builder.set_bound, {"path": "2", "end": "low", "text": "5"}),
    ):
        await tab.post(handler, "/segments/new", payload)
    said = tab.var(Builder, "sentence")
    assert said == (
        "People in the database whose state is Texas, and whose seniority is VP but is not Staff, "
        "and whose years of experience is 5 or more."
    )
    assert tab.var(Builder, "dirty") is True
    colleague = await opened(driver(sign_in(cast.bob)), address(tab))
    assert colleague.var(Builder, "sentence") == said


async def test_a_load_that_a_newer_edit_has_overtaken_changes_nothing(driver: Driver, cast: Cast) -> None:
    tab = await opened(driver(sign_in(cast.alice)))
    addresses = []
    for value in ("TX", "NY", "CA"):
        if value == "TX":
            await tab.post(Builder.add_row, "/segments/new", {"group": "", "field": "state"})
        await tab.post(Builder.add_value, "/segments/new", {"path": "0", "value": value})
        addresses.append(address(tab))
    said = tab.var(Builder, "sentence")
    for late in addresses:
        await tab.send(Builder.load, path=late)
        assert tab.var(Builder, "sentence") == said
    await tab.send(Builder.load, path=addresses[0])  # Back
    assert tab.var(Builder, "sentence") == "People in the database whose state is Texas."


async def test_what_an_edit_may_not_do_is_said_beside_its_row(driver: Driver, cast: Cast) -> None:
    tab = await opened(driver(sign_in(cast.alice)))
    await tab.send(Builder.add_row, path="/segments/new", group="", field="years_experience")
    before = tab.var(Builder, "items")
    for typed in ("many", "1000", "²", "٣", "-1"):
        payload = {"end": "low", "text": typed}
        await tab.post(Builder.set_bound, "/segments/new", {"path": "0", **payload})
        assert tab.var(Builder, "row_errors")["0"]
    for path, handler, payload in (
        ("9.9", Builder.add_value, {"value": "x"}),
        ("x'", Builder.remove_row, {}),
        ("²", Builder.remove_row, {}),
        ("0.0.0.0.0.0.0.0", Builder.remove_row, {}),
    ):
        await tab.post(handler, "/segments/new", {"path": path, **payload})
    await tab.post(Builder.add_row, "/segments/new", {"group": "", "field": "password_hash"})
    assert tab.var(Builder, "items") == before


async def test_saving_asks_for_a_name_and_a_stale_version_is_a_conflict(driver: Driver, cast: Cast) -> None:
    tab = await opened(driver(sign_in(cast.alice)))
    for handler, payload in (
        (Builder.add_row, {"group": "", "field": "state"}),
        (Builder.add_value, {"path": "0", "value": "TX"}),
        (Builder.save, {}),
    ):
        await tab.post(handler, "/segments/new", payload)
    assert tab.var(Builder, "naming") is True
    await tab.send(Builder.save_as, path="/segments/new", form={"name": ""})
    assert "name" in tab.var(Builder, "name_error")
    await tab.send(Builder.save_as, path="/segments/new", form={"name": "Texans", "private": True})
    assert (tab.var(Builder, "name"), tab.var(Builder, "dirty")) == ("Texans", False)
    segment_id = tab.var(Builder, "segment_id")
    with cast.alice.begin() as scope:
        assert segments.get_segment(scope, segment_id).is_shared is False
        elsewhere = where({"field": "state", "include": ["FL"]})
        segments.update_segment(scope, segment_id, version=1, filters=elsewhere)
    where_ = f"/segments/{segment_id}"
    await tab.post(Builder.add_value, where_, {"path": "0", "value": "NY"})
    await tab.send(Builder.save, path=where_)
    assert "changed this segment" in tab.var(Builder, "conflict")
    with cast.alice.begin() as scope:
        assert segments.get_segment(scope, segment_id).filters == segments.parse(elsewhere)


async def test_own_leads_are_counted_with_what_each_row_removes(driver: Driver, cast: Cast) -> None:
    with cast.alice.begin() as scope:
        people = [make_person(state="TX"), make_person(state="TX"), make_person(state="NY", email="ny@acme.example")]
        leads.intake(scope, people, source="manual")
    packed = segments.encode(segments.parse(where({"field": "state", "include": ["TX"]}, scope="leads")))
    tab = await opened(driver(sign_in(cast.alice)), f"/segments/new?f={packed}")
    assert (tab.var(Builder, "count"), tab.var(Builder, "total")) == ("2", "3 leads")
    assert tab.var(Builder, "items")[0]["row"]["note"] == "removes 1"
    await tab.send(Builder.explain, path="/segments/new", form={"who": "ny@acme.example"})
    assert (tab.var(Builder, "why_verdict"), tab.var(Builder, "why_rows")[0]["holds"]) == ("out", "no")


async def test_a_run_is_held_started_and_followed_by_its_address(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    segment = make_segment(cast.alice)
    where_ = f"/segments/{segment.id}"
    tab = await opened(driver(sign_in(cast.alice)), where_)
    await tab.send(Builder.set_max_leads, path=where_, text="20")
    assert tab.var(Builder, "quote")["most"] == "10.00 credits"
    await tab.send(Builder.start, path=where_)
    assert balance_of(cast.alice) == (90, 10)
    assert tab.var(Builder, "has_run") is True
    assert [(run["id"], run["is_active"]) for run in tab.var(Builder, "runs")] == [
        (tab.var(Builder, "run")["id"], True)
    ]
    again = await opened(driver(sign_in(cast.bob)), address(tab))
    assert again.var(Builder, "run")["is_active"] is True
    await tab.send(Builder.start, path=where_)
    assert "running already" in tab.var(Builder, "quote_error")
    for bad in ("0", "-1", "1e9", "many", "9" * 12):
        await tab.send(Builder.set_ceiling, path=where_, text=bad)
        assert tab.var(Builder, "ceiling_error"), bad
    assert balance_of(cast.alice) == (90, 10)


async def test_each_segment_begins_with_its_own_limits(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    limited, untouched = make_segment(cast.alice), make_segment(cast.alice)
    with cast.alice.begin() as scope:
        segments.update_segment(scope, limited.id, version=1, max_leads=20, ceiling=Decimal("7.50"))
    tab = await opened(driver(sign_in(cast.alice)), f"/segments/{limited.id}")
    seen = []
    for path in (f"/segments/{limited.id}", f"/segments/{untouched.id}", "/segments/new"):
        await opened(tab, path)
        seen.append((tab.var(Builder, "max_leads"), tab.var(Builder, "ceiling"), tab.var(Builder, "quote")["most"]))
    assert seen == [("20", "7.50", "7.50 credits"), ("100", "", "50.00 credits"), ("100", "", "50.00 credits")]


async def test_what_was_typed_outlives_an_edit_of_the_filter(driver: Driver, cast: Cast) -> None:
    tab = await opened(driver(sign_in(cast.alice)))
    await tab.send(Builder.set_max_leads, path="/segments/new", text="20")
    await tab.post(Builder.add_row, "/segments/new", {"group": "", "field": "state"})
    await tab.post(Builder.add_value, "/segments/new", {"path": "0", "value": "TX"})
    await opened(tab, address(tab))
    assert (tab.var(Builder, "max_leads"), tab.var(Builder, "quote")["most"]) == ("20", "10.00 credits")


async def test_a_run_that_ends_elsewhere_is_ended_in_the_history_too(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    segment = make_segment(cast.alice)
    tab = await opened(driver(sign_in(cast.alice)), f"/segments/{segment.id}")
    await tab.send(Builder.start, path=f"/segments/{segment.id}")
    running = address(tab)
    with cast.alice.begin() as scope:
        run = segments.cancel_run(scope, UUID(tab.var(Builder, "run")["id"]))
    step(run, AudienceLab(base_url="http://127.0.0.1:9", api_key="none"))  # the worker's part; it asks nobody any more
    await tab.send(Builder.load, path=running)  # a reload
    assert [(run["is_active"], run["outcome"]) for run in tab.var(Builder, "runs")] == [(False, "Stopped")]


async def test_an_undone_archive_names_its_segment(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice, name="Texans")
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentsState.load, path="/segments")
    await tab.send(SegmentsState.set_status, path="/segments", segment_id=str(made.id), status="archived")
    tab.forget()
    await tab.send(SegmentsState.set_status, path="/segments", segment_id=str(made.id), status="active")
    assert "Texans" in tab.text()


@pytest.mark.parametrize(
    "path", ["/segments/{id}", "/segments/{id}?run={id}", "/segments/nonsense", "/segments/new?f=%00"]
)
async def test_strangers_and_damaged_links(driver: Driver, cast: Cast, path: str) -> None:
    segment = make_segment(cast.alice, name="Secret plan")
    tab = driver(sign_in(cast.charlie))
    await tab.send(Builder.load, path=path.format(id=segment.id))
    assert tab.var(Builder, "status") in ("missing", "error")
    assert "Secret plan" not in str(tab.state)


async def test_the_list_and_its_actions(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice, name="Texans")
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentsState.load, path="/segments")
    rows: list[dict[str, Any]] = tab.var(SegmentsState, "rows")
    assert [(row["name"], row["last_run"], row["last_count"], row["can_run"]) for row in rows] == [
        ("Texans", "Never run", "–", True)
    ]
    await tab.send(SegmentsState.ask_delete, path="/segments", segment_id=str(made.id))
    await tab.send(SegmentsState.delete, path="/segments")
    assert "Its leads stay" in tab.text()
    await tab.send(SegmentsState.load, path="/segments")
    assert tab.var(SegmentsState, "status") == "empty"
    await tab.send(SegmentsState.restore, path="/segments", segment_id=str(made.id))
    await tab.send(SegmentsState.set_status, path="/segments", segment_id=str(made.id), status="archived")
    await tab.send(SegmentsState.load, path="/segments?status=archived")
    assert [row["name"] for row in tab.var(SegmentsState, "rows")] == ["Texans"]
    stranger = driver(sign_in(cast.charlie))
    for handler in (SegmentsState.duplicate, SegmentsState.restore):
        await stranger.send(handler, path="/segments", segment_id=str(made.id))
    assert stranger.text().count("error") == 2
    viewer = driver(sign_in(make_member(cast.workspace_id, make_user("Vera"), Role.READ_ONLY)))
    await viewer.send(SegmentsState.set_status, path="/segments", segment_id=str(made.id), status="active")
    with cast.alice.begin() as scope:
        assert segments.get_segment(scope, made.id).status == "archived"


async def test_an_empty_list_says_only_what_was_asked_for(driver: Driver, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))

    async def said(query: str) -> tuple[str, str]:
        await tab.send(SegmentsState.load, path=f"/segments{query}")
        return tab.var(SegmentsState, "status"), tab.var(SegmentsState, "nothing")

    for query in ("", "?status=archived", "?q=zebra"):  # there is none at all
        assert (await said(query))[0] == "empty"
    assert await said("?status=deleted") == ("no_match", "None was deleted in the last 30 days.")
    made = make_segment(cast.alice, name="Texans")
    assert await said("?status=paused") == ("no_match", "None is paused.")
    assert await said("?q=zebra") == ("no_match", "No active or paused segment has these words in its name.")
    assert await said("?q=zebra&status=active") == ("no_match", "No active segment has these words in its name.")
    with cast.alice.begin() as scope:
        segments.set_status(scope, made.id, status="archived")
    assert await said("") == ("no_match", "All segments of this workspace are archived.")
    assert tab.var(SegmentsState, "filtered") is False  # nothing to clear: the page offers the archived ones


async def test_an_address_the_list_cannot_read_has_a_way_out(driver: Driver, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    for query, word in (("?status=bogus", "a status"), ("?cursor=xx", "no longer works")):
        await tab.send(SegmentsState.load, path=f"/segments{query}")
        assert (tab.var(SegmentsState, "status"), tab.var(SegmentsState, "bad_address")) == ("error", True)
        assert word in tab.var(SegmentsState, "error")


# Three levels below the root: more than the screen draws, as the API may save it.
DEEP = {
    "all": [
        {"field": "seniority", "include": ["vp"]},
        {"any": [{"field": "state", "include": ["NY"]}, {"field": "years_experience", "min": 10}]},
    ]
}


async def test_a_box_is_edited_like_the_root(driver: Driver, cast: Cast) -> None:
    tab = await opened(driver(sign_in(cast.alice)))
    for handler, payload in (
        (Builder.add_row, {"group": "", "field": "state"}),
        (Builder.add_value, {"path": "0", "value": "TX"}),
        (Builder.add_group, {}),
        (Builder.add_row, {"group": "1", "field": "seniority"}),
        (Builder.add_value, {"path": "1.0", "value": "vp"}),
        (Builder.add_row, {"group": "1", "field": "department"}),
        (Builder.add_value, {"path": "1.1", "value": "marketing"}),
        (Builder.add_value, {"path": "1.1", "value": "sales"}),
        (Builder.remove_value, {"path": "1.1", "value": "sales"}),
        (Builder.add_row, {"group": "1", "field": "years_experience"}),
        (Builder.set_bound, {"path": "1.2", "end": "high", "text": "9"}),
        (Builder.remove_row, {"path": "1.0"}),
    ):
        await tab.post(handler, "/segments/new", payload)
    assert tab.var(Builder, "row_errors") == {}
    state, box = tab.var(Builder, "items")
    assert (state["kind"], box["kind"], box["op"]) == ("condition", "group", "any")
    assert [(row["field"], row["high"]) for row in box["rows"]] == [("department", ""), ("years_experience", "9")]
    await tab.post(Builder.set_op, "/segments/new", {"path": "1", "op": "all"})
    await tab.send(Builder.save_as, path="/segments/new", form={"name": "Boxed"})
    with cast.alice.begin() as scope:
        saved = segments.get_segment(scope, tab.var(Builder, "segment_id")).filters
    assert saved == segments.parse(
        where(
            {"field": "state", "include": ["TX"]},
            {"all": [{"field": "department", "include": ["marketing"]}, {"field": "years_experience", "max": 9}]},
        )
    )
    await tab.post(Builder.remove_row, "/segments/new", {"path": "1"})
    assert [one["kind"] for one in tab.var(Builder, "items")] == ["condition"]


async def test_what_lies_deeper_is_shown_and_outlives_every_other_edit(driver: Driver, cast: Cast) -> None:
    made = make_segment(
        cast.alice,
        where({"field": "state", "include": ["TX"]}, {"any": [{"field": "department", "include": ["sales"]}, DEEP]}),
    )
    tab, path = await on_page(driver, cast.alice, made)
    _, box = tab.var(Builder, "items")
    deep = box["rows"][1]
    assert deep["kind"] == "deep"
    assert all(word in deep["label"] for word in ("VP", "New York", "10"))
    for handler, payload in (
        (Builder.add_value, {"path": "0", "value": "CA"}),
        (Builder.add_value, {"path": "1.0", "value": "marketing"}),
        (Builder.add_row, {"group": "1", "field": "years_experience"}),
        (Builder.set_bound, {"path": "1.2", "end": "low", "text": "3"}),
        (Builder.add_row, {"group": "", "field": "seniority"}),
        (Builder.add_value, {"path": "2", "value": "director"}),
        (Builder.remove_row, {"path": "2"}),
        (Builder.set_scope, {"scope": "leads"}),
        (Builder.set_scope, {"scope": "provider"}),
    ):
        await tab.post(handler, path, payload)
    shared = await opened(driver(sign_in(cast.bob)), address(tab))
    assert shared.var(Builder, "items")[1]["rows"][1]["label"] == deep["label"]
    await tab.send(Builder.save, path=path)
    expected = where(
        {"field": "state", "include": ["TX", "CA"]},
        {
            "any": [
                {"field": "department", "include": ["sales", "marketing"]},
                DEEP,
                {"field": "years_experience", "min": 3},
            ]
        },
    )
    with cast.alice.begin() as scope:
        assert segments.get_segment(scope, made.id).filters == segments.parse(expected)
    await tab.post(Builder.remove_row, path, {"path": "1.1"})
    assert [row["kind"] for row in tab.var(Builder, "items")[1]["rows"]] == ["enum", "range"]


async def test_the_list_says_how_many_there_are_at_least(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice, name="Texans")
    with system_scope() as scope:
        row = scope.get(SavedSegment, made.id)
        row.last_run_at, row.last_matched = now(), 1_380
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentsState.load, path="/segments")
    assert [row["last_count"] for row in tab.var(SegmentsState, "rows")] == ["1,380+ matches"]

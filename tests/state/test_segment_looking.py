"""What stands beside the filter speaks of this filter: the explanation, the count and the sample."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cursive_app.errors import Unavailable
from cursive_app.integrations.audiencelab import AudienceLab, Person, Preview
from cursive_app.services import leads, segments
from state import segment_looking
from state.segment_builder import SegmentBuilderState as Builder
from tests.factories import Cast
from tests.factories_leads import make_person
from tests.factories_segments import make_segment, where
from tests.state.driver import Tab, sign_in
from tests.state.test_segments_pages import address, on_page, opened

Driver = Callable[..., Tab]
MY_TEXANS = where({"field": "state", "include": ["TX"]}, scope="leads")


def own(cast: Cast, *states: str) -> None:
    """Leads of these states, "tx0@acme.example" and so on."""
    people = [make_person(state=state, email=f"{state}{n}@acme.example") for n, state in enumerate(states)]
    with cast.alice.begin() as scope:
        leads.intake(scope, people, source="manual")


async def test_an_explanation_goes_with_the_filter_it_spoke_of(driver: Driver, cast: Cast) -> None:
    own(cast, "NY")
    made, other = make_segment(cast.alice, MY_TEXANS), make_segment(cast.alice, MY_TEXANS)
    tab, path = await on_page(driver, cast.alice, made)

    async def explained(who: str = "NY0@acme.example") -> None:
        await tab.send(Builder.explain, path=path, form={"who": who})

    def said() -> tuple[str, int, str]:
        return tab.var(Builder, "why_verdict"), len(tab.var(Builder, "why_rows")), tab.var(Builder, "why_error")

    await explained()
    assert said() == ("out", 1, "")
    await tab.post(Builder.add_row, path, {"group": "", "field": "seniority"})
    assert said() == ("out", 1, ""), "an empty row asks for nothing yet"
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    assert said() == ("", 0, "")
    assert tab.var(Builder, "why_name") == ""
    await explained("nobody@acme.example")
    assert "No lead" in said()[2]
    await tab.post(Builder.remove_value, path, {"path": "0", "value": "NY"})
    assert said() == ("", 0, "")
    await explained()
    await tab.send(Builder.set_scope, path=path, scope="provider")
    assert said() == ("", 0, "")
    await tab.send(Builder.set_scope, path=path, scope="leads")
    await explained()
    await opened(tab, f"/segments/{other.id}")
    assert said() == ("", 0, "")


def counted(tab: Tab) -> tuple[str, str, int]:
    return tab.var(Builder, "count"), tab.var(Builder, "total"), len(tab.var(Builder, "glimpses"))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110  # what is waited for is in another thread
            await asyncio.sleep(0.01)


class Held:
    """A service call that waits, the first time, until it is let go; `begun` says that somebody waits for it."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self.real, self.begun, self.goes_on, self.calls = real, threading.Event(), threading.Event(), 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        if self.calls == 1:
            self.begun.set()
            assert self.goes_on.wait(30)
        return self.real(*arguments, **options)


async def test_a_count_that_fails_leaves_no_number_behind(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(cast, "TX", "TX", "NY")
    made = make_segment(cast.alice, MY_TEXANS)
    tab, path = await on_page(driver, cast.alice, made)
    assert counted(tab) == ("2", "3 leads", 2)

    def fails(*_arguments: Any, **_options: Any) -> Any:
        raise Unavailable("The database is busy.")

    real = segments.count_leads
    monkeypatch.setattr(segments, "count_leads", fails)
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    assert counted(tab) == ("", "", 0)
    assert (tab.var(Builder, "counting"), tab.var(Builder, "count_error")) == (False, "The database is busy.")
    monkeypatch.setattr(segments, "count_leads", real)
    await tab.post(Builder.add_value, path, {"path": "0", "value": "FL"})
    assert (counted(tab), tab.var(Builder, "count_error")) == (("3", "3 leads", 3), "")


async def test_another_segment_or_place_opens_without_the_number_of_the_one_before(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(cast, "TX", "TX", "NY")
    made = make_segment(cast.alice, MY_TEXANS)
    other = make_segment(cast.alice, where({"field": "state", "include": ["NY"]}, scope="leads"))
    tab = await opened(driver(sign_in(cast.alice)), f"/segments/{made.id}")
    held = Held(segments.count_leads)
    monkeypatch.setattr(segments, "count_leads", held)
    opening = asyncio.create_task(tab.send(Builder.load, path=f"/segments/{other.id}"))
    await until(held.begun.is_set)
    assert counted(tab) == ("", "", 0)
    held.goes_on.set()
    await opening
    assert counted(tab) == ("1", "3 leads", 1)
    await tab.send(Builder.set_scope, path=f"/segments/{other.id}", scope="provider")
    assert counted(tab) == ("", "", 0)


async def test_a_count_that_a_newer_edit_has_overtaken_is_thrown_away(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(cast, "TX", "TX", "NY")
    made = make_segment(cast.alice, MY_TEXANS)
    tab, path = await on_page(driver, cast.alice, made)
    held = Held(segments.count_leads)
    monkeypatch.setattr(segments, "count_leads", held)
    older = asyncio.create_task(tab.post(Builder.add_value, path, {"path": "0", "value": "NY"}))
    await until(held.begun.is_set)
    await tab.post(Builder.remove_value, path, {"path": "0", "value": "TX"})
    assert counted(tab) == ("1", "3 leads", 1)
    held.goes_on.set()
    await older
    assert counted(tab) == ("1", "3 leads", 1)
    assert tab.var(Builder, "counting") is False


async def test_edits_in_a_row_are_counted_once_when_the_hands_rest(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(cast, "TX", "TX", "NY")
    made = make_segment(cast.alice, MY_TEXANS)
    tab, path = await on_page(driver, cast.alice, made)
    waits: list[float] = []
    counts: list[str] = []
    rested = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await rested.wait()

    def count(scope: Any, filters: segments.Filters) -> segments.LeadCount:
        counts.append(segments.sentence(filters))
        return real(scope, filters)

    real = segments.count_leads
    monkeypatch.setattr(segments, "count_leads", count)
    monkeypatch.setattr(segment_looking, "asyncio", SimpleNamespace(sleep=sleep))
    edits = []
    for number, state in enumerate(("NY", "FL", "CA"), 1):
        edits.append(asyncio.create_task(tab.post(Builder.add_value, path, {"path": "0", "value": state})))
        await until(lambda number=number: len(waits) == number)
    assert (waits, counts) == ([0.4] * 3, [])
    rested.set()
    await asyncio.gather(*edits)
    assert counts == ["My leads whose state is Texas, New York, Florida or California."]
    assert counted(tab) == ("3", "3 leads", 3)


async def test_an_unsaved_edit_that_is_opened_again_is_counted(driver: Driver, cast: Cast) -> None:
    """It gets an address of its own, whose load ends the one that was to count it."""
    own(cast, "TX", "TX", "NY")
    made = make_segment(cast.alice, MY_TEXANS)
    elsewhere, path = await on_page(driver, cast.alice, made)
    await elsewhere.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    tab = driver(sign_in(cast.alice))
    opening = asyncio.create_task(tab.send(Builder.load, path=path))
    await until(lambda: "?f=" in tab.text())
    await opened(tab, address(tab))
    await asyncio.wait([opening])
    assert tab.var(Builder, "from_draft") is True
    assert counted(tab) == ("3", "3 leads", 3)


@pytest.fixture
def slow_sample(monkeypatch: pytest.MonkeyPatch) -> Held:
    """The provider's first answer waits to be let go; each names the number of its question."""

    def answer(**_options: Any) -> Preview:
        person = Person(first_name=str(held.calls), state="TX", primary_email="dana@acme.example")
        return Preview(people=(person,), sample_size=1, field_coverage={})

    held = Held(answer)
    monkeypatch.setattr(AudienceLab, "preview", held)
    return held


async def test_the_page_goes_on_while_the_provider_answers(driver: Driver, cast: Cast, slow_sample: Held) -> None:
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    sampling = asyncio.create_task(tab.send(Builder.take_sample, path=path))
    await until(slow_sample.begun.is_set)
    async with asyncio.timeout(20):
        await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
        assert "New York" in tab.var(Builder, "sentence")
    slow_sample.goes_on.set()
    await sampling
    assert (tab.var(Builder, "sampling"), tab.var(Builder, "has_sample")) == (False, True)
    assert tab.var(Builder, "sample_age") == "filter", "it is a sample of the filter that was asked about"


async def test_the_newest_question_is_answered_and_a_repeated_one_asked_once(
    driver: Driver, cast: Cast, slow_sample: Held
) -> None:
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)
    older = asyncio.create_task(tab.send(Builder.take_sample, path=path))
    await until(slow_sample.begun.is_set)
    await tab.send(Builder.take_sample, path=path)
    assert slow_sample.calls == 1
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    await tab.send(Builder.take_sample, path=path)
    assert (slow_sample.calls, tab.var(Builder, "sample_age")) == (2, "")
    slow_sample.goes_on.set()
    await older
    assert (tab.var(Builder, "sample")["rows"][0]["name"], tab.var(Builder, "sample_age")) == ("2.", "")


async def test_a_sample_does_not_follow_to_another_segment(driver: Driver, cast: Cast, slow_sample: Held) -> None:
    made, other = make_segment(cast.alice), make_segment(cast.alice)
    tab = await opened(driver(sign_in(cast.alice)), f"/segments/{made.id}")
    older = asyncio.create_task(tab.send(Builder.take_sample, path=f"/segments/{made.id}"))
    await until(slow_sample.begun.is_set)
    await opened(tab, f"/segments/{other.id}")
    assert tab.var(Builder, "sampling") is False
    slow_sample.goes_on.set()
    await older
    assert tab.var(Builder, "has_sample") in (False, None)


async def test_a_sample_that_is_cut_off_leaves_no_button_waiting(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_segment(cast.alice)
    tab, path = await on_page(driver, cast.alice, made)

    async def cut_off(*_arguments: Any, **_options: Any) -> Any:
        raise asyncio.CancelledError

    monkeypatch.setattr(segment_looking, "ask", cut_off)
    with contextlib.suppress(asyncio.CancelledError):
        await tab.send(Builder.take_sample, path=path)
    monkeypatch.undo()
    await opened(tab, f"{path}?run=")
    assert tab.var(Builder, "sampling") is False


@pytest.mark.parametrize(("rows", "said"), [(20, ""), (21, "The last row does not"), (23, "The last 3 rows do not")])
async def test_rows_beyond_those_whose_effect_is_counted_say_so(
    driver: Driver, cast: Cast, rows: int, said: str
) -> None:
    own(cast, "TX", "NY")
    made = make_segment(
        cast.alice, where(*({"field": "state", "include": ["TX", "NY"]} for _ in range(rows)), scope="leads")
    )
    tab = await opened(driver(sign_in(cast.alice)), f"/segments/{made.id}")
    notes = [item["row"]["note"] for item in tab.var(Builder, "items")]
    assert notes == ["changes nothing"] * 20 + [""] * (rows - 20)
    assert counted(tab)[0] == "2"
    assert (tab.var(Builder, "uncounted") or "").endswith(f"{said} say it." if said else "")
    assert bool(tab.var(Builder, "uncounted")) is bool(said)

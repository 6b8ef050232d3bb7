"""Large filters: the address carries them as far as addresses reach, and what it cannot carry is said and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from cursive_app.integrations.audiencelab.vocabulary import INDUSTRIES
from cursive_app.paths import LONGEST_TARGET, local_path
from cursive_app.services import segments
from cursive_app.services.segments import words
from state.segment_builder import SegmentBuilderState as Builder
from tests.factories import Cast
from tests.factories_segments import make_segment, where
from tests.state.driver import Tab, sign_in
from tests.state.test_segments_pages import address, opened

Driver = Callable[..., Tab]


def too_large() -> dict[str, Any]:
    """More names than an address holds, however well they are packed; each is another hash of its number."""
    names = [f"{(number * 2654435761) % 2**64:x} {number * 40503 % 99991:x} Company" for number in range(1, 1_001)]
    return where(*({"field": "company_name", "include": names[at : at + 100]} for at in range(0, 1_000, 100)))


async def test_a_filter_of_eighty_industries_is_opened_edited_and_kept(driver: Driver, cast: Cast) -> None:
    packed = segments.encode(segments.parse(where({"field": "industry", "include": [*INDUSTRIES[:79]]})))
    tab = await opened(driver(sign_in(cast.alice)), f"/segments/new?f={packed}")
    await tab.post(Builder.add_value, f"/segments/new?f={packed}", {"path": "0", "value": INDUSTRIES[79]})
    path = address(tab)
    assert len(path) > LONGEST_TARGET and local_path(path) == "/"
    await opened(tab, path)
    assert (tab.var(Builder, "link_too_long"), tab.failures) == (False, [])
    with cast.alice.begin() as scope:
        kept = segments.get_draft(scope, segment_id=None)
    assert kept is not None and kept.filters == segments.parse(
        where({"field": "industry", "include": [*INDUSTRIES[:80]]})
    )
    colleague = await opened(driver(sign_in(cast.bob)), path)
    assert len(colleague.var(Builder, "items")[0]["row"]["chips"]) == 80


async def test_a_saved_segment_is_found_behind_a_long_filter(driver: Driver, cast: Cast) -> None:
    made = make_segment(cast.alice, name="Industries")
    packed = segments.encode(segments.parse(where({"field": "industry", "include": [*INDUSTRIES[:80]]})))
    tab = await opened(driver(sign_in(cast.alice)), f"/segments/{made.id}?f={packed}")
    assert (tab.var(Builder, "name"), tab.var(Builder, "dirty")) == ("Industries", True)


async def test_a_filter_no_address_holds_is_said_and_kept_all_the_same(driver: Driver, cast: Cast) -> None:
    made, other = make_segment(cast.alice, too_large()), make_segment(cast.alice)
    path, cookie = f"/segments/{made.id}", sign_in(cast.alice)
    tab = await opened(driver(cookie), path)
    await tab.post(
        Builder.remove_value, path, {"path": "0", "value": tab.var(Builder, "items")[0]["row"]["chips"][0]["value"]}
    )
    assert (tab.var(Builder, "link_too_long"), urlsplit(address(tab)).query) == (True, "")
    again = await opened(driver(cookie), path)
    assert (again.var(Builder, "dirty"), again.var(Builder, "from_draft")) == (True, True)
    assert len(again.var(Builder, "items")[0]["row"]["chips"]) == 99
    await opened(tab, f"/segments/{other.id}")
    assert tab.var(Builder, "link_too_long") is False, "it was said of another segment"


async def test_a_link_that_is_longer_than_any_filter_is_damaged_and_not_a_missing_segment(
    driver: Driver, cast: Cast
) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(Builder.load, path=f"/segments/new?f={'A' * 8_500}")
    assert (tab.var(Builder, "status"), tab.var(Builder, "bad_link")) == ("error", True)


async def test_the_gazetteer_is_read_before_a_transaction_begins(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real = segments.learn_words
    monkeypatch.setattr(segments, "read_gazetteer", lambda: order.append("cities"))
    monkeypatch.setattr(segments, "learn_words", lambda scope: order.append("words") or real(scope))
    words._cities.cache_clear()
    await opened(driver(sign_in(cast.alice)))
    assert order == ["cities", "words"]
    assert words._cities.cache_info().currsize == 0, "the transaction itself read none"

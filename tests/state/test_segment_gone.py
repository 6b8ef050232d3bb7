"""Bad input 46 on the pages: a segment whose field was removed opens with what is left, and saving mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cursive_app.services import segments
from state.segment_builder import SegmentBuilderState
from state.segments import SegmentsState
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_segments import make_segment
from tests.flows.use_cases import do
from tests.services.test_segments_gone import STORED, WORDS, broken
from tests.state.driver import Tab, driver, sign_in

__all__ = ["driver"]


@pytest.mark.parametrize("kind", STORED)
async def test_the_builder_shows_what_is_left_and_what_is_gone(
    driver: Callable[..., Tab], cast: Cast, kind: str
) -> None:
    fund(cast.workspace_id, 50)
    id = broken(cast.alice, kind)
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentBuilderState.load, path=f"/segments/{id}")
    assert (tab.var(SegmentBuilderState, "status"), tab.failures) == ("ready", [])
    assert WORDS[kind] in tab.var(SegmentBuilderState, "gone")
    assert tab.var(SegmentBuilderState, "dirty") is True
    assert ("Texas" in tab.var(SegmentBuilderState, "sentence")) is (kind in ("field", "value"))
    if kind in ("field", "value"):
        await tab.send(SegmentBuilderState.save, path=f"/segments/{id}")
        mended: Any = do(cast.alice, segments.get_segment, id)
        assert mended.problem is None
        assert tab.var(SegmentBuilderState, "gone") == ""
    assert balance_of(cast.alice) == (50, 0)


@pytest.mark.parametrize("kind", STORED)
async def test_what_is_left_is_nobodys_unsaved_edit(driver: Callable[..., Tab], cast: Cast, kind: str) -> None:
    id = broken(cast.alice, kind)
    path = f"/segments/{id}"
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentBuilderState.load, path=path)
    assert do(cast.alice, segments.get_draft, segment_id=id) is None
    await tab.send(SegmentBuilderState.set_scope, path=path, scope="leads")
    assert do(cast.alice, segments.get_draft, segment_id=id) is not None, "an edit of it is"


@pytest.mark.parametrize("kind", STORED)
async def test_the_list_shows_it_among_the_others(driver: Callable[..., Tab], cast: Cast, kind: str) -> None:
    make_segment(cast.alice, name="Whole")
    broken(cast.alice, kind)
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentsState.load, path="/segments")
    assert tab.var(SegmentsState, "status") == "ready"
    shown = {row["name"]: row for row in tab.var(SegmentsState, "rows")}
    mends = {name: (row["is_broken"], row["can_run"]) for name, row in shown.items()}
    assert mends == {"Whole": (False, True), f"Broken {kind}": (True, False)}
    assert tab.failures == []

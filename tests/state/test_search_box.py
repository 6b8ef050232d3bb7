"""A search box keeps what is typed: it is made anew when something else changed the address, never by typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from state.admin_jobs import AdminJobsState
from state.credits import CreditsState
from state.enrichments import EnrichmentsState
from state.leads import LeadsState
from state.segments import SegmentsState
from tests.factories import Cast
from tests.state.admin import as_staff
from tests.state.driver import Tab, sign_in

Driver = Callable[..., Tab]
PAGES = [
    (SegmentsState, "/segments", "text"), (CreditsState, "/credits", "value"), (LeadsState, "/leads", "text"),
    (EnrichmentsState, "/enrichments", "text"),
]  # fmt: skip


@pytest.mark.parametrize(("page", "path", "argument"), PAGES)
async def test_typing_does_not_make_the_box_anew(
    driver: Driver, cast: Cast, page: Any, path: str, argument: str
) -> None:
    tab = driver(sign_in(cast.alice))

    async def typed(words: str, at: str) -> None:
        await tab.post(page.search, at, {argument: words})

    await tab.send(page.load, path=path)
    first = tab.var(page, "search_key")
    await typed("sal", path)
    await tab.send(page.load, path=f"{path}?q=sal")
    await typed("sale", f"{path}?q=sal")
    await typed("sales", f"{path}?q=sal")
    await tab.send(page.load, path=f"{path}?q=sale")  # the address of a moment ago arrives after more was typed
    await tab.send(page.load, path=f"{path}?q=sales")
    assert tab.var(page, "search_key") == first
    await tab.send(page.load, path=path)  # Back, or "Clear filters"
    assert tab.var(page, "search_key") != first


async def test_enter_in_the_query_of_staff_leaves_the_box_and_a_tab_makes_it_anew(driver: Driver, cast: Cast) -> None:
    tab = driver(as_staff(cast.alice))
    await tab.send(AdminJobsState.load, path="/admin/jobs")
    first = tab.var(AdminJobsState, "search_key")
    await tab.send(AdminJobsState.search, path="/admin/jobs", form={"q": "state:failed"})
    await tab.send(AdminJobsState.load, path="/admin/jobs?q=state%3Afailed")
    assert tab.var(AdminJobsState, "search_key") == first
    await tab.send(AdminJobsState.choose_state, path="/admin/jobs?q=state%3Afailed", value="running")
    await tab.send(AdminJobsState.load, path="/admin/jobs?q=state%3Arunning")
    assert tab.var(AdminJobsState, "search_key") != first

"""All lists on one page: filters in the address, and each told as on its own page."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.enrichment import EnrichmentState as S
from state.enrichments import EnrichmentsState
from tests.factories import Cast
from tests.factories_enrichment import make_list, unknown_line
from tests.state.driver import sign_in
from tests.state.lists import COMPANIES, HEADER, UNTIDY, opened, upload


async def test_the_overview_tells_empty_from_no_match_and_keeps_filters_in_the_address(driver, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(EnrichmentsState.load, path="/enrichments")
    assert tab.var(EnrichmentsState, "status") == "empty"
    assert "50,000 rows, 500 columns and 25 MB" in tab.var(EnrichmentsState, "limits")
    make_list(cast.alice, [unknown_line(1)], filename="Spring fair.csv")
    make_list(cast.alice, [unknown_line(2)], filename="Webinar.csv", status="completed", no_match_count=1)
    await tab.send(EnrichmentsState.load, path="/enrichments")
    names = [row["filename"] for row in tab.var(EnrichmentsState, "rows")]
    assert names == ["Webinar.csv", "Spring fair.csv"]
    await tab.send(EnrichmentsState.load, path="/enrichments?show=done&q=web")
    assert [row["filename"] for row in tab.var(EnrichmentsState, "rows")] == ["Webinar.csv"]
    await tab.send(EnrichmentsState.load, path="/enrichments?q=nothing")
    assert tab.var(EnrichmentsState, "status") == "no_match"
    await tab.send(EnrichmentsState.search, path="/enrichments?show=done", text="fair")
    assert "q=fair" in tab.text()
    other = driver(sign_in(cast.charlie))
    await other.send(EnrichmentsState.load, path="/enrichments")
    assert other.var(EnrichmentsState, "status") == "empty"


@pytest.mark.parametrize("query", ["cursor=x", "cursor=%00", "show=%27", "q=" + "x" * 3000])
async def test_a_bad_address_is_explained(driver, cast: Cast, query: str) -> None:
    make_list(cast.alice, [unknown_line(1)])
    tab = driver(sign_in(cast.alice))
    await tab.send(EnrichmentsState.load, path=f"/enrichments?{query}")
    assert tab.var(EnrichmentsState, "status") in ("error", "no_match", "ready")
    assert "eference" not in tab.text()


@pytest.mark.parametrize(
    ("text", "badge"), [(UNTIDY, "ready"), (COMPANIES, "waiting"), (HEADER + "a@b.example,,,,", "waiting")]
)
async def test_page_and_overview_say_the_same_of_a_list(
    driver, cast: Cast, tmp_path: Path, text: str, badge: str
) -> None:
    id = upload(cast.alice, tmp_path, text)
    tab, overview = await opened(driver, cast.alice, id), driver(sign_in(cast.alice))
    await overview.send(EnrichmentsState.load, path="/enrichments")
    assert tab.var(S, "card")["badge"] == overview.var(EnrichmentsState, "rows")[0]["badge"] == badge


async def test_a_list_that_never_ran_is_deleted_on_its_page(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    tab, path = await opened(driver, cast.alice, id, "?step=price"), f"/enrichments/{id}?step=price"
    await tab.send(S.set_confirming_delete, path=path, is_open=True)
    assert tab.var(S, "confirming_delete") is True
    await tab.send(S.delete_files, path=path)
    card = tab.var(S, "card")
    assert (card["phase"], card["badge"], card["counts"]["all"]) == ("deleted", "deleted", "122")
    assert "were deleted" in card["kept"]
    assert card["column_names"] == "E-mail, First name, Last name, Firma, Notes"
    assert not card["may_edit"]
    overview = driver(sign_in(cast.alice))
    await overview.send(EnrichmentsState.load, path="/enrichments")
    assert [row["badge"] for row in overview.var(EnrichmentsState, "rows")] == ["deleted"]
    await overview.send(EnrichmentsState.load, path="/enrichments?show=preparing")
    assert overview.var(EnrichmentsState, "status") == "no_match"

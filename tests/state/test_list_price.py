"""The price of a list on its page, and the one start."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from db.models.enrichment import Enrichment
from state.enrichment import EnrichmentState as S
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import list_row
from tests.state.lists import HEADER, PEOPLE, UNTIDY, opened, upload


async def test_the_price_follows_ceiling_and_balance(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 10)
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    quote = tab.var(S, "quote")
    assert (quote["rows"], quote["worst"], quote["most"]) == ("120", "30.00", "30.00")
    assert (quote["shortfall"], quote["affordable_rows"], quote["affordable"], quote["likely"]) == (
        "20.00",
        "40",
        "10.00",
        "",
    )
    await tab.send(S.set_ceiling, path=path, text="0.10")
    assert tab.var(S, "quote_error")
    await tab.send(S.set_ceiling, path=path, text="lots")
    assert "such as" in tab.var(S, "quote_error")
    await tab.send(S.set_ceiling, path=path, text="8")
    assert (tab.var(S, "quote_error"), tab.var(S, "quote")["most"]) == ("", "8.00")
    assert tab.var(S, "quote")["shortfall"] == ""


async def test_two_presses_start_one_run(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    await tab.send(S.ask_start, path=path)
    assert tab.var(S, "confirming_start") is True
    await tab.send(S.start, path=path)
    await tab.send(S.start, path=path)
    assert balance_of(cast.alice) == (Decimal(70), Decimal(30))
    await tab.send(S.load, path=f"/enrichments/{id}")
    assert (tab.var(S, "card")["phase"], tab.var(S, "step")) == ("working", "result")
    assert tab.var(S, "run")["done"] == "0 of 120 rows"
    await tab.send(S.stop, path=f"/enrichments/{id}")
    await tab.send(S.load, path=f"/enrichments/{id}")
    assert tab.var(S, "run")["stopping"] is True or tab.var(S, "card")["phase"] == "ended"


async def test_start_with_what_there_is(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, "10.10")
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    await tab.send(S.ask_start, path=path)
    await tab.send(S.start, path=path)
    assert "missing" in tab.var(S, "start_error")
    assert balance_of(cast.alice)[1] == 0
    await tab.send(S.set_spends_available, path=path, chosen=True)
    await tab.send(S.ask_start, path=path)
    await tab.send(S.start, path=path)
    assert balance_of(cast.alice) == (Decimal("0.10"), Decimal("10.00"))


async def test_forty_rows_are_told_what_they_lack(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, HEADER + "".join(PEOPLE.splitlines(keepends=True)[:40]))
    tab = await opened(driver, cast.alice, id, "?step=price")
    assert (tab.var(S, "quote")["missing_rows"], tab.var(S, "quote")["minimum"]) == ("60", "100")
    await tab.send(S.start, path=f"/enrichments/{id}?step=price")
    assert balance_of(cast.alice)[1] == 0


async def test_the_range_is_that_of_the_chosen_matching(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, UNTIDY)
    with cast.alice.begin() as scope:
        rate = {"field": "matched", "found": 25, "of": 50, "share": 0.5, "low": 0.366, "high": 0.634}
        sample = {"revision": 1, "status": "done", "size": 50, "matching": "balanced", "matched": rate, "fields": []}
        scope.get(Enrichment, id).sample = {**sample, "at": "2026-01-15T10:00:00+00:00"}
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    assert tab.var(S, "sample")["headline"] == "50% of 50 random rows were found with balanced matching"
    assert tab.var(S, "quote")["likely"] == "10.75 to 19.25"
    await tab.send(S.set_matching, path=path, matching="strict")
    assert (tab.var(S, "quote")["likely"], tab.var(S, "quote")["worst"]) == ("", "30.00")
    await tab.send(S.load, path=path)
    assert tab.var(S, "quote")["likely"] == "", "also after the page was loaded anew"
    await tab.send(S.set_matching, path=path, matching="balanced")
    assert tab.var(S, "quote")["likely"] == "10.75 to 19.25"
    await tab.send(S.set_matching, path=path, matching="strict")
    await tab.send(S.dry_run, path=path)
    assert (list_row(id).sample or {})["matching"] == "strict"  # type: ignore[arg-type]

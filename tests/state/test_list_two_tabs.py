"""One list on two pages at once: what one does there, the other is shown, and loses nothing of its own by it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cursive_app.services import enrichment
from db.scope import Tenant
from state import enrichment as page
from state import enrichment_rows
from state.enrichment import EnrichmentState as S
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import list_row
from tests.state.driver import Tab
from tests.state.lists import HEADER, PEOPLE, UNTIDY, opened, read_now, upload


def cell(tenant: Tenant, id: str, number: int, column: int) -> str:
    with tenant.begin() as scope:
        rows = enrichment.list_rows(scope, id, view="all").rows
    return next(row.cells[column] for row in rows if row.number == number)


def edit(tenant: Tenant, id: str, number: int, column: int, value: str) -> None:
    with tenant.begin() as scope:
        revision = enrichment.get_enrichment(scope, id).revision
        enrichment.edit_cell(scope, id, revision=revision, number=number, column=column, value=value)


def map_notes(tenant: Tenant, id: str, field: str) -> None:
    with tenant.begin() as scope:
        view = enrichment.get_enrichment(scope, id)
        fields = {column.position: column.field for column in view.columns}
        enrichment.map_columns(scope, id, revision=view.revision, mapping=fields | {4: field})
    read_now(id)


def start(tenant: Tenant, id: str) -> None:
    with tenant.begin() as scope:
        enrichment.start(scope, id, revision=enrichment.get_enrichment(scope, id).revision)


async def watch(tab: Tab, path: str, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any] | None = None) -> None:
    """Let the page look again after something has happened, for as long as it takes with a list that rests."""
    seconds = iter(range(2 * int(page.OTHERS_SECONDS / page.FOLLOW_SECONDS)))

    async def a_second() -> None:
        second = next(seconds, None)
        if second is None:
            raise asyncio.CancelledError  # as when the page is left
        if second == 0 and happens is not None:
            await asyncio.to_thread(happens)

    monkeypatch.setattr(page, "_pause", a_second)
    with suppress(asyncio.CancelledError):
        await tab.send(S.follow, path=path)


async def type_into(tab: Tab, path: str, number: int, column: int, value: str) -> None:
    await tab.send(S.start_edit, path=path, number=number, column=column)
    await tab.send(S.save_cell, path=path, form={"value": value})


async def test_two_people_mend_different_cells(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    mine, other = await opened(driver, cast.alice, id, "?step=rows"), await opened(driver, cast.bob, id, "?step=rows")
    await type_into(other, path, 1, 0, "robin@example.com")
    await type_into(mine, path, 2, 4, "mine")
    assert (cell(cast.alice, id, 1, 0), cell(cast.alice, id, 2, 4)) == ("robin@example.com", "mine")
    assert mine.var(S, "editing") == ""
    assert mine.var(S, "rows")[0]["cells"][0]["text"] == "robin@example.com", "the other's change is shown as well"
    assert other.failures == mine.failures == []


async def test_what_somebody_else_wrote_into_the_cell_is_told_and_replaced_only_on_purpose(
    driver, cast: Cast, tmp_path: Path
) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    await tab.send(S.start_edit, path=path, number=1, column=0)
    edit(cast.bob, id, 1, 0, "robin@example.com")
    await tab.send(S.load, path=path)  # the page has looked again meanwhile
    assert tab.var(S, "editing") == "1-0", "the box stays open with what was typed"
    await tab.send(S.save_cell, path=path, form={"value": "late@example.com"})
    assert cell(cast.alice, id, 1, 0) == "robin@example.com"
    assert "it says “robin@example.com” now" in tab.var(S, "edit_error")
    assert tab.var(S, "editing") == "1-0"
    await tab.send(S.save_cell, path=path, form={"value": "late@example.com"})
    assert cell(cast.alice, id, 1, 0) == "late@example.com"
    assert (tab.var(S, "editing"), tab.failures) == ("", [])


async def test_an_undo_offered_for_an_edit_takes_back_nobody_elses(
    driver, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob's edit comes as soon as Alice's is committed, before her page has gone on."""
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    real, edits = enrichment_rows.transact, iter(["robin@example.com"])

    async def then_bob(fn: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(fn, *args, **kwargs)
        for value in edits:
            await asyncio.to_thread(edit, cast.bob, id, 1, 0, value)
        return answer

    monkeypatch.setattr(enrichment_rows, "transact", then_bob)
    await type_into(tab, path, 2, 4, "mine")
    offered = {int(found) for found in re.findall(r"revision\W+(\d+)", tab.text())}
    assert offered == {2}, "what her edit has made of the list"
    await tab.send(S.undo, path=path, revision=2)
    assert cell(cast.alice, id, 1, 0) == "robin@example.com"


async def test_a_box_is_closed_when_its_rows_were_read_anew(driver, cast: Cast, tmp_path: Path) -> None:
    """Otherwise what was typed for one person would be written to another one who has the same number now."""
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    await tab.send(S.start_edit, path=path, number=1, column=3)
    assert tab.var(S, "edit_value") == ""
    with cast.bob.begin() as scope:
        enrichment.choose_layout(scope, id, revision=1, header_row=None)
    read_now(id)
    await tab.send(S.save_cell, path=path, form={"value": "Acme"})
    assert "changed meanwhile" in tab.text()
    assert (tab.var(S, "editing"), cell(cast.alice, id, 1, 3)) == ("", "Firma")
    assert tab.failures == []


async def test_a_choice_of_columns_stays_over_what_somebody_else_applied(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    tab, path = await opened(driver, cast.alice, id), f"/enrichments/{id}"
    await tab.send(S.set_field, path=path, position=3, field="")
    map_notes(cast.bob, id, "job_title")
    await tab.send(S.apply_mapping, path=path)
    assert "changed meanwhile" in tab.text()
    assert list_row(id).mapping["3"] == "company_name"  # type: ignore[arg-type]
    fields = {line["name"]: line["field"] for line in tab.var(S, "columns")}
    assert (fields["Firma"], fields["Notes"]) == ("", "job_title"), "the own choice, and the other's"
    assert (tab.var(S, "mapping_dirty"), tab.var(S, "applying")) == (True, False)
    await tab.send(S.apply_mapping, path=path)
    mapping = list_row(id).mapping  # type: ignore[arg-type]
    assert ("3" in mapping, mapping["4"]) == (False, "job_title")
    assert tab.failures == []


async def test_a_choice_is_forgotten_when_the_columns_are_others(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    tab, path = await opened(driver, cast.alice, id), f"/enrichments/{id}"
    await tab.send(S.set_field, path=path, position=4, field="job_title")
    with cast.bob.begin() as scope:
        enrichment.choose_layout(scope, id, revision=1, header_row=2)
    read_now(id)
    await tab.send(S.load, path=path)
    assert tab.var(S, "mapping_dirty") is False


async def test_a_list_is_started_only_at_the_price_that_was_shown(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    await tab.send(S.ask_start, path=path)
    edit(cast.bob, id, 1, 0, "robin@example.com")
    await tab.send(S.load, path=path)  # the page has looked again meanwhile
    assert tab.var(S, "confirming_start") is False, "the dialog with the former price is gone"
    assert tab.var(S, "quote")["rows"] == "121"
    await tab.send(S.ask_start, path=path)
    edit(cast.bob, id, 2, 0, "broken")
    await tab.send(S.start, path=path)
    assert list_row(id).run_job_id is None  # type: ignore[arg-type]
    assert (tab.var(S, "quote")["rows"], tab.var(S, "confirming_start")) == ("120", False)
    await tab.send(S.ask_start, path=path)
    await tab.send(S.start, path=path)
    assert balance_of(cast.alice) == (Decimal(70), Decimal(30))


async def test_a_page_that_is_behind_asks_about_the_list_as_it_is(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    edit(cast.bob, id, 1, 0, "robin@example.com")
    await tab.send(S.ask_start, path=path)
    assert (tab.var(S, "quote")["rows"], tab.var(S, "confirming_start")) == ("121", True)
    await tab.send(S.start, path=path)
    assert balance_of(cast.alice) == (Decimal("69.75"), Decimal("30.25"))


async def test_cells_are_counted_again_before_others_are_replaced(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    form = {"replace-column": "3", "replace-find": "Acme", "replace-with": "Apex"}
    await tab.send(S.set_replacing, path=path, is_open=True)
    await tab.send(S.replace, path=path, form=form)
    assert tab.var(S, "replace_count") == "120"
    edit(cast.bob, id, 1, 3, "Acme Typo")
    await tab.send(S.replace, path=path, form=form)
    assert cell(cast.alice, id, 2, 3) == "Acme 0"
    assert tab.var(S, "replace_count") == "121"
    assert "counted again" in tab.var(S, "replace_error")
    await tab.send(S.replace, path=path, form=form)
    assert "121 cells were changed" in tab.text()
    assert (cell(cast.alice, id, 2, 3), tab.var(S, "replacing")) == ("Apex 0", False)


async def test_a_page_that_rests_shows_what_others_change(
    driver, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    await watch(tab, path, monkeypatch)
    assert "elsewhere" not in tab.text()
    await watch(tab, path, monkeypatch, lambda: edit(cast.bob, id, 1, 0, "robin@example.com"))
    assert tab.var(S, "rows")[0]["cells"][0]["text"] == "robin@example.com"
    assert tab.var(S, "card")["counts"]["valid"] == "121"
    assert tab.text().count("was changed elsewhere") == 1


async def test_a_page_that_rests_follows_a_start_and_a_deletion(
    driver, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=price"
    tab = await opened(driver, cast.alice, id, "?step=price")
    await tab.send(S.ask_start, path=path)
    await watch(tab, path, monkeypatch, lambda: start(cast.bob, id))
    assert (tab.var(S, "card")["phase"], tab.var(S, "step"), tab.var(S, "confirming_start")) == (
        "working", "result", False
    )  # fmt: skip
    assert tab.text().count("was started elsewhere") == 1
    unused = upload(cast.alice, tmp_path, HEADER + PEOPLE, "other.csv")
    path = f"/enrichments/{unused}?step=rows"
    await tab.send(S.load, path=path)

    def delete() -> None:
        with cast.bob.begin() as scope:
            enrichment.delete_files(scope, unused)

    await watch(tab, path, monkeypatch, delete)
    assert (tab.var(S, "card")["phase"], tab.var(S, "status")) == ("deleted", "ready")


async def test_a_page_is_not_told_of_what_it_did_itself(
    driver, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    await type_into(tab, path, 1, 0, "robin@example.com")
    await watch(tab, path, monkeypatch)
    await tab.send(S.set_field, path=path, position=4, field="job_title")
    await tab.send(S.apply_mapping, path=path)
    await watch(tab, path, monkeypatch, lambda: read_now(id))
    assert tab.var(S, "card")["phase"] == "preparing"
    await tab.send(S.ask_start, path=path)
    await tab.send(S.start, path=path)
    await watch(tab, path, monkeypatch)
    assert tab.var(S, "card")["phase"] == "working"
    assert "elsewhere" not in tab.text()

"""A list from the drop to its mapping: what is understood of it, mapped and explained."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from cursive_app.services.enrichment.fields import NOBODY
from state.enrichment import EnrichmentState as S
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import list_row
from tests.state.lists import COMPANIES, UNTIDY, opened, read_now, upload


async def test_a_list_is_read_then_understood(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY, read=False)
    tab = await opened(driver, cast.alice, id)
    assert (tab.var(S, "status"), tab.var(S, "card")["phase"]) == ("ready", "reading")
    read_now(id)
    await tab.send(S.load, path=f"/enrichments/{id}?step=file")
    assert tab.var(S, "card")["phase"] == "preparing"
    assert tab.var(S, "layout")["header"] == "Row 1"
    assert tab.var(S, "raw_rows")[0]["cells"][0] == "E-mail"
    await tab.send(S.load, path=f"/enrichments/{id}")
    assert tab.var(S, "step") == "columns"
    columns = {line["name"]: line for line in tab.var(S, "columns")}
    assert (columns["E-mail"]["field"], columns["Notes"]["field"]) == ("email", "")
    assert columns["Firma"]["guess"] == "A known word for it"
    assert len(columns["First name"]["samples"]) <= 3
    assert tab.var(S, "card")["counts"] == {
        "all": "122", "valid": "120", "invalid": "1", "duplicate": "1", "owned": "0",
        "matched": "0", "no_match": "0", "skipped": "0", "error": "0", "unmatched": "0",
        "answered": "–", "at_provider": "–", "not_sent": "–",
    }  # fmt: skip


async def test_a_mapping_is_a_draft_that_explains_its_conflicts(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    tab, path = await opened(driver, cast.alice, id), f"/enrichments/{id}"
    await tab.send(S.set_field, path=path, position=4, field="email")
    told = {line["name"]: line["conflict"] for line in tab.var(S, "columns") if line["conflict"]}
    assert set(told) == {"E-mail", "Notes"}
    assert "“E-mail”" in told["Notes"]
    assert tab.var(S, "mapping_conflict") is True
    assert list_row(id).mapping["0"] == "email"  # type: ignore[arg-type]
    await tab.send(S.set_field, path=path, position=4, field="job_title")
    assert tab.var(S, "mapping_conflict") is False
    await tab.send(S.apply_mapping, path=path)
    assert list_row(id).mapping["4"] == "job_title"  # type: ignore[arg-type]
    read_now(id)
    await tab.send(S.load, path=path)
    assert tab.var(S, "mapping_dirty") is False
    notes = next(line for line in tab.var(S, "columns") if line["name"] == "Notes")
    assert (notes["field"], notes["guess"]) == ("job_title", "Chosen by you")
    await tab.send(S.set_field, path=path, position=4, field="no such field")
    assert tab.var(S, "mapping_dirty") is False


async def test_a_wide_list_begins_with_the_columns_that_are_looked_up(driver, cast: Cast, tmp_path: Path) -> None:
    others = [f"Score {n}" for n in range(70)]
    lines = [",".join(["Name", *others, "E-mail"])]
    lines += [",".join([f"Dana {n}", *("1" for _ in others), f"dana{n}@acme.example"]) for n in range(3)]
    id = upload(cast.alice, tmp_path, "\n".join(lines))
    tab, path = await opened(driver, cast.alice, id), f"/enrichments/{id}?step=columns"

    def names() -> list[str]:
        return [line["name"] for line in tab.var(S, "columns")]

    assert tab.var(S, "column_counts") == {"mapped": "2", "kept": "70", "all": "72"}
    assert (tab.var(S, "column_view"), names()) == ("mapped", ["Name", "E-mail"])
    await tab.send(S.show_columns, path=path, view="kept")
    assert (len(names()), names()[0]) == (60, "Score 0")
    assert tab.var(S, "more_columns").startswith("10 more columns")
    await tab.send(S.set_field, path=path, position=1, field="job_title")
    assert names()[0] == "Score 0", "it stays where it is until the mapping is applied"
    await tab.send(S.find_column, path=path, words="mail")
    assert (names(), tab.var(S, "more_columns")) == (["E-mail"], "")
    await tab.send(S.find_column, path=path, words="")
    await tab.send(S.show_columns, path=path, view="all")
    assert names()[0] == "Name"
    await tab.send(S.show_columns, path=path, view="no such view")
    assert (tab.var(S, "column_view"), names()) == ("mapped", ["Name", "Score 0", "E-mail"])
    await tab.send(S.set_field, path=path, position=71, field="")
    assert tab.var(S, "column_view") == "all", "nothing names people: every column may be the one"


async def test_companies_without_people_are_explained_and_never_charged(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = upload(cast.alice, tmp_path, COMPANIES, "companies.csv")
    tab = await opened(driver, cast.alice, id)
    assert tab.var(S, "identifies") is False
    assert tab.var(S, "card")["why_not"] == NOBODY
    await tab.send(S.load, path=f"/enrichments/{id}?step=price")
    assert NOBODY in tab.var(S, "quote")["why_not"]
    await tab.send(S.ask_start, path=f"/enrichments/{id}?step=price")
    assert not tab.var(S, "confirming_start")
    await tab.send(S.start, path=f"/enrichments/{id}?step=price")
    assert balance_of(cast.alice) == (Decimal(100), Decimal(0))
    assert list_row(id).run_job_id is None  # type: ignore[arg-type]

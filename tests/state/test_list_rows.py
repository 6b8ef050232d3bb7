"""The rows of a list on its page: cells mended in place, find and replace."""

from __future__ import annotations

from pathlib import Path

from db.roles import Role
from state.enrichment import EnrichmentState as S
from tests.factories import Cast, make_member, make_user
from tests.factories_enrichment import list_row
from tests.state.lists import UNTIDY, opened, upload


async def test_a_cell_is_mended_in_place_and_taken_back(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows&view=problems"
    tab = await opened(driver, cast.alice, id, "?step=rows&view=problems")
    row = tab.var(S, "rows")[0]
    assert (row["number"], row["verdict"]) == (1, "Invalid")
    assert any(problem["column"] == "E-mail" and problem["fix"] for problem in row["problems"])
    assert row["cells"][0]["level"] == "error"
    await tab.send(S.start_edit, path=path, number=1, column=0)
    assert (tab.var(S, "editing"), tab.var(S, "edit_value")) == ("1-0", "broken(at)example.com")
    await tab.send(S.save_cell, path=path, form={"value": "robin@example.com"})
    assert tab.var(S, "card")["counts"]["valid"] == "121"
    assert "Undo" in tab.text()
    await tab.send(S.load, path=path)  # as after a reload
    assert tab.var(S, "last_change")["told"] == "Row 1, “E-mail” was changed"
    await tab.send(S.undo, path=path, revision=2)
    assert "1 cell is as before" in tab.text()
    assert tab.var(S, "card")["counts"]["valid"] == "120"
    await tab.send(S.start_edit, path=path, number=1, column=0)
    await tab.send(S.stop_edit, path=path)
    assert tab.var(S, "editing") == ""


async def test_find_and_replace_says_how_many(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    form = {"replace-column": "0", "replace-find": "(at)", "replace-with": "@"}
    await tab.send(S.set_replacing, path=path, is_open=True)
    await tab.send(S.set_replace_find, path=path, text="(AT)")
    assert tab.var(S, "replace_count") == "0", "upper and lower case differ"
    await tab.send(S.set_replace_match_case, path=path, matches=False)
    assert tab.var(S, "replace_count") == "1"
    await tab.send(S.replace, path=path, form=form)
    assert "changed" not in tab.text(), "what was typed since is counted first"
    assert (tab.var(S, "replace_count"), list_row(id).revision) == ("1", 1)  # type: ignore[arg-type]
    await tab.send(S.replace, path=path, form=form)
    assert "1 cell was changed" in tab.text()
    assert tab.var(S, "card")["counts"]["invalid"] == "0"
    assert (tab.var(S, "replacing"), tab.var(S, "replace_pending")) == (False, False)
    await tab.send(S.replace, path=path, form=form)
    assert list_row(id).revision == 2, "a second press finds the dialog closed"  # type: ignore[arg-type]
    await tab.send(S.set_replacing, path=path, is_open=True)
    await tab.send(S.replace, path=path, form=form)
    assert tab.var(S, "replace_count") == "0"
    await tab.send(S.set_replace_column, path=path, column="77")
    assert "no such column" in tab.var(S, "replace_error")


async def test_a_new_text_that_was_just_typed_needs_no_second_press(driver, cast: Cast, tmp_path: Path) -> None:
    """The browser sends what is typed a moment later; whoever is quicker has seen how many cells it is about."""
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    await tab.send(S.set_replacing, path=path, is_open=True)
    await tab.send(S.set_replace_column, path=path, column="3")
    await tab.send(S.set_replace_find, path=path, text="Acme")
    assert tab.var(S, "replace_count") == "120"
    form = {"replace-column": "3", "replace-find": "Acme", "replace-with": "Acme"}
    await tab.send(S.replace, path=path, form=form)
    assert (tab.var(S, "replace_count"), list_row(id).revision) == ("0", 1), "another number is shown first"  # type: ignore[arg-type]
    await tab.send(S.set_replace_with, path=path, text="")
    await tab.send(S.replace, path=path, form=form | {"replace-with": "Apex"})
    assert "120 cells were changed" in tab.text()


async def test_a_replacement_is_undone_in_one_tab_and_refused_in_the_other(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    assert tab.var(S, "last_change")["told"] == ""
    form = {"replace-column": "3", "replace-find": "Acme", "replace-with": "Apex"}
    await tab.send(S.set_replacing, path=path, is_open=True)
    for _ in range(2):
        await tab.send(S.replace, path=path, form=form)
    assert ("120 cells were changed" in tab.text(), "Undo" in tab.text()) == (True, True)
    other = await opened(driver, cast.bob, id, "?step=rows")
    assert other.var(S, "last_change")["told"] == "120 cells of “Firma” were changed"
    reader = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    for stranger in (await opened(driver, reader, id, "?step=rows"), await opened(driver, cast.charlie, id)):
        await stranger.send(S.undo, path=path, revision=2)
    assert list_row(id).revision == 2  # type: ignore[arg-type]
    await tab.send(S.undo, path=path, revision=2)
    assert "120 cells are as before" in tab.text()
    await tab.send(S.load, path=path)
    assert tab.var(S, "last_change")["told"] == ""
    assert tab.var(S, "rows")[1]["cells"][3]["text"] == "Acme 0"
    await other.send(S.undo, path=path, revision=2)
    assert "changed meanwhile" in other.text()
    assert (other.var(S, "undoing"), list_row(id).revision) == (False, 3)  # type: ignore[arg-type]


WIDE = (
    "E-mail,First name,Last name,Company,Website,Phone,LinkedIn URL,Job title,Address,City,State,Zip,Industry,"
    + ",".join(f"Extra {n}" for n in range(20))
    + "\n"
)


async def test_every_mapped_column_and_every_one_with_a_problem_can_be_seen_and_mended(
    driver, cast: Cast, tmp_path: Path
) -> None:
    cells = ["a@b.example", "Dana", "Test", "Acme", "acme.example", "5125550101", "", "VP", "1 Way", "Austin", "TX"]
    row = ",".join([*cells, "78701", "Software", *(f"x{n}" for n in range(20))]) + "\n"
    id = upload(cast.alice, tmp_path, WIDE + row.replace("x17", "x\x0017"))
    path = f"/enrichments/{id}?step=rows"
    tab = await opened(driver, cast.alice, id, "?step=rows")
    shown = [head["name"] for head in tab.var(S, "heads")]
    assert shown == [*WIDE.split(",")[:13], "Extra 17"], "13 mapped columns, and the one with a problem"
    cell = tab.var(S, "rows")[0]["cells"][-1]
    assert (cell["position"], cell["level"]) == (30, "error")
    assert tab.var(S, "hidden_columns").startswith("19 more columns are not shown here")
    assert "Find and replace" in tab.var(S, "hidden_columns")
    assert len(tab.var(S, "replace_options")) == 33, "every column"
    await tab.send(S.start_edit, path=path, number=1, column=30)
    await tab.send(S.save_cell, path=path, form={"value": "x17"})
    assert tab.var(S, "card")["counts"]["valid"] == "1"
    assert "Extra 17" in [head["name"] for head in tab.var(S, "heads")], "what was changed stays in sight"
    form = {"replace-column": "14", "replace-find": "x1", "replace-with": "y"}
    await tab.send(S.set_replacing, path=path, is_open=True)
    for _ in range(2):
        await tab.send(S.replace, path=path, form=form)
    assert "1 cell was changed" in tab.text()

"""What the address of a list shows, and to whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.roles import Role
from state.enrichment import EnrichmentState as S
from tests.factories import Cast, make_member, make_user
from tests.factories_enrichment import list_row, make_list, unknown_line
from tests.state.lists import UNTIDY, opened, upload


async def test_a_reader_looks_and_a_stranger_finds_nothing(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    reader = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    tab = await opened(driver, reader, id, "?step=rows")
    assert tab.var(S, "card")["may_edit"] is False
    assert len(tab.var(S, "rows")) == 50
    before = list_row(id).revision  # type: ignore[arg-type]
    for handler, payload in ((S.choose_header, {"row": 2}), (S.replace, {"form": {}}), (S.start, {}), (S.stop, {})):
        await tab.send(handler, path=f"/enrichments/{id}", **payload)
    assert list_row(id).revision == before  # type: ignore[arg-type]
    assert list_row(id).run_job_id is None  # type: ignore[arg-type]
    stranger = await opened(driver, cast.charlie, id, "?step=rows")
    assert stranger.var(S, "status") == "error"
    assert "does not exist" in stranger.var(S, "error")
    assert "dana3" not in str(stranger.state)


async def test_another_list_shows_nothing_of_the_one_before(driver, cast: Cast, tmp_path: Path) -> None:
    id = upload(cast.alice, tmp_path, UNTIDY)
    tab = await opened(driver, cast.alice, id, "?step=rows")
    assert tab.var(S, "rows")
    await tab.send(S.load, path=f"/enrichments/{cast.workspace_id}?step=rows")
    assert (tab.var(S, "status"), tab.var(S, "rows"), tab.var(S, "card")["filename"]) == ("error", [], "")


@pytest.mark.parametrize("tail", ["?step=rows&cursor=x", "?step=%00&view=%27", "/../..", "?view=matched&cursor=%FF"])
async def test_a_bad_address_of_a_list_is_explained(driver, cast: Cast, tail: str) -> None:
    id = make_list(cast.alice, [unknown_line(1)])
    tab = await opened(driver, cast.alice, f"{id}", tail)
    assert tab.var(S, "status") in ("error", "ready")
    assert "eference" not in tab.text()

"""Cells of one list corrected by several programs, or by a program beside a page."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from cursive_app.api.app import create
from tests.api.client import browser
from tests.api.test_enrichments_api import CSV, PATH, read, spool
from tests.factories import Cast

__all__ = ["spool"]


@pytest.fixture
def cast_clients(cast: Cast) -> tuple[TestClient, TestClient, TestClient]:
    app = create()
    return browser(app, cast.alice), browser(app, cast.bob), browser(app, cast.charlie)


def test_of_two_who_correct_one_list_only_the_same_cell_is_told(
    cast_clients: tuple[TestClient, TestClient, TestClient],
) -> None:
    alice, bob, stranger = cast_clients
    id = alice.post(PATH, params={"filename": "a.csv"}, content=CSV).json()["id"]
    read(id)

    def correct(who: TestClient, column: int, value: str, **given: Any) -> Any:
        return who.patch(f"{PATH}/{id}/rows/1", json={"revision": 1, "column": column, "value": value, **given})

    assert correct(alice, 1, "Diana", seen="Dana").status_code == 200
    assert correct(bob, 2, "a note", seen="=1+1").status_code == 200, "another cell"
    late = correct(bob, 1, "Danielle", seen="Dana")
    assert (late.status_code, late.json()["reason"]) == (409, "stale_cell")
    assert "“Diana”" in late.json()["detail"]
    assert correct(bob, 1, "Danielle").json()["reason"] == "stale_version", "without what was seen, as before"
    assert correct(bob, 1, "x", seen=7).status_code == 422
    assert correct(stranger, 1, "x", seen="Diana").status_code == 404
    assert alice.get(f"{PATH}/{id}/rows").json()["rows"][0]["cells"] == ["dana@acme.example", "Diana", "a note"]

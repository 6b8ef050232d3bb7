"""The staff's pages look again by themselves: how often, when not, and without moving a row (JOB-07)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from cursive_app.services import jobs
from state import admin_base
from state.admin_base import AdminLiveState
from state.admin_jobs import AdminJobsState as Jobs
from tests.factories import Cast
from tests.factories_admin import of
from tests.factories_jobs import make_job
from tests.state.admin import as_staff, at


async def test_rows_are_renewed_in_place_and_new_ones_announced(
    driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(cast.alice, total=10)
    tab = driver(as_staff(cast.bob))
    path = at(of(cast.alice))
    await tab.send(Jobs.load, path=path)
    await tab.send(AdminLiveState.set_every, path=path, value="1")
    claimed = jobs.claim(job.id)
    assert claimed is not None
    make_job(cast.alice)
    with cast.alice.begin() as scope:
        jobs.advance(scope, claimed, processed=5)
    _rounds(monkeypatch, 2)
    with suppress(asyncio.CancelledError):
        await tab.send(Jobs.follow, path=path)
    assert [(row["id"], row["done"]) for row in tab.var(Jobs, "rows")] == [(str(job.id), "5 of 10")]
    assert tab.var(Jobs, "newer") == "1 new job. Show"


@pytest.mark.parametrize("quiet", ["off", "hidden"])
async def test_nothing_is_asked_while_nobody_looks(
    driver, cast: Cast, monkeypatch: pytest.MonkeyPatch, quiet: str
) -> None:
    tab = driver(as_staff(cast.bob))
    path = at(of(cast.alice))
    await tab.send(Jobs.load, path=path)
    await tab.send(AdminLiveState.set_every, path=path, value="0" if quiet == "off" else "1")
    await tab.send(AdminLiveState.set_hidden, path=path, hidden=quiet == "hidden")
    asked: list[Any] = []

    async def count(question: Any) -> Any:
        asked.append(question)

    monkeypatch.setattr(admin_base, "as_staff", count)
    _rounds(monkeypatch, 3)
    with suppress(asyncio.CancelledError):
        await tab.send(Jobs.follow, path=path)
    assert asked == []


@pytest.mark.parametrize("value", ["0.01", "-1", "", "1e9"])
async def test_the_refresh_cannot_be_made_faster_than_offered(driver, cast: Cast, value: str) -> None:
    tab = driver(as_staff(cast.bob))
    await tab.send(AdminLiveState.set_every, path="/admin/jobs", value="10")
    await tab.send(AdminLiveState.set_every, path="/admin/jobs", value=value)
    assert tab.var(AdminLiveState, "every") == "5"


def _rounds(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    rounds = iter(range(number))

    async def few() -> None:
        if next(rounds, None) is None:
            raise asyncio.CancelledError  # as when the page is left

    monkeypatch.setattr(admin_base, "_second", few)

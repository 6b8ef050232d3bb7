"""A page that looks again by itself reads ids from its state. Here that state is Alice's and the events are Charlie's,
as if the gate had not cleared the tab: the services still refuse, and nothing of hers is sent (T14)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from reflex.istate.manager.memory import StateManagerMemory
from reflex.state import State

from cursive_app import policy
from state import base, credits, enrichment, enrichments, jobs, segment_looking, segment_running, segments
from tests.factories import Cast
from tests.state.driver import Tab, driver, sign_in
from tests.state.test_tenancy_walk import all_handlers
from tests.state.victim import Victim, engine, victim

__all__ = ["driver", "engine", "victim"]

PATIENCE = 100


def nothing(_: Any) -> None:
    """The page looks again as it is."""


def list_is_worked_on(page: Any) -> None:
    page.card = replace(plain(page.card), phase="working")


def lists_are_worked_on(page: Any) -> None:
    page.rows = [replace(plain(row), moving=True) for row in page.rows]


def jobs_look_older(page: Any) -> None:
    page.rows = [replace(plain(row), status="processing", title="") for row in page.rows]


def edit_is_unsaved(page: Any) -> None:
    page.dirty = page._keeps_filter = True


def plain(value: Any) -> Any:
    return getattr(value, "__wrapped__", value)


@dataclass(frozen=True)
class Loop:
    """A page with ids of Alice's in its address, what must be so for it to look again, whether that shows her words."""

    path: str
    stir: Callable[[Any], None] = nothing
    shows: bool = True


BUILDER = "/segments/{segment_id}?run={run_id}"
LOOPS = {
    "JobsState.follow": Loop("/jobs?job={job_id}", jobs_look_older),
    "CreditsState.follow": Loop("/credits", shows=False),
    "SegmentsState.follow": Loop("/segments"),
    "SegmentBuilderState.follow": Loop(BUILDER, shows=False),
    "SegmentBuilderState.settle": Loop(BUILDER, edit_is_unsaved, shows=False),
    "EnrichmentsState.follow": Loop("/enrichments", lists_are_worked_on),
    "EnrichmentState.follow": Loop("/enrichments/{enrichment_id}", list_is_worked_on),
}
WITHOUT_IDS = {"SessionState.watch", "NoticesState.follow", "SegmentBuilderState.take_sample"}
"""They ask for the person's own session and notices (tests/state/test_session.py, tests/state/test_notices.py), and the
provider for people who fit the filter."""


def loops() -> dict[str, tuple[Any, Any]]:
    """Every looping handler of a customer's page. Those of staff look at all workspaces, and end for anybody else."""
    found = {
        f"{state.__name__}.{name}": (state, handler) for state, name, handler in all_handlers() if handler.is_background
    }
    return {name: value for name, value in found.items() if not name.startswith("Admin")}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which services a page asks when it looks again, which it does at once; after the first look the page is left."""
    asked: list[str] = []
    rounds = iter(range(PATIENCE))

    async def pause(_: float) -> None:
        if asked or next(rounds, None) is None:
            raise asyncio.CancelledError  # as when the page is left

    real = base.transact

    async def look(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        asked.append(fn.__name__)
        return await real(fn, *args, **kwargs)

    for module in (credits, enrichment, enrichments, jobs, segment_looking, segment_running, segments):
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=pause))
        monkeypatch.setattr(module, "transact", look)
    return asked


def test_every_loop_is_walked() -> None:
    assert set(loops()) == set(LOOPS) | WITHOUT_IDS


def stir(tab: Tab, state: Any, loop: Loop) -> None:
    """Change what the server holds of the page, without the browser being told."""
    context = tab.processor._root_context
    assert context is not None
    manager = context.state_manager
    assert isinstance(manager, StateManagerMemory)
    root = manager.states[tab.token]
    assert isinstance(root, State)
    loop.stir(root.get_substate(state.get_full_name().split(".")))
    root._clean()


async def follow_as(
    who: str, name: str, tab: Tab, victim: Victim, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Load the page as Alice, then let it look again for whoever has this cookie."""
    loop, (state, handler) = LOOPS[name], loops()[name]
    path = loop.path.format(**victim.ids)
    await tab.send(state.load, path)
    stir(tab, state, loop)

    async def keep(*_: Any, **__: Any) -> None:
        """The gate binds the tab to nobody, and clears nothing."""

    monkeypatch.setattr(policy, "_bind", keep)
    tab.cookie = who
    tab.state.clear()
    tab.events.clear()
    looks.clear()
    with suppress(asyncio.CancelledError):
        await tab.send(handler, path)
    assert looks, "the page never looked again"


@pytest.mark.parametrize("name", LOOPS)
async def test_a_loop_over_anothers_ids_shows_and_changes_nothing(
    driver: Callable[..., Tab], cast: Cast, victim: Victim, looks: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    tab, before = driver(sign_in(cast.alice)), victim.fingerprint()
    await follow_as(sign_in(cast.charlie), name, tab, victim, looks, monkeypatch)
    assert victim.said_in(str(tab.state) + tab.text()) == []
    assert victim.fingerprint() == before


@pytest.mark.parametrize("name", [name for name, loop in LOOPS.items() if loop.shows])
async def test_the_walk_would_notice(
    driver: Callable[..., Tab], cast: Cast, victim: Victim, looks: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Alice herself is shown her words by the same loop."""
    tab = driver(sign_in(cast.alice))
    await follow_as(tab.cookie, name, tab, victim, looks, monkeypatch)
    assert victim.said_in(str(tab.state) + tab.text()) != []

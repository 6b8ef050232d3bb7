"""The events that Reflex itself answers stand before no handler of ours: what they can do, anybody can do (row 94).

They are listed here, so that a release of Reflex with another one is noticed; those that write vars by name are refused
or write nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex_base.registry import RegistrationContext

from state.segments import SegmentsState
from state.session import SessionState
from tests.factories import Cast
from tests.factories_segments import make_segment
from tests.state.driver import Tab, driver, sign_in

__all__ = ["driver"]

PER_EVENT = {"is_hydrated", "router_data"}
KNOWN = {
    ("FrontendEventExceptionState", "handle_frontend_exception"), ("OnLoadInternalState", "on_load_internal"),
    ("OnLoadInternalState", "set_is_hydrated"), ("State", "hydrate"), ("State", "hydrate_and_load"),
    ("State", "set_is_hydrated"), ("UpdateVarsInternalState", "update_vars_internal"),
}  # fmt: skip


def frameworks() -> dict[str, Any]:
    """Every event of Reflex's own states, by its wire name."""
    import cursive_app.cursive_app  # noqa: F401  (registers every state)

    found = RegistrationContext.get().event_handlers
    return {name: one for name, one in found.items() if not one.states[0].is_user_defined()}


def vars_of(tab: Tab) -> dict[str, dict[str, Any]]:
    """Everything the server holds of the tab, private vars included, but where it is and whether it has loaded."""
    context = tab.processor._root_context
    assert context is not None
    manager = context.state_manager
    assert isinstance(manager, StateManagerMemory)
    held: dict[str, dict[str, Any]] = {}

    def note(state: rx.State) -> None:
        names = [name for name in type(state).get_fields() if name not in PER_EVENT and not name.startswith("rx_")]
        held[state.get_full_name()] = {name: str(getattr(state, name)) for name in names}
        for child in state.substates.values():
            note(child)  # type: ignore[arg-type]

    note(manager.states[tab.token])  # type: ignore[arg-type]
    return held


def test_reflex_answers_these_events_itself() -> None:
    named = {(one.states[0].__name__, name.rpartition(".")[2]) for name, one in frameworks().items()}
    assert {one for one in named if one[1] != "setvar"} == KNOWN


@pytest.fixture
async def tab(driver: Callable[..., Tab], cast: Cast) -> Tab:
    make_segment(cast.charlie)
    opened = driver(sign_in(cast.charlie))
    await opened.send(SegmentsState.load, "/segments")
    return opened


async def test_no_event_of_reflex_sets_a_var_by_its_name(tab: Tab, cast: Cast) -> None:
    before = vars_of(tab)
    session, rows = SessionState.get_full_name(), SegmentsState.get_full_name()
    hers = str(cast.alice.workspace_id)
    for name in [one for one in frameworks() if one.endswith(".setvar")]:
        for var in ("is_hydrated", "workspace_id", "_bound", "rows"):
            await tab.post(name, "/segments", {"var_name": var, "value": hers})
    for name in ("hydrate_and_load", "update_vars_internal"):
        wire = next(one for one in frameworks() if one.endswith(f".{name}"))
        for var in (f"{session}.workspace_id", f"{session}._bound", f"{rows}.rows", f"{session}.is_staff"):
            await tab.post(wire, "/docs", {"vars": {var: hers, f"{var}_rx_state_": hers}})
    assert vars_of(tab) == before


@pytest.mark.parametrize(
    "payload",
    [
        {"vars": {"nowhere.at_all": 1}}, {"vars": {"": 1}}, {"vars": {"a" * 100_000: 1}}, {"vars": "text"}, {"vars": 7},
        {"vars": {}, "more": 1}, {},
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["update_vars_internal", "hydrate_and_load"])
async def test_vars_that_there_are_not_are_refused_and_are_no_defect(
    tab: Tab, name: str, payload: dict[str, Any]
) -> None:
    """The driver raises defects."""
    before = vars_of(tab)
    wire = next(one for one in frameworks() if one.endswith(f".{name}"))
    await tab.post(wire, "/docs", payload)
    assert vars_of(tab) == before


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("set_is_hydrated", {"value": "x" * 100_000}), ("set_is_hydrated", {}), ("setvar", {"var_name": 7}),
        ("setvar", {"var_name": "nothing", "value": 1}), ("handle_frontend_exception", {"info": 7}),
        ("on_load_internal", {"unknown": 1}),
    ],
)  # fmt: skip
async def test_wrong_arguments_of_reflexs_events_are_refused(tab: Tab, name: str, payload: dict[str, Any]) -> None:
    before = vars_of(tab)
    for wire in [one for one in frameworks() if one.endswith(f".{name}")]:
        await tab.post(wire, "/docs", payload)
    assert vars_of(tab) == before

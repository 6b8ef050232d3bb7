"""What page events refuse stands in the trail: by the gate, by a service, and when a handler shows it itself (T15)."""

from __future__ import annotations

from typing import Any

from db.roles import Role
from state.api_keys import ApiKeysState
from state.segments import SegmentsState
from state.session import SessionState
from tests.factories import Cast, make_member, make_user
from tests.factories_segments import make_segment
from tests.services.test_refusals import refused
from tests.state.driver import driver, sign_in

__all__ = ["driver"]


def written(tenant: Any) -> set[tuple[str, str, str | None]]:
    return {(entry.action, entry.object_type, entry.object_id) for entry in refused(tenant)}


async def test_an_admin_action_by_a_member(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.bob))
    for _ in range(3):
        await tab.send(ApiKeysState.create, path="/settings/api-keys", form={"name": "x"})
    await tab.send(ApiKeysState.load, path="/settings/api-keys")  # the handler itself shows this one
    assert written(cast.bob) == {
        ("refused.ApiKeysState.create", "permission", "keys:write"),
        ("refused.list_api_keys", "permission", "keys:write"),
    }
    assert len(refused(cast.bob)) == 2
    assert {entry.actor_label for entry in refused(cast.bob)} == {"Bob"}


async def test_a_staff_handler_of_nobody(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.bob))
    await tab.send(f"{SegmentsState.get_full_name()}.setvar", var_name="status", value="ready")
    assert written(cast.bob) == {("refused.SegmentsState.setvar", "permission", "None")}


async def test_ids_of_another_workspace(driver: Any, cast: Cast) -> None:
    segment = make_segment(cast.alice)
    tab = driver(sign_in(cast.charlie))
    await tab.send(SegmentsState.set_status, path="/segments", segment_id=str(segment.id), status="archived")
    await tab.send(SessionState.switch, workspace_id=str(cast.workspace_id))
    assert written(cast.charlie) == {
        ("refused.set_status", "saved_segments", str(segment.id)),
        ("refused.switch_workspace", "workspaces", str(cast.workspace_id)),
    }
    assert refused(cast.alice) == []


async def test_a_reader_and_a_colleagues_segment(driver: Any, cast: Cast) -> None:
    segment = make_segment(cast.alice)
    viewer = make_member(cast.workspace_id, make_user("Vera"), Role.READ_ONLY)
    for tenant in (viewer, cast.bob):
        tab = driver(sign_in(tenant))
        await tab.send(SegmentsState.set_status, path="/segments", segment_id=str(segment.id), status="archived")
    assert {entry.actor_label for entry in refused(cast.alice)} == {"Vera", "Bob"}


async def test_visitors_and_allowed_events_leave_nothing(driver: Any, cast: Cast) -> None:
    visitor = driver()
    await visitor.send(ApiKeysState.load, path="/settings/api-keys")
    tab = driver(sign_in(cast.alice))
    await tab.send(ApiKeysState.load, path="/settings/api-keys")
    assert refused(cast.alice) == []

"""A double click on a button that makes or ends something does it once, and says so once."""

from __future__ import annotations

from typing import Any

from cursive_app.services.accounts import list_api_keys
from cursive_app.services.accounts.api_keys import create_api_key
from db.models.accounts import Membership
from db.system import system_scope
from state.api_keys import ApiKeysState
from state.segments import SegmentsState
from state.team import TeamState
from state.workspace import WorkspaceState
from tests.factories import Cast
from tests.factories_accounts import PASSWORD, give_password
from tests.factories_segments import make_segment
from tests.state.driver import sign_in


async def test_one_key_is_made_and_its_secret_shown(driver: Any, cast: Cast) -> None:
    give_password(cast.alice.user_id)
    tab = driver(sign_in(cast.alice))
    await tab.send(ApiKeysState.load)
    form = {"name": "Sync", "scope_leads:read": True, "password": PASSWORD}
    await tab.send(ApiKeysState.show_create, open_=True)
    await tab.send(ApiKeysState.create, form=form)
    shown = tab.var(ApiKeysState, "new_key")
    await tab.send(ApiKeysState.create, form=form)
    assert tab.var(ApiKeysState, "new_key") == shown
    with cast.alice.begin() as scope:
        assert len(list_api_keys(scope)) == 1
    await tab.send(ApiKeysState.close_new, open_=False)
    await tab.send(ApiKeysState.create, form={**form, "name": "Another"})
    with cast.alice.begin() as scope:
        assert len(list_api_keys(scope)) == 2


async def test_a_key_is_rotated_and_revoked_once(driver: Any, cast: Cast) -> None:
    give_password(cast.alice.user_id)
    with cast.alice.begin() as scope:
        old = create_api_key(scope, name="Sync", scopes=["leads:read"])
    tab = driver(sign_in(cast.alice))
    await tab.send(ApiKeysState.load)
    await tab.send(ApiKeysState.ask_rotate, key_id=str(old.id))
    for _ in range(2):
        await tab.send(ApiKeysState.rotate, form={"overlap": "24", "rotate_days": "", "rotate_password": PASSWORD})
    assert tab.var(ApiKeysState, "errors") == {}
    await tab.send(ApiKeysState.ask_revoke, key_id=str(old.id))
    for _ in range(2):
        await tab.send(ApiKeysState.revoke)
    with cast.alice.begin() as scope:
        assert sorted(key.state for key in list_api_keys(scope)) == ["active", "revoked"]
    assert tab.failures == []


async def test_one_segment_is_deleted_and_one_member_removed_without_an_error(driver: Any, cast: Cast) -> None:
    made = make_segment(cast.alice)
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentsState.load, path="/segments")
    await tab.send(SegmentsState.ask_delete, path="/segments", segment_id=str(made.id))
    await tab.send(TeamState.load)
    await tab.send(TeamState.ask_remove, user_id=str(cast.bob.user_id))
    for _ in range(2):
        await tab.send(SegmentsState.delete, path="/segments")
        await tab.send(TeamState.remove)
    assert tab.failures == []
    assert tab.text().count("was deleted") == tab.text().count("no longer on the team") == 1


async def test_one_workspace_is_made(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.bob))
    await tab.send(WorkspaceState.show_create, open_=True)
    for _ in range(2):
        await tab.send(WorkspaceState.create, form={"workspace": "Second"})
    with system_scope() as scope:
        assert scope.session.query(Membership).filter_by(user_id=cast.bob.user_id).count() == 2

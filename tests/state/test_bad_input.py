"""Bad input through page events: a message beside the field it is about, and nothing changed (P12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cursive_app.services import segments
from cursive_app.services.accounts import list_api_keys, list_team, workspace_details
from state.account import AccountState
from state.api_keys import ApiKeysState
from state.leads import LeadsState
from state.segment_builder import SegmentBuilderState as Builder
from state.segments import SegmentsState
from state.team import TeamState
from state.workspace import WorkspaceState
from tests.factories import Cast
from tests.factories_accounts import PASSWORD, give_password
from tests.factories_credits import balance_of, fund
from tests.factories_leads import make_lead
from tests.factories_segments import make_segment
from tests.state.driver import Tab, sign_in

Driver = Callable[..., Tab]
HOSTILE = {
    "sql": "Robert'); DROP TABLE leads; --",
    "html": "<script>alert(1)</script>",
    "emoji": "👩🏽‍💻 Größe",
    "template": "{{7*7}} ${7*7} %s %_\\",
}
BROKEN = {
    "empty": "",
    "spaces": "   ",
    "NUL": "a\x00b",
    "half a character": "a\ud800b",
    "10,000 characters": "x" * 10_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_text_is_only_text(driver: Driver, cast: Cast, text: str) -> None:
    give_password(cast.alice.user_id)
    tab = driver(sign_in(cast.alice))
    segment, lead = make_segment(cast.alice), make_lead(cast.alice)
    await tab.send(SegmentsState.load, path="/segments")
    await tab.send(SegmentsState.ask_rename, path="/segments", segment_id=str(segment.id))
    await tab.send(SegmentsState.rename, path="/segments", form={"name": text})
    await tab.send(WorkspaceState.load, path="/settings/workspace")
    await tab.send(WorkspaceState.save, path="/settings/workspace", form={"name": text, "timezone": "UTC"})
    await tab.send(ApiKeysState.load, path="/settings/api-keys")
    form = {"name": text, "scope_leads:read": True, "password": PASSWORD}
    await tab.send(ApiKeysState.create, path="/settings/api-keys", form=form)
    await tab.send(AccountState.load, path="/settings/account")
    await tab.send(AccountState.save, path="/settings/account", form={"name": text, "timezone": "UTC"})
    with cast.alice.begin() as scope:
        assert segments.get_segment(scope, segment.id).name == text
        assert workspace_details(scope).name == text
        assert [key.name for key in list_api_keys(scope)] == [text]
    assert text in {member.name for member in list_team(cast.alice).members}
    await tab.send(LeadsState.load, path=f"/leads?q={text.replace('%', '%25').replace('#', '%23')}")
    assert tab.var(LeadsState, "status") in ("no_match", "ready")
    await tab.send(LeadsState.load, path=f"/leads?lead={lead}")
    assert tab.var(LeadsState, "status") == "ready"


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
async def test_broken_text_is_refused_beside_its_field(driver: Driver, cast: Cast, text: str) -> None:
    give_password(cast.alice.user_id)
    tab = driver(sign_in(cast.alice))
    segment = make_segment(cast.alice)
    with cast.alice.begin() as scope:
        name = workspace_details(scope).name
    await tab.send(SegmentsState.load, path="/segments")
    await tab.send(SegmentsState.ask_rename, path="/segments", segment_id=str(segment.id))
    await tab.send(SegmentsState.rename, path="/segments", form={"name": text})
    await tab.send(WorkspaceState.load, path="/settings/workspace")
    await tab.send(WorkspaceState.save, path="/settings/workspace", form={"name": text, "timezone": "UTC"})
    await tab.send(ApiKeysState.load, path="/settings/api-keys")
    form = {"name": text, "scope_leads:read": True, "password": PASSWORD}
    await tab.send(ApiKeysState.create, path="/settings/api-keys", form=form)
    await tab.send(TeamState.load, path="/settings/team")
    await tab.send(TeamState.invite, path="/settings/team", form={"email": text, "role": "member"})
    with cast.alice.begin() as scope:
        seen = segments.get_segment(scope, segment.id)
        assert (seen.name, seen.version) == (segment.name, 1)
        assert workspace_details(scope).name == name
        assert list_api_keys(scope) == ()
    assert list_team(cast.alice).invitations == ()
    assert not tab.failures or all(failure.message for failure in tab.failures)


@pytest.mark.parametrize(
    "payload",
    [
        {"path": "0", "value": "x" * 10_000}, {"path": "0", "value": "a\x00b"}, {"path": "0", "value": "Atlantis"},
        {"path": "99", "value": "TX"}, {"path": "0." * 60 + "0", "value": "TX"}, {"path": "", "value": "TX"},
        {"path": "' OR 1=1", "value": "TX"},
    ],
)  # fmt: skip
async def test_a_bad_value_changes_no_filter(driver: Driver, cast: Cast, payload: dict[str, Any]) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(Builder.load, path="/segments/new")
    await tab.post(Builder.add_row, "/segments/new", {"group": "", "field": "state"})
    await tab.post(Builder.add_value, "/segments/new", {"path": "0", "value": "TX"})
    before = tab.var(Builder, "sentence")
    await tab.post(Builder.add_value, "/segments/new", payload)
    assert tab.var(Builder, "sentence") == before == "People in the database whose state is Texas."
    assert tab.var(Builder, "status") == "ready"


async def test_events_with_the_wrong_arguments_do_nothing(driver: Driver, cast: Cast) -> None:
    segment = make_segment(cast.alice)
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentsState.load, path="/segments")
    for payload in (
        {"segment_id": str(segment.id)}, {"segment_id": 7, "status": "archived"},
        {"segment_id": str(segment.id), "status": ["archived"]}, {"segment_id": None, "status": "archived"},
        {"segment_id": str(segment.id), "status": "archived", "workspace_id": "x"},
        {"segment_id": str(segment.id), "status": "gone"}, {"segment_id": "not-a-uuid", "status": "archived"},
        {"segment_id": "x" * 10_000, "status": "archived"},
    ):  # fmt: skip
        await tab.post(SegmentsState.set_status, "/segments", payload)
    with cast.alice.begin() as scope:
        assert segments.get_segment(scope, segment.id).status == "active"


async def test_a_run_without_a_price_to_spend(driver: Driver, cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    segment = make_segment(cast.alice)
    where = f"/segments/{segment.id}"
    tab = driver(sign_in(cast.alice))
    await tab.send(Builder.load, path=where)
    for text in ("0", "0.00", "-5", "NaN", "1e400", "ten", "٠"):
        await tab.send(Builder.set_ceiling, path=where, text=text)
        assert tab.var(Builder, "ceiling_error"), text
    await tab.send(Builder.discard, path=where)  # what was typed would be kept with the draft
    with cast.alice.begin() as scope:
        segments.set_status(scope, segment.id, status="archived")
    fresh = driver(sign_in(cast.alice))
    await fresh.send(Builder.load, path=where)
    await fresh.send(Builder.start, path=where)
    assert "archived" in fresh.var(Builder, "quote_error") + fresh.text()
    assert balance_of(cast.alice) == (10, 0)

"""A page that is behind: what was done elsewhere meanwhile is said when it matters, and then the page is current."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cursive_app.errors import Conflict
from cursive_app.services import accounts, enrichment, segments
from cursive_app.services.jobs import admin
from db.roles import Role
from state.account import SessionsState
from state.admin_queues import AdminQueuesState
from state.api_keys import ApiKeysState
from state.enrichment import EnrichmentState
from state.segments import SegmentsState
from state.team import TeamState
from tests.factories import Cast, make_member, make_user
from tests.factories_admin import staff
from tests.factories_jobs import make_job
from tests.factories_segments import make_segment
from tests.state.admin import as_staff
from tests.state.driver import Tab, sign_in
from tests.state.lists import UNTIDY, opened, upload


def names(tab: Tab) -> list[str]:
    return [row["name"] for row in tab.var(SegmentsState, "rows")]


async def test_a_segment_that_is_gone_leaves_the_list(driver: Any, cast: Cast) -> None:
    acts = (
        (SegmentsState.set_status, {"status": "paused"}),
        (SegmentsState.duplicate, {}),
        (SegmentsState.ask_delete, {}),
        (SegmentsState.share, {"shared": False}),
    )
    made = [make_segment(cast.alice, name=f"Segment {n}") for n in range(len(acts))]
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentsState.load, path="/segments")
    for segment, (act, given) in zip(made, acts, strict=True):
        assert segment.name in names(tab)
        with cast.alice.begin() as scope:
            segments.delete_segment(scope, segment.id)
        await tab.send(act, path="/segments", segment_id=str(segment.id), **given)
        assert segment.name not in names(tab), act
    assert tab.failures == []


async def test_a_name_that_somebody_else_gave_is_shown_before_another_is_given(driver: Any, cast: Cast) -> None:
    segment = make_segment(cast.alice, name="Before")
    tab = driver(sign_in(cast.alice))
    await tab.send(SegmentsState.load, path="/segments")
    with cast.alice.begin() as scope:
        segments.update_segment(scope, segment.id, version=segment.version, name="Given in another tab")
    await tab.send(SegmentsState.ask_rename, path="/segments", segment_id=str(segment.id))
    await tab.send(SegmentsState.rename, path="/segments", form={"name": "Given here"})
    assert tab.var(SegmentsState, "name_refused")
    assert names(tab) == ["Given in another tab"]
    await tab.send(SegmentsState.ask_rename, path="/segments", segment_id=str(segment.id))
    await tab.send(SegmentsState.rename, path="/segments", form={"name": "Given here"})
    assert names(tab) == ["Given here"]


async def test_a_member_or_invitation_that_is_gone_leaves_the_page(driver: Any, cast: Cast) -> None:
    guest = make_member(cast.workspace_id, make_user("Gesa"), Role.MEMBER)
    accounts.invite(cast.alice, email="one@example.com", role="member")
    accounts.invite(cast.alice, email="two@example.com", role="member")
    tab = driver(sign_in(cast.alice))
    await tab.send(TeamState.load, path="/settings/team")
    for act in (TeamState.revoke, TeamState.resend):
        line = tab.var(TeamState, "invitations")[0]
        accounts.revoke_invitation(cast.alice, invitation_id=line["id"])
        await tab.send(act, path="/settings/team", invitation_id=line["id"])
        assert line["id"] not in {one["id"] for one in tab.var(TeamState, "invitations")}
    await tab.send(TeamState.ask_remove, path="/settings/team", user_id=str(guest.user_id))
    accounts.remove_member(cast.alice, user_id=guest.user_id)
    await tab.send(TeamState.remove, path="/settings/team")
    assert str(guest.user_id) not in {one["user_id"] for one in tab.var(TeamState, "members")}


async def test_a_key_or_session_that_is_gone_leaves_the_page(driver: Any, cast: Cast) -> None:
    with cast.alice.begin() as scope:
        accounts.create_api_key(scope, name="Old", scopes=["leads:read"])
    elsewhere = sign_in(cast.alice)
    tab = driver(sign_in(cast.alice))
    await tab.send(ApiKeysState.load, path="/settings/api-keys")
    key = tab.var(ApiKeysState, "rows")[0]
    await tab.send(ApiKeysState.ask_revoke, path="/settings/api-keys", key_id=key["id"])
    with cast.alice.begin() as scope:
        accounts.revoke_api_key(scope, key_id=key["id"])
    await tab.send(ApiKeysState.revoke, path="/settings/api-keys")
    assert [row["state"] for row in tab.var(ApiKeysState, "rows")] == ["revoked"]
    await tab.send(SessionsState.load, path="/settings/sessions")
    other = next(row["id"] for row in tab.var(SessionsState, "rows") if not row["is_current"])
    accounts.end_session_of(elsewhere.partition("=")[2])
    await tab.send(SessionsState.end, path="/settings/sessions", session_id=other)
    assert other not in {row["id"] for row in tab.var(SessionsState, "rows")}


async def test_a_queue_that_somebody_else_has_paused_is_shown_as_paused(driver: Any, cast: Cast) -> None:
    """Also where the page is not live."""
    name, path = f"spare-{uuid4().hex[:8]}", "/admin/jobs/queues"
    make_job(cast.alice, queue=name)
    tab = driver(as_staff(cast.bob, "operate"))
    await tab.send(AdminQueuesState.load, path=path)
    await tab.send(AdminQueuesState.ask, path=path, name=name, wanted="pause")
    admin.pause_queue(staff("operate"), name, reason="Quicker")
    await tab.send(AdminQueuesState.change, path=path, form={"reason": "Slower"})
    assert "This queue is paused already." in tab.text()
    line = next(one for one in tab.var(AdminQueuesState, "queues") if one["name"] == name)
    assert (line["paused"], line["reason"], tab.var(AdminQueuesState, "asking")) == (True, "Quicker", False)


async def test_what_a_handler_changed_is_shown_also_when_it_is_refused_or_fails(
    driver: Any, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A button that waits does not wait for ever."""
    id = upload(cast.alice, tmp_path, UNTIDY)
    path = f"/enrichments/{id}"
    tab = await opened(driver, cast.alice, id)
    await tab.send(EnrichmentState.resume, path=path, spend_available=False)
    assert [type(error) for error in tab.failures] == [Conflict]
    assert tab.var(EnrichmentState, "resuming") is False

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(enrichment, "pause", fail)
    with pytest.raises(RuntimeError, match="broken"):
        await tab.send(EnrichmentState.pause, path=path)
    assert tab.var(EnrichmentState, "asking_pause") is False
    made = make_segment(cast.alice)
    await tab.send(SegmentsState.load, path="/segments")
    await tab.send(SegmentsState.ask_run, path="/segments", segment_id=str(made.id))
    assert tab.var(SegmentsState, "running") is True
    await tab.send(SegmentsState.set_running, path="/segments", is_open=False)
    monkeypatch.setattr(SegmentsState, "_price", fail)
    with pytest.raises(RuntimeError, match="broken"):
        await tab.send(SegmentsState.ask_run, path="/segments", segment_id=str(made.id))
    assert tab.var(SegmentsState, "running") is True, "a handler without a yield, too"

"""Refusals stand in the audit trail of the workspace that asked, one per actor, action and minute (T15)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from cursive_app.services import accounts, leads, segments
from cursive_app.services.accounts import Permission, record_refusal, refusals, require
from db.models.accounts import AuditEntry
from db.models.segments import SavedSegment
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_segments import make_segment


def refused(tenant: Tenant) -> list[AuditEntry]:
    """The refusals in the trail of the tenant's workspace, oldest first."""
    with system_scope() as scope:
        statement = select(AuditEntry).where(AuditEntry.workspace_id == tenant.workspace_id)
        found = scope.session.scalars(statement.order_by(AuditEntry.created_at, AuditEntry.id)).all()
    return [entry for entry in found if entry.action.startswith("refused.")]


def test_a_missing_permission_is_named(cast: Cast) -> None:
    with pytest.raises(Forbidden) as error:
        require(cast.bob, Permission.MANAGE_API_KEYS)
    record_refusal(cast.bob, error.value, attempted="create_api_key")
    (entry,) = refused(cast.bob)
    assert (entry.action, entry.object_type, entry.object_id) == ("refused.create_api_key", "permission", "keys:write")
    assert (entry.actor_user_id, entry.actor_label) == (cast.bob.user_id, "Bob")
    assert entry.details == {"code": "forbidden", "role": "member"}


def test_another_workspaces_id_and_an_unknown_one_are_written_alike(cast: Cast) -> None:
    segment = make_segment(cast.alice)
    written = []
    for id in (segment.id, uuid4()):
        with pytest.raises(NotFound) as error, cast.charlie.begin() as scope:
            scope.get(SavedSegment, id)
        record_refusal(cast.charlie, error.value, attempted=f"get_segment_{len(written)}")
        entry = refused(cast.charlie)[-1]
        assert entry.object_id == str(id)
        written.append((entry.object_type, entry.details, entry.actor_label))
    assert written[0] == written[1] == ("saved_segments", {"code": "not_found", "role": "owner"}, "Charlie")
    assert refused(cast.alice) == []  # the victim's trail is not told who looked


def test_every_door_to_a_foreign_object_names_it(cast: Cast) -> None:
    """Use cases that look rows up in their own way say what was asked for as well."""
    stranger = cast.charlie
    invitation = accounts.invite(cast.alice, email=f"{uuid4().hex}@example.com", role="member")
    for use_case, table in (
        (lambda: accounts.revoke_invitation(stranger, invitation_id=invitation), "invitations"),
        (lambda: accounts.remove_member(stranger, user_id=str(cast.bob.user_id)), "memberships"),
        (lambda: _in(stranger, leads.get_lead, uuid4()), "leads"),
        (lambda: _in(stranger, segments.get_run, uuid4()), "segment_runs"),
    ):
        with pytest.raises(NotFound) as error:
            use_case()
        assert error.value.object_type == table
        assert error.value.object_id


def test_a_foreign_invitation_reads_like_an_unknown_one(cast: Cast) -> None:
    invitation = accounts.invite(cast.alice, email=f"{uuid4().hex}@example.com", role="member")
    said = set()
    for id in (invitation, uuid4()):
        with pytest.raises(NotFound) as error:
            accounts.revoke_invitation(cast.charlie, invitation_id=id)
        said.add(error.value.message)
    assert len(said) == 1


def test_other_refusals_are_not_written(cast: Cast) -> None:
    for error in (Invalid("x"), Conflict("x"), Unauthenticated(), NotFound(), NotFound("No raw record is kept.")):
        record_refusal(cast.bob, error, attempted="something")
    assert refused(cast.bob) == []


def test_a_flood_leaves_one_entry_per_actor_action_and_minute(cast: Cast) -> None:
    def refuse(tenant: Tenant, attempted: str = "export") -> None:
        record_refusal(tenant, Forbidden(permission="leads:export"), attempted=attempted)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: refuse(cast.bob), range(40)))
    assert len(refused(cast.bob)) == 1
    refuse(cast.bob, "another_action")
    refuse(cast.alice)  # another actor
    assert len(refused(cast.bob)) == 3
    with time_machine.travel(now() + timedelta(seconds=59), tick=False):
        refuse(cast.bob)
    assert len(refused(cast.bob)) == 3
    with time_machine.travel(now() + timedelta(seconds=61), tick=False):
        refuse(cast.bob)
    assert len(refused(cast.bob)) == 4


def test_a_dead_key_that_is_still_shown_is_written_once(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="Nightly", scopes=["leads:read"])
        accounts.revoke_api_key(scope, key_id=key.id)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            accounts.authenticate_key(key.key)
    (entry,) = refused(cast.alice)
    assert (entry.action, entry.object_id) == ("refused.api_key", str(key.id))
    assert entry.actor_label == "API key “Nightly”"
    assert "revoked" in entry.details["reason"]


def test_a_trail_that_cannot_be_written_changes_no_answer(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(refusals, "_write", broken)
    record_refusal(cast.bob, Forbidden(), attempted="export")
    assert refused(cast.bob) == []


def _in(tenant: Tenant, use_case, *arguments):
    with tenant.begin() as scope:
        return use_case(scope, *arguments)

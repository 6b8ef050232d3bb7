"""API keys: shown once, limited twice, dead with their maker's membership."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import delete, select, update

from cursive_app.clock import now
from cursive_app.errors import Forbidden, Invalid, NotFound, Unauthenticated
from cursive_app.services.accounts import (
    Permission,
    actor_label,
    allows,
    authenticate_key,
    create_api_key,
    list_api_keys,
    require,
    revoke_api_key,
)
from db.models.accounts import ApiKey, AuditEntry, Membership
from db.roles import Role
from db.system import system_scope
from tests.factories import Cast

SCOPES = ["segments:read", "segments:run"]


def test_a_key_acts_in_its_workspace_within_its_scopes(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        made = create_api_key(scope, name="Nightly sync", scopes=SCOPES)
    tenant = authenticate_key(made.key)
    assert tenant.workspace_id == cast.workspace_id
    assert allows(tenant, Permission.RUN_SEGMENTS)
    assert not allows(tenant, Permission.VIEW_LEADS)
    with tenant.begin() as scope:
        assert actor_label(scope) == "API key “Nightly sync”"
        with pytest.raises(Forbidden):
            require(scope, Permission.MANAGE_TEAM)
        with pytest.raises(Forbidden):
            create_api_key(scope, name="Child", scopes=SCOPES)


def test_the_key_is_kept_as_a_hash_only(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        made = create_api_key(scope, name="Sync", scopes=SCOPES)
        row = scope.get(ApiKey, made.id)
        kept = {column.name: getattr(row, column.name) for column in ApiKey.__table__.columns}
        (view,) = list_api_keys(scope)
    assert made.key not in str(kept)
    assert made.key.startswith(view.prefix)
    assert len(view.prefix) < len(made.key) / 2
    assert view.state == "active"
    assert view.created_by == "Alice"
    assert made.key not in repr(view)


def test_last_use_is_noted(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        made = create_api_key(scope, name="Sync", scopes=SCOPES)
        assert list_api_keys(scope)[0].last_used_at is None
    authenticate_key(made.key)
    with cast.alice.begin() as scope:
        assert list_api_keys(scope)[0].last_used_at is not None


def test_a_revoked_key_is_dead_at_once_and_stays_listed(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        made = create_api_key(scope, name="Sync", scopes=SCOPES)
        revoke_api_key(scope, key_id=made.id)
        revoke_api_key(scope, key_id=made.id)
    with pytest.raises(Unauthenticated):
        authenticate_key(made.key)
    with cast.alice.begin() as scope:
        assert list_api_keys(scope)[0].state == "revoked"
        actions = scope.session.scalars(scope.select(AuditEntry).with_only_columns(AuditEntry.action)).all()
    assert sorted(actions) == ["api_key.created", "api_key.revoked", "refused.api_key"]


def test_an_expired_key_is_dead(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        made = create_api_key(scope, name="Sync", scopes=SCOPES, days=30)
    with time_machine.travel(now() + timedelta(days=31), tick=True), pytest.raises(Unauthenticated):
        authenticate_key(made.key)


def test_a_key_dies_with_its_makers_membership_and_follows_their_role(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        made = create_api_key(scope, name="Sync", scopes=SCOPES)
    mine = Membership.user_id == cast.alice.user_id
    with system_scope() as scope:
        scope.session.execute(update(Membership).where(mine).values(role=Role.READ_ONLY.value))
    assert not allows(authenticate_key(made.key), Permission.RUN_SEGMENTS)
    with system_scope() as scope:
        scope.session.execute(delete(Membership).where(mine))
    with pytest.raises(Unauthenticated):
        authenticate_key(made.key)


@pytest.mark.parametrize(
    "presented", ["", "cur_", "cur_" + "x" * 43, "Bearer x", "cur_\0" + "x" * 40, "cur_" + "ä" * 43]
)
def test_garbage_is_refused(cast: Cast, presented: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticate_key(presented)


def test_members_cannot_touch_keys_and_others_cannot_see_them(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        made = create_api_key(scope, name="Sync", scopes=SCOPES)
    with cast.bob.begin() as scope:
        for attempt in (list_api_keys, lambda s: revoke_api_key(s, key_id=made.id)):
            with pytest.raises(Forbidden):
                attempt(scope)
    with cast.charlie.begin() as scope:
        assert list_api_keys(scope) == ()
        with pytest.raises(NotFound):
            revoke_api_key(scope, key_id=made.id)
    assert authenticate_key(made.key).workspace_id == cast.workspace_id


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["team:write"]}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"days": 31}, "days"),
    ],
)
def test_bad_input_names_its_field_and_changes_nothing(cast: Cast, change: dict, field: str) -> None:
    with pytest.raises(Invalid) as refused, cast.alice.begin() as scope:
        create_api_key(scope, **{"name": "Sync", "scopes": SCOPES, **change})
    assert field in refused.value.fields
    with system_scope() as scope:
        assert scope.session.scalars(select(ApiKey).where(ApiKey.workspace_id == cast.workspace_id)).all() == []


def test_history_keeps_the_name(cast: Cast) -> None:
    with cast.bob.begin() as scope:
        assert actor_label(scope) == "Bob"
    with system_scope() as scope:
        scope.session.execute(delete(Membership).where(Membership.user_id == cast.bob.user_id))
    with cast.bob.begin() as scope:
        assert actor_label(scope) == "Former member"

"""One rule for what a key may do, at both doors: a request that shows it, and a job it started (T15)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import delete, update

from cursive_app.clock import now
from cursive_app.errors import Unauthenticated
from cursive_app.services import jobs
from cursive_app.services.accounts import (
    KEY_SCOPES,
    PERMISSIONS,
    NewApiKey,
    Permission,
    allows,
    authenticate_key,
    create_api_key,
)
from cursive_app.services.accounts.tokens import new_token
from db.models.accounts import ApiKey, Membership, User, Workspace
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_jobs import grow_stale, make_job

SCOPES = ["segments:read", "segments:run", "jobs:read"]


def make_key(tenant: Tenant, **values: Any) -> NewApiKey:
    with tenant.begin() as scope:
        return create_api_key(scope, name="Nightly", scopes=SCOPES, **values)


def rights_in_a_job(key: NewApiKey, tenant: Tenant) -> Callable[[], tuple[Tenant, str | None]]:
    """What a job that the key opened may do each time a worker takes it."""
    job = make_job(tenant)

    def claim() -> tuple[Tenant, str | None]:
        claimed = jobs.claim(job.id)
        assert claimed is not None
        grow_stale(job.id)
        return claimed.tenant, claimed.access_lost

    return claim


def give_role(user_id: UUID | None, role: Role) -> None:
    with system_scope() as scope:
        scope.session.execute(update(Membership).where(Membership.user_id == user_id).values(role=role.value))


@pytest.mark.parametrize("role", list(Role))
def test_both_doors_give_the_makers_role_narrowed_to_the_scopes(cast: Cast, role: Role) -> None:
    key = make_key(cast.alice)
    in_a_job = rights_in_a_job(key, authenticate_key(key.key))
    give_role(cast.alice.user_id, role)
    expected = {one for one in Permission if one in PERMISSIONS[role] and one.value in SCOPES}
    for tenant in (authenticate_key(key.key), in_a_job()[0]):
        assert (tenant.role, tenant.user_id, tenant.api_key_id) == (role, None, key.id)
        assert {one for one in Permission if allows(tenant, one)} == expected


def test_a_key_never_has_more_than_keys_may_have(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        key = create_api_key(scope, name="All", scopes=[one.value for one in KEY_SCOPES])
    tenant = rights_in_a_job(key, authenticate_key(key.key))()[0]
    assert {one for one in Permission if allows(tenant, one)} == set(KEY_SCOPES)


def _leave(cast: Cast) -> None:
    with system_scope() as scope:
        scope.session.execute(delete(Membership).where(Membership.user_id == cast.alice.user_id))


def _close_account(cast: Cast) -> None:
    with system_scope() as scope:
        scope.get(User, str(cast.alice.user_id)).deleted_at = now()


def _erase_account(cast: Cast) -> None:
    with system_scope() as scope:
        scope.session.delete(scope.get(User, str(cast.alice.user_id)))


def _delete_workspace(cast: Cast) -> None:
    with system_scope() as scope:
        scope.get(Workspace, cast.workspace_id).deleted_at = now()


def _revoke(cast: Cast) -> None:
    with system_scope() as scope:
        scope.session.execute(update(ApiKey).where(ApiKey.workspace_id == cast.workspace_id).values(revoked_at=now()))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (_leave, "no longer in the workspace"),
        (_close_account, "no longer in the workspace"),
        (_erase_account, "no longer in the workspace"),
        (_delete_workspace, "workspace has been deleted"),
        (_revoke, "revoked"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_dead_key_is_dead_at_both_doors(cast: Cast, event: Callable[[Cast], None], words: str) -> None:
    key = make_key(cast.alice)
    in_a_job = rights_in_a_job(key, authenticate_key(key.key))
    event(cast)
    with pytest.raises(Unauthenticated) as refused:
        authenticate_key(key.key)
    with pytest.raises(Unauthenticated) as unknown:
        authenticate_key(f"cur_{new_token()}")
    assert refused.value.message == unknown.value.message  # whoever holds it learns nothing
    tenant, lost = in_a_job()
    assert words in (lost or "")
    assert not [one for one in Permission if allows(tenant, one)]


def test_an_expired_key_is_dead_at_both_doors(cast: Cast) -> None:
    key = make_key(cast.alice, days=30)
    in_a_job = rights_in_a_job(key, authenticate_key(key.key))
    with time_machine.travel(now() + timedelta(days=31), tick=True):
        with pytest.raises(Unauthenticated):
            authenticate_key(key.key)
        assert "expired" in (in_a_job()[1] or "")


def test_a_role_that_no_longer_allows_the_work_is_noticed_between_chunks(cast: Cast) -> None:
    key = make_key(cast.alice)
    for opener, user_id in ((authenticate_key(key.key), cast.alice.user_id), (cast.bob, cast.bob.user_id)):
        claimed = jobs.claim(make_job(opener).id)
        assert claimed is not None
        assert jobs.access_lost(claimed, need=Permission.RUN_SEGMENTS) is None
        give_role(user_id, Role.READ_ONLY)
        assert "may no longer do this" in (jobs.access_lost(claimed, need=Permission.RUN_SEGMENTS) or "")
        assert jobs.access_lost(claimed) is None  # looking is still allowed

"""Rotating a key (ADM-02): both work for the overlap, then only the successor does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from cursive_app.clock import now
from cursive_app.errors import Conflict, CursiveError, Forbidden, Invalid, NotFound, Unauthenticated
from cursive_app.services.accounts import (
    ApiKeyRow,
    NewApiKey,
    authenticate_key,
    create_api_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)
from cursive_app.services.accounts.api_keys import MAX_KEYS
from db.models.accounts import AuditEntry
from db.scope import Tenant
from tests.factories import Cast

SCOPES = ["segments:read", "segments:run"]


def make_key(tenant: Tenant, **values: Any) -> NewApiKey:
    with tenant.begin() as scope:
        return create_api_key(scope, name="Sync", scopes=SCOPES, **values)


def rotate(tenant: Tenant, key: NewApiKey, **values: Any) -> NewApiKey:
    with tenant.begin() as scope:
        return rotate_api_key(scope, key_id=key.id, **values)


def rows(tenant: Tenant) -> dict[Any, ApiKeyRow]:
    with tenant.begin() as scope:
        return {row.id: row for row in list_api_keys(scope)}


def works(key: NewApiKey) -> bool:
    try:
        authenticate_key(key.key)
    except Unauthenticated:
        return False
    return True


def test_both_keys_work_for_a_day_and_then_only_the_new_one(cast: Cast) -> None:
    old = make_key(cast.alice)
    new = rotate(cast.alice, old, days=90)
    assert new.key != old.key
    assert authenticate_key(new.key).scopes == authenticate_key(old.key).scopes == set(SCOPES)
    listed = rows(cast.alice)
    assert (listed[old.id].state, listed[new.id].state) == ("retiring", "active")
    assert (listed[new.id].name, listed[new.id].scopes) == ("Sync", tuple(SCOPES))
    with time_machine.travel(now() + timedelta(hours=23), tick=True):
        assert works(old)
        assert works(new)
    with time_machine.travel(now() + timedelta(hours=25), tick=True):
        assert not works(old)
        assert works(new)
        assert rows(cast.alice)[old.id].state == "expired"
    with time_machine.travel(now() + timedelta(days=91), tick=True):
        assert not works(new)


@pytest.mark.parametrize(("hours", "before", "after"), [(1, 0.9, 1.1), (168, 167, 169)])
def test_the_overlap_is_chosen(cast: Cast, hours: int, before: float, after: float) -> None:
    old = make_key(cast.alice)
    rotate(cast.alice, old, overlap_hours=hours)
    for moment, alive in ((before, True), (after, False)):
        with time_machine.travel(now() + timedelta(hours=moment), tick=True):
            assert works(old) is alive


def test_no_overlap_revokes_at_once(cast: Cast) -> None:
    old = make_key(cast.alice)
    new = rotate(cast.alice, old, overlap_hours=0)
    assert (works(old), works(new)) == (False, True)
    assert rows(cast.alice)[old.id].state == "revoked"


def test_an_overlap_never_lets_a_key_live_longer(cast: Cast) -> None:
    old = make_key(cast.alice, days=30)
    end = rows(cast.alice)[old.id].expires_at
    assert end is not None
    with time_machine.travel(end - timedelta(hours=2), tick=True):
        rotate(cast.alice, old, overlap_hours=168)
        assert rows(cast.alice)[old.id].expires_at == end


def test_a_retiring_key_can_be_revoked_and_has_one_successor(cast: Cast) -> None:
    old = make_key(cast.alice)
    new = rotate(cast.alice, old)
    with pytest.raises(Conflict) as twice:
        rotate(cast.alice, old)
    assert twice.value.reason == "rotated"
    with cast.alice.begin() as scope:
        revoke_api_key(scope, key_id=old.id)
    assert (works(old), works(new)) == (False, True)
    with pytest.raises(Conflict) as ended:
        rotate(cast.alice, old)
    assert ended.value.reason == "not_active"
    assert works(rotate(cast.alice, new))


def test_two_rotations_at_once_make_one_successor(cast: Cast) -> None:
    old = make_key(cast.alice)

    def go(_: int) -> str:
        try:
            rotate(cast.alice, old)
        except CursiveError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(go, range(6)))
    assert answers.count("made") == 1
    assert len(rows(cast.alice)) == 2


def test_only_those_who_manage_keys_rotate_and_nobody_elses(cast: Cast) -> None:
    old = make_key(cast.alice)
    with pytest.raises(Forbidden):
        rotate(cast.bob, old)
    with pytest.raises(NotFound):
        rotate(cast.charlie, old)
    with pytest.raises(Forbidden):
        rotate(authenticate_key(old.key), old)
    assert list(rows(cast.alice)) == [old.id]
    assert rows(cast.alice)[old.id].state == "active"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"overlap_hours": 2}, "overlap"), ({"overlap_hours": -1}, "overlap"), ({"days": 31}, "days")],
)
def test_bad_choices_change_nothing(cast: Cast, change: dict[str, int], field: str) -> None:
    old = make_key(cast.alice)
    with pytest.raises(Invalid) as refused:
        rotate(cast.alice, old, **change)
    assert field in refused.value.fields
    assert {row.state for row in rows(cast.alice).values()} == {"active"}


def test_keys_that_ended_leave_room_for_new_ones(cast: Cast) -> None:
    keys = [make_key(cast.alice, days=30 if number else None) for number in range(MAX_KEYS)]
    with pytest.raises(Conflict, match="50 keys"):
        rotate(cast.alice, keys[0])
    assert works(keys[0])  # refused as a whole: the old key lives on as before
    assert works(rotate(cast.alice, keys[0], overlap_hours=0))
    with time_machine.travel(now() + timedelta(days=31), tick=True):
        make_key(cast.alice)


def test_the_trail_names_both_keys(cast: Cast) -> None:
    old = make_key(cast.alice)
    new = rotate(cast.alice, old, overlap_hours=1)
    with cast.alice.begin() as scope:
        entry = scope.session.scalars(scope.select(AuditEntry).where(AuditEntry.action == "api_key.rotated")).one()
    assert (entry.object_id, entry.actor_label) == (str(old.id), "Alice")
    assert entry.details == {"name": "Sync", "successor": str(new.id), "overlap_hours": 1}

"""P4: an answer is kept for seven days, not shorter and not longer. The age of a record is its own column."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services.limits import API, Reservation, StoredAnswer, begin, complete, prune, take
from db.models.credits import IdempotencyRecord, RateLimit
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast

DAY = timedelta(days=1)
MOMENT = timedelta(seconds=30)  # less than a test takes to get from one statement to the next
ASKED, OTHERWISE = b"a" * 32, b"b" * 32
FIRST, SECOND = (StoredAnswer(status=202, headers={"location": name}, body=name.encode()) for name in ("/1", "/2"))


def answered(tenant: Tenant, key: str, answer: StoredAnswer, *, fingerprint: bytes = ASKED) -> None:
    reservation = begin(tenant, key=key, fingerprint=fingerprint)
    assert isinstance(reservation, Reservation)
    complete(tenant, reservation, answer)


def grow_older(tenant: Tenant, key: str, age: timedelta) -> None:
    """As if the key had been used first so long ago."""
    with tenant.begin() as scope:
        record = scope.owned(IdempotencyRecord), IdempotencyRecord.key == key
        scope.session.execute(update(IdempotencyRecord).where(*record).values(created_at=now() - age))


def keys_of(tenant: Tenant) -> set[str]:
    with tenant.begin() as scope:
        return set(scope.session.scalars(select(IdempotencyRecord.key).where(scope.owned(IdempotencyRecord))))


@pytest.mark.parametrize("age", [timedelta(0), DAY - MOMENT, DAY + MOMENT, 3 * DAY, 7 * DAY - MOMENT])
def test_within_seven_days_the_answer_is_the_first_one_to_the_byte(cast: Cast, age: timedelta) -> None:
    answered(cast.alice, "k", FIRST)
    grow_older(cast.alice, "k", age)
    prune()  # the hourly cleaning lets it stand
    assert begin(cast.alice, key="k", fingerprint=ASKED) == FIRST
    with pytest.raises(Invalid) as refused:
        begin(cast.alice, key="k", fingerprint=OTHERWISE)
    assert "another request" in refused.value.fields["Idempotency-Key"]


@pytest.mark.parametrize("fingerprint", [ASKED, OTHERWISE])
def test_after_seven_days_the_key_is_new_even_before_the_cleaning(cast: Cast, fingerprint: bytes) -> None:
    answered(cast.alice, "k", FIRST)
    grow_older(cast.alice, "k", 7 * DAY + MOMENT)
    answered(cast.alice, "k", SECOND, fingerprint=fingerprint)
    assert begin(cast.alice, key="k", fingerprint=fingerprint) == SECOND
    grow_older(cast.alice, "k", 7 * DAY - MOMENT)
    assert begin(cast.alice, key="k", fingerprint=fingerprint) == SECOND, "its seven days began anew"


def test_a_key_that_is_taken_anew_has_no_answer_until_it_is_given(cast: Cast) -> None:
    """A twin that comes meanwhile must not get what was said a week ago."""
    answered(cast.alice, "k", FIRST)
    grow_older(cast.alice, "k", 7 * DAY + MOMENT)
    assert isinstance(begin(cast.alice, key="k", fingerprint=ASKED), Reservation)
    with cast.alice.begin() as scope:
        record = scope.session.scalars(scope.select(IdempotencyRecord)).one()
    assert (record.status, record.body) == (None, None)
    assert now() - record.created_at < MOMENT
    assert record.locked_until > now()


def test_the_cleaning_takes_what_is_over_and_nothing_else(cast: Cast) -> None:
    for tenant in (cast.alice, cast.charlie):
        for key, age in (("old", 7 * DAY + MOMENT), ("older", 30 * DAY), ("kept", 7 * DAY - MOMENT), ("new", MOMENT)):
            answered(tenant, key, FIRST)
            grow_older(tenant, key, age)
    assert prune() >= 4
    assert keys_of(cast.alice) == keys_of(cast.charlie) == {"kept", "new"}


def test_the_cleaning_takes_counters_that_are_full_again(cast: Cast) -> None:
    for tenant, full_for in ((cast.alice, timedelta(minutes=5) + MOMENT), (cast.charlie, timedelta(minutes=4))):
        take(tenant, API)
        with tenant.begin() as scope:
            scope.session.execute(update(RateLimit).where(scope.owned(RateLimit)).values(full_at=now() - full_for))
    prune()
    with system_scope() as scope:
        left = {
            tenant.workspace_id: scope.session.scalar(
                select(func.count()).where(RateLimit.workspace_id == tenant.workspace_id)
            )
            for tenant in (cast.alice, cast.charlie)
        }
    assert left == {cast.alice.workspace_id: 0, cast.charlie.workspace_id: 1}

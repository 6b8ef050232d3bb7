"""The second lock alone (D-12): the walk over routes again, with the transactions of tenants opened as the role that
sees every workspace. Row-level security hides nothing then, so a query without a predicate of its own shows here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from db.engine import database
from db.models.jobs import Job
from db.scope import Scope, Tenant, transaction
from tests.factories import Cast
from tests.state.test_tenancy_walk import (
    test_an_id_of_another_workspace_is_an_unknown_id,
    test_lists_and_their_filters_hold_nothing_of_another_workspace,
)
from tests.state.victim import Victim, engine, victim

__all__ = [
    "engine",
    "test_an_id_of_another_workspace_is_an_unknown_id",
    "test_lists_and_their_filters_hold_nothing_of_another_workspace",
    "victim",
]


@pytest.fixture(autouse=True)
def without_the_third_lock(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def begin(self: Tenant) -> Iterator[Scope]:
        naming = f"BEGIN; SELECT set_config('app.workspace_id', '{self.workspace_id}', true)"
        with transaction(database().system, opening=naming) as session:
            yield Scope(tenant=self, session=session)

    monkeypatch.setattr(Tenant, "begin", begin)


def test_the_third_lock_is_open_here(victim: Victim, cast: Cast) -> None:
    with cast.charlie.begin() as scope:
        assert scope.session.get(Job, victim.ids["job_id"]) is not None
        assert victim.ids["job_id"] not in {str(job.id) for job in scope.session.scalars(scope.select(Job))}

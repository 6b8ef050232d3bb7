"""T14: a page that looks again by itself shows nothing more to somebody who was removed, logged out or is no staff now.

Its loop is one event that never ends, so the gate looks at it once only; `ask` and `transact` look again every five
seconds. Here they look each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, update

from cursive_app.clock import now
from cursive_app.services import jobs
from db.models.accounts import Membership, User, UserSession
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from state import admin_base, base
from state import jobs as jobs_page
from state.admin_base import AdminLiveState
from state.admin_jobs import AdminJobsState
from state.jobs import JobsState
from tests.factories import Cast, make_member, make_workspace
from tests.factories_admin import of
from tests.factories_jobs import make_job
from tests.state.admin import as_staff, at
from tests.state.driver import Tab, sign_in


@pytest.fixture(autouse=True)
def each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "RECHECK_SECONDS", 0.0)


def removed(tenant: Tenant) -> None:
    with system_scope() as scope:
        scope.session.execute(delete(Membership).where(Membership.user_id == tenant.user_id))


def logged_out(tenant: Tenant) -> None:
    with system_scope() as scope:
        scope.session.execute(update(UserSession).where(UserSession.user_id == tenant.user_id).values(revoked_at=now()))


def moved_to_another_workspace(tenant: Tenant) -> None:
    """Removed here, and the session goes on in a workspace of their own."""
    assert tenant.user_id is not None
    removed(tenant)
    make_member(make_workspace("Elsewhere"), tenant.user_id, Role.OWNER)


def no_longer_staff(tenant: Tenant) -> None:
    with system_scope() as scope:
        scope.session.execute(update(User).where(User.id == tenant.user_id).values(staff_role=None))


def untouched(_: Tenant) -> None:
    """Nothing happens to their rights."""


async def watch(
    tab: Tab, follow: Any, path: str, wait: Callable[..., Any], steps: Sequence[Callable[[], object]]
) -> None:
    """Let a page look after each step, until it is left."""
    after = iter(steps)

    async def next_step() -> None:
        step = next(after, None)
        if step is None:
            raise asyncio.CancelledError  # as when the page is left
        await asyncio.to_thread(step)

    wait(next_step)
    with suppress(asyncio.CancelledError):
        await tab.send(follow, path=path)


class Working:
    """A job of Alice's that moves by one with each step."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant, self.done = tenant, 0
        self.id: UUID = make_job(tenant, total=100).id
        claimed = jobs.claim(self.id)
        assert claimed is not None
        self.claimed = claimed

    def go_on(self) -> None:
        self.done += 1
        with self.tenant.begin() as scope:
            jobs.advance(scope, self.claimed, processed=self.done)


@pytest.mark.parametrize("event", [removed, logged_out, moved_to_another_workspace, untouched])
async def test_the_jobs_page_stands_still_for_whoever_was_removed(
    driver: Callable[..., Tab], cast: Cast, monkeypatch: pytest.MonkeyPatch, event: Callable[[Tenant], None]
) -> None:
    work = Working(cast.alice)
    tab = driver(sign_in(cast.bob))
    await tab.send(JobsState.load, path="/jobs")
    steps = [work.go_on, lambda: event(cast.bob), work.go_on, work.go_on, lambda: make_job(cast.alice)]
    await watch(tab, JobsState.follow, "/jobs", lambda pause: monkeypatch.setattr(jobs_page, "_pause", pause), steps)
    seen = 3 if event is untouched else 1
    assert [row["done"] for row in tab.var(JobsState, "rows")] == [f"{seen} of 100"]
    assert tab.var(JobsState, "has_newer") is (event is untouched)


@pytest.mark.parametrize("event", [no_longer_staff, logged_out, untouched])
async def test_the_staffs_page_stands_still_for_whoever_is_no_staff_any_more(
    driver: Callable[..., Tab], cast: Cast, monkeypatch: pytest.MonkeyPatch, event: Callable[[Tenant], None]
) -> None:
    work = Working(cast.alice)
    tab, path = driver(as_staff(cast.charlie)), at(of(cast.alice))
    await tab.send(AdminJobsState.load, path=path)
    await tab.send(AdminLiveState.set_every, path=path, value="1")
    steps = [work.go_on, lambda: event(cast.charlie), work.go_on, work.go_on]
    await watch(
        tab, AdminJobsState.follow, path, lambda pause: monkeypatch.setattr(admin_base, "_second", pause), steps
    )
    seen = 3 if event is untouched else 1
    assert [row["done"] for row in tab.var(AdminJobsState, "rows")] == [f"{seen} of 100"]

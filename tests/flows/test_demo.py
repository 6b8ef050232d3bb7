"""The demo workspace: made once, by the real services, and never put back what a person removed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import func, select

from cursive_app.errors import Forbidden
from cursive_app.sandbox.demo import CREDITS, FIRST_RUN_LEADS, SEGMENTS, ensure_demo
from cursive_app.sandbox.logins import LOGINS, PASSWORD, WORKSPACE_SLUG
from cursive_app.services import credits, jobs, segments
from cursive_app.services.accounts import log_in
from cursive_app.services.accounts.passwords import check_password
from cursive_app.settings import Settings
from db.embedded import socket_url
from db.engine import Database
from db.models.accounts import Membership, User, Workspace
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.faults.row_locks import waiting_for_rows
from tests.product import wait_for


@pytest.fixture
def owner(database: Database, config: Settings) -> Tenant:
    ensure_demo(config)
    with system_scope() as scope:
        workspace = scope.session.scalars(select(Workspace).where(Workspace.slug == WORKSPACE_SLUG)).one()
        user = scope.session.scalars(select(User).where(User.email_norm == LOGINS[0].email)).one()
        return Tenant(workspace_id=workspace.id, user_id=user.id, role=Role.OWNER)


def test_everybody_of_the_demo_can_log_in(owner: Tenant) -> None:
    for login in LOGINS:
        signed_in = log_in(email=login.email, password=PASSWORD, ip="192.0.2.1", user_agent="test")
        assert signed_in.token
    with system_scope() as scope:
        roles = dict(
            scope.session.execute(
                select(User.email_norm, Membership.role)
                .join(Membership, Membership.user_id == User.id)
                .where(Membership.workspace_id == owner.workspace_id)
            ).all()
        )
    assert roles == {login.email: login.role.value for login in LOGINS}


def test_a_database_that_is_not_ready_yet_is_asked_again(database: Database, config: Settings) -> None:
    """Seen on a machine so busy that the first statements after a start ran into their deadlines."""
    ensure_demo(config)
    with psycopg.connect(socket_url(config.data_dir)) as holder, ThreadPoolExecutor(1) as starting:
        holder.execute("LOCK TABLE workspaces IN ACCESS EXCLUSIVE MODE")
        made = starting.submit(ensure_demo, config)
        wait_for(lambda: waiting_for_rows() == 1, seconds=30, what="a first try")
        wait_for(lambda: waiting_for_rows() == 0, seconds=30, what="its deadline")
        assert not made.done()
        holder.rollback()
        assert made.result(60) is False


def test_its_password_would_pass_the_password_rules() -> None:
    check_password(PASSWORD, about=[login.email for login in LOGINS])


def test_it_has_segments_credits_and_one_run_that_waits_for_a_worker(owner: Tenant) -> None:
    with owner.begin() as scope:
        names = {segment.name for segment in segments.list_segments(scope).segments}
        assert names == {one.name for one in SEGMENTS}
        (job,) = jobs.list_jobs(scope, kinds=[segments.KIND]).jobs
        assert job.status == "pending"
        held = FIRST_RUN_LEADS * Decimal("0.50")
        assert credits.balance(scope) == credits.Balance(available=CREDITS - held, held=held)


def test_a_second_start_adds_nothing_and_brings_nothing_back(owner: Tenant, config: Settings) -> None:
    with owner.begin() as scope:
        segment = next(one for one in segments.list_segments(scope).segments if one.name == SEGMENTS[2].name)
        segments.delete_segment(scope, segment.id)
    assert ensure_demo(config) is False
    with owner.begin() as scope:
        assert SEGMENTS[2].name not in {one.name for one in segments.list_segments(scope).segments}
        segments.restore_segment(scope, segment.id)
    with system_scope() as scope:
        assert scope.session.scalar(select(func.count(Workspace.id)).where(Workspace.slug == WORKSPACE_SLUG)) == 1


def test_it_is_refused_in_production(database: Database, config: Settings) -> None:
    with pytest.raises(Forbidden, match="never created in production"):
        ensure_demo(config.model_copy(update={"environment": "production"}))

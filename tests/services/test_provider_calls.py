"""Every provider call is on record, in the right month, visible to its own workspace only, and never in the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from cursive_app.errors import Unavailable
from cursive_app.integrations.audiencelab import ProviderCall as CallRecord
from cursive_app.services import monitoring
from cursive_app.services.monitoring import calls as calls_module
from db.engine import Database
from db.models.provider import ProviderCall
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope


def _call(workspace_id: UUID | None, *, at: datetime | None = None, endpoint: str = "/audiences") -> CallRecord:
    return CallRecord(
        endpoint=endpoint,
        method="GET",
        status=200,
        milliseconds=12,
        rows=3,
        workspace_id=workspace_id,
        retries=1,
        error_class=None,
        at=at or datetime.now(UTC),
    )


def _visible_to(workspace_id: UUID) -> list[str]:
    tenant = Tenant(workspace_id=workspace_id, user_id=None, role=Role.MEMBER)
    with tenant.begin() as scope:
        return list(scope.session.scalars(select(ProviderCall.endpoint).order_by(ProviderCall.called_at)))


def test_a_workspace_sees_its_own_calls_only(database: Database) -> None:
    alice, charlie = uuid4(), uuid4()
    monitoring.write_calls(
        [_call(alice, endpoint="/alice"), _call(charlie, endpoint="/charlie"), _call(None, endpoint="/ours")]
    )
    assert _visible_to(alice) == ["/alice"]
    assert _visible_to(charlie) == ["/charlie"]


def test_the_restricted_role_cannot_write_or_go_around_the_parent(database: Database) -> None:
    month = datetime.now(UTC).strftime("provider_calls_%Y_%m")
    for relation, action in (
        ("provider_calls", "INSERT"), ("provider_calls", "UPDATE"), ("provider_calls", "DELETE"),
        (month, "SELECT"), ("provider_calls_default", "SELECT"),
    ):  # fmt: skip
        with system_scope() as scope:
            allowed = scope.session.scalar(text(f"SELECT has_table_privilege('cursive_app', '{relation}', '{action}')"))
        assert allowed is False, f"{action} on {relation}"


def test_calls_land_in_the_partition_of_their_month(database: Database) -> None:
    workspace = uuid4()
    now = datetime.now(UTC)
    long_ago = datetime(2001, 2, 3, tzinfo=UTC)
    monitoring.write_calls([_call(workspace, at=now), _call(workspace, at=long_ago)])
    with system_scope() as scope:
        found = scope.session.execute(
            text("SELECT tableoid::regclass::text FROM provider_calls WHERE workspace_id = :w ORDER BY called_at"),
            {"w": workspace},
        ).scalars()
        assert list(found) == ["provider_calls_default", now.strftime("provider_calls_%Y_%m")]


def test_a_late_partition_takes_over_the_rows_of_the_default(database: Database) -> None:
    """F33: the job that makes partitions was away; nothing is lost when it comes back."""
    workspace = uuid4()
    ahead = (datetime.now(UTC).replace(day=1) + timedelta(days=31 * 5)).replace(day=10)
    monitoring.write_calls([_call(workspace, at=ahead)])
    assert monitoring.create_partitions(months_ahead=6) >= 1
    assert monitoring.create_partitions(months_ahead=6) == 0
    with system_scope() as scope:
        home = scope.session.scalar(
            text("SELECT tableoid::regclass::text FROM provider_calls WHERE workspace_id = :w"), {"w": workspace}
        )
    assert home == ahead.strftime("provider_calls_%Y_%m")
    assert _visible_to(workspace) == ["/audiences"]


def test_the_recorder_writes_what_it_is_given(database: Database) -> None:
    workspace = uuid4()
    recorder = monitoring.CallRecorder()
    for number in range(1_200):
        recorder.record(_call(workspace, endpoint=f"/{number}"))
    assert recorder.flush(seconds=20)
    recorder.stop()
    assert len(_visible_to(workspace)) == 1_200


def test_records_wait_while_the_database_is_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, failures = uuid4(), [Unavailable(), Unavailable()]
    real = calls_module.write_calls

    def flaky(calls: list[CallRecord]) -> None:
        if failures:
            raise failures.pop()
        real(calls)

    monkeypatch.setattr(calls_module, "write_calls", flaky)
    recorder = monitoring.CallRecorder(retry_seconds=0.01)
    recorder.record(_call(workspace))
    assert recorder.flush(seconds=20)
    recorder.stop()
    assert failures == []
    assert _visible_to(workspace) == ["/audiences"]


def test_more_records_than_fit_push_out_the_oldest(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[CallRecord] = []
    down = [True]

    def write(calls: list[CallRecord]) -> None:
        if down[0]:
            raise Unavailable
        kept.extend(calls)

    monkeypatch.setattr(calls_module, "write_calls", write)
    recorder = monitoring.CallRecorder(most_waiting=10, retry_seconds=0.01)
    for number in range(40):
        recorder.record(_call(None, endpoint=f"/{number}"))
    down[0] = False
    assert recorder.flush(seconds=20)
    recorder.stop()
    assert kept[-1].endpoint == "/39"
    assert len(kept) <= 20

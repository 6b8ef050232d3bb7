"""From a call of this process's provider to its row: the wiring that web and worker processes use."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import select

from cursive_app.integrations.audiencelab import forget_provider, provider, record_calls
from cursive_app.services.monitoring import start_recording
from cursive_app.settings import settings
from db.engine import Database
from db.models.provider import ProviderCall
from db.roles import Role
from db.scope import Tenant
from tests.sandbox_fixtures import Sandbox


def test_calls_of_a_process_are_on_record(
    database: Database, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIENCELAB_BASE_URL", sandbox.url)
    settings.cache_clear()
    forget_provider()
    workspace = uuid4()
    recorder = start_recording()
    try:
        provider().for_workspace(workspace).pixels()
        sandbox.faults({"mode": "500", "times": 1})
        provider().for_workspace(workspace).pixels()
        assert recorder.flush(seconds=20)
    finally:
        record_calls(None)
        recorder.stop()
        monkeypatch.undo()
        settings.cache_clear()
        forget_provider()
    with Tenant(workspace_id=workspace, user_id=None, role=Role.MEMBER).begin() as scope:
        rows = scope.session.scalars(select(ProviderCall).order_by(ProviderCall.called_at)).all()
        found = [(row.endpoint, row.status, row.retries, row.error_class) for row in rows]
    assert found == [
        ("/pixels", 200, 0, None), ("/pixels", 500, 0, "ProviderServerError"), ("/pixels", 200, 1, None),
    ]  # fmt: skip
    assert all(row.milliseconds >= 0 for row in rows)

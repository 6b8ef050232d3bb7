"""Fixtures of the flows: the running sandbox, and settings that end with the test that chose them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cursive_app.settings import settings
from db.scope import Tenant
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_enrichment import set_chunk_rows
from tests.sandbox_fixtures import quirky_sandbox, quirky_sandbox_server, sandbox, sandbox_server

__all__ = ["quirky_sandbox", "quirky_sandbox_server", "sandbox", "sandbox_server"]


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """What a test sets ends with it."""
    yield
    settings.cache_clear()


@pytest.fixture
def alice(cast: Cast) -> Tenant:
    """Alice with 1,000 credits."""
    fund(cast.workspace_id, 1_000)
    return cast.alice


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of any size, in chunks of 20 rows."""
    set_chunk_rows(monkeypatch, 20, ENRICHMENT_MINIMUM_ROWS="1")


@pytest.fixture
def tens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of any size, in chunks of 10 rows, of which three travel at once."""
    set_chunk_rows(monkeypatch, 10, ENRICHMENT_MINIMUM_ROWS="1")

"""What a web process does before its first request."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from cursive_app import asgi, serve, telemetry


@pytest.fixture
def collector() -> Iterator[None]:
    """The collector as it was."""
    before = gc.get_freeze_count()
    yield
    if not before:
        gc.unfreeze()


def test_the_collector_never_looks_through_the_application_again(
    collector: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = [{"route": number} for number in range(1_000)]
    monkeypatch.setattr(telemetry, "configure", lambda *_, **__: None)
    monkeypatch.setattr(asgi, "create", lambda: application)
    assert serve.create() is application  # type: ignore[comparison-overlap]
    looked_at = {id(one) for one in gc.get_objects()}
    assert gc.get_freeze_count() > len(application)
    assert not looked_at & {id(one) for one in application}

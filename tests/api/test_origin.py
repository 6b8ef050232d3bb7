"""Where a request comes from: X-Forwarded-For counts only as far as our own proxies wrote it."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from cursive_app.api import origin
from cursive_app.settings import settings

PROXY = "10.0.0.7"
FORGED = "6.6.6.6"


def ip_of(monkeypatch: pytest.MonkeyPatch, hops: int, *lines: str) -> str | None:
    """What is taken for the client's address, with these X-Forwarded-For headers, behind so many proxies."""
    config = settings().model_copy(update={"trusted_proxy_hops": hops})
    monkeypatch.setattr(origin, "settings", lambda: config)
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    return origin.client_ip(Request({"type": "http", "headers": headers, "client": (PROXY, 50_000)}))


@pytest.mark.parametrize(
    ("hops", "lines", "found"),
    [
        (0, (), PROXY),
        (0, (FORGED,), PROXY),
        (1, ("192.0.2.1",), "192.0.2.1"),
        (1, (f"{FORGED}, 192.0.2.1",), "192.0.2.1"),
        (1, (FORGED, "192.0.2.1"), "192.0.2.1"),  # the proxy wrote a line of its own below the client's
        (1, (f" {FORGED} ,, 192.0.2.1 ,",), "192.0.2.1"),
        (2, ("192.0.2.1, 10.0.0.6",), "192.0.2.1"),
        (2, (f"{FORGED}, 192.0.2.1, 10.0.0.6",), "192.0.2.1"),
        (2, (FORGED, "192.0.2.1", "10.0.0.6"), "192.0.2.1"),
        # Shorter than our proxies make it: it did not come through all of them, so nothing in it is believed.
        (1, (), PROXY),
        (1, ("",), PROXY),
        (2, ("192.0.2.1",), PROXY),
    ],
)
def test_the_clients_address(monkeypatch: pytest.MonkeyPatch, hops: int, lines: tuple[str, ...], found: str) -> None:
    assert ip_of(monkeypatch, hops, *lines) == found

"""The provider client without a network: what it sends is answered by a function of the test."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from cursive_app.integrations.audiencelab import AudienceLab

BASE = httpx.URL("https://api.vendor.test")
Handler = Callable[[httpx.Request], httpx.Response]


def lab(handler: Handler, **options: object) -> AudienceLab:
    defaults: dict[str, object] = {"first_wait_seconds": 0.001, "page_pause_seconds": 0.0}
    return AudienceLab(
        base_url=str(BASE),
        api_key="secret-key",
        http=httpx.MockTransport(handler),
        **{**defaults, **options},  # type: ignore[arg-type]
    )

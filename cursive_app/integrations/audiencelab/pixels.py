"""The pixel half of the client (§5) and the health check that rides on it (§7)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from cursive_app import clock
from cursive_app.integrations.audiencelab.connection import LIST_PAGE_SIZE, Connection
from cursive_app.integrations.audiencelab.errors import (
    ProviderAuthFailed,
    ProviderError,
    ProviderProtocolError,
    ProviderServerError,
    ProviderTimeout,
)
from cursive_app.integrations.audiencelab.results import Page, Pixel, ProviderHealth, page_of, pixel_of, rows_of

PixelVersion = Literal["v3", "v4"]
HEALTH_SECONDS = 60.0
SLOW_MILLISECONDS = 2_000
DOWN_MILLISECONDS = 10_000


@dataclass(frozen=True, slots=True)
class PixelEvents:
    """One page of visitor events and the version of the look-up that answered."""

    page: Page
    version: PixelVersion


class PixelCalls(Connection):
    """Pixel calls of one account."""

    def create_pixel(
        self, *, website_name: str, website_url: str, webhook_url: str | None, version: PixelVersion = "v3"
    ) -> Pixel:
        """Make a pixel (§5.1). Its `install_url` is always present: one made without it is useless and is deleted.

        A lost answer is answered from the list, where our webhook address (it holds a token) names the pixel.
        """
        body = {
            "websiteName": website_name,
            "websiteUrl": website_url,
            "webhookUrl": webhook_url,
            "version": version,
        }
        try:
            answer = self._send("POST", "/pixels", body=body)
            pixel = pixel_of(answer) if isinstance(answer, Mapping) else None
        except ProviderError as error:
            if not error.uncertain or webhook_url is None:
                raise
            pixel = next((row for row in self.pixels(page_size=LIST_PAGE_SIZE) if row.webhook_url == webhook_url), None)
            if pixel is None:
                raise
        if pixel is None:
            raise ProviderProtocolError
        if pixel.install_url is None:
            self.delete_pixel(pixel.id)
            raise ProviderProtocolError
        return pixel

    def pixels(self, *, page: int = 1, page_size: int = 100) -> tuple[Pixel, ...]:
        """One page of the account's pixels (§5.2)."""
        return tuple(pixel_of(row) for row in rows_of(self._get("/pixels", page=page, page_size=page_size)))

    def delete_pixel(self, pixel_id: str) -> None:
        """Delete; one that is gone already counts as done (§5.4)."""
        self._delete("/pixels/{id}", pixel_id)

    def pixel_events(
        self, pixel_id: str, *, page: int = 1, page_size: int = 500, version: PixelVersion = "v3"
    ) -> PixelEvents:
        """One page of a pixel's visitor events (§5.3). Version 4 falls back to version 3, which worked on days when
        version 4 failed for every pixel; so it is asked once and not retried.
        """
        with self._pacing.page(pixel_id, page=page):
            return self._events(pixel_id, page=page, page_size=page_size, version=version)

    def _events(self, pixel_id: str, *, page: int, page_size: int, version: PixelVersion) -> PixelEvents:
        path = f"/pixels/{quote(pixel_id, safe='')}"
        if version == "v4":
            try:
                body = self._get(
                    f"{path}/v4", template="/pixels/{id}/v4", repeatable=False, page=page, page_size=page_size
                )
                return PixelEvents(page_of(body, page=page), "v4")
            except (ProviderServerError, ProviderTimeout, ProviderProtocolError):
                pass
        body = self._get(path, template="/pixels/{id}", page=page, page_size=page_size)
        return PixelEvents(page_of(body, page=page), "v3")

    def pixels_health(self, *, max_age_seconds: float = HEALTH_SECONDS) -> ProviderHealth:
        """How the provider is, from its cheapest call, at most once a minute (§7). Never raises."""
        if self._last_health:
            checked_at, health = self._last_health[-1]
            if time.monotonic() - checked_at < max_age_seconds:
                return health
        health = self._measure_health()
        self._last_health[:] = [(time.monotonic(), health)]
        return health

    def _measure_health(self) -> ProviderHealth:
        started = time.monotonic()
        state: Literal["ok", "slow", "down", "auth_failed"] = "ok"
        try:
            self._get("/pixels", page=1, page_size=1, repeatable=False)
        except ProviderAuthFailed:
            state = "auth_failed"
        except ProviderError:
            state = "down"
        milliseconds = round((time.monotonic() - started) * 1000)
        if state == "ok" and milliseconds >= SLOW_MILLISECONDS:
            state = "slow" if milliseconds < DOWN_MILLISECONDS else "down"
        return ProviderHealth(state=state, milliseconds=milliseconds, checked_at=clock.now())

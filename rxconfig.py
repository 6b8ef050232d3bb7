"""Reflex's configuration. Loaded by every Reflex command and by the web process, so its imports stay light."""

from __future__ import annotations

import os

import reflex as rx
from reflex_base.plugins import Plugin

from components.tokens import TAILWIND
from cursive_app.build import SameOrigin
from cursive_app.settings import settings
from cursive_app.web_edge import allowed_origins

_settings = settings()
_redis = _settings.redis_url.get_secret_value() if _settings.redis_url else None

# Reflex prefers bun; the lock file and the wheel that brings Node are npm's.
os.environ.setdefault("REFLEX_USE_NPM", "1")
# Many a managed Redis is configured by its operator only; `cursive doctor` looks whether what we need is switched on.
os.environ.setdefault("REFLEX_IGNORE_REDIS_CONFIG_ERROR", "1")

PLUGINS: list[Plugin] = [SameOrigin(), rx.plugins.TailwindV4Plugin(config=TAILWIND)]

config = rx.Config(
    app_name="cursive_app",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    redis_url=_redis,
    # Reflex's default pickles every session to .states/ on disk; the URL and the database hold what matters.
    state_manager_mode=(rx.constants.StateManagerMode.REDIS if _redis else rx.constants.StateManagerMode.MEMORY),
    redis_token_expiration=4 * 3600,
    cors_allowed_origins=allowed_origins(_settings),
    trusted_proxy_hops=_settings.trusted_proxy_hops,
    frontend_compression_formats=["brotli", "gzip"],
    plugins=PLUGINS,
    disable_plugins=[rx.plugins.SitemapPlugin],
)

"""The web process: `granian --interface asgi --factory cursive_app.asgi:create`.

Serves the finished build, the HTTP API and the page socket on one port. The two `__REFLEX_*` names are internal to
Reflex; they are used in this file only and a smoke test covers them.
"""

from __future__ import annotations

import os

os.environ.setdefault("REFLEX_ENV_MODE", "prod")
os.environ.setdefault("REFLEX_TELEMETRY_ENABLED", "false")
os.environ.setdefault("REFLEX_CHECK_LATEST_VERSION", "false")
os.environ.setdefault("__REFLEX_SKIP_COMPILE", "true")
os.environ.setdefault("__REFLEX_MOUNT_FRONTEND_COMPILED_APP", "true")

from starlette.types import ASGIApp


def create() -> ASGIApp:
    """The ASGI application. Raises BuildFailed when the interface has not been built."""
    from cursive_app.build import CLIENT, ROOT, BuildFailed

    if not (ROOT / CLIENT / "index.html").is_file():
        raise BuildFailed("The interface has not been built yet; `cursive up` and `cursive web` build it.")
    from cursive_app.cursive_app import app
    from cursive_app.services.limits import share_provider_slots
    from cursive_app.services.monitoring import start_recording
    from cursive_app.settings import settings

    start_recording()
    share_provider_slots(settings())
    return app()

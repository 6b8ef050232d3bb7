"""The web process: granian around `cursive_app.asgi:create`, its logs and its signals."""

from __future__ import annotations

import gc
import multiprocessing

from starlette.types import ASGIApp

from cursive_app import telemetry
from cursive_app.lifeline import die_with_parent
from cursive_app.settings import Settings, settings


def serve(config: Settings) -> None:
    """Serve until SIGTERM or SIGINT. A web worker that dies is replaced at once; its listening socket stays open."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    Granian(
        target="cursive_app.serve:create",
        factory=True,
        interface=Interfaces.ASGI,
        address=config.host,
        port=config.port,
        workers=config.web_workers,
        respawn_failed_workers=True,
        workers_kill_timeout=4,
        log_level=LogLevels.warning,
        log_dictconfig={"handlers": {}, "formatters": {}, "loggers": {"_granian": {}, "granian.access": {}}},
    ).serve()


def create() -> ASGIApp:
    """What a granian worker runs: logs first, so that nothing is said unredacted, then the application.

    What the application is made of lives as long as the process; the collector looking through it would stop every page
    for some tenths of a second, again and again.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        die_with_parent(parent.pid)
    telemetry.configure(settings(), process="web")
    from cursive_app.asgi import create as application

    made = application()
    gc.collect()
    gc.freeze()
    return made

"""Every worker watches the disks of its machine and says in the log when one is nearly full, before it is (F8)."""

from __future__ import annotations

import threading
import time

import structlog

from cursive_app.services.health import disk_problem
from cursive_app.settings import Settings

log = structlog.get_logger(__name__)

LOOK_SECONDS = 20.0
SAY_AGAIN_SECONDS = 3600.0


def watch_disks(config: Settings, stop: threading.Event, *, look_seconds: float = LOOK_SECONDS) -> None:
    """Look until `stop`: an error at once and then every hour while it lasts, and a word when there is room again."""
    said: float | None = None
    while not stop.is_set():
        problem = disk_problem(config)
        if problem is None and said is not None:
            log.info("disk.has_room_again")
            said = None
        elif problem is not None and (said is None or time.monotonic() - said >= SAY_AGAIN_SECONDS):
            log.error("disk.nearly_full", problem=problem)
            said = time.monotonic()
        stop.wait(look_seconds)

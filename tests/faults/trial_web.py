"""The web process without its pages: granian around the API, workers that are replaced when they die.

`<port> [workers]`. With COUNTED_AT set each worker asks the counting server there, under a name of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import sys

from fastapi import FastAPI
from granian import Granian
from granian.constants import Interfaces

from cursive_app.api import app
from cursive_app.lifeline import die_with_parent
from cursive_app.services.limits import share_provider_slots
from cursive_app.settings import settings
from tests.faults.counting import as_caller

READY = "a web process is ready"


def create() -> FastAPI:
    """What a granian worker runs; it dies with granian, as in `cursive_app.serve`, and shares as `cursive_app.asgi`."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        die_with_parent(parent.pid)
    if counted_at := os.environ.get("COUNTED_AT"):
        as_caller(counted_at, f"web-{os.getpid()}")
    share_provider_slots(settings())
    made = app.create()
    print(READY, flush=True)
    return made


if __name__ == "__main__":
    Granian(
        target="tests.faults.trial_web:create",
        factory=True,
        interface=Interfaces.ASGI,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        workers=int(sys.argv[2]) if len(sys.argv) > 2 else 1,
        respawn_failed_workers=True,
    ).serve()

"""The web process without its pages: granian around the API, one worker that is replaced when it dies. `<port>`"""

from __future__ import annotations

import multiprocessing
import sys

from fastapi import FastAPI
from granian import Granian
from granian.constants import Interfaces

from cursive_app.api import app
from cursive_app.lifeline import die_with_parent


def create() -> FastAPI:
    """What the granian worker runs; it dies with granian, as in `cursive_app.serve`."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        die_with_parent(parent.pid)
    return app.create()


if __name__ == "__main__":
    Granian(
        target="tests.faults.trial_web:create",
        factory=True,
        interface=Interfaces.ASGI,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        workers=1,
        respawn_failed_workers=True,
    ).serve()

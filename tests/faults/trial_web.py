"""The web process without its pages: granian around the API, one worker that is replaced when it dies. `<port>`"""

from __future__ import annotations

import sys

from fastapi import FastAPI
from granian import Granian
from granian.constants import Interfaces

from cursive_app.api import app


def create() -> FastAPI:
    """What the granian worker runs."""
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

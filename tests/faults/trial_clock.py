"""The real clock on a schedule of one task every second; its name is the first argument."""

from __future__ import annotations

import os
import sys
import threading
from datetime import timedelta

from cursive_app.jobs.clock import Clock
from cursive_app.jobs.schedule import Scheduled
from cursive_app.settings import settings

if __name__ == "__main__":
    every_second = [Scheduled(sys.argv[1], every=timedelta(seconds=1))]
    Clock(settings(), worker=f"clock-{os.getpid()}", schedule=every_second).run(threading.Event())

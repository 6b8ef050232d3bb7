"""The real clock on schedules of one task every second: `<name> <how many> [hasty]` on the command line."""

from __future__ import annotations

import os
import sys
import threading
from datetime import timedelta

from cursive_app.jobs.clock import Clock
from cursive_app.jobs.schedule import Scheduled
from cursive_app.settings import settings
from tests.faults.hasty import hurry

if __name__ == "__main__":
    name, count = sys.argv[1], int(sys.argv[2])
    if "hasty" in sys.argv:
        hurry()
    every_second = [Scheduled(f"{name}.{number}", every=timedelta(seconds=1)) for number in range(count)]
    Clock(settings(), worker=f"clock-{os.getpid()}", schedule=every_second).run(threading.Event())

"""The pause between two pages of one list (contract §1: at least 250 ms), held for whoever asks for them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

_REMEMBERED_LISTS = 1_000


class Pacing:
    """Remembers when a page of each list was last asked for. Thread-safe; shared by all workspaces of a client."""

    def __init__(self, *, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._lock = threading.Lock()
        self._next_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, list_id: str, *, page: int) -> None:
        """Wait until the next page of this list may be asked for. The first page never waits."""
        with self._lock:
            now = time.monotonic()
            due = max(now, self._next_at.pop(list_id, now)) if page > 1 else now
            self._next_at[list_id] = due + self._pause_seconds
            while len(self._next_at) > _REMEMBERED_LISTS:
                self._next_at.popitem(last=False)
        if due > now:
            time.sleep(due - now)

    def forget(self, list_id: str) -> None:
        with self._lock:
            self._next_at.pop(list_id, None)

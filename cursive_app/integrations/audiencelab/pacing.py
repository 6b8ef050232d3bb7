"""The pause between two pages of one list (contract §1: at least 250 ms), held for whoever asks for them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

_REMEMBERED_LISTS = 1_000


class Pacing:
    """Remembers when a page of each list was last asked for. Thread-safe; shared by all workspaces of a client."""

    def __init__(self, *, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._lock = threading.Lock()
        self._next_at: OrderedDict[str, float] = OrderedDict()

    @contextmanager
    def page(self, list_id: str, *, page: int) -> Iterator[None]:
        """Around asking for one page: waits until it may be asked for; the pause starts when it has been answered.

        The first page never waits.
        """
        with self._lock:
            now = time.monotonic()
            due = max(now, self._next_at.get(list_id, now)) if page > 1 else now
            self._remember(list_id, due)
        if due > now:
            time.sleep(due - now)
        try:
            yield
        finally:
            with self._lock:
                self._remember(list_id, time.monotonic())

    def forget(self, list_id: str) -> None:
        with self._lock:
            self._next_at.pop(list_id, None)

    def _remember(self, list_id: str, asked_at: float) -> None:
        """The next page may follow a pause after this one, or after a later one that somebody else has reserved."""
        self._next_at[list_id] = max(asked_at + self._pause_seconds, self._next_at.pop(list_id, 0.0))
        while len(self._next_at) > _REMEMBERED_LISTS:
            self._next_at.popitem(last=False)

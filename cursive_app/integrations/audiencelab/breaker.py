"""A circuit breaker: after repeated failures stop asking for a few seconds, then let one request try.

Written here because the kept libraries hold their lock while the guarded call runs, which would send one request at a
time; this one only counts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Closed until `threshold` failures in a row; then open for `open_seconds`; then half open: one trial decides."""

    def __init__(
        self, *, threshold: int = 5, open_seconds: float = 10.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._open_seconds = open_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._opened_at: float | None = None
        self._trial_since: float | None = None

    def wait_seconds(self) -> float:
        """0.0 when a request may be sent now (half open, it is the one trial); else seconds until the next try."""
        with self._lock:
            if self._opened_at is None:
                return 0.0
            now = self._monotonic()
            remaining = self._opened_at + self._open_seconds - now
            if remaining > 0:
                return remaining
            # A trial whose owner never reported back (a killed thread) must not block the circuit for ever.
            if self._trial_since is not None and now - self._trial_since < self._open_seconds:
                return max(0.1, self._trial_since + self._open_seconds - now)
            self._trial_since = now
            return 0.0

    def succeeded(self) -> None:
        """The other side answered sensibly (a refusal is an answer too): close."""
        with self._lock:
            self._failures = 0
            self._opened_at = None
            self._trial_since = None

    def failed(self) -> None:
        """The other side failed. The failure that reaches the threshold, or a failed trial, opens the circuit."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._threshold or self._trial_since is not None:
                self._opened_at = self._monotonic()
            self._trial_since = None

    @property
    def is_open(self) -> bool:
        with self._lock:
            return self._opened_at is not None

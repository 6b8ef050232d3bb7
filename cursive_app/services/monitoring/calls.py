"""Putting provider calls on record, beside the calls and never in their way.

A call hands its record to a queue in memory; one thread writes what has gathered, in short transactions of its own.
While the database is out of reach the records wait; only when more wait than fit are the oldest given up, and counted.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict

import structlog
from sqlalchemy import func, insert, select

from cursive_app.errors import CursiveError
from cursive_app.integrations.audiencelab import ProviderCall as CallRecord
from cursive_app.integrations.audiencelab import record_calls
from db.models.provider import ProviderCall
from db.system import system_scope

log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
_BATCH = 500
_RETRY_SECONDS = 1.0
MONTHS_AHEAD = 3


def write_calls(calls: Sequence[CallRecord]) -> None:
    """Insert these records in one transaction. Raises Unavailable when the database is out of reach."""
    rows = [{"called_at" if name == "at" else name: value for name, value in asdict(call).items()} for call in calls]
    with system_scope() as scope:
        scope.session.execute(insert(ProviderCall), rows)


def create_partitions(*, months_ahead: int = MONTHS_AHEAD) -> int:
    """Make the partitions of this month and the next ones; returns how many were missing. Runs daily."""
    with system_scope() as scope:
        return scope.session.scalar(select(func.create_provider_call_partitions(months_ahead))) or 0


class CallRecorder:
    """Writes records in a thread of its own, which starts with the first record (so a fork before that is harmless)."""

    def __init__(self, *, most_waiting: int = MOST_WAITING, retry_seconds: float = _RETRY_SECONDS) -> None:
        self._waiting: deque[CallRecord] = deque()
        self._most_waiting = most_waiting
        self._retry_seconds = retry_seconds
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._writing = False
        self._stopped = False
        self._lost = 0

    def record(self, call: CallRecord) -> None:
        """Take one record; returns at once."""
        with self._changed:
            if len(self._waiting) >= self._most_waiting:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append(call)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="provider-calls", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, *, seconds: float) -> bool:
        """Wait until everything taken so far is written, at most this long; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._writing, seconds)

    def stop(self, *, seconds: float = 2.0) -> None:
        """Write what waits, then end the thread. For the end of a process."""
        self.flush(seconds=seconds)
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _work(self) -> None:
        while batch := self._next():
            written = self._write(batch)
            with self._changed:
                self._writing = False
                if not written and not self._stopped:
                    self._waiting.extendleft(reversed(batch))
                    self._changed.wait_for(lambda: self._stopped, self._retry_seconds)
                self._changed.notify_all()

    def _next(self) -> list[CallRecord]:
        """The next batch; empty when the recorder is stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped)
            if self._stopped:
                return []
            self._writing = True
            if self._lost:
                log.error("provider_calls_lost", count=self._lost)
                self._lost = 0
            return [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]

    def _write(self, batch: list[CallRecord]) -> bool:
        """Whether the batch is dealt with: written, or given up because it can never be written."""
        try:
            write_calls(batch)
        except CursiveError:
            log.warning("provider_calls_waiting", count=len(batch))
            return False
        except Exception:  # a defect here must not end the thread
            log.exception("provider_calls_not_recorded", count=len(batch))
        return True


def start_recording() -> CallRecorder:
    """Record every call of this process's `provider()` from now on. Called once by each process that makes calls."""
    recorder = CallRecorder()
    record_calls(recorder.record)
    return recorder

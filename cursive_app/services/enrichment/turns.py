"""One large list at a time is read in a process, so that its memory does not grow with how many arrive at once (F27).

A workbook is a table in memory while it is read, hundreds of megabytes at the most a sheet may have, and Python works
on one list at a time anyway. Small lists never wait.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LARGE_BYTES = 2 * 1024 * 1024
_LOOK_SECONDS = 1.0
_TURN = threading.Lock()
_LIBRARY = ctypes.CDLL(None)


@contextmanager
def turn_to_read(*, kind: str, byte_size: int, waiting: Callable[[], None]) -> Iterator[None]:
    """Wait for the process's turn when the list is a workbook or large. `waiting` is called about every second
    meanwhile; what it raises ends the wait."""
    if kind != "xlsx" and byte_size <= LARGE_BYTES:
        yield
        return
    while not _TURN.acquire(timeout=_LOOK_SECONDS):
        waiting()
    try:
        yield
    finally:
        give_memory_back()
        _TURN.release()


def give_memory_back() -> None:
    """Hand what is free to the system. The C library keeps freed cells for the thread that freed them, and the next
    list is read by another thread: it would take as much again."""
    if sys.platform == "linux" and hasattr(_LIBRARY, "malloc_trim"):  # glibc's
        _LIBRARY.malloc_trim(0)

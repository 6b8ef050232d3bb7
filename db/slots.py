"""Slots that all processes of an installation share: each is an advisory lock, held by its process's own connection.

A lock goes with the connection and the connection with the process, also by kill -9, so a dead process frees what it
held at once. One thread per process owns that connection: whoever takes a slot waits for the thread and never for the
database, and giving back returns at once. Where the database cannot be asked, nobody is kept waiting for it: slots are
then handed out freely, and a cap of the process's own is all there is until it is back.
"""

from __future__ import annotations

import os
import random
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import LiteralString

import psycopg
import structlog
from psycopg import Connection

from db.engine import LOCK_HOLDER_OPTIONS

log = structlog.get_logger(__name__)

LOCK_CLASS = 7_283_013  # any number that nothing else in this database uses; the second number is the slot
QUEUE = 0  # no slot: held, shared, by every process that waits for one
POLL_SECONDS = 0.05
RETRY_SECONDS = 1.0
PATIENCE_SECONDS = 2.0  # how long the database may take to answer before callers go on without it

GiveBack = Callable[[], None]


@dataclass(eq=False, slots=True)
class _Slot:
    """One slot in the hands of one caller. Its number alone says too little: after a loss another may have that."""

    number: int


@dataclass(eq=False, slots=True)
class _Waiter:
    give_back: GiveBack | None = None


class SharedSlots:
    """`count` slots of one database. Thread-safe; makes its thread and connection with the first call, in each process.

    `url` is asked for with each connection. A process that was frozen with slots in its hands loses them when it has
    said nothing for `longest_seconds`, which must be longer than any slot is held by one that lives.
    """

    def __init__(
        self, count: int, *, url: Callable[[], str], longest_seconds: float, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self._count = count
        self._url = url
        self._options = f"{LOCK_HOLDER_OPTIONS} -c idle_session_timeout={round(longest_seconds * 1000)}"
        self._poll_seconds = poll_seconds
        self._begin()
        os.register_at_fork(after_in_child=self._begin_in_child)

    def _begin_in_child(self) -> None:
        """There is no thread of ours here, but the socket of its connection: while that is open anywhere, the server
        does not see the parent die, and keeps the parent's slots."""
        if self._socket is not None:
            number, made = self._socket
            with suppress(OSError):  # a connection that was lost is closed, and its number may be another file's by now
                if os.path.samestat(os.fstat(number), made):
                    os.close(number)  # nothing is sent: the parent goes on with it
        self._begin()

    def _begin(self) -> None:
        """Nothing is held, nobody waits. What the threads share is guarded by `_changed`."""
        self._changed = threading.Condition()
        self._waiting: deque[_Waiter] = deque()
        self._returned: list[_Slot] = []
        self._asked_at: float | None = None  # since when the database owes an answer
        self._is_away = self._is_closed = False
        self._thread: threading.Thread | None = None
        self._held: dict[int, _Slot] = {}  # the thread's own, as all below
        self._is_queued = self._has_paused = False
        self._next_try = 0.0
        self._socket: tuple[int, os.stat_result] | None = None  # of its connection: the number, and what that names

    def take(self, *, seconds: float) -> GiveBack | None:
        """Wait for a slot for at most so many seconds; returns what gives it back, or None when there was none.

        Raises nothing, nor does giving back. While the database is out of reach the answer is there at once.
        """
        deadline, waiter = monotonic() + seconds, _Waiter()
        with self._changed:
            if self._is_away or self._is_closed:
                return _nothing
            self._waiting.append(waiter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, name="slots", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            while waiter.give_back is None and (rest := deadline - monotonic()) > 0:
                self._changed.wait(min(rest, PATIENCE_SECONDS / 4))
                if self._asked_at is not None and monotonic() - self._asked_at > PATIENCE_SECONDS:
                    self._go_away("silent")
            if waiter.give_back is None:
                self._waiting.remove(waiter)
            return waiter.give_back

    def close(self) -> None:
        """Close the connection, and with it give back everything. Whoever asks from now on is kept waiting no more."""
        with self._changed:
            self._is_closed = True
            self._let_all_go()
        if self._thread is not None:
            self._thread.join(timeout=PATIENCE_SECONDS)

    def _return(self, slot: _Slot) -> None:
        with self._changed:
            self._returned.append(slot)
            self._changed.notify_all()

    def _go_away(self, why: str) -> None:
        """The database cannot be asked: nobody waits for it any more. `_changed` is held."""
        if not self._is_away and not self._is_closed:
            log.warning("slots.each_process_for_itself", why=why)
        self._is_away = True
        self._let_all_go()

    def _let_all_go(self) -> None:
        while self._waiting:
            self._waiting.popleft().give_back = _nothing
        self._changed.notify_all()

    # The thread

    def _keep(self) -> None:
        while not self._is_closed:
            self._asked_at, is_there = monotonic(), False
            try:
                with psycopg.connect(
                    self._url(), autocommit=True, connect_timeout=5, options=self._options, tcp_user_timeout=10_000,
                    application_name="cursive slots",
                ) as connection:  # fmt: skip
                    self._socket = connection.fileno(), os.fstat(connection.fileno())
                    self._take_again(connection)
                    is_there = True
                    self._serve(connection)
            except Exception as error:  # noqa: BLE001  # whatever it is, no call to a vendor may break or wait for it
                with self._changed:
                    if not is_there:  # otherwise it was lost in between, and a new one is the remedy
                        self._go_away(type(error).__name__)
                        self._asked_at = None
                        self._changed.wait_for(lambda: self._is_closed, RETRY_SECONDS)

    def _ask(self, connection: Connection, sql: LiteralString, *values: object) -> list[int]:
        """The first column of the answer. Whoever waits is told that the database is there."""
        self._asked_at = monotonic()
        found = [row[0] for row in connection.execute(sql, values).fetchall()]
        with self._changed:
            self._asked_at = None
            if self._is_away:
                log.info("slots.shared_again")
                self._is_away = False
        return found

    def _take_again(self, connection: Connection) -> None:
        """What was held when the last connection was lost, as far as nobody else has it now: its calls go on."""
        with self._changed:
            returned, self._returned = self._returned, []
        self._forget(returned)
        numbers = self._ask(
            connection,
            "SELECT number FROM unnest(%s::int[]) AS number WHERE pg_try_advisory_lock(%s, number)",
            list(self._held),
            LOCK_CLASS,
        )
        self._held = {number: self._held[number] for number in numbers}
        self._is_queued = self._has_paused = False

    def _serve(self, connection: Connection) -> None:
        """Hand out slots until it is closed. Raises psycopg.Error when the connection is lost."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._returned or self._is_closed)
                if self._has_paused and not self._returned:
                    rest = self._next_try - monotonic()
                    self._changed.wait_for(lambda: self._returned or self._is_closed, max(0, rest))
                if self._is_closed:
                    return
                returned, self._returned = self._returned, []
            for slot in self._forget(returned):
                self._ask(connection, "SELECT pg_advisory_unlock(%s, %s)::int", LOCK_CLASS, slot.number)
            if self._waiting:
                self._look(connection)
            if not self._waiting:
                self._leave_queue(connection)

    def _look(self, connection: Connection) -> None:
        """Take a slot for who waits longest. Nobody may take what it has just given back while others wait: it looks
        again after a pause, as they do, or the busiest process would keep all slots."""
        is_its_turn = self._has_paused and monotonic() >= self._next_try
        number = None
        if is_its_turn or not self._do_others_wait(connection):
            number = self._try(connection)
        elif self._has_paused:
            return  # woken by what came back
        if number is None:
            self._queue(connection)
            self._has_paused = True
            self._next_try = monotonic() + self._poll_seconds * random.uniform(0.5, 1.5)  # noqa: S311  # no secret
            return
        self._has_paused = False
        slot = self._held[number] = _Slot(number)
        with self._changed:
            if self._waiting:
                self._waiting.popleft().give_back = partial(self._return, slot)
            else:
                self._returned.append(slot)
            self._changed.notify_all()

    def _try(self, connection: Connection) -> int | None:
        """A slot that nobody holds. Our own are not asked for: the server would give them to us again."""
        free = [number for number in range(1, self._count + 1) if number not in self._held]
        sql = "SELECT number FROM unnest(%s::int[]) AS number WHERE pg_try_advisory_lock(%s, number) LIMIT 1"
        return next(iter(self._ask(connection, sql, free, LOCK_CLASS)), None)

    def _do_others_wait(self, connection: Connection) -> bool:
        return self._ask(connection, "SELECT pg_try_advisory_xact_lock(%s, %s)::int", LOCK_CLASS, QUEUE) == [0]

    def _queue(self, connection: Connection) -> None:
        if not self._is_queued:
            sql = "SELECT pg_try_advisory_lock_shared(%s, %s)::int"
            self._is_queued = self._ask(connection, sql, LOCK_CLASS, QUEUE) == [1]

    def _leave_queue(self, connection: Connection) -> None:
        self._has_paused = False
        if self._is_queued:
            self._ask(connection, "SELECT pg_advisory_unlock_shared(%s, %s)::int", LOCK_CLASS, QUEUE)
            self._is_queued = False

    def _forget(self, returned: list[_Slot]) -> list[_Slot]:
        """Those of the returned slots that are still held; they are no more."""
        ours = [slot for slot in returned if self._held.get(slot.number) is slot]
        for slot in ours:
            del self._held[slot.number]
        return ours


def _nothing() -> None:
    """Gives back what was taken while there was nobody to ask."""

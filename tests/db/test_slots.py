"""Slots that processes share. Each `SharedSlots` here stands for a process: its thread and connection are its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic

import psycopg
import pytest
from structlog.testing import capture_logs

from cursive_app.settings import ROOT, Settings, settings
from db import slots as slots_module
from db.embedded import socket_url
from db.engine import Database, psycopg_address, role_url
from db.roles import APP_ROLE
from db.slots import LOCK_CLASS, QUEUE, SharedSlots
from tests.faults.processes import wait_until

LONG = 30.0
PROGRAM = """
from cursive_app.services.limits import share_provider_slots
from cursive_app.settings import settings
assert share_provider_slots(settings()).take(seconds=20) is not None
print("taken", flush=True)
input()
"""
Make = Callable[..., SharedSlots]


def url() -> str:
    return psycopg_address(role_url(settings(), APP_ROLE))


@pytest.fixture
def make(database: Database) -> Iterator[Make]:
    """`make(count)`: the slots as one more process has them; closed at the end."""
    made: list[SharedSlots] = []

    def another(count: int, **options: object) -> SharedSlots:
        made.append(SharedSlots(count, **{"url": url, "longest_seconds": 600.0, **options}))  # type: ignore[arg-type]
        return made[-1]

    yield another
    for slots in made:
        slots.close()


@pytest.fixture
def owner(config: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(socket_url(config.data_dir), autocommit=True) as connection:
        yield connection


def holders(owner: psycopg.Connection, *, of_slots: bool = True) -> list[tuple[int, int]]:
    """Who holds which slot (or, otherwise, stands in the queue): backend and number."""
    found = owner.execute(
        "SELECT pid, objid::int FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s"
        " AND (objid <> %s) = %s",
        (LOCK_CLASS, QUEUE, of_slots),
    ).fetchall()
    return sorted((row[0], row[1]) for row in found)


def wait_for(condition: Callable[[], object], what: str) -> None:
    wait_until(condition, seconds=LONG, what=what)


def taken(slots: SharedSlots) -> Callable[[], None]:
    give_back = slots.take(seconds=LONG)
    assert give_back is not None
    return give_back


@pytest.mark.parametrize(("cap", "threads"), [(1, 8), (3, 16)])
def test_two_processes_never_hold_more_than_the_cap(
    make: Make, owner: psycopg.Connection, cap: int, threads: int
) -> None:
    both = (make(cap, poll_seconds=0.01), make(cap, poll_seconds=0.01))
    lock, gate, full = threading.Lock(), threading.Event(), threading.Event()
    inside = most = done = 0

    def work(slots: SharedSlots) -> None:
        nonlocal inside, most, done
        for _ in range(4):
            give_back = taken(slots)
            with lock:
                inside += 1
                most = max(most, inside)
                if inside == cap:
                    full.set()
            assert gate.wait(LONG)
            with lock:
                inside -= 1
            give_back()
        with lock:
            done += 1

    running = [threading.Thread(target=work, args=[both[number % 2]], daemon=True) for number in range(threads)]
    for thread in running:
        thread.start()
    assert full.wait(LONG)
    wait_for(lambda: len(holders(owner, of_slots=False)) == 2, "both processes to look in vain, once at least")
    assert [number for _, number in sorted(holders(owner), key=lambda one: one[1])] == list(range(1, cap + 1))
    gate.set()
    for thread in running:
        thread.join(LONG)
    assert (done, most) == (threads, cap)
    wait_for(lambda: not holders(owner) and not holders(owner, of_slots=False), "all to be free")


def test_one_process_never_takes_a_slot_twice(make: Make, owner: psycopg.Connection) -> None:
    """The server gives a session the lock it has already: the process has to know itself."""
    slots = make(2)
    first, second = taken(slots), taken(slots)
    assert slots.take(seconds=0.3) is None
    assert len(set(holders(owner))) == 2
    first()
    third = taken(slots)
    assert slots.take(seconds=0.3) is None
    for give_back in (second, third):
        give_back()
    wait_for(lambda: not holders(owner), "all to be free")


def test_nobody_waits_longer_than_asked(make: Make, owner: psycopg.Connection) -> None:
    one, other = make(1), make(1)
    give_back = taken(one)
    began = monotonic()
    assert other.take(seconds=0.3) is None
    assert 0.3 <= monotonic() - began < 5
    assert other.take(seconds=0.0) is None
    wait_for(lambda: not holders(owner, of_slots=False), "the queue to be left")
    give_back()
    taken(other)()


def test_a_busy_process_leaves_what_it_gives_back_to_who_waits(make: Make, owner: psycopg.Connection) -> None:
    busy, other = make(1, poll_seconds=2.0), make(1, poll_seconds=0.01)
    order: deque[str] = deque()
    give_back = taken(busy)

    def wait(slots: SharedSlots, name: str) -> None:
        mine = taken(slots)
        order.append(name)
        mine()

    waiting = [threading.Thread(target=wait, args=[other, "other"], daemon=True)]
    waiting[0].start()
    wait_for(lambda: len(holders(owner, of_slots=False)) == 1, "the other to wait")
    waiting.append(threading.Thread(target=wait, args=[busy, "busy"], daemon=True))
    waiting[1].start()
    wait_for(lambda: len(holders(owner, of_slots=False)) == 2, "both to wait")
    give_back()
    waiting[0].join(LONG)
    assert order[0] == "other"
    waiting[1].join(LONG)


def test_a_connection_that_dies_frees_its_slots(make: Make, owner: psycopg.Connection) -> None:
    one, other = make(1), make(1)
    lost = taken(one)
    [(pid, _)] = holders(owner)
    owner.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    theirs = taken(other)
    assert one.take(seconds=0.3) is None
    theirs()
    mine = taken(one)
    lost()  # it was lost: giving it back gives back neither theirs nor what was taken under its number since
    assert one.take(seconds=0.3) is None
    assert other.take(seconds=0.3) is None
    mine()
    taken(other)()


def test_calls_that_go_on_over_a_broken_connection_keep_their_slots(make: Make, owner: psycopg.Connection) -> None:
    slots, other = make(2), make(2)
    kept = taken(slots)
    [(pid, number)] = holders(owner)
    owner.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    second = taken(slots)
    [(first_holder, first), (second_holder, _)] = holders(owner)
    assert first == number
    assert first_holder == second_holder != pid
    assert other.take(seconds=0.3) is None
    kept()
    second()
    taken(other)()


def test_without_a_database_nobody_waits_and_it_is_said_once(make: Make, owner: psycopg.Connection) -> None:
    address = ["postgresql://nobody@/nothing?host=/nonexistent"]
    with capture_logs() as logs:
        slots = make(1, url=lambda: address[0])
        began = monotonic()
        free = [slots.take(seconds=LONG) for _ in range(5)]
        assert monotonic() - began < 10
        assert all(free)
        address[0] = url()
        wait_for(lambda: any(line["event"] == "slots.shared_again" for line in logs), "the database to be back")
    assert [line["event"] for line in logs] == ["slots.each_process_for_itself", "slots.shared_again"]
    held = taken(slots)
    assert slots.take(seconds=0.3) is None
    for give_back in (*free, held):
        assert give_back is not None
        give_back()
    wait_for(lambda: not holders(owner), "all to be free")


def test_a_database_that_does_not_answer_is_not_waited_for(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots_module, "PATIENCE_SECONDS", 0.2)
    answers = threading.Event()
    with capture_logs() as logs:
        slots = make(1, url=lambda: url() if answers.wait(LONG) else "")
        began = monotonic()
        taken(slots)()
        taken(slots)()
        assert monotonic() - began < 5
        answers.set()
        wait_for(lambda: any(line["event"] == "slots.shared_again" for line in logs), "the answer")
    assert [line["event"] for line in logs] == ["slots.each_process_for_itself", "slots.shared_again"]


def test_a_frozen_process_loses_its_slots(make: Make, owner: psycopg.Connection) -> None:
    """Its connection is there and says nothing: the server ends it after the longest time a slot is held."""
    frozen, other = make(1, longest_seconds=1.0), make(1)
    taken(frozen)
    taken(other)()


def test_a_connection_that_was_long_idle_is_made_again_without_a_word(make: Make, owner: psycopg.Connection) -> None:
    slots = make(1)
    taken(slots)()
    idle = owner.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'cursive slots'").fetchall()
    with capture_logs() as logs:
        for (pid,) in idle:
            owner.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        taken(slots)()
    assert idle
    assert logs == []


def test_what_was_closed_keeps_nobody_waiting(make: Make, owner: psycopg.Connection) -> None:
    slots = make(1)
    late = taken(slots)
    slots.close()
    wait_for(lambda: not holders(owner), "the connection to be closed")
    late()
    assert slots.take(seconds=LONG) is not None


def test_a_killed_process_frees_its_slots(config: Settings, make: Make, owner: psycopg.Connection) -> None:
    count = config.audiencelab_max_concurrency
    slots = make(count)
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        rest = [taken(slots) for _ in range(count - 1)]
        assert slots.take(seconds=0.3) is None
        process.kill()
    rest.append(taken(slots))
    for give_back in rest:
        give_back()

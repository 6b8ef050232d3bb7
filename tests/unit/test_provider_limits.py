"""When a call may be made: slots of this process and of all, one client a process, the circuit breaker, health."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace

import httpx
import pytest

from cursive_app.integrations import audiencelab
from cursive_app.integrations.audiencelab import (
    AudienceLab,
    ProviderError,
    ProviderRefused,
    ProviderServerError,
    ProviderUnavailable,
    forget_provider,
    pixels,
    provider,
    share_slots,
)
from cursive_app.integrations.audiencelab.breaker import CircuitBreaker
from cursive_app.settings import settings
from tests.unit.provider_lab import lab

# Slots that other processes take, too


class _Slots:
    """Gives out what it is told to, and remembers how it was asked."""

    def __init__(self, *, free: bool = True) -> None:
        self.free = free
        self.asked: list[float] = []
        self.out = 0

    def take(self, *, seconds: float) -> Callable[[], None] | None:
        self.asked.append(seconds)
        self.out += self.free
        return self._give_back if self.free else None

    def _give_back(self) -> None:
        self.out -= 1


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_call_has_a_shared_slot_while_it_lasts_and_no_longer(status: int) -> None:
    slots = _Slots()
    held: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        held.append(slots.out)
        return httpx.Response(status, json={"data": []})

    client = lab(answer, take_slot=slots.take, timeout_seconds=7)
    with suppress(ProviderError):
        client.pixels()
    attempts = 3 if status == 500 else 1
    assert held == [1] * attempts, "each attempt takes one, and none is held between two"
    assert slots.out == 0
    assert all(0 < seconds <= 7 for seconds in slots.asked)


def test_no_shared_slot_in_time_is_said_and_nothing_is_sent() -> None:
    slots, sent = _Slots(free=False), []
    client = lab(lambda _: sent.append(1) or httpx.Response(204), take_slot=slots.take, max_concurrency=1)
    for _ in range(3):  # its own slot comes back each time
        with pytest.raises(ProviderUnavailable) as caught:
            client.create_custom_audience(topic="t", description="d")
        assert (caught.value.uncertain, caught.value.retry_after) == (False, 30)
    assert sent == []
    slots.free = True
    client.create_custom_audience(topic="t", description="d")
    assert (sent, slots.out) == ([1], 0)


def test_who_waits_for_its_own_process_asks_for_no_shared_slot() -> None:
    slots, inside, go_on = _Slots(), threading.Event(), threading.Event()

    def answer(_: httpx.Request) -> httpx.Response:
        inside.set()
        assert go_on.wait(20)
        return httpx.Response(204)

    client = lab(answer, take_slot=slots.take, max_concurrency=1, timeout_seconds=20)
    calls = [threading.Thread(target=client.delete_audience, args=[name]) for name in ("a", "b")]
    for call in calls:
        call.start()
    assert inside.wait(20)
    assert (slots.out, len(slots.asked)) == (1, 1)
    go_on.set()
    for call in calls:
        call.join(20)
    assert (slots.out, len(slots.asked)) == (0, 2)


def test_the_client_of_a_process_takes_the_slots_it_was_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = _Slots(free=False)
    monkeypatch.setenv("AUDIENCELAB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AUDIENCELAB_TIMEOUT_SECONDS", "0.5")
    settings.cache_clear()
    forget_provider()
    share_slots(slots.take)
    try:
        with pytest.raises(ProviderUnavailable):
            provider().pixels()
        assert len(slots.asked) == 1
        share_slots(None)
        with pytest.raises(ProviderServerError):
            provider().delete_audience("a")
        assert len(slots.asked) == 1
    finally:
        share_slots(None)
        monkeypatch.undo()
        settings.cache_clear()
        forget_provider()


def test_a_process_has_one_client_however_many_threads_ask_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two would have a cap each."""
    both, made, found = threading.Barrier(2), [], []

    def making() -> AudienceLab:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        made.append(lab(lambda _: httpx.Response(204)))
        return made[-1]

    monkeypatch.setattr(audiencelab, "_from_settings", making)
    forget_provider()
    threads = [threading.Thread(target=lambda: found.append(provider())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    forget_provider()
    assert len(made) == 1
    assert found == made * 2


# The circuit


def test_the_circuit_opens_after_repeated_failures_and_tries_again() -> None:
    moment = [0.0]
    breaker = CircuitBreaker(threshold=3, open_seconds=10, monotonic=lambda: moment[0])
    healthy: list[bool] = [False]
    asked: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(204 if healthy[0] else 500)

    client = lab(answer, breaker=breaker)
    for _ in range(3):
        with pytest.raises(ProviderServerError):
            client.create_custom_audience(topic="t", description="d")
    with pytest.raises(ProviderUnavailable) as caught:
        client.create_custom_audience(topic="t", description="d")
    assert 0 < caught.value.retry_after <= 10
    assert caught.value.uncertain is False, "nothing was sent"
    assert len(asked) == 3
    moment[0] = 10.5
    with pytest.raises(ProviderServerError):
        client.create_custom_audience(topic="t", description="d")  # the trial fails: open again
    with pytest.raises(ProviderUnavailable):
        client.create_custom_audience(topic="t", description="d")
    moment[0] = 21
    healthy[0] = True
    client.create_custom_audience(topic="t", description="d")
    assert breaker.is_open is False


def test_refusals_do_not_open_the_circuit() -> None:
    client = lab(lambda _: httpx.Response(400), breaker=CircuitBreaker(threshold=2))
    for _ in range(10):
        with pytest.raises(ProviderRefused):
            client.enrich(filter={"email": "a@x.example"})


def test_half_open_lets_one_trial_through() -> None:
    moment = [0.0]
    breaker = CircuitBreaker(threshold=1, open_seconds=5, monotonic=lambda: moment[0])
    breaker.failed()
    moment[0] = 6
    answers: list[float] = []
    threads = [threading.Thread(target=lambda: answers.append(breaker.wait_seconds())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(0.0) == 1
    moment[0] = 12  # the trial never reported back: another one may try
    assert breaker.wait_seconds() == 0.0


# How the provider is


@pytest.mark.parametrize(
    ("seconds", "status", "state"),
    [
        (0.1, 200, "ok"), (1.9, 200, "ok"), (2.0, 200, "slow"), (9.9, 200, "slow"), (10.0, 200, "down"),
        (0.1, 500, "down"), (0.1, 401, "auth_failed"), (0.1, 403, "auth_failed"),
    ],
)  # fmt: skip
def test_health_by_how_fast_and_how_it_answers(
    monkeypatch: pytest.MonkeyPatch, seconds: float, status: int, state: str
) -> None:
    moment, asked = [100.0], []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.raw_path.decode()))
        moment[0] += seconds
        return httpx.Response(status, json={"data": []})

    monkeypatch.setattr(pixels, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    client = lab(answer)
    assert client.pixels_health().state == state
    moment[0] += 59
    assert client.for_workspace(None).pixels_health().state == state
    assert asked == [("GET", "/pixels?page=1&page_size=1")], "the cheapest call, once a minute, never repeated"
    moment[0] += 2
    client.pixels_health()
    assert len(asked) == 2

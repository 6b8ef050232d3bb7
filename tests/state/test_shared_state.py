"""A tab's lock in Redis: whoever waited for it and was cancelled leaves none behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.redis import StateManagerRedis

from cursive_app.shared_state import CancelSafeState, make_cancel_safe
from tests.redis_server import redis_server

LOCK_MILLISECONDS = 600_000  # a lock that is still there at the end of a test was left behind


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest_asyncio.fixture
async def manager(address: str) -> AsyncIterator[CancelSafeState]:
    made = CancelSafeState(
        redis=Redis.from_url(address), token_expiration=600, lock_expiration=LOCK_MILLISECONDS,
        lock_warning_threshold=1_000,
    )  # fmt: skip
    await made.redis.flushdb()
    await made._ensure_lock_task_subscribed(timeout=20)
    yield made
    await made.close()


async def gone(manager: CancelSafeState, key: bytes) -> bool:
    """Whether a lock is gone, soon."""
    for _ in range(200):
        if not await manager.redis.exists(key):
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize("turns", range(40))
async def test_cancelled_at_any_moment_it_leaves_no_lock(manager: CancelSafeState, turns: int) -> None:
    key = b"tab_lock"
    waiting = asyncio.ensure_future(manager._wait_lock(key, b"mine"))
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        assert await gone(manager, key)
    else:  # it was quicker
        assert await manager.redis.get(key) == b"mine"


async def test_who_waits_in_line_and_is_cancelled_does_not_take_the_lock_of_another(manager: CancelSafeState) -> None:
    key = b"tab_lock"
    await manager._wait_lock(key, b"first")
    second = asyncio.ensure_future(manager._wait_lock(key, b"second"))
    async with asyncio.timeout(20):
        while not manager._n_lock_waiters(key):  # noqa: ASYNC110  (Reflex tells nobody)
            await asyncio.sleep(0.01)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert await manager.redis.get(key) == b"first"
    third = asyncio.ensure_future(manager._wait_lock(key, b"third"))
    await manager.redis.delete(key)
    await asyncio.wait_for(third, 20)
    assert await manager.redis.get(key) == b"third"


def test_an_app_with_its_state_in_redis_gets_it_and_one_in_memory_stays(address: str) -> None:
    app: Any = SimpleNamespace(_state_manager=StateManagerMemory())  # a process can have only one real app
    before = app._state_manager
    make_cancel_safe(app)
    assert app._state_manager is before
    app._state_manager = StateManagerRedis(
        redis=Redis.from_url(address), token_expiration=7, lock_expiration=9_000, lock_warning_threshold=500
    )
    make_cancel_safe(app)
    made = app._state_manager
    assert isinstance(made, CancelSafeState)
    assert (made.token_expiration, made.lock_expiration, made.lock_warning_threshold) == (7, 9_000, 500)

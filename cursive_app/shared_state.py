"""Page state that several web processes share in Redis, without a lock that nobody holds.

An event that is cancelled (its page was left, a newer one took its place) may be cancelled while its request for the
tab's lock is under way. Reflex 0.10.1 forgets the lock then, though Redis has granted it, and every further event of
the tab waits until it expires: ten seconds of a page that does not load, seen in one of forty quick navigations.
"""

from __future__ import annotations

import asyncio

import reflex as rx
from redis.exceptions import RedisError
from reflex.istate.manager.redis import StateManagerRedis

_DELETE_OWN = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class CancelSafeState(StateManagerRedis):
    """Reflex's manager; a cancelled event gives back the lock it may have been granted."""

    async def _wait_lock(self, lock_key: bytes, lock_id: bytes) -> None:
        try:
            await super()._wait_lock(lock_key, lock_id)
        except asyncio.CancelledError:
            self._give_back(lock_key, lock_id)
            raise

    async def _try_get_lock(self, lock_key: bytes, lock_id: bytes) -> bool | None:
        # A request that was sent is answered, whoever still waits for the answer.
        asked = asyncio.ensure_future(super()._try_get_lock(lock_key, lock_id))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            self._give_back(lock_key, lock_id, after=asked)
            raise

    def _give_back(self, lock_key: bytes, lock_id: bytes, *, after: asyncio.Future[bool | None] | None = None) -> None:
        """Delete the lock if it is this event's own, in a task that no cancellation of the event reaches."""

        async def give_back() -> None:
            try:
                if after is not None:
                    await after
                await self.redis.eval(_DELETE_OWN, 1, lock_key, lock_id)  # pyright: ignore[reportGeneralTypeIssues]
            except RedisError:
                return  # it expires by itself
            self._notify_next_waiter(lock_key)

        task = asyncio.ensure_future(give_back())
        _under_way.add(task)
        task.add_done_callback(_under_way.discard)


_under_way: set[asyncio.Task[None]] = set()  # the loop itself keeps only weak references


def make_cancel_safe(app: rx.App) -> None:
    """Give an app whose state is in Redis the manager above; an app with state in memory stays as it is."""
    former = app._state_manager
    if type(former) is StateManagerRedis:
        app._state_manager = CancelSafeState(
            redis=former.redis,
            token_expiration=former.token_expiration,
            lock_expiration=former.lock_expiration,
            lock_warning_threshold=former.lock_warning_threshold,
        )

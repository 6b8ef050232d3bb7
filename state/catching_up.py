"""Acts on pages that may be behind: somebody else has changed, ended or deleted what the page still shows.

    @rx.event
    @allow(Permission.MANAGE_API_KEYS)
    @catches_up
    async def revoke(self): ...

A refusal that says so is told as a toast, and the page is brought up to date by its own `_catch_up`: it reads anew, or
names the events that do.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from functools import wraps
from typing import Any, TypeVar, cast

from cursive_app.errors import Conflict, Forbidden, NotFound
from state.base import refusal

F = TypeVar("F", bound=Callable[..., Any])
_BEHIND = (Conflict, Forbidden, NotFound)


def catches_up(handler: F) -> F:
    """Goes below `@allow`, on a coroutine or an async generator of a state with `async def _catch_up(self)`, which
    returns the events to send."""
    if not inspect.isasyncgenfunction(handler):

        @wraps(handler)
        async def once(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return await handler(self, *args, **kwargs)
            except _BEHIND as error:
                return [refusal(error), *await self._catch_up()]

        return cast("F", once)

    @wraps(handler)
    async def many(self: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        try:
            async for following in handler(self, *args, **kwargs):
                yield following
        except _BEHIND as error:
            yield refusal(error)
            for following in await self._catch_up():
                yield following

    return cast("F", many)

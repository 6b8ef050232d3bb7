"""What every page's state stands on: who may call a handler, who is calling now, and the bridge to the services.

    class LeadsState(rx.State):
        rows: list[LeadRow] = []
        status: str = "loading"            # list_states(): loading, ready, empty, no_match, forbidden, error

        @rx.event(supersedes=True)
        @allow("signed_in")                # or a Permission, "public", "account", "staff"; always BELOW rx.event
        async def load(self):
            page = await transact(leads.list_leads, query=self.q)   # opens tenant().begin() in a thread
            self.rows = list(page.rows)

A handler without `allow` is refused for everybody. CursiveErrors may fly: the app turns them into a toast, and
Unauthenticated into the login page. When the gate refuses a handler named `load`, it sets `status` for it.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial, wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, cast
from urllib.parse import quote

import reflex as rx
from reflex.istate.proxy import StateProxy
from reflex_base.event.context import EventContext
from reflex_base.event.processor.base_state_processor import chain_updates

from cursive_app.errors import CursiveError, Forbidden, NotFound, Unauthenticated
from cursive_app.paths import LONGEST_ADDRESS, local_path
from cursive_app.services import accounts
from cursive_app.services.accounts import Permission, Principal
from cursive_app.settings import settings
from db.scope import Scope, Tenant

Level = Literal["public", "account", "signed_in", "staff"]
"""public: anybody. account: logged in, even without a workspace or a confirmed address. signed_in: a member of the
workspace, any role. staff: the platform's own people."""

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

RECHECK_SECONDS = 5.0


def allow(need: Permission | Level) -> Callable[[F], F]:
    """Say who may call an event handler. Goes below `@rx.event`.

    What the handler changed reaches the browser also when it raises.
    """

    def mark(handler: F) -> F:
        marked = _sent_to_its_end(handler)
        marked.__cursive_allow__ = need  # type: ignore[attr-defined]  # read by cursive_app.policy
        return marked

    return mark


def _sent_to_its_end(handler: F) -> F:
    """The handler, which hands over what it changed before it raises. Reflex drops that otherwise: a button that was
    set to wait would wait for ever although its handler has a `finally`, and a dialog stay open."""
    if inspect.iscoroutinefunction(handler):

        @wraps(handler)
        async def once(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return await handler(self, *args, **kwargs)
            except Exception:
                if not isinstance(self, StateProxy):  # a background handler has handed over what it changed
                    await chain_updates(None, handler.__qualname__, self._get_root_state())
                raise

        return cast("F", once)
    if not inspect.isasyncgenfunction(handler):
        return handler

    @wraps(handler)
    async def many(self: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        try:
            async for following in handler(self, *args, **kwargs):
                yield following
        except Exception:
            yield None
            raise

    return cast("F", many)


@dataclass(slots=True)
class Caller:
    """Who sent the event that is being handled, and when that was last looked up (monotonic seconds)."""

    token: str
    principal: Principal | None
    checked: float


caller_var: contextvars.ContextVar[Caller | None] = contextvars.ContextVar("caller", default=None)


def principal() -> Principal | None:
    """The person whose event this is; None for a visitor."""
    caller = caller_var.get()
    return caller.principal if caller else None


def tenant() -> Tenant:
    """The tenant of this event. Raises Unauthenticated for a visitor, Forbidden without a workspace."""
    who = principal()
    if who is None:
        raise Unauthenticated
    if who.tenant is None:
        raise Forbidden("Confirm your e-mail address first." if not who.email_verified else "You are in no workspace.")
    return who.tenant


def person() -> Principal:
    """The person of this event. Raises Unauthenticated for a visitor."""
    who = principal()
    if who is None:
        raise Unauthenticated
    return who


async def ask(fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a service call on our threads, never on the event loop, where it would freeze every user.

    A handler that lives long (a background loop) keeps the rights it started with for five seconds at most: then the
    session is looked up again, and Unauthenticated is raised when it or its role is gone.
    """
    await _recheck()
    return await run_in_thread(_noted, _name_of(fn), fn, *args, **kwargs)


async def transact(fn: Callable[Concatenate[Scope, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a use case in one transaction of the signed-in tenant: `fn(scope, …)` between begin and commit."""
    await _recheck()
    return await run_in_thread(_noted, _name_of(fn), _in_scope, tenant(), fn, *args, **kwargs)


def refusal(error: CursiveError) -> Any:
    """The toast of an act that was refused. A handler that raises sends nothing else of its state; one that has to show
    what is there now returns this instead."""
    return rx.toast.error(error.message, duration=12_000, close_button=True)


async def note_refusal(error: CursiveError, *, attempted: str) -> None:
    """Put a refusal of this event's person into their workspace's audit trail."""
    who = principal()
    if who is not None and who.tenant is not None:
        await run_in_thread(accounts.record_refusal, who.tenant, error, attempted=attempted)


def _noted(attempted: str, work: Callable[..., R], /, *args: Any, **kwargs: Any) -> R:
    """Do the work; what it refuses is written down once its transaction has been rolled back (T15)."""
    try:
        return work(*args, **kwargs)
    except (Forbidden, NotFound) as error:
        who = principal()
        if who is not None and who.tenant is not None:
            accounts.record_refusal(who.tenant, error, attempted=attempted)
        raise


def _name_of(fn: Callable[..., Any]) -> str:
    return getattr(fn, "__name__", type(fn).__name__)


def _in_scope(who: Tenant, fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    with who.begin() as scope:
        return fn(scope, *args, **kwargs)


async def run_in_thread(fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """Run anything blocking on the pool that is as wide as the database's, with the context copied."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_pool(), partial(context.run, fn, *args, **kwargs))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=settings().database_pool_size, thread_name_prefix="service")


@cache
def gate_pool() -> ThreadPoolExecutor:
    """Threads of their own for session lookups, so that slow pages cannot keep others from being recognized."""
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="gate")


async def look_up(token: str, *, touch: bool = True) -> Principal | None:
    """The person behind a session token, from the database."""
    if not token:
        return None
    work = partial(accounts.authenticate, token, touch=touch)
    return await asyncio.get_running_loop().run_in_executor(gate_pool(), work)


async def renew(*, touch: bool = False) -> Principal | None:
    """Look the caller up again, for handlers that live long. None when the session has ended."""
    caller = caller_var.get()
    if caller is None:
        return None
    fresh = await look_up(caller.token, touch=touch)
    caller_var.set(Caller(token=caller.token, principal=fresh, checked=time.monotonic()))
    return fresh


async def was_replaced() -> bool:
    """Whether the caller's session lives on under a newer token, which another tab fetched while this one slept."""
    caller = caller_var.get()
    if caller is None or caller.principal is not None:
        return False
    work = partial(accounts.was_replaced, caller.token)
    return await asyncio.get_running_loop().run_in_executor(gate_pool(), work)


async def _recheck() -> None:
    caller = caller_var.get()
    if caller is None or caller.principal is None or time.monotonic() - caller.checked < RECHECK_SECONDS:
        return
    before = caller.principal.tenant
    fresh = await renew()
    if fresh is None or fresh.tenant != before:
        raise Unauthenticated


def login_url(path: str, *, ended: bool = False) -> str:
    """The login page that leads back to `path`. `ended`: there was a session, and the page says that it is over."""
    back = local_path(path)
    aimless = back in ("/", "/login") or back.startswith("/login?")
    parts = [*([] if aimless else [f"next={quote(back, safe='')}"]), *(["ended=1"] if ended else [])]
    return "/login" + ("?" + "&".join(parts) if parts else "")


def current_path() -> str:
    """Path and query of the page whose event is being handled; '/' outside of one."""
    try:
        data = EventContext.get().router_data
    except LookupError:
        return "/"
    return local_path(str(data.get("asPath") or data.get("pathname") or "/"), longest=LONGEST_ADDRESS)

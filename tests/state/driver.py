"""Page states driven through the real event pipeline (gate, locking, deltas) without a socket or a browser.

async def test_load(driver, cast):
    tab = driver(sign_in(cast.alice))
    await tab.send(LeadsState.load, path="/leads?page=2")
    assert tab.var(LeadsState, "status") == "ready"
    assert "redirect" not in tab.text()
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from reflex.event import Event
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from reflex.state import State
from reflex_base.event.processor import BaseStateEventProcessor
from reflex_base.utils.format import format_event_handler, json_dumps

from cursive_app.api.cookies import session_cookie
from cursive_app.errors import CursiveError
from cursive_app.services.accounts.sessions import open_session
from db.scope import Tenant
from db.system import system_scope


def sign_in(tenant: Tenant, *, user_agent: str = "test") -> str:
    """A real session of the tenant's person in that workspace; the value for a Cookie header."""
    assert tenant.user_id is not None
    with system_scope() as scope:
        token = open_session(
            scope, user_id=tenant.user_id, ip="192.0.2.1", user_agent=user_agent, workspace_id=tenant.workspace_id
        )
    return f"{session_cookie()}={token}"


class Tab:
    """One browser tab: its vars as the browser gets them (JSON), and what the server told it to do."""

    def __init__(self, processor: BaseStateEventProcessor, cookie: str, token: str) -> None:
        self.processor, self.cookie, self.token = processor, cookie, token
        self.state: dict[str, dict[str, Any]] = {}
        self.events: list[Event] = []
        self.failures: list[CursiveError] = []

    async def send(self, handler: Any, path: str = "/", **payload: Any) -> None:
        """Send one event by handler (or by wire name) and wait until everything it caused is done.

        An expected error becomes a toast, as in the browser, and stands in `failures`; a defect is raised.
        """
        await self.post(handler, path, payload)

    async def post(self, handler: Any, path: str, payload: dict[str, Any]) -> None:
        """As `send`, for arguments whose names are only known at run time."""
        name = handler if isinstance(handler, str) else format_event_handler(handler)
        router = {
            "pathname": path.split("?")[0],
            "asPath": path,
            "query": {},
            "token": self.token,
            "ip": "192.0.2.1",
            "headers": {"cookie": self.cookie, "origin": "http://localhost:8000"},
        }
        event = Event(name=name, payload=payload, router_data=router)
        try:
            async for delta in self.processor.enqueue_stream_delta(self.token, event):
                for state, values in json.loads(json_dumps(delta)).items():
                    known = self.state.setdefault(state, {})
                    known.update({key.removesuffix("_rx_state_"): value for key, value in values.items()})
        except CursiveError as error:  # the app has already told the browser
            self.failures.append(error)

    def var(self, state: type, name: str) -> Any:
        """The last value the browser was sent; None when it was never sent."""
        return self.state.get(state.get_full_name(), {}).get(name)

    def text(self) -> str:
        """All redirects, toasts and scripts so far, as text to search in."""
        return json.dumps([[event.name, event.payload] for event in self.events], default=str)

    def forget(self) -> None:
        self.events.clear()


def forget(tab: Tab) -> None:
    """The server lets go of a tab's state, as it does of a closed tab's after a while, and so does the driver."""
    context = tab.processor._root_context
    assert context is not None
    manager = context.state_manager
    assert isinstance(manager, StateManagerMemory)
    token = BaseStateToken(ident=tab.token, cls=State)
    assert token.cache_key in manager.states, "the tab had a state to let go of"
    manager._purge_token(token)
    assert token.cache_key not in manager.states
    tab.state.clear()
    tab.events.clear()
    tab.failures.clear()


@pytest.fixture
async def driver(database: Any) -> AsyncIterator[Callable[..., Tab]]:
    """Make tabs: `driver(cookie)`; the same `token=` is the same tab's server state."""
    from cursive_app.cursive_app import app

    tabs: dict[str, list[Tab]] = {}

    async def emit(token: str, *events: Event) -> None:
        for tab in tabs.get(token, []):
            tab.events.extend(events)

    processor = BaseStateEventProcessor(middleware=app, backend_exception_handler=app.backend_exception_handler)
    processor.configure()
    processor._root_context = dataclasses.replace(processor._root_context, emit_event_impl=emit)
    # A tab's first event would also run its page's on_load, whose background loops never end; tests send `load` itself.
    processor._rehydrate = processor._rehydrate_snapshot  # type: ignore[method-assign]
    async with processor:

        def make(cookie: str = "", token: str | None = None) -> Tab:
            tab = Tab(processor, cookie, token or uuid4().hex)
            tabs.setdefault(tab.token, []).append(tab)
            return tab

        yield make

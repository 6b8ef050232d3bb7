"""What the parts of the client share: one account's transport, its pacing and whose calls these are."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID

import httpx

from cursive_app.integrations.audiencelab.breaker import CircuitBreaker
from cursive_app.integrations.audiencelab.errors import ProviderNotFound
from cursive_app.integrations.audiencelab.pacing import Pacing
from cursive_app.integrations.audiencelab.results import ProviderHealth
from cursive_app.integrations.audiencelab.transport import (
    FIRST_WAIT_SECONDS,
    RecordCall,
    Request,
    TakeSlot,
    Transport,
)

LIST_PAGE_SIZE = 1_000  # the largest the provider serves


class Connection:
    """One account at the provider.

    `page_size`: records per audience page asked for. `page_pause_seconds`: least time between two pages of one list.
    `result_hosts`: further hosts, separated by commas, that result files may lie on.
    `record_call` is handed every HTTP attempt; what it raises is logged and ignored. `take_slot` keeps
    `max_concurrency` for several processes together; without it the cap is this process's own. `first_wait_seconds` is
    the first pause before a repeat; it doubles.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        timeout_seconds: float = 30.0,
        max_concurrency: int = 5,
        page_size: int = 500,
        page_pause_seconds: float = 0.25,
        segment_prefix_retry: bool = True,
        result_hosts: str = "",
        record_call: RecordCall | None = None,
        take_slot: TakeSlot | None = None,
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
        breaker: CircuitBreaker | None = None,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        self._transport = Transport(
            base_url=base_url,
            api_key=api_key,
            timeout_seconds=timeout_seconds,
            max_concurrency=max_concurrency,
            first_wait_seconds=first_wait_seconds,
            breaker=breaker,
            record_call=record_call,
            take_slot=take_slot,
            http=http,
        )
        self._workspace_id: UUID | None = None
        self._wanted: Callable[[], bool] | None = None
        self._timeout_seconds = timeout_seconds
        self._page_size = max(1, min(page_size, LIST_PAGE_SIZE))
        self._pacing = Pacing(pause_seconds=page_pause_seconds)
        self._segment_prefix_retry = segment_prefix_retry
        self._result_hosts = tuple(host.strip() for host in result_hosts.split(",") if host.strip())
        # shared by all workspaces of the connection: containers, so that a copy sees what another has learned
        self._segment_is_b2b: dict[str, bool] = {}
        self._last_health: list[tuple[float, ProviderHealth]] = []

    def for_workspace(self, workspace_id: UUID | None) -> Self:
        """The same connection, its calls recorded under this workspace."""
        bound = copy.copy(self)
        bound._workspace_id = workspace_id
        return bound

    def while_wanted(self, wanted: Callable[[], bool]) -> Self:
        """The same connection; it asks nothing of the provider any more, repeats included, once `wanted` says no: every
        method then raises ProviderNotWanted."""
        bound = copy.copy(self)
        bound._wanted = wanted
        return bound

    def close(self) -> None:
        """Close the connections of this client and of all its copies."""
        self._transport.close()

    def _send(
        self,
        method: str,
        path: str,
        *,
        template: str | None = None,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
        repeatable: bool = False,
    ) -> Any:
        request = Request(method, template or path, path, query, body, repeatable)
        return self._transport.send(request, workspace_id=self._workspace_id, wanted=self._wanted)

    def _get(self, path: str, *, template: str | None = None, repeatable: bool = True, **query: str | int) -> Any:
        return self._send("GET", path, template=template, query=query or None, repeatable=repeatable)

    def _delete(self, template: str, object_id: str) -> None:
        """Delete one object; one that is gone already counts as done."""
        with contextlib.suppress(ProviderNotFound):
            self._send("DELETE", template.replace("{id}", quote(object_id, safe="")), template=template)

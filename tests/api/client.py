"""Clients of the REST API as the cast: a browser with a session, or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from cursive_app.api.cookies import session_cookie
from cursive_app.services import limits
from cursive_app.services.accounts.sessions import open_session
from db.scope import Tenant
from db.system import system_scope

ORIGIN = "http://testserver"


def browser(app: FastAPI, tenant: Tenant | None, *, origin: str | None = ORIGIN) -> TestClient:
    """A client with the session cookie of a person, sending requests as our own pages would."""
    client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
    if origin is not None:
        client.headers["origin"] = origin
    if tenant is not None:
        assert tenant.user_id is not None
        with system_scope() as scope:
            token = open_session(
                scope, user_id=tenant.user_id, ip=None, user_agent="test", workspace_id=tenant.workspace_id
            )
        client.cookies.set(session_cookie(), token)
    return client


@contextmanager
def unlimited() -> Iterator[None]:
    """No rate limit is in the way of many requests."""
    generous, take = limits.Rate(name="api", limit=1_000_000, period=limits.API.period), limits.take
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "take", lambda tenant: take(tenant, generous))
        yield

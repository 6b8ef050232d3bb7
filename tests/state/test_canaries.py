"""P15: what one person, or the provider, puts in comes out nowhere it does not belong.

72 canaries (secrets, personal data, the provider's own words) stand in a provider's errors and headers and in forms,
headers, addresses, file names, bodies and page events of real requests. Afterwards they are sought in the logs, in
every refusal, in toasts, in mails, in the exports of another workspace and in every table.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog

from cursive_app import telemetry
from cursive_app.api.app import create, operations, rest
from cursive_app.api.cookies import session_cookie
from cursive_app.clock import now
from cursive_app.integrations.audiencelab import forget_provider, provider, record_calls
from cursive_app.pages.public.crash import report_backend_error, report_frontend_error
from cursive_app.services.monitoring import start_recording
from cursive_app.settings import Settings, settings
from cursive_app.web_edge import EDGE
from state.leads import LeadsState
from state.login import LoginState
from state.segments import SegmentsState
from state.team import TeamState
from state.workspace import WorkspaceState
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_enrichment import make_list, start_run, unknown_line
from tests.factories_enrichment import step as enrichment_step
from tests.factories_leads import make_lead
from tests.factories_segments import look, make_segment, start, step
from tests.flows.canaries import Nest, hostile_provider, tables_as_text
from tests.state.driver import driver, sign_in

__all__ = ["driver"]

# What people put in themselves stands in their own workspace: their name and address, their list's file name (also in
# the title of the job that reads it), their browser.
BELONGS: dict[str, set[str]] = {
    "users": {"form"},
    "workspaces": {"form"},
    "user_sessions": {"header"},
    "outgoing_mails": {"form"},
    "audit_entries": {"form"},
    "jobs": {"filename"},
    "enrichments": {"filename"},
    "saved_segments": {"event", "body"},
}
NEVER = {"password", "token", "web token", "api key", "live key"}  # not even where the rest of a form belongs


@pytest.fixture
def logged(database: Any) -> Iterator[io.StringIO]:
    """Everything this process logs, down to DEBUG."""
    stream, root = io.StringIO(), logging.getLogger()
    former = (root.handlers[:], root.level)
    telemetry.configure(settings().model_copy(update={"log_level": "DEBUG"}), process="test", stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = former


def _front() -> Any:
    app: Any = create()
    for layer in EDGE:
        app = layer(app)
    return app


def _requests(nest: Nest, cookie: str) -> Iterator[dict[str, Any]]:
    """Requests with canaries in every place a request has, to every route that there is."""
    form, header, query, body, name = (nest.plant(one) for one in ("form", "header", "query", "body", "filename"))
    origin = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}
    headers = {
        **origin, "user-agent": header["words"], "referer": f"https://x.example/?token={header['token']}",
        "x-request-id": header["live key"], "x-debug": header["web token"], "x-forwarded-for": header["email"],
        "from": header["email"], "x-card": header["card"], "x-password": header["password"],
        "x-phone": header["phone"],
    }  # fmt: skip
    secret = {"authorization": f"Bearer {header['api key']}", "x-api-key": header["api key"]}
    asked = {kind.replace(" ", "_"): text for kind, text in query.items()}
    sent = {**body, "name": {"deep": list(body.values())}, body["token"]: 1}
    for method, path in operations(rest()):
        address = path.replace("{", "").replace("}", "")
        signed = {"cookie": f"{session_cookie()}={cookie}; other={header['token']}"}
        content = {"json": sent} if method in ("POST", "PATCH", "PUT") else {}
        for who in (signed, secret):
            yield {"method": method, "url": address, "params": asked, "headers": {**headers, **who}, **content}
    typed = {"email": form["email"], "name": form["words"], "workspace": form["words"], "token": form["token"]}
    for page in ("login", "signup", "forgot", "reset", "verify", "invite", "password"):
        data = {**typed, "password": form["password"], "current": form["password"], "next": f"//{form['api key']}"}
        yield {"method": "POST", "url": f"/auth/{page}", "params": asked, "headers": headers, "data": data}
    for text in name.values():
        upload = {"file": (f"{text}.csv", b"a;b\n\x00\xff", "text/csv")}
        yield {
            "method": "POST", "url": "/api/v1/enrichments", "files": upload,
            "headers": {**origin, "cookie": f"{session_cookie()}={cookie}"},
        }  # fmt: skip


async def _send_all(nest: Nest, cookie: str) -> list[str]:
    """Send them; what was refused, as text (body and headers; a form's answer goes back to who typed it)."""
    refused: list[str] = []
    transport = httpx.ASGITransport(app=_front(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        for request in _requests(nest, cookie):
            answer = await client.request(**request)
            client.cookies.clear()
            assert answer.status_code < 500 or answer.status_code == 503, (request["url"], answer.text)
            if answer.status_code >= 400:
                refused.append(f"{request['method']} {request['url']}: {answer.headers} {answer.text}")
            elif request["url"] == "/auth/login":
                cut = answer.headers.get("set-cookie", "")
                assert not nest.found_in(cut, but=frozenset({("form", "email")}))
    return refused


def _work_with(url: str, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs of a segment and of a list at this provider until they gave up; what their owner reads."""
    monkeypatch.setenv("AUDIENCELAB_BASE_URL", url)
    settings.cache_clear()
    forget_provider()
    recorder = start_recording()
    try:
        shown = []
        for _ in range(9):  # as many as there are statuses: each is some run's first answer
            run = start(cast.alice, make_segment(cast.alice).id, max_leads=10)
            made = make_list(cast.alice, [unknown_line(number) for number in range(120)])
            start_run(cast.alice, made)
            for _ in range(3):
                step(run, provider())
                enrichment_step(made, provider())
            shown.append(str(look(cast.alice, run)))
        assert recorder.flush(seconds=20)
        return shown
    finally:
        record_calls(None)
        recorder.stop()
        forget_provider()


async def _click(nest: Nest, tab: Any) -> str:
    """Page events with canaries as arguments, in their names, and in what a broken page reports."""
    event = nest.plant("event")
    for text in event.values():
        await tab.send(SegmentsState.search, text=text)
        await tab.send(LeadsState.search, text=text)
        await tab.send(TeamState.invite, form={"email": text, "role": text})
        await tab.send(TeamState.resend, invitation_id=text)
        await tab.send(WorkspaceState.show_create, open_=True)
        await tab.send(WorkspaceState.create, form={"workspace": text * 40})
        await tab.send(LoginState.load, unknown=text)
        await tab.post(SegmentsState.search, "/segments", {text: 1})
    shaped = " ".join(text for kind, text in event.items() if kind not in ("password", "words"))
    report_frontend_error(Exception(shaped))
    try:
        raise ValueError(shaped)
    except ValueError as defect:
        return str(report_backend_error(defect))


async def test_no_canary_is_found_where_it_does_not_belong(
    driver: Callable[..., Any], cast: Cast, config: Settings, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    nest, began = Nest(), now()
    fund(cast.workspace_id, 1_000)
    make_lead(cast.charlie)
    cookie = sign_in(cast.alice).partition("=")[2]
    with hostile_provider(nest.plant("provider body"), nest.plant("provider header")) as hostile:
        shown = _work_with(hostile.url, cast, monkeypatch)
        assert hostile.answered > 18
    monkeypatch.undo()
    settings.cache_clear()
    refused = await _send_all(nest, cookie)
    tab = driver(sign_in(cast.alice))
    toasts = [await _click(nest, tab)]
    assert len(nest.planted) >= 50
    assert len(refused) > 50

    # The provider's words go to the log, without what is shaped like a secret or like personal data, and nowhere else.
    assert nest.found_in(logged.getvalue(), but=frozenset({("provider body", "words")})) == []
    assert [(text[:60], found) for text in [*refused, *shown] if (found := nest.found_in(text))] == []
    own = frozenset(place for place in nest.planted if place[0] == "event")
    assert nest.found_in(tab.text() + " ".join(toasts), but=own) == []  # a toast may repeat what its person just typed
    assert nest.found_in("\n".join(hostile.received)) == []
    assert await _exports_of(cast.charlie, nest) == []
    assert config.database_url is not None
    misplaced = {
        table: found
        for table, text in tables_as_text(config.database_url.get_secret_value(), began).items()
        if (found := [
            (channel, kind) for channel, kind in nest.found_in(text)
            if channel not in BELONGS.get(table, ()) or (channel == "form" and kind in NEVER)
        ])
    }  # fmt: skip
    assert misplaced == {}


async def _exports_of(tenant: Any, nest: Nest) -> list[tuple[str, str]]:
    """What another workspace downloads."""
    transport = httpx.ASGITransport(app=_front())
    headers = {"cookie": sign_in(tenant), "origin": "http://localhost:8000"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000", headers=headers) as client:
        texts = [(await client.get(f"/api/v1/{one}")) for one in ("leads/export.csv", "credits/ledger.csv", "jobs")]
    assert [one.status_code for one in texts] == [200] * 3
    return nest.found_in("\n".join(one.text for one in texts))


def test_the_search_finds_a_canary_in_each_of_its_forms() -> None:
    nest = Nest()
    password = nest.plant("form")["password"]
    for text in (password, json.dumps({"a": password}), f"?p={httpx.QueryParams({'p': password})}"):
        assert nest.found_in(text) == [("form", "password")]
    assert nest.found_in("nothing") == []

"""Charlie tries everything there is with Alice's ids: each API route, each page address, each event handler.

The lists are read from the application itself, so what is added later is walked without anybody remembering to (T1,
T11, T13, T14). After each walk every row of Alice's workspace is what it was.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import uuid4

import pytest

from cursive_app.api.app import create, operations, rest
from cursive_app.policy import Bucket
from cursive_app.services import accounts
from db.models.accounts import User
from db.scope import Tenant
from db.system import system_scope
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_credits import fund
from tests.state.driver import Tab, driver, sign_in
from tests.state.victim import Victim, engine, victim

__all__ = ["driver", "engine", "victim"]

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/api/v1/segments/{segment_id}"): {"version": 1, "name": "Taken"},
    ("POST", "/api/v1/segments/{segment_id}/run"): {"mode": "pull", "max_leads": 1, "ceiling": "1.00"},
    ("PATCH", "/api/v1/enrichments/{enrichment_id}"): {"revision": 1, "mapping": {"0": "email"}},
    ("PATCH", "/api/v1/enrichments/{enrichment_id}/rows/{number}"): {"revision": 1, "column": 0, "value": "taken"},
    ("POST", "/api/v1/enrichments/{enrichment_id}/replace"): {"revision": 1, "column": 0, "find": "a", "replace": "b"},
    ("POST", "/api/v1/enrichments/{enrichment_id}/undo"): {"revision": 1},
    ("POST", "/api/v1/enrichments/{enrichment_id}/start"): {"revision": 1, "spend_available": True},
    ("POST", "/api/audiencelab/batch-enrichment/{enrichment_id}/start"): {"revision": 1, "spend_available": True},
}
"""What makes a request complete, so that only the id can be what refuses it."""


OPEN = {
    ("GET", "/api/openapi.json"): "a description, the same for everybody",
    ("HEAD", "/api/openapi.json"): "a description, the same for everybody",
    ("GET", "/api/v1/downloads/{token}"): "the link is the proof: tests/api/test_enrichment_links.py",
}
"""What asks for neither a session nor a key, and why it is not walked here."""
FRONT = {
    **dict.fromkeys((("GET", path) for path in ("/livez", "/readyz", "/healthz")), "tests/api/test_health.py"),
    **dict.fromkeys(
        (
            ("POST", f"/auth/{form}")
            for form in ("login", "logout", "renew", "signup", "verify", "forgot", "reset", "invite", "password")
        ),
        "takes no id, but what somebody knows or was sent: tests/api/test_session_routes.py",
    ),
    ("GET", "/auth/logout"): "ends the session that asks: tests/api/test_session_routes.py",
}
"""What answers beside the API, and where it is tried."""
EVERYTHING = operations(rest())
STAFFS = [(method, path) for method, path in EVERYTHING if path.startswith(("/api/v1/admin/", "/api/admin/"))]
OPERATIONS = [operation for operation in EVERYTHING if operation not in OPEN and operation not in STAFFS]
WITH_IDS = [operation for operation in OPERATIONS if "{" in operation[1]]
LISTS = [path for method, path in OPERATIONS if method == "GET" and "{" not in path]


def named(found: list[tuple[str, str]]) -> list[str]:
    return [f"{method} {path}" for method, path in found]


def body_of(method: str, path: str) -> dict[str, Any] | None:
    """An older address takes what the one under /api/v1 does."""
    return BODIES.get((method, path)) or BODIES.get((method, _present(path)))


def _present(path: str) -> str:
    return path if path.startswith("/api/v1/") else path.replace("/api/", "/api/v1/", 1)


def filled(path: str, ids: dict[str, str]) -> str:
    unknown = set(re.findall(r"{(\w+)}", path)) - set(ids)
    assert not unknown, f"tests.state.victim.py must make something for {unknown}"
    return path.format(**ids)


def same_words(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what differs between any two requests."""
    return {key: value for key, value in answer.items() if key not in ("request_id", "instance", "reference")}


def clients(app: Any, tenant: Tenant) -> Iterator[tuple[str, Any, dict[str, str]]]:
    """The same person with a session and with an API key that may do everything a key may."""
    yield "session", browser(app, tenant), {}
    with tenant.begin() as scope:
        key = accounts.create_api_key(scope, name="walk", scopes=[scope_.value for scope_ in accounts.KEY_SCOPES])
    yield "key", browser(app, None, origin=None), {"Authorization": f"Bearer {key.key}"}


@pytest.mark.parametrize(("method", "path"), WITH_IDS, ids=named(WITH_IDS))
def test_an_id_of_another_workspace_is_an_unknown_id(victim: Victim, cast: Cast, method: str, path: str) -> None:
    app, before = create(), victim.fingerprint()
    fund(cast.charlie.workspace_id, 50)
    strangers = {name: id if id.isdigit() else str(uuid4()) for name, id in victim.ids.items()}
    body = body_of(method, path)
    needs_none = method in ("GET", "DELETE") or not path.endswith(("/run", "/start", "/replace", "/undo", "}"))
    assert body is not None or needs_none, f"BODIES lacks {path}"
    for how, client, headers in clients(app, cast.charlie):
        hers = client.request(method, filled(path, victim.ids), json=body, headers=headers)
        nobodys = client.request(method, filled(path, strangers), json=body, headers=headers)
        assert hers.status_code == nobodys.status_code == 404, f"{how}: {hers.status_code} {hers.text}"
        assert same_words(hers.json()) == same_words(nobodys.json()), how
        assert victim.said_in(hers.text) == []
    assert victim.fingerprint() == before
    if method == "GET":  # the ids are real: their owner finds something under them
        assert browser(app, victim.tenant).request(method, filled(path, victim.ids)).status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_lists_and_their_filters_hold_nothing_of_another_workspace(victim: Victim, cast: Cast, path: str) -> None:
    app = create()
    described = rest().openapi()["paths"]
    parameters = described[path if path in described else _present(path)]["get"].get("parameters", [])
    names = [parameter["name"] for parameter in parameters if parameter["in"] == "query"]
    tried = {"run": [victim.ids["run_id"]], "segment": [victim.ids["segment_id"]], "q": list(victim.words)}
    real = [id for id in victim.ids.values() if not id.isdigit()]  # a row's number says nothing of whose row it is
    queries: list[dict[str, str]] = [{}]
    for name in names:
        queries += [{name: value} for value in tried.get(name, [victim.ids.get(name, "")]) if value]
    for how, client, headers in clients(app, cast.charlie):
        for query in queries:
            answer = client.get(path, params=query, headers=headers)
            assert answer.status_code < 500, f"{how} {query}: {answer.text}"
            said = [word for word in victim.said_in(answer.text) if word not in query.values()]
            assert said == [], f"{how} {query}"
            assert not any(id in answer.text for id in real if id not in query.values()), f"{how} {query}"


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=named(OPERATIONS))
def test_nobody_gets_in_without_a_session_or_a_key(victim: Victim, method: str, path: str) -> None:
    client = browser(create(), None, origin=None)
    for headers in ({}, {"Authorization": "Bearer cur_nothing"}, {"X-Api-Key": "cur_nothing"}, {"Cookie": "a=b"}):
        answer = client.request(method, filled(path, victim.ids), json=body_of(method, path), headers=headers)
        assert answer.status_code == 401, f"{headers}: {answer.status_code} {answer.text}"
        assert victim.said_in(answer.text) == []


@pytest.mark.parametrize(("method", "path"), STAFFS, ids=named(STAFFS))
def test_to_customers_there_is_nothing_at_the_staffs_addresses(
    victim: Victim, cast: Cast, method: str, path: str
) -> None:
    """Not even the owner of the job finds it there: what is refused reads as an address that nobody knows."""
    app, before = create(), victim.fingerprint()
    address = filled(path, {**victim.ids, "queue": "runs"})
    body = {"reason": "Taken"} if method in ("POST", "PUT") else None
    for how, client, headers in clients(app, cast.charlie):
        answer = client.request(method, address, json=body, headers=headers)
        nowhere = client.request(method, "/api/v1/nowhere", json=body, headers=headers)
        assert answer.status_code == nowhere.status_code == 404, f"{how}: {answer.status_code} {answer.text}"
        assert same_words(answer.json()) == same_words(nowhere.json()), how
    assert victim.fingerprint() == before
    hers = browser(app, victim.tenant).request(method, address, json=body)
    assert (hers.status_code, victim.said_in(hers.text)) == (404, [])
    assert browser(app, None, origin=None).request(method, address, json=body).status_code == 401


def test_every_route_is_walked_or_named_with_its_reason() -> None:
    """What is added later is walked by itself, unless it is written down above where it is tried instead."""
    assert set(operations(create())) == set(FRONT)
    assert set(OPEN) <= set(EVERYTHING)
    described = {(method.upper(), path) for path, methods in rest().openapi()["paths"].items() for method in methods}
    assert described <= set(OPERATIONS), "the public document describes what is not walked"
    assert STAFFS
    assert ("GET", "/api/segments/{segment_id}") in WITH_IDS, "the older addresses are walked too"


def test_reflex_answers_nothing_beside_its_socket() -> None:
    """Its own upload route has no limit (D-14) and its list of pages no reader; neither is switched on."""
    from cursive_app.cursive_app import app

    assert app is not None
    assert app._api is not None
    assert {route.path for route in app._api.routes} == {"/ping", "/_health", "/_event"}  # type: ignore[attr-defined]


def handlers() -> list[Any]:
    """Every event handler of our states that a browser may send. The looping ones are left out: they take no argument
    and never end, and are walked in test_tenancy_loops.py."""
    return [found for found in all_handlers() if not found[2].is_background]


def all_handlers() -> list[Any]:
    """Every event handler of our states as (state, name, handler)."""
    import reflex as rx

    from cursive_app.cursive_app import app

    assert app is not None

    def below(state: type[rx.State]) -> Iterator[type[rx.State]]:
        for child in state.get_substates():
            yield child
            yield from below(child)

    found: list[tuple[type[rx.State], str, Any]] = []
    for state in below(rx.State):
        if state.__module__.startswith("state."):
            found += [(state, name, handler) for name, handler in state.event_handlers.items() if name != "setvar"]
    return found


PAGE_OF = {
    "SegmentsState": "/segments", "SegmentBuilderState": "/segments/new", "LeadsState": "/leads", "JobsState": "/jobs",
    "CreditsState": "/credits", "CreditsMonthState": "/credits/month", "TeamState": "/settings/team",
    "ApiKeysState": "/settings/api-keys", "SessionsState": "/settings/sessions", "AccountState": "/settings/account",
    "WorkspaceState": "/settings/workspace", "EnrichmentsState": "/enrichments", "EnrichmentState": "/enrichments",
}  # fmt: skip


def arguments(handler: Any, id: str) -> dict[str, Any]:
    """The id in every place that takes text; something harmless elsewhere."""
    filled_in: dict[str, Any] = {}
    hints = get_type_hints(handler.fn)
    for name, parameter in list(inspect.signature(handler.fn).parameters.items())[1:]:
        kind = str(parameter.annotation)
        if kind.startswith("dict"):
            filled_in[name] = {"name": f"Taken {id[:8]}", "lead": id, "email": "taken@example.com", "id": id}
        elif kind in ("bool", "int"):
            filled_in[name] = kind == "bool" or 1
        elif kind == "str":
            filled_in[name] = {"status": "archived", "role": "member", "scope": "leads", "op": "any"}.get(name, id)
        else:
            assert get_origin(hints[name]) is Literal, f"the walk has nothing for {name}: {kind}"
            filled_in[name] = get_args(hints[name])[0]
    return filled_in


def addresses(page: str, victim: Victim) -> Iterator[str]:
    """A page with her ids in its address, wherever a page reads one from there."""
    yield page
    for name in ("lead", "run", "segment", "job", "id", "cursor", "user", "actor", "enrichment"):
        yield f"{page}?{name}={victim.ids.get(f'{name}_id', victim.ids['lead_id'])}"
    if page == "/segments/new":
        yield f"/segments/{victim.ids['segment_id']}"
        yield f"/segments/{victim.ids['segment_id']}?run={victim.ids['run_id']}"
    if page == "/enrichments":
        yield f"/enrichments/{victim.ids['enrichment_id']}"
        yield f"/enrichments/{victim.ids['enrichment_id']}?step=rows&view=all"


STATES = sorted({state.__name__ for state, _, _ in handlers()})


@pytest.mark.parametrize("state_name", STATES)
async def test_no_event_reaches_another_workspace(
    driver: Callable[..., Tab], victim: Victim, cast: Cast, state_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals are fine, defects are raised by the driver."""
    monkeypatch.setattr(Bucket, "take", lambda *_: True)  # the pace of one person is not what is tried here
    before = victim.fingerprint()
    page = PAGE_OF.get(state_name, "/")
    mine = [(name, handler) for state, name, handler in handlers() if state.__name__ == state_name]
    tab = driver(sign_in(cast.charlie))
    for path in addresses(page, victim):
        for name, handler in mine:
            if name == "load":
                await tab.send(handler, path)
    takes_id = [(name, handler) for name, handler in mine if arguments(handler, "x")]
    for id in (victim.ids[name] for name in sorted(victim.ids) if name != "workspace_id"):
        for _, handler in takes_id:
            await tab.post(handler, page, arguments(handler, id))
        for name, handler in mine:  # what acts on the thing chosen before: delete, run, revoke, remove, cancel
            if name != "load" and not arguments(handler, "x"):
                await tab.send(handler, page)
    assert victim.fingerprint() == before
    seen = str(tab.state) + tab.text()
    assert victim.said_in(seen) == []
    assert "something we do not understand" not in seen, "an event was refused for its arguments, not for its ids"


async def test_staff_see_no_workspace_as_one_of_its_people(
    driver: Callable[..., Tab], victim: Victim, cast: Cast
) -> None:
    """T17: there is no impersonation. The highest staff role opens nothing of a workspace but its jobs, as staff."""
    with system_scope() as scope:
        scope.get(User, cast.charlie.user_id).staff_role = "all"  # type: ignore[arg-type]
    app, before = create(), victim.fingerprint()
    client = browser(app, cast.charlie)
    for method, path in WITH_IDS:
        answer = client.request(method, filled(path, victim.ids), json=body_of(method, path))
        assert answer.status_code == 404, f"{method} {path}: {answer.status_code}"
        assert victim.said_in(answer.text) == []
    tab = driver(sign_in(cast.charlie))
    for state, name, handler in handlers():
        if name == "load" and not state.__name__.startswith("Admin"):
            for path in addresses(PAGE_OF.get(state.__name__, "/"), victim):
                await tab.send(handler, path)
    assert victim.said_in(str(tab.state) + tab.text()) == []
    assert victim.fingerprint() == before


async def test_the_walk_would_notice(driver: Callable[..., Tab], victim: Victim) -> None:
    """The same events by Alice herself show her words and change her rows: the walk above is not blind."""
    from state.leads import LeadsState
    from state.segments import SegmentsState

    before = victim.fingerprint()
    tab = driver(sign_in(victim.tenant))
    await tab.send(LeadsState.load, "/leads")
    assert victim.words[1] in str(tab.state)
    await tab.send(SegmentsState.load, "/segments")
    assert victim.words[0] in str(tab.state)
    await tab.send(SegmentsState.set_status, "/segments", segment_id=victim.ids["segment_id"], status="archived")
    assert victim.fingerprint() != before

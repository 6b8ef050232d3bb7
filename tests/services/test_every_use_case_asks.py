"""Every use case a page or a route may call asks for a permission before anything else (T15, ADM-01).

The list is read from the rooms themselves. What asks for none is named here with its reason, and what belongs to the
engine is not called by a page or a route: a use case that forgets to ask fails here, also behind a page whose gate
would have refused the event already.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest

from cursive_app import services
from cursive_app.errors import Forbidden
from cursive_app.settings import ROOT
from db.roles import Role
from db.scope import Tenant
from tests.factories import Cast

OPEN = {
    **dict.fromkeys(
        ("accounts.actor_label", "accounts.allows", "accounts.record_audit", "accounts.record_refusal"),
        "says or writes down who acts",
    ),
    "accounts.workspace_details": "every role may know what its workspace is called",
    **dict.fromkeys(
        ("limits.abandon", "limits.begin", "limits.complete", "limits.require", "limits.take"),
        "counts requests, before anybody knows what they ask for",
    ),
    **dict.fromkeys(("notices.list_notices", "notices.mark_all_read", "notices.mark_read"), "a person's own notices"),
    **dict.fromkeys(("segments.drop_draft", "segments.drop_saved"), "throws a person's own draft away"),
    "segments.learn_words": "words of the provider, of no workspace",
}
"""What anybody in a workspace may do there."""
ENGINE = {
    "credits": {"capture", "debit", "find_line", "hold", "refund"},
    "enrichment": {"bury_enrichment", "bury_read", "bury_sample", "retry_leads", "retry_reading", "retry_run"},
    "jobs": {
        "advance", "cancel_requested", "cancelled", "fail", "finish", "go_on", "note", "open_job", "pause", "postpone",
        "stop",
    },
    "leads": {"intake", "owned", "owned_by_keys", "record_charge"},
    "notices": {"notify"},
    "segments": {"bury_run", "membership", "retry_run"},
}  # fmt: skip
"""Parts of other use cases, which have asked, and of jobs, whose starter's rights are looked at for each chunk."""


def use_cases() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function a room shows to others that takes a tenant or the scope of one."""
    for room in pkgutil.iter_modules(services.__path__):
        module = import_module(f"{services.__name__}.{room.name}")
        for name in getattr(module, "__all__", ()) if room.ispkg else ():
            shown = getattr(module, name)
            if inspect.isfunction(shown) and _first(shown) in ("Scope", "Tenant"):
                yield f"{room.name}.{name}", shown


def _first(shown: Callable[..., Any]) -> str:
    return next((str(one.annotation) for one in inspect.signature(shown).parameters.values()), "")


ASKING = {
    name: shown
    for name, shown in use_cases()
    if name not in OPEN and name.partition(".")[2] not in ENGINE.get(name.partition(".")[0], ())
}


def something(kind: str) -> Any:
    """A value of about this type; nobody looks at it before the permission was asked for."""
    if "UUID" in kind:
        return uuid4()
    for word, value in (("str", "x"), ("int", 1), ("bool", False), ("Decimal", "1")):
        if kind.startswith(word):
            return value
    return () if kind.startswith(("Sequence", "Iterable")) else {} if kind.startswith("Mapping") else None


@pytest.mark.parametrize("name", ASKING)
def test_a_use_case_asks_before_anything_else(cast: Cast, name: str) -> None:
    shown = ASKING[name]
    nobody = Tenant(cast.workspace_id, cast.alice.user_id, Role.READ_ONLY, scopes=frozenset())
    needed = [
        one
        for one in list(inspect.signature(shown).parameters.values())[1:]
        if one.default is one.empty and one.kind is not one.VAR_KEYWORD
    ]
    positional = [something(str(one.annotation)) for one in needed if one.kind is not one.KEYWORD_ONLY]
    named = {one.name: something(str(one.annotation)) for one in needed if one.kind is one.KEYWORD_ONLY}
    with pytest.raises(Forbidden):
        if _first(shown) == "Tenant":
            answer = shown(nobody, *positional, **named)
            if inspect.isgenerator(answer):
                next(answer)
        else:
            with nobody.begin() as scope:
                shown(scope, *positional, **named)


def test_what_does_not_ask_is_there_and_named() -> None:
    there = {name for name, _ in use_cases()}
    unasked = set(OPEN) | {f"{room}.{name}" for room, names in ENGINE.items() for name in names}
    assert unasked <= there, "a name that is gone hides the next one of its kind"
    assert len(ASKING) > 60


def test_no_page_and_no_route_calls_the_engine() -> None:
    found = set()
    for path in (*(ROOT / "state").glob("*.py"), *(ROOT / "cursive_app" / "api").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            room = node.value.id if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) else ""
            if room and node.attr in _shown_of_engine(room):
                found.add(f"{path.name}: {room}.{node.attr}")
    assert found == set()


def _shown_of_engine(room: str) -> set[str]:
    """What of the engine a room shows under its own name; `leads.owned` is also a figure of a list's result."""
    return ENGINE.get(room, set()) - ({"owned"} if room == "leads" else set())

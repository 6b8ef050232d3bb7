"""Every method of every page state is an address anybody can call: it is private, or it says who may call it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from reflex_base.registry import RegistrationContext

from cursive_app.services.accounts import Permission
from cursive_app.settings import ROOT

FILES = sorted((ROOT / "state").glob("*.py"))
LEVELS = {"public", "account", "signed_in", "staff"}
PUBLIC = {
    "state.home.HomeState.load",
    "state.login.LoginState.load",
    "state.onboarding.ForgotState.load",
    "state.onboarding.InviteState.load",
    "state.onboarding.ResetState.load",
    "state.onboarding.SignupState.load",
    "state.onboarding.VerifyState.load",
}
"""The handlers a visitor may call. A new one needs a reason: none of them may show anything of a workspace."""


def _name(node: ast.expr) -> str:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def _states(tree: ast.Module) -> list[ast.ClassDef]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any("State" in ast.unparse(base) for base in node.bases)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_methods_are_private_or_decorated_in_the_right_order(path: Path) -> None:
    for state in _states(ast.parse(path.read_text(encoding="utf-8"))):
        for method in state.body:
            if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or method.name.startswith("_"):
                continue
            names = [_name(decorator) for decorator in method.decorator_list]
            where = f"{path.name}:{method.lineno} {state.name}.{method.name}"
            if names == ["rx.var"]:
                continue
            assert names[:2] == ["rx.event", "allow"], f"{where} must be private, or @rx.event above @allow(...)"
            assert names[2:] in ([], ["catches_up"]), f"{where}: who may call it is asked before anything else"


def test_every_registered_handler_of_ours_says_who_may_call_it() -> None:
    import cursive_app.cursive_app  # noqa: F401  (registers every state)

    public = set()
    for name, registered in RegistrationContext.get().event_handlers.items():
        state = registered.states[0]
        if not state.is_user_defined() or not state.__module__.startswith("state."):
            continue
        handler = registered.handler.fn
        if handler.__name__ == "setvar":  # Reflex's own on every state; unmarked, so the gate refuses it
            continue
        need = getattr(handler, "__cursive_allow__", None)
        assert need is not None, f"{name} says nothing"
        assert need in LEVELS or isinstance(need, Permission), f"{name} says {need!r}"
        if need == "public":
            public.add(f"{state.__module__}.{state.__name__}.{handler.__name__}")
    assert public == PUBLIC

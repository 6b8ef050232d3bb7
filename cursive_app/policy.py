"""The gate: one middleware that sees every event before its handler and refuses what was not allowed explicitly.

Every public method of every state can be called by anybody with a socket, with any arguments (page guards are only
cosmetics). So the gate looks the session up in the database for every event, clears the tab's state when it belongs to
another session or workspace, and checks who may call, how often, and whether the arguments fit. Services check again.
"""

from __future__ import annotations

import inspect
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import reflex as rx
import structlog
from reflex.event import Event
from reflex.state import BaseState, State, StateUpdate
from reflex_base.constants.state import FIELD_MARKER
from reflex_base.registry import RegisteredEventHandler, RegistrationContext

from cursive_app.api.cookies import session_token
from cursive_app.errors import Forbidden, Unauthenticated, Unavailable
from cursive_app.services.accounts import Permission, Principal, allows
from cursive_app.services.accounts.tokens import digest
from state.arguments import fits_argument
from state.base import Caller, caller_var, current_path, login_url, look_up, note_refusal, was_replaced
from state.session import RELOAD, SessionState, clear_tab, place

log = structlog.get_logger("cursive.gate")

# Arguments Reflex makes itself from an upload; they never come out of an event's payload.
_UPLOAD_ARGUMENTS = frozenset({"files", "chunk_iter"})
# What the browser's half of Reflex sends by itself. Reflex answers more, such as `setvar`, which no page of ours sends.
_FRAMEWORKS = frozenset(
    {
        "handle_frontend_exception", "hydrate", "hydrate_and_load", "on_load_internal", "set_is_hydrated",
        "update_vars_internal",
    }
)  # fmt: skip
_STRANGE = "This page sent something we do not understand. Reload it and try again."


class Bucket:
    """Tokens per key: `burst` at once, `per_second` after that. In memory: it protects this process."""

    def __init__(
        self,
        *,
        per_second: float = 20,
        burst: float = 60,
        keys: int = 20_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.per_second, self.burst, self.keys, self.clock = per_second, burst, keys, clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Whether one more event is allowed now."""
        moment = self.clock()
        level, since = self._levels.pop(key, (self.burst, moment))
        level = min(self.burst, level + (moment - since) * self.per_second)
        allowed = level >= 1
        self._levels[key] = (level - 1 if allowed else level, moment)
        if len(self._levels) > self.keys:
            self._levels.popitem(last=False)
        return allowed


class Policy(rx.Middleware):
    """Deny by default. See the module's docstring."""

    def __init__(self) -> None:
        self.bucket = Bucket()

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:  # noqa: ARG002  (Reflex)
        """None lets the handler run; an update is sent instead of it."""
        root = state._get_root_state()
        assert isinstance(root, State)
        registered = RegistrationContext.get().event_handlers.get(event.name)
        ours = registered is not None and registered.states[0].is_user_defined()
        session = await root.get_state(SessionState)
        token = session_token(root.router.headers.cookie)
        cookie = digest(token).hex() if token else ""
        try:
            who = await look_up(token)
        except Unavailable as error:
            return await self._out_of_reach(root, session, cookie, error, registered if ours else None)
        caller_var.set(Caller(token=token, principal=who, checked=time.monotonic()))
        refused = await _bind(root, session, who, cookie, ours=ours)
        if refused is not None:
            return refused
        if not self.bucket.take(f"user:{who.user_id}" if who else f"ip:{root.router.session.client_ip}"):
            return await _refuse(root, "Slow down a little: too many actions at once.")
        if registered is None:
            return None
        return await (_judge(root, registered, event, who) if ours else _judge_framework(root, registered, event))

    async def _out_of_reach(
        self,
        root: State,
        session: SessionState,
        cookie: str,
        error: Unavailable,
        registered: RegisteredEventHandler | None,
    ) -> StateUpdate | None:
        """The database does not answer: nobody can be recognized, so nothing runs and no foreign state is shown."""
        caller_var.set(None)
        if session._cookie != cookie:
            await clear_tab(root)
        session._met = True
        if registered is None:
            return None
        return await _refuse(root, error.message, registered, status="error")


async def _bind(
    root: State, session: SessionState, who: Principal | None, cookie: str, *, ours: bool
) -> StateUpdate | None:
    """Tie the tab's state to one session and workspace; data of any other does not survive here.

    A state that no event has met yet holds nothing: resetting it would cost more than the event (docs/performance.md).
    """
    bound = place(who)
    ended = who is None and (session._ended or bool(session._bound or cookie))
    met, former, session._met, session._cookie = session._met, session._bound, True, cookie
    if former == bound:
        session._ended = ended
        session._show(who)
        return None
    if met:
        await clear_tab(root)
    session._bound, session._cookie, session._met, session._ended = bound, cookie, True, ended
    session._show(who)
    if not ours or not former:  # a page that is loading: go on with the clean state
        return None
    if who is None and await was_replaced():
        return await _refuse(root, "", extra=[rx.call_script(RELOAD)])
    if who is None:
        return await _refuse(root, Unauthenticated.default_message, go=login_url(current_path(), ended=True))
    moved = who.workspace_name or "no workspace"
    event = rx.call_script("window.location.assign('/')")
    return await _refuse(root, f"This session now shows {moved}.", extra=[event])


async def _judge(
    root: State, registered: RegisteredEventHandler, event: Event, who: Principal | None
) -> StateUpdate | None:
    fn = registered.handler.fn
    need = getattr(fn, "__cursive_allow__", None)
    denied = _denial(need, who)
    if denied is not None:
        message, go = denied
        if need == "staff" and who is not None and (twin := _customers_twin(current_path())):
            message, go = "", twin  # a link that staff copied, opened by a customer
        if go == "/login":
            session = await root.get_state(SessionState)
            go = login_url(current_path(), ended=session._ended)
        log.info("event refused", handler=event.name, need=str(need), user=str(who.user_id) if who else None)
        if who is not None and message == Forbidden.default_message:
            state_name = registered.states[0].__name__
            await note_refusal(Forbidden(permission=str(need)), attempted=f"{state_name}.{fn.__name__}")
        return await _refuse(root, message, registered, go=go)
    wrong = _misfit(registered, event)
    if wrong is not None:
        declared = wrong in inspect.unwrap(fn).__code__.co_varnames  # any other name is the sender's own text
        log.warning("event argument refused", handler=event.name, argument=wrong if declared else "(not declared)")
        return await _refuse(root, _STRANGE)
    return None


async def _judge_framework(root: State, registered: RegisteredEventHandler, event: Event) -> StateUpdate | None:
    """Reflex's own events: those a page needs, with arguments that fit. They say nothing of a workspace and know no
    role; of the vars they carry only those are taken that a browser keeps itself."""
    name = registered.handler.fn.__name__
    if name not in _FRAMEWORKS or _misfit(registered, event) is not None:
        log.warning("event of the framework refused", handler=event.name)
        return await _refuse(root, _STRANGE)
    if isinstance(kept := event.payload.get("vars"), dict):
        event.payload["vars"] = {var: value for var, value in kept.items() if _is_kept_by_browser(var, value)}
    return None


def _is_kept_by_browser(var: str, value: Any) -> bool:
    """Whether a browser keeps this var (local storage, cookies) and the value fits it. A page of an earlier release may
    still send one that is gone: it is left out, and the page loads."""
    state_name, _, name = var.removesuffix(FIELD_MARKER).rpartition(".")
    try:
        owner = State.get_class_substate(state_name)
    except ValueError:
        return False
    return owner._is_client_storage(name) and fits_argument(value, owner.get_fields()[name].annotated_type)


def _customers_twin(path: str) -> str:
    """The customer's page of the job that a staff's address shows; "" for any other address. Whether there is such a
    job is not looked at here."""
    parts = urlsplit(path)
    job = parse_qs(parts.query).get("job", [""])[0]
    return f"/jobs?{urlencode({'job': job})}" if parts.path.rstrip("/") == "/admin/jobs" and job else ""


def _misfit(registered: RegisteredEventHandler, event: Event) -> str | None:
    """The argument that is unknown, of another type than the handler's, or missing; None when all fit."""
    fn, hints = inspect.unwrap(registered.handler.fn), registered.handler._get_type_hints()
    names = fn.__code__.co_varnames[1 : fn.__code__.co_argcount + fn.__code__.co_kwonlyargcount]
    for name, value in event.payload.items():
        if name in _UPLOAD_ARGUMENTS and name in names:
            continue
        if name.startswith("_") or name not in names or not fits_argument(value, hints.get(name, Any)):
            return name
    needed = names[: fn.__code__.co_argcount - 1 - len(fn.__defaults__ or ())]
    return next((name for name in needed if name not in event.payload and name not in _UPLOAD_ARGUMENTS), None)


def _denial(need: Permission | str | None, who: Principal | None) -> tuple[str, str] | None:
    """Why this person may not call a handler, and the page to go to ('' for none); None when they may."""
    if need == "public":
        return None
    if who is None and need is not None:
        return "", "/login"
    if need is None or who is None:
        return Forbidden.default_message, ""  # nobody decided who may call it
    if need == "account":
        return None
    if need == "staff":
        return None if who.is_staff else (Forbidden.default_message, "")
    if not who.email_verified:
        return "Confirm your e-mail address to continue.", "/verify"
    if who.tenant is None:
        return "You are not in a workspace yet.", "/welcome"
    if need == "signed_in" or (isinstance(need, Permission) and allows(who.tenant, need)):
        return None
    return Forbidden.default_message, ""


async def _refuse(
    root: State,
    message: str,
    registered: RegisteredEventHandler | None = None,
    *,
    go: str = "",
    status: str = "forbidden",
    extra: Sequence[Any] = (),
) -> StateUpdate:
    """Answer instead of the handler: a toast and perhaps another page. A page's `load` shows its own state instead."""
    events: list[Any] = list(extra)
    page = None
    if registered is not None and registered.handler.fn.__name__ == "load":
        page = await root.get_state(registered.states[0])
    if page is not None and not go and "status" in type(page).get_fields():
        page.status = status  # type: ignore[attr-defined]  # typed as the base of all states; this one has the field
    elif message:
        events.insert(0, rx.toast.error(message))
    if go:
        events.append(rx.redirect(go))
    delta = await root._get_resolved_delta()
    root._clean()
    return StateUpdate(delta=delta, events=Event.from_event_type(events))

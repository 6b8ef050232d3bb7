"""The forms that set or end the session cookie: real POSTs from our own pages, answered with a redirect.

A page's script never sees the cookie, and passwords never travel over the page socket.
"""

from __future__ import annotations

import contextlib
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from cursive_app.api.cookies import (
    DEVICE_SECONDS,
    clear_cookie,
    device_cookie,
    read_cookie,
    session_cookie,
    session_token,
    set_cookie,
)
from cursive_app.api.flash import Flash, write_flash
from cursive_app.api.origin import client_ip, require_same_origin
from cursive_app.errors import CursiveError, Invalid
from cursive_app.paths import local_path
from cursive_app.services import accounts
from cursive_app.settings import settings

router = APIRouter(prefix="/auth", include_in_schema=False)
Text = Annotated[str, Form()]


def _go(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


def _back(path: str, page: str, error: CursiveError, **values: str) -> Response:
    """To the form again, with what was wrong and what was typed."""
    fields = error.fields if isinstance(error, Invalid) else {}
    message = "" if fields else error.message
    response = _go(path)
    write_flash(response, Flash(page=page, error=message, fields=fields, values=values))
    return response


def sign_in(response: Response, signed_in: accounts.SignedIn) -> Response:
    """Give the browser its cookies."""
    days = settings().session_absolute_days
    set_cookie(response, session_cookie(), signed_in.token, max_age=days * 86400)
    set_cookie(response, device_cookie(), signed_in.device, max_age=DEVICE_SECONDS)
    return response


@router.post("/login")
def log_in(request: Request, email: Text = "", password: Text = "", next: Text = "") -> Response:
    require_same_origin(request)
    target = local_path(next)
    cookies = request.headers.get("cookie")
    try:
        signed_in = accounts.log_in(
            email=email,
            password=password,
            ip=client_ip(request),
            user_agent=request.headers.get("user-agent"),
            device=read_cookie(cookies, device_cookie()),
            replaces=session_token(cookies),
        )
    except CursiveError as error:
        page = "/login" if target == "/" else f"/login?next={quote(target, safe='')}"
        return _back(page, "/login", error, email=email)
    return sign_in(_go(target), signed_in)


@router.api_route("/logout", methods=["GET", "POST"])
def log_out(request: Request) -> Response:
    require_same_origin(request)
    accounts.end_session_of(session_token(request.headers.get("cookie")))
    response = _go("/login")
    clear_cookie(response, session_cookie())
    write_flash(response, Flash(page="/login", notice="You are logged out."))
    return response


@router.post("/renew")
def renew(request: Request) -> Response:
    """What an open page asks for when the rights of its person have changed: the cookie anew, if that is due."""
    require_same_origin(request)
    response = Response(status_code=204, headers={"Cache-Control": "no-store"})
    fresh = accounts.renew_token(session_token(request.headers.get("cookie")))
    if fresh is not None:
        set_cookie(response, session_cookie(), fresh.token, max_age=fresh.seconds)
    return response


@router.post("/signup")
def sign_up(request: Request, name: Text = "", email: Text = "", password: Text = "", workspace: Text = "") -> Response:
    require_same_origin(request)
    try:
        accounts.sign_up(name=name, email=email, password=password, workspace_name=workspace, ip=client_ip(request))
    except CursiveError as error:
        return _back("/signup", "/signup", error, name=name, email=email, workspace=workspace)
    response = _go("/verify")
    write_flash(response, Flash(page="/verify", values={"email": email.strip()}))
    return response


@router.post("/verify")
def verify(request: Request, token: Text = "") -> Response:
    require_same_origin(request)
    try:
        email = accounts.verify_email(token)
    except CursiveError as error:
        return _back("/verify", "/verify", error)
    who = None
    with contextlib.suppress(CursiveError):  # the address is confirmed all the same
        who = _signed_in(request)
    if who is not None and who.email == email:
        return _go("/")
    response = _go("/login")
    write_flash(response, Flash(page="/login", notice="Your e-mail address is confirmed.", values={"email": email}))
    return response


@router.post("/forgot")
def forgot(request: Request, email: Text = "") -> Response:
    require_same_origin(request)
    try:
        accounts.request_password_reset(email=email, ip=client_ip(request))
    except CursiveError as error:
        return _back("/forgot", "/forgot", error, email=email)
    response = _go("/forgot")
    notice = "If there is an account under this address, a mail with a link is on its way. It works for one hour."
    write_flash(response, Flash(page="/forgot", notice=notice, values={"email": email}))
    return response


@router.post("/reset")
def reset(request: Request, token: Text = "", password: Text = "") -> Response:
    require_same_origin(request)
    try:
        known = accounts.reset_password(token, password=password)
    except CursiveError as error:
        return _back(f"/reset?token={quote(token[:128], safe='')}", "/reset", error)
    response = _go("/login")
    set_cookie(response, device_cookie(), known.device, max_age=DEVICE_SECONDS)
    clear_cookie(response, session_cookie())
    write_flash(response, Flash(page="/login", notice="Your new password is set. Log in with it."))
    return response


@router.post("/invite")
def join(request: Request, token: Text = "", name: Text = "", password: Text = "") -> Response:
    require_same_origin(request)
    try:
        joined = accounts.join_by_invitation(
            token=token,
            name=name,
            password=password,
            ip=client_ip(request),
            user_agent=request.headers.get("user-agent"),
        )
    except CursiveError as error:
        return _back(f"/invite?token={quote(token[:128], safe='')}", "/invite", error, name=name)
    with contextlib.suppress(CursiveError):  # the invitation is used up: the new session must reach the browser
        accounts.end_session_of(session_token(request.headers.get("cookie")))
    return sign_in(_go("/"), joined)


@router.post("/password")
def change_password(request: Request, current: Text = "", password: Text = "") -> Response:
    require_same_origin(request)
    page = "/settings/account"
    try:
        who = _signed_in(request)
        if who is None:
            return _go(f"/login?next={quote(page, safe='')}")
        changed = accounts.change_password(
            who,
            current=current,
            password=password,
            ip=client_ip(request),
            user_agent=request.headers.get("user-agent"),
        )
    except CursiveError as error:
        return _back(page, page, error)
    response = sign_in(_go(page), changed)
    write_flash(response, Flash(page=page, notice="Your password is changed, and all other browsers are logged out."))
    return response


def _signed_in(request: Request) -> accounts.Principal | None:
    return accounts.authenticate(session_token(request.headers.get("cookie")))

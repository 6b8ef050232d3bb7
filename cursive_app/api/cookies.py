"""Our cookies: their names, how they are set, and reading them from a raw header (page sockets have nothing else)."""

from __future__ import annotations

from starlette.responses import Response

from cursive_app.settings import settings

DEVICE_SECONDS = 180 * 86400


def session_cookie() -> str:
    """Name of the session cookie. `__Host-` makes browsers insist on https, this host and the whole path."""
    return "__Host-cursive" if settings().uses_https else "cursive_session"


def device_cookie() -> str:
    """Name of the cookie that marks a browser somebody logged in from before."""
    return "__Host-cursive-device" if settings().uses_https else "cursive_device"


def flash_cookie() -> str:
    """Name of the cookie that carries what went wrong with a posted form to the page that shows it."""
    return "__Host-cursive-flash" if settings().uses_https else "cursive_flash"


def read_cookie(header: str | None, name: str) -> str:
    """One cookie of a `Cookie` header; '' when it is absent. The first wins, as in browsers' own order."""
    for part in (header or "").split(";"):
        key, found, value = part.strip().partition("=")
        if found and key == name:
            return value.strip('"')
    return ""


def session_token(header: str | None) -> str:
    """The session token in a `Cookie` header; '' when there is none."""
    return read_cookie(header, session_cookie())


def set_cookie(response: Response, name: str, value: str, *, max_age: int) -> None:
    """HttpOnly, SameSite=Lax, whole path, Secure over https: no script on the page can read it."""
    response.set_cookie(
        name, value, max_age=max_age, path="/", secure=settings().uses_https, httponly=True, samesite="lax"
    )


def clear_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=settings().uses_https, httponly=True, samesite="lax")

"""Where a request comes from: the network address behind our proxies, and whether our own pages sent it."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from cursive_app.errors import Forbidden
from cursive_app.settings import settings

FOREIGN = "This request did not come from Cursive's own pages. Open Cursive and try again."


def client_ip(request: Request) -> str | None:
    """The address of the client. X-Forwarded-For counts only as far as we know our own proxies (D-15)."""
    direct = request.client.host if request.client else None
    hops = settings().trusted_proxy_hops
    if hops <= 0:
        return direct
    # A proxy may add a line of its own below the one that the client sent: all lines are one list.
    lines = ",".join(request.headers.getlist("x-forwarded-for"))
    chain = [part.strip() for part in lines.split(",") if part.strip()]
    return chain[-hops] if len(chain) >= hops else direct


def require_same_origin(request: Request) -> None:
    """Refuse what another site made this browser send. Raises Forbidden.

    Browsers send Origin with every POST and Sec-Fetch-Site with everything on https and localhost; a page of ours that
    only follows a link (logging out) is known by its Referer elsewhere. A request with none of them is refused too.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none" if request.method != "GET" else "same-origin"):
        raise Forbidden(FOREIGN)
    origin = request.headers.get("origin") or request.headers.get("referer")
    if origin is None:
        if site == "same-origin":
            return
        raise Forbidden(FOREIGN)
    if _host(origin) not in _own_hosts(request):
        raise Forbidden(FOREIGN)


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _own_hosts(request: Request) -> set[str]:
    hosts = {request.headers.get("host", "").lower(), urlsplit(settings().public_url).netloc.lower()}
    return hosts - {""}
